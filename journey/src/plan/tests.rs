mod carpool;
mod drawn;
mod on_demand;
mod pages;
mod rental;
mod taxi;
mod via;

use std::sync::{Arc, LazyLock};

use domain::forecast::{Basis, Chance};
use domain::geo::LatLon;
use domain::locality::Locality;

use super::*;
use crate::area::stops_around;
use crate::area::tests::{town, town_with_orders, two_platforms};
use crate::streets::Mode;
use crate::streets::parking::{Links, ParkingShape, Purpose, link_place};
use crate::timetable::{Permission, Timetable};

fn at(row: f64, column: f64) -> LatLon {
    LatLon { lat: 48.6 + row * 9e-4, lon: 8.8 + column * 13.6e-4 }
}

/// 2026-11-24, so many seconds after midnight in Berlin.
fn time(seconds: i64) -> i64 {
    1_795_474_800 + seconds
}

struct Lots(Vec<(LatLon, Links, Vec<StopWalk>)>);

impl Lots {
    fn new(area: &Area, places: &[LatLon]) -> Self {
        let mut workspace = Workspace::new();
        let linked = places.iter().map(|place| {
            let links =
                link_place(&area.network, &ParkingShape { purpose: Purpose::Car, outline: vec![*place] })
                    .unwrap();
            let stops = stops_around(area, &mut workspace, Mode::Foot, *place, &links.foot);
            (*place, links, stops)
        });
        Lots(linked.collect())
    }

    fn lots(&self) -> Vec<Lot<'_>> {
        self.0.iter().enumerate().map(|(id, (at, links, stops))| Lot { id, at: *at, links, stops }).collect()
    }
}

fn all_modes() -> Modes {
    Modes::NAMED.iter().fold(Modes::NONE, |all, (_, mode)| all.with(*mode))
}

/// Of a timetable without bookings.
static UNBOOKED: LazyLock<Bookings> = LazyLock::new(Bookings::default);

fn ask<'a>(lots: &'a [Lot<'a>], when: When, modes: Modes, predictor: &'a dyn Predictor) -> Request<'a> {
    Request {
        from: at(4.2, 0.1),
        to: at(4.2, 8.9),
        from_stop: None,
        to_stop: None,
        when,
        modes,
        max_walk_m: 600.0,
        max_direct_walk_m: 5_000.0,
        access: Access::Foot,
        max_transfers: None,
        min_transfer_s: 0,
        lots,
        park_ride: lots,
        rentals: None,
        predictor,
        is_over: &|| false,
        bookings: &UNBOOKED,
        booked: BookedRides::OpenAt(UtcMicros::from_unix_s(when.time())),
        page: Page::BEST,
        chosen: None,
        taxis: &[],
        closed: None,
    }
}

impl<F: Fn(usize, i64) -> Availability + Sync> Predictor for F {
    fn availability(&self, lot: usize, arrive_s: i64) -> Availability {
        self(lot, arrive_s)
    }
}

pub(super) fn availability(p: Option<f64>, search_s: f64) -> Availability {
    let chance = |p| Chance { p, low: p, high: p, expected: p, basis: Basis::Live };
    Availability { chance: p.map(chance), search_s }
}

fn certain(_: usize, _: i64) -> Availability {
    availability(Some(0.9), 60.0)
}

#[test]
fn each_mode_goes_there_and_its_legs_join() {
    let area = Arc::new(town());
    let lots = Lots::new(&area, &[at(4.5, 8.0), at(4.5, 1.0)]);
    let lots = lots.lots();
    let mut planner = Planner::new(area);
    for when in [When::DepartAt(time(8 * 3600 + 60)), When::ArriveBy(time(11 * 3600))] {
        // Nothing runs on demand or is rented here, and no bus is known to take bicycles: see `tests/`.
        let elsewhere = [Modes::ON_DEMAND, Modes::RENTAL, Modes::BIKE_ON_BOARD];
        for (name, mode) in Modes::NAMED.into_iter().filter(|(_, mode)| !elsewhere.contains(mode)) {
            let plan = planner.plan(&ask(&lots, when, mode, &certain), None).unwrap();
            assert!(!plan.itineraries.is_empty(), "{name} {when:?}");
            for itinerary in &plan.itineraries {
                assert_eq!(itinerary.modes, mode);
                let ends: Vec<(End, End, i64, i64)> = itinerary
                    .legs
                    .iter()
                    .map(|leg| match leg {
                        Leg::Street(leg) => (leg.from, leg.to, leg.start, leg.end),
                        Leg::Area(leg) => (leg.from, leg.to, leg.start, leg.end),
                        Leg::Ride(leg) => {
                            (End::Stop(leg.ride.from), End::Stop(leg.ride.to), leg.start, leg.end)
                        }
                    })
                    .collect();
                assert_eq!((ends[0].0, ends[ends.len() - 1].1), (End::Origin, End::Destination), "{name}");
                assert_eq!((ends[0].2, ends[ends.len() - 1].3), (itinerary.start, itinerary.end), "{name}");
                assert!(
                    ends.windows(2).all(|pair| pair[0].1 == pair[1].0 && pair[0].3 <= pair[1].2),
                    "{ends:?}"
                );
                match when {
                    When::DepartAt(at) => assert!(itinerary.start >= at),
                    When::ArriveBy(at) => assert!(itinerary.end <= at),
                }
            }
        }
    }
}

