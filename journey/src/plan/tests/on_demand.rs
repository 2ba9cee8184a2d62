//! Rides on demand in itineraries, against a search by hand.

use proptest::prelude::*;

use super::*;
use crate::area::tests::town_with;
use crate::areas::WhyNot;
use crate::streets::{Budget, Direction, Link};
use crate::timetable::areas::AreaPlace;

/// A zone of the grid of the town.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zone {
    pub rows: (f64, f64),
    pub columns: (f64, f64),
}

/// A trip on demand: within a zone, or from one to another.
#[derive(Debug, Clone)]
pub(super) struct Trip {
    zones: [usize; 2],
    /// Minutes after midnight.
    windows: [(i32, i32); 2],
    notice_min: i32,
    factor: i32,
    offset_s: i32,
}

pub(super) fn clock(minutes: i32) -> String {
    format!("{:02}:{:02}:00", minutes / 60, minutes % 60)
}

pub(super) fn town_of(zones: &[Zone], trips: &[Trip], ordered: &[i32]) -> Area {
    let ring = |zone: &Zone| {
        let corner = |row: f64, column: f64| format!("[{},{}]", at(row, column).lon, at(row, column).lat);
        let ((south, north), (west, east)) = (zone.rows, zone.columns);
        [(south, west), (south, east), (north, east), (north, west), (south, west)]
            .map(|(r, c)| corner(r, c))
            .join(",")
    };
    let features = zones.iter().enumerate().map(|(number, zone)| {
        let ring = ring(zone);
        format!(r#"{{"id":"z{number}","geometry":{{"type":"Polygon","coordinates":[[{ring}]]}}}}"#)
    });
    let zones = format!(r#"{{"features":[{}]}}"#, features.collect::<Vec<_>>().join(","));
    let mut rules = "booking_rule_id,booking_type,prior_notice_duration_min,phone_number\n".to_owned();
    let (mut lines, mut times) = (Vec::new(), Vec::new());
    for (number, trip) in trips.iter().enumerate() {
        let Trip { factor, offset_s, notice_min, .. } = trip;
        lines.push(format!("d,s,d{number},1,{factor},{offset_s},{factor},{offset_s}"));
        rules += &format!("r{number},1,{notice_min},0251 1\n");
        for (row, zone) in trip.zones.into_iter().enumerate() {
            let (from, until) = trip.windows[row];
            let types = if row == 0 { "2,1" } else { "1,2" };
            times.push(format!(
                "d{number},,,,{row},{types},,z{zone},{},{},r{number}",
                clock(from),
                clock(until)
            ));
        }
    }
    town_with(ordered, &lines, &times, vec![("locations.geojson", zones), ("booking_rules.txt", rules)])
}

/// The whole town by one trip.
pub(super) fn everywhere(windows: [(i32, i32); 2], notice_min: i32) -> (Vec<Zone>, Vec<Trip>) {
    let zone = Zone { rows: (-1.0, 10.0), columns: (-1.0, 10.0) };
    (vec![zone], vec![Trip { zones: [0, 0], windows, notice_min, factor: 2, offset_s: 60 }])
}

pub(super) fn on_demand<'a>(from: LatLon, to: LatLon, when: When, book_at: i64) -> Request<'a> {
    Request {
        from,
        to,
        max_walk_m: 250.0,
        booked: BookedRides::OpenAt(UtcMicros::from_unix_s(book_at)),
        ..ask(&[], when, Modes::ON_DEMAND, &certain)
    }
}

#[test]
fn a_ride_goes_from_door_to_door_in_its_window_and_after_its_notice() {
    let (zones, trips) = everywhere([(480, 1_200); 2], 30);
    let mut planner = Planner::new(Arc::new(town_of(&zones, &trips, &[])));
    for (ready, book_at, pickup) in [(480, 400, 480), (420, 400, 480), (600, 590, 620), (600, 610, 640)] {
        let (ready, book_at) = (time(ready * 60), time(book_at * 60));
        let request = on_demand(at(1.2, 0.1), at(8.2, 8.9), When::DepartAt(ready), book_at);
        let plan = planner.plan(&request, None).unwrap();
        let direct = plan.itineraries.iter().find(|one| one.legs.len() == 1).unwrap();
        let leg = direct.legs[0].area().unwrap();
        assert_eq!(leg.start, time(pickup * 60), "{ready} {book_at}");
        assert_eq!((leg.from, leg.to, direct.is_booked()), (End::Origin, End::Destination, true));
        assert_eq!(leg.window, [time(480 * 60), time(1_200 * 60)]);
        assert_eq!(i64::from(leg.duration_max_s), leg.end - leg.start);
        assert!(leg.distance_m > 1_000.0 && leg.points.len() > 2);
        let by = leg.booking.window.unwrap().by;
        assert_eq!(by, UtcMicros::from_unix_s(leg.start - 1_800));
        assert!(plan.lost_areas.is_empty(), "{:?}", plan.lost_areas);
    }
}

/// Whatever a booked way is like: who does not book has the same ways as without it.
#[test]
fn a_booked_way_hides_none_without_booking() {
    let (zones, trips) = everywhere([(0, 1_439); 2], 0);
    let kinds = |area: Area| {
        let mut planner = Planner::new(Arc::new(area));
        let request = Request {
            modes: all_modes(),
            max_walk_m: 600.0,
            ..on_demand(at(4.2, 0.1), at(4.2, 8.9), When::DepartAt(time(28_000)), time(28_000))
        };
        let plan = planner.plan(&request, None).unwrap();
        let unbooked = plan.itineraries.iter().filter(|itinerary| !itinerary.is_booked());
        let mut kinds: Vec<_> = unbooked.map(|one| (one.start, one.end, one.legs.len())).collect();
        kinds.sort_unstable();
        (kinds, plan.itineraries.iter().any(|one| one.modes == Modes::ON_DEMAND))
    };
    let (with, has) = kinds(town_of(&zones, &trips, &[]));
    let (without, has_not) = kinds(town());
    assert!(has && !has_not && !with.is_empty());
    assert_eq!(with, without);
}

#[test]
fn what_cannot_be_had_says_why() {
    let why = |zones: &[Zone], trips: &[Trip], book_at: i64| {
        let mut planner = Planner::new(Arc::new(town_of(zones, trips, &[])));
        let request = on_demand(at(1.2, 0.1), at(8.2, 8.9), When::DepartAt(time(9 * 3_600)), book_at);
        let plan = planner.plan(&request, None).unwrap();
        let lost =
            plan.lost_areas.iter().map(|lost| (lost.why, lost.booking.and_then(|booking| booking.window)));
        lost.map(|(why, window)| (why, window.map(|window| window.by.0 / 1_000_000))).collect::<Vec<_>>()
    };
    // Until 10:00, and each ride some minutes.
    let (zones, trips) = everywhere([(540, 600); 2], 120);
    let lost = why(&zones, &trips, time(9 * 3_600));
    let [(WhyNot::BookingClosed, Some(by))] = lost[..] else { panic!("{lost:?}") };
    // Two hours before a ride that ends with the window.
    assert!((time(8 * 3_600 - 900)..time(8 * 3_600 - 120)).contains(&by), "{by}");
    assert_eq!(why(&zones, &trips, by), []);
    assert_eq!(why(&zones, &trips, by + 1)[0].0, WhyNot::BookingClosed);
    let north = vec![Zone { rows: (7.0, 10.0), columns: (-1.0, 10.0) }];
    assert_eq!(why(&north, &trips, time(0)), [(WhyNot::OutsideArea, None)]);
    let (zones, mut trips) = everywhere([(540, 600); 2], 0);
    trips[0].windows = [(8 * 1_440, 8 * 1_440); 2];
    trips[0].windows = [(480, 500), (470, 480)];
    assert_eq!(why(&zones, &trips, time(0)).len(), 0, "no ride fits, and none was missed by booking");
}

/// What is found by trying all rides, all trips of the bus and all pairs of both: the arrival at the longest, or the departure.
fn by_hand(area: &Area, request: &Request<'_>) -> Option<i64> {
    let book_at = match request.booked {
        BookedRides::OpenAt(now) => now.0 / 1_000_000,
        _ => 0,
    };
    let network = &area.network;
    let mut workspace = Workspace::new();
    let snap = |mode, direction, point| network.snap_end(mode, direction, None, point, SNAP_LIMIT_M, 1)[0];
    let mut seconds = |mode, from: Link, to: Link| {
        let path = network.route(&mut workspace, mode, from, &to, Budget::NONE).path(&to)?;
        Some(path.duration_s)
    };
    let limit_s = request.max_walk_m / super::super::street::WALK_MPS;
    let gap = |link: &Link| super::super::street::gap_s(link);
    let stops: Vec<u32> = ["a", "m", "z"].map(|id| area.timetable.stop(id).unwrap()).to_vec();
    let (foot, car) = (area.stops.of(Mode::Foot), area.stops.of(Mode::Car));
    let door =
        [snap(Mode::Car, Direction::Forward, request.from), snap(Mode::Car, Direction::Backward, request.to)];
    let feet = [
        snap(Mode::Foot, Direction::Forward, request.from),
        snap(Mode::Foot, Direction::Backward, request.to),
    ];
    let mut walks: Vec<[Option<i64>; 2]> = Vec::new();
    for stop in &stops {
        let link = foot[*stop as usize].unwrap();
        let mut walk = |from: Link, to: Link, gap_s: f64| {
            let walk_s = seconds(Mode::Foot, from, to).filter(|s| *s <= limit_s)?;
            Some((walk_s + gap_s).ceil() as i64)
        };
        walks.push([walk(feet[0], link, gap(&feet[0])), walk(link, feet[1], gap(&feet[1]))]);
    }
    // Pick-ups of a ride between two places: first, last, seconds.
    let areas = &area.timetable.areas;
    let holds = |place: AreaPlace, point: LatLon| matches!(place, AreaPlace::Zone(zone) if areas.zones[zone as usize].shape.holds(point));
    let point = |stop: u32| area.timetable.stops.point(stop);
    let mut ride = |from: (LatLon, Link), to: (LatLon, Link)| {
        let mut rides = Vec::new();
        for trip in &areas.trips {
            let [on, off] = [&trip.rows[0], &trip.rows[1]];
            if !holds(on.place, from.0) || !holds(off.place, to.0) {
                continue;
            }
            let Some(drive_s) = seconds(Mode::Car, from.1, to.1) else { continue };
            let takes = trip.duration_s(drive_s).1;
            let rule = &area.timetable.booking_rules[on.pickup_rule as usize];
            let domain::booking::Notice::Before { at_least_s } = rule.terms.notice else { panic!() };
            for day in -1..3 {
                let begin = time(day * 86_400);
                let first = (begin + i64::from(on.start_s.max(off.start_s - takes)))
                    .max(book_at + i64::from(at_least_s));
                let last = begin + i64::from(on.end_s.min(off.end_s - takes));
                if first <= last {
                    rides.push((first, last, i64::from(takes)));
                }
            }
        }
        rides
    };
    let buses: Vec<[i64; 3]> = (-1..3)
        .flat_map(|day| (0..20).map(move |n| (day, n)))
        .map(|(day, n)| [0, 1, 2].map(|stop| time(day * 86_400 + (480 + n * 30 + stop) * 60)))
        .collect();
    let origin = (request.from, door[0]);
    let target = (request.to, door[1]);
    // Whole ways: departure and arrival of each, as late and as early as can be.
    let direct = ride(origin, target);
    let mut firsts: Vec<Vec<(i64, i64, i64)>> = Vec::new();
    let mut lasts: Vec<Vec<(i64, i64, i64)>> = Vec::new();
    for (number, stop) in stops.iter().enumerate() {
        let link = car[*stop as usize].unwrap();
        firsts.push(if walks[number][1].is_some() { Vec::new() } else { ride(origin, (point(*stop), link)) });
        lasts.push(if walks[number][0].is_some() { Vec::new() } else { ride((point(*stop), link), target) });
    }
    let (mut best, horizon) = (None::<i64>, i64::from(crate::raptor::HORIZON_S));
    let mut offer = |value: i64| {
        best = Some(match request.when {
            When::DepartAt(_) => best.map_or(value, |held| held.min(value)),
            When::ArriveBy(_) => best.map_or(value, |held| held.max(value)),
        });
    };
    match request.when {
        When::DepartAt(ready) => {
            let arrival = |rides: &[(i64, i64, i64)], at: i64| {
                rides
                    .iter()
                    .filter(|(_, last, _)| at <= *last)
                    .map(|(first, _, takes)| at.max(*first) + takes)
                    .min()
            };
            arrival(&direct, ready).filter(|end| *end <= ready + horizon).into_iter().for_each(&mut offer);
            for (on, off) in [(0, 1), (0, 2), (1, 2)] {
                let by_area = arrival(&firsts[on], ready);
                let on_foot = walks[on][0].map(|walk| ready + walk);
                for (at_stop, is_area) in
                    by_area.map(|at| (at, true)).into_iter().chain(on_foot.map(|at| (at, false)))
                {
                    for bus in buses.iter().filter(|bus| bus[on] >= at_stop) {
                        let ends = arrival(&lasts[off], bus[off]).into_iter();
                        let ends = ends.chain(walks[off][1].filter(|_| is_area).map(|walk| bus[off] + walk));
                        ends.filter(|end| *end <= ready + horizon).for_each(&mut offer);
                    }
                }
            }
        }
        When::ArriveBy(by) => {
            let departure = |rides: &[(i64, i64, i64)], at: i64| {
                let latest = rides.iter().map(|(first, last, takes)| (first, (*last).min(at - takes)));
                latest.filter(|(first, latest)| latest >= first).map(|(_, latest)| latest).max()
            };
            departure(&direct, by).filter(|start| *start >= by - horizon).into_iter().for_each(&mut offer);
            for (on, off) in [(0, 1), (0, 2), (1, 2)] {
                let by_area = departure(&lasts[off], by);
                let on_foot = walks[off][1].map(|walk| by - walk);
                for (at_stop, is_area) in
                    by_area.map(|at| (at, true)).into_iter().chain(on_foot.map(|at| (at, false)))
                {
                    for bus in buses.iter().filter(|bus| bus[off] <= at_stop) {
                        let starts = departure(&firsts[on], bus[on]).into_iter();
                        let starts =
                            starts.chain(walks[on][0].filter(|_| is_area).map(|walk| bus[on] - walk));
                        starts.filter(|start| *start >= by - horizon).for_each(&mut offer);
                    }
                }
            }
        }
    }
    best
}

#[test]
fn a_ride_leads_to_the_bus_and_from_it() {
    // The bus goes along the middle from column 0 to 9; one zone lies at each end of it.
    let ends = [(-1.0, 2.6), (6.4, 10.0)].map(|columns| Zone { rows: (-1.0, 10.0), columns });
    let trip =
        |zone| Trip { zones: [zone; 2], windows: [(480, 1_200); 2], notice_min: 0, factor: 2, offset_s: 300 };
    let area = Arc::new(town_of(&ends, &[trip(0), trip(1)], &[]));
    for when in [When::DepartAt(time(9 * 3_600)), When::ArriveBy(time(11 * 3_600))] {
        let legs = |from, to| {
            let request = on_demand(from, to, when, time(7 * 3_600));
            let plan = Planner::new(area.clone()).plan(&request, None).unwrap();
            let best = plan.itineraries.into_iter().next().unwrap();
            let off_s = goal_of(&best, when) - by_hand(&area, &request).unwrap();
            assert!(off_s.abs() <= 2 && best.transfers > 0, "{off_s} {best:?}");
            let kinds = best.legs.iter().map(|leg| match leg {
                Leg::Street(_) => 'w',
                Leg::Ride(_) => 'r',
                Leg::Area(_) => 'a',
            });
            kinds.collect::<String>()
        };
        assert_eq!(legs(at(8.5, 0.5), at(3.5, 8.9)), "arw");
        assert_eq!(legs(at(4.3, 0.3), at(0.5, 8.5)), "wra");
        assert_eq!(legs(at(8.5, 0.5), at(0.5, 8.5)), "ara");
    }
}

fn goal_of(itinerary: &Itinerary, when: When) -> i64 {
    match when {
        When::DepartAt(_) => itinerary.end,
        When::ArriveBy(_) => itinerary.start,
    }
}

pub(super) fn some_zone() -> impl Strategy<Value = Zone> {
    (-1..6i32, 2..11i32, -1..6i32, 2..11i32).prop_map(|(row, height, column, width)| {
        let span = |from: i32, length: i32| (f64::from(from) + 0.37, f64::from(from + length) + 0.37);
        Zone { rows: span(row, height), columns: span(column, width) }
    })
}

fn some_trip() -> impl Strategy<Value = Trip> {
    let window = || (440i32..640, 5i32..400).prop_map(|(from, length)| (from, from + length));
    (prop::array::uniform2(0usize..2), [window(), window()], 0i32..90, 1i32..4, 0i32..400).prop_map(
        |(zones, windows, notice_min, factor, offset_s)| Trip {
            zones,
            windows,
            notice_min,
            factor,
            offset_s,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    /// Nothing is better than what is found, and what is found can be made.
    #[test]
    fn rides_on_demand_are_as_good_as_can_be(
        zones in prop::collection::vec(some_zone(), 2),
        trips in prop::collection::vec(some_trip(), 1..3),
        from in (0.1..8.9f64, 0.1..8.9f64), to in (0.1..8.9f64, 0.1..8.9f64),
        minute in 430i64..660, book_before in -40i64..200, arrive in any::<bool>(),
    ) {
        let area = Arc::new(town_of(&zones, &trips, &[]));
        let when = if arrive { When::ArriveBy(time(minute * 60)) } else { When::DepartAt(time(minute * 60)) };
        let request = on_demand(at(from.0, from.1), at(to.0, to.1), when, time((minute - book_before) * 60));
        let plan = Planner::new(area.clone()).plan(&request, None).unwrap();
        let goals = plan.itineraries.iter().map(|itinerary| goal_of(itinerary, when));
        let found = if arrive { goals.max() } else { goals.min() };
        let expected = by_hand(&area, &request);
        // Walks are rounded leg by leg.
        let is_same = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() <= 2,
            (found, expected) => found == expected,
        };
        prop_assert!(is_same, "{found:?} instead of {expected:?}: {:?}", plan.itineraries);
        for itinerary in &plan.itineraries {
            for pair in itinerary.legs.windows(2) {
                prop_assert!(pair[0].end() <= pair[1].start() + 1);
                if let (Some(area), Leg::Ride(ride)) = (pair[0].area(), &pair[1]) {
                    prop_assert!(area.start + i64::from(area.duration_max_s) <= ride.start);
                }
            }
            prop_assert!(itinerary.areas().next().is_some() && itinerary.is_booked());
        }
    }
}