#[test]
fn wheelchair_users_change_by_the_elevator_where_no_street_leads() {
    let no_street: &[(&str, &str)] = &[("highway", "proposed")];
    for (pathway, is_found) in [("1,m,n,5,1,90", true), ("1,m,n,2,1,90", false)] {
        let area = two_platforms(no_street, 5.0, &[], &[pathway]);
        let mut planner = Planner::new(Arc::new(area));
        let request = Request {
            from: at(4.0, 0.1),
            to: at(4.0, 8.9),
            access: Access::Wheelchair,
            ..ask(&[], When::DepartAt(time(7 * 3600)), Modes::TRANSIT, &certain)
        };
        let plan = planner.plan(&request, None).unwrap();
        assert_eq!(plan.itineraries.len(), usize::from(is_found), "{pathway}");
        for itinerary in plan.itineraries {
            let Some(Leg::Street(change)) = itinerary
                .legs
                .iter()
                .find(|leg| matches!(leg, Leg::Street(s) if matches!(s.from, End::Stop(_))))
            else {
                panic!("{itinerary:?}")
            };
            assert_eq!((change.end - change.start, change.points.len(), change.pieces.len()), (90, 2, 0));
        }
    }
}

#[test]
fn the_bus_is_caught_as_late_as_possible_and_the_next_ones_are_listed() {
    let mut planner = Planner::new(Arc::new(town()));
    let plan =
        planner.plan(&ask(&[], When::DepartAt(time(8 * 3600 + 60)), Modes::TRANSIT, &certain), None).unwrap();
    let itinerary = &plan.itineraries[0];
    let Some(Leg::Ride(ride)) = itinerary.legs.iter().find(|leg| matches!(leg, Leg::Ride(_))) else {
        panic!()
    };
    assert_eq!((ride.start, ride.end), (time(8 * 3600 + 1800), time(8 * 3600 + 1920)));
    assert_eq!(itinerary.next_departures[..2], [time(9 * 3600), time(9 * 3600 + 1800)]);
    let Leg::Street(walk) = &itinerary.legs[0] else { panic!() };
    assert!(ride.start - walk.end < 30, "{} s are waited in vain", ride.start - walk.end);
}

/// The timetable's own rules.
fn bookings(area: &Area) -> Bookings {
    Bookings::new(&area.timetable, &[], &|_| Locality::default(), &mut |_, _| ())
}

/// When the rides of a plan leave, and whether they must be booked.
fn departures(plan: &PlanResult) -> Vec<(i64, bool)> {
    let rides = plan.itineraries.iter().flat_map(|itinerary| &itinerary.legs);
    let rides = rides.filter_map(|leg| if let Leg::Ride(leg) = leg { Some(leg) } else { None });
    rides.map(|leg| (leg.start, leg.ride.is_booked())).collect()
}

#[test]
fn a_ride_that_must_be_ordered_hides_none_that_need_not_be() {
    let half_past = |halves: i64| time(8 * 3600 + 1800 * halves);
    for (ordered, expected) in [
        (&[][..], &[(1, false)][..]),
        (&[1], &[(1, true), (2, false)]),
        (&[1, 2, 3], &[(1, true), (4, false)]),
        (&[2], &[(1, false)]),
    ] {
        let area = Arc::new(town_with_orders(ordered));
        let bookings = bookings(&area);
        let mut planner = Planner::new(area);
        let when = When::DepartAt(time(8 * 3600 + 60));
        let request = Request { bookings: &bookings, ..ask(&[], when, Modes::TRANSIT, &certain) };
        let plan = planner.plan(&request, None).unwrap();
        let expected: Vec<_> = expected.iter().map(|(at, booked)| (half_past(*at), *booked)).collect();
        assert_eq!(departures(&plan), expected, "{ordered:?}");
    }
    // The last one that is in time must be booked: the one before need not be.
    let area = Arc::new(town_with_orders(&[4]));
    let bookings = bookings(&area);
    let mut planner = Planner::new(area);
    let when = When::ArriveBy(half_past(4) + 900);
    let request = Request { bookings: &bookings, ..ask(&[], when, Modes::TRANSIT, &certain) };
    let plan = planner.plan(&request, None).unwrap();
    assert_eq!(departures(&plan), [(half_past(4), true), (half_past(3), false)]);
}

#[test]
fn in_a_wheelchair_what_is_known_stays_beside_what_is_not() {
    let mut area = town();
    let mut timetable = Timetable::clone(&area.timetable);
    let trip = timetable.trips("t1")[0];
    timetable.trips[trip as usize].wheelchair = Permission::Unknown;
    area.timetable = Arc::new(timetable);
    let mut planner = Planner::new(Arc::new(area));
    let half_past = |halves: i64| time(8 * 3600 + 1800 * halves);
    for (access, expected, lost) in [
        (Access::Foot, &[half_past(1)][..], &[][..]),
        (Access::WheelchairOrUnknown, &[half_past(1), half_past(2)], &[]),
        (Access::Wheelchair, &[half_past(2)], &[(half_past(1), Lost::WheelchairUnknown)]),
    ] {
        let when = When::DepartAt(time(8 * 3600 + 60));
        let plan =
            planner.plan(&Request { access, ..ask(&[], when, Modes::TRANSIT, &certain) }, None).unwrap();
        let starts: Vec<i64> = departures(&plan).into_iter().map(|(at, _)| at).collect();
        assert_eq!(starts, expected, "{access:?}");
        let rejected: Vec<_> = plan.lost.iter().map(|lost| (lost.departure, lost.why)).collect();
        assert_eq!(rejected, lost, "{access:?}");
    }
}

#[test]
fn a_bicycle_goes_along_where_it_is_known_that_it_may() {
    let mut area = town();
    let mut timetable = Timetable::clone(&area.timetable);
    for run in 0..20 {
        let trip = timetable.trips(&format!("t{run}"))[0] as usize;
        let bikes = [Permission::Possible, Permission::Impossible, Permission::Unknown][run % 3];
        timetable.trips[trip].bikes = bikes;
    }
    area.timetable = Arc::new(timetable);
    let mut planner = Planner::new(Arc::new(area));
    let half_past = |halves: i64| time(8 * 3600 + 1800 * halves);
    // To the north of the last stop, farther than one walks.
    let (to, when) = (at(8.9, 8.9), When::DepartAt(half_past(0) + 60));
    let request = Request { to, max_walk_m: 250.0, ..ask(&[], when, Modes::BIKE_ON_BOARD, &certain) };
    let plan = planner.plan(&request, None).unwrap();
    let [itinerary] = &plan.itineraries[..] else { panic!("{plan:?}") };
    let modes: Vec<Option<Mode>> = itinerary
        .legs
        .iter()
        .map(|leg| if let Leg::Street(leg) = leg { Some(leg.mode) } else { None })
        .collect();
    assert_eq!(modes, [Some(Mode::Bike), None, Some(Mode::Bike)]);
    assert_eq!(departures(&plan), [(half_past(3), false)]);
    assert_eq!(itinerary.end, itinerary.legs[2].end());
    assert!(itinerary.legs[2].start() == half_past(3) + 120 && plan.lost.is_empty());
    // With all of them refused, the first one says why.
    let mut area = town();
    let mut timetable = Timetable::clone(&area.timetable);
    timetable.trips.iter_mut().for_each(|trip| trip.bikes = Permission::Impossible);
    area.timetable = Arc::new(timetable);
    let plan = Planner::new(Arc::new(area)).plan(&request, None).unwrap();
    let lost: Vec<_> = plan.lost.iter().map(|lost| (lost.departure, lost.why)).collect();
    assert_eq!((plan.itineraries.len(), lost), (0, vec![(half_past(1), Lost::BikesNotAllowed)]));
}

#[test]
fn what_real_time_takes_away_is_rejected() {
    use domain::TripUpdate;
    use domain::trip_update::{StopRelationship, StopUpdate, TripRelationship};
    let area = Arc::new(town());
    let mut planner = Planner::new(area.clone());
    let mut lost = |update: TripUpdate, when: When| {
        let update = TripUpdate { start_date: Some("20261124".into()), ..update };
        let overlay = Overlay::new(&area.timetable, &[update], time(8 * 3600));
        let plan = planner.plan(&ask(&[], when, Modes::TRANSIT, &certain), Some(&overlay)).unwrap();
        assert!(!departures(&plan).is_empty());
        let reported = |lost: &LostRide| {
            let id = area.timetable.trip_id(lost.ride.trip).to_owned();
            (id, lost.departure, lost.arrival, lost.why == Lost::Cancelled)
        };
        plan.lost.iter().map(reported).collect::<Vec<_>>()
    };
    let of = |trip: &str| TripUpdate { trip_id: trip.into(), ..TripUpdate::default() };
    let cancelled = |trip| TripUpdate { relationship: TripRelationship::Cancelled, ..of(trip) };
    let (depart, half) = (When::DepartAt(time(8 * 3600 + 60)), time(8 * 3600 + 1800));
    let t1 = |is_cancelled| vec![("t1".to_owned(), half, half + 120, is_cancelled)];
    assert_eq!(lost(cancelled("t1"), depart), t1(true));
    assert_eq!(lost(cancelled("t1"), When::ArriveBy(half + 900)), t1(true));
    assert_eq!(lost(cancelled("t3"), depart), [], "nobody would have taken it");
    assert_eq!(lost(TripUpdate { delay_s: Some(60), ..of("t1") }, depart), []);
    let skips = |sequence| {
        let relationship = StopRelationship::Skipped;
        let stop = StopUpdate { stop_sequence: Some(sequence), relationship, ..StopUpdate::default() };
        TripUpdate { stops: vec![stop], ..of("t1") }
    };
    assert_eq!(lost(skips(2), depart), t1(false));
    assert_eq!(lost(skips(1), depart), [], "not a stop of the ride");
}

#[test]
fn a_lot_without_a_chance_is_left_out_and_the_next_one_taken() {
    let area = Arc::new(town());
    let lots = Lots::new(&area, &[at(4.5, 8.8), at(4.5, 6.0), at(9.0, 9.0)]);
    let lots = lots.lots();
    let mut planner = Planner::new(area);
    let when = When::DepartAt(time(9 * 3600));
    let drive = |planner: &mut Planner, predictor: &dyn Predictor| {
        planner.plan(&ask(&lots, when, Modes::CAR, predictor), None).unwrap()
    };
    let plan = drive(&mut planner, &certain);
    assert_eq!(plan.itineraries[0].parking().unwrap().lot, 0);
    assert!(plan.itineraries[0].expected_end > plan.itineraries[0].end as f64);
    let alternatives: Vec<usize> =
        plan.itineraries[0].parking().unwrap().alternatives.iter().map(|a| a.lot).collect();
    assert_eq!(alternatives, [1, 2]);
    let full = |lot: usize, _: i64| availability(Some(if lot == 0 { 0.05 } else { 0.9 }), 60.0);
    let plan = drive(&mut planner, &full);
    assert_eq!(plan.itineraries[0].parking().unwrap().lot, 1);
    assert!(plan.left_out.contains(&(0, LeftOut::ProbablyFull { p: 0.05 })));
    // A risky lot next to the goal against a certain one farther away: the risk is weighed.
    let risky = |lot: usize, _: i64| availability(Some(if lot == 0 { 0.21 } else { 0.99 }), 60.0);
    assert_eq!(drive(&mut planner, &risky).itineraries[0].parking().unwrap().lot, 1);
}

#[test]
fn the_availability_is_that_of_the_moment_the_car_gets_there() {
    let area = Arc::new(town());
    let lots = Lots::new(&area, &[at(4.5, 8.8)]);
    let lots = lots.lots();
    let predicted_for = std::sync::atomic::AtomicI64::new(0);
    let predictor = |_: usize, at: i64| {
        predicted_for.store(at, std::sync::atomic::Ordering::Relaxed);
        availability(Some(0.9), 30.0)
    };
    let start = time(9 * 3600);
    let plan =
        Planner::new(area).plan(&ask(&lots, When::DepartAt(start), Modes::CAR, &predictor), None).unwrap();
    let Leg::Street(drive) = &plan.itineraries[0].legs[0] else { panic!() };
    assert_eq!(drive.mode, Mode::Car);
    let predicted_for = predicted_for.into_inner();
    assert!((predicted_for - drive.end).abs() <= 1, "{predicted_for} {}", drive.end);
}

#[test]
fn limits_and_far_places_are_kept_to() {
    let mut planner = Planner::new(Arc::new(town()));
    let mut request = ask(&[], When::DepartAt(time(9 * 3600)), all_modes(), &certain);
    request.max_walk_m = 30.0;
    request.max_direct_walk_m = 30.0;
    let plan = planner.plan(&request, None).unwrap();
    assert!(
        plan.itineraries.iter().all(|itinerary| !matches!(itinerary.modes, Modes::WALK | Modes::TRANSIT))
    );
    request.to = at(80.0, 80.0);
    assert_eq!(planner.plan(&request, None).unwrap_err().0, Which::To);
}

#[test]
fn where_no_place_to_park_is_known_the_drive_itself_is_the_answer() {
    let area = Arc::new(town());
    let mut planner = Planner::new(area.clone());
    for when in [When::DepartAt(time(9 * 3600)), When::ArriveBy(time(9 * 3600))] {
        let plan = planner.plan(&ask(&[], when, Modes::CAR, &certain), None).unwrap();
        let [itinerary] = &plan.itineraries[..] else { panic!("{plan:?}") };
        let [Leg::Street(drive)] = &itinerary.legs[..] else { panic!("{itinerary:?}") };
        assert_eq!((drive.mode, drive.from, drive.to), (Mode::Car, End::Origin, End::Destination));
        assert!(itinerary.is_parking_unknown() && itinerary.certainty() < 1.0);
        match when {
            When::DepartAt(time) => assert_eq!(itinerary.start, time),
            When::ArriveBy(time) => assert_eq!(itinerary.end, time),
        }
    }
    // Where all that is known is full, that is the answer, and where something is vacant, that.
    let lots = Lots::new(&area, &[at(4.5, 8.0)]);
    let lots = lots.lots();
    let when = When::DepartAt(time(9 * 3600));
    let full = |_: usize, _: i64| availability(Some(0.01), 60.0);
    let plan = planner.plan(&ask(&lots, when, Modes::CAR, &full), None).unwrap();
    assert!(plan.itineraries.is_empty() && !plan.left_out.is_empty());
    let plan = planner.plan(&ask(&lots, when, Modes::CAR, &certain), None).unwrap();
    assert!(plan.itineraries.iter().all(|itinerary| !itinerary.is_parking_unknown()));
}

#[test]
fn park_and_ride_offers_the_quick_lot_and_the_certain_one() {
    let area = Arc::new(town());
    // Both lead to the stop at (4, 0): one next to it, one some streets away.
    let lots = Lots::new(&area, &[at(4.3, 1.0), at(2.0, 1.0)]);
    let lots = lots.lots();
    let arrivals = std::sync::Mutex::new(std::collections::HashMap::new());
    let predictor = |lot: usize, at: i64| {
        arrivals.lock().unwrap().insert((lot, at), ());
        availability(Some(if lot == 0 { 0.4 } else { 0.95 }), 60.0)
    };
    let when = When::DepartAt(time(8 * 3600 + 60));
    let plan = Planner::new(area).plan(&ask(&lots, when, Modes::PARK_RIDE, &predictor), None).unwrap();
    let mut lots_used: Vec<usize> =
        plan.itineraries.iter().map(|itinerary| itinerary.parking().unwrap().lot).collect();
    lots_used.sort_unstable();
    lots_used.dedup();
    assert_eq!(lots_used, [0, 1], "{plan:?}");
    for itinerary in &plan.itineraries {
        let parking = itinerary.parking().unwrap();
        assert_eq!(parking.alternatives.iter().map(|a| a.lot).collect::<Vec<_>>(), [1 - parking.lot]);
        let Leg::Street(drive) = &itinerary.legs[0] else { panic!() };
        assert!(
            arrivals.lock().unwrap().contains_key(&(parking.lot, drive.end)),
            "predicted for another time"
        );
    }
}
