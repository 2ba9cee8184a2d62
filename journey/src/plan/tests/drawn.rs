//! Areas that counties draw, against the same in a timetable.

use domain::booking::{DayTime, Desk, Notice, OnDemandArea, OnDemandKind, Opens, RelativeTo, Terms};
use proptest::prelude::*;

use super::on_demand::{Zone, clock, everywhere, on_demand, some_zone, town_of};
use super::*;
use crate::area::tests::town_with;
use crate::areas::WhyNot;

/// One area, served by one line, with a notice and hours.
#[derive(Debug, Clone)]
struct Twin {
    zone: Zone,
    /// Stops that it serves; none: it comes anywhere.
    stops: Vec<&'static str>,
    /// Minutes after midnight.
    window: (i32, i32),
    notice: Notice,
    factor: i32,
    offset_s: i32,
    is_accessible: bool,
}

fn corners(zone: &Zone) -> Vec<[f64; 2]> {
    let ((south, north), (west, east)) = (zone.rows, zone.columns);
    let all = [(south, west), (south, east), (north, east), (north, west), (south, west)];
    all.map(|(row, column)| [at(row, column).lon, at(row, column).lat]).to_vec()
}

impl Twin {
    /// As GTFS-Flex has it. One may be set down hours after the last pick-up, as hours say nothing of it.
    fn flex(&self) -> Area {
        let Twin { zone, stops, window: (from, until), notice, factor, offset_s, is_accessible } = self;
        let ring = serde_json::to_string(&corners(zone)).unwrap();
        let zones = format!(
            r#"{{"features":[{{"id":"zone","geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}]}}"#
        );
        let rule = match notice {
            Notice::Before { at_least_s } => format!("r,1,{},,", at_least_s / 60),
            Notice::OnDay(last) => {
                format!("r,2,,{},{}", last.days_before, clock(last.time_s / 60))
            }
            Notice::RealTime => "r,0,,,".to_owned(),
        };
        let rules = format!(
            "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_last_day,prior_notice_last_time\n{rule}\n"
        );
        let place = if stops.is_empty() { ",zone" } else { "g," };
        let row = |n, types, until: i32, rule| {
            format!("d0,,,,{n},{types},{place},{},{},{rule}", clock(*from), clock(until))
        };
        let access = if *is_accessible { 1 } else { 2 };
        let members = stops.iter().map(|stop| format!("g,{stop}\n")).collect::<String>();
        let mut files = vec![("locations.geojson", zones), ("booking_rules.txt", rules)];
        if !stops.is_empty() {
            files.push(("location_groups.txt", "location_group_id,location_group_name\ng,\n".to_owned()));
            files.push(("location_group_stops.txt", format!("location_group_id,stop_id\n{members}")));
        }
        let times = [row(0, "2,1", *until, "r"), row(1, "1,2", until + 360, "")];
        town_with(&[], &[format!("d,s,d0,{access},,,{factor},{offset_s}")], &times, files)
    }

    /// As a county draws it.
    fn drawn(&self, area: &Area) -> Bookings {
        let Twin { zone, stops, window: (from, until), notice, factor, offset_s, is_accessible } = self;
        let hours = format!("{}-{}", &clock(*from)[..5], &clock(*until)[..5]);
        let area_of = OnDemandArea {
            id: "zone".into(),
            municipality: "m".into(),
            name: String::new(),
            kind: OnDemandKind::BuergerBus,
            hours,
            agency: None,
            stops: stops.iter().map(|stop| (*stop).to_owned()).collect(),
            detour_factor: f64::from(*factor),
            offset_s: *offset_s as u32,
            terms: Terms { notice: *notice, opens: Opens::Always, relative_to: RelativeTo::Boarding },
            desk: Desk::default(),
            wheelchair: Some(*is_accessible),
            wheelchair_notice_min: None,
            bikes: None,
            valid_from: None,
            valid_until: None,
            source: None,
            shape: vec![vec![corners(zone)]].into(),
        };
        let berlin = |_: Option<&str>| Locality::new("Europe/Berlin", "05558", []);
        let mut report = |sentence: String| panic!("{sentence}");
        bookings(area).with_areas(&area.timetable, &[area_of], &berlin, &mut report)
    }
}

fn some_twin() -> impl Strategy<Value = Twin> {
    let notice = prop_oneof![
        Just(Notice::RealTime),
        (0i32..90).prop_map(|min| Notice::Before { at_least_s: min * 60 }),
        (0u16..2, 420i32..660)
            .prop_map(|(days_before, min)| Notice::OnDay(DayTime { days_before, time_s: min * 60 })),
    ];
    let stops = prop::sample::subsequence(vec!["a", "m", "z"], 0..=3);
    let window = prop_oneof![
        3 => (440i32..640, 5i32..400).prop_map(|(from, length)| (from, from + length)),
        // Over midnight.
        1 => (1_300i32..1_430, 15i32..200).prop_map(|(from, length)| (from, from + length)),
    ];
    (some_zone(), stops, window, notice, 1i32..4, 0i32..400, any::<bool>()).prop_map(
        |(zone, stops, window, notice, factor, offset_s, is_accessible)| Twin {
            zone,
            stops,
            window,
            notice,
            factor,
            offset_s,
            is_accessible,
        },
    )
}

/// What riders see of a plan.
fn seen(plan: &PlanResult) -> (Vec<String>, Vec<String>) {
    let leg = |leg: &Leg| match leg {
        Leg::Area(leg) => format!(
            "area {:?}-{:?} {}-{} {} {:?} {} {:?}",
            leg.from, leg.to, leg.start, leg.end, leg.duration_max_s, leg.window, leg.day, leg.booking.window
        ),
        other => format!("{}-{}", other.start(), other.end()),
    };
    let itineraries =
        plan.itineraries.iter().map(|one| one.legs.iter().map(leg).collect::<Vec<_>>().join("; "));
    let lost = plan.lost_areas.iter().map(|lost| {
        format!("{:?} {:?} {:?}", lost.why, lost.departure, lost.booking.map(|booking| booking.window))
    });
    (itineraries.collect(), lost.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    /// Whoever draws an area has the answers of one with the same area in its timetable.
    #[test]
    fn a_drawn_area_is_like_one_of_the_timetable(
        twin in some_twin(),
        from in (0.1..8.9f64, 0.1..8.9f64), to in (0.1..8.9f64, 0.1..8.9f64),
        minute in prop_oneof![430i64..660, 1_280i64..1_500], book_before in -40i64..900, arrive in any::<bool>(),
        wheelchair in prop::bool::weighted(0.2),
    ) {
        let when = if arrive { When::ArriveBy(time(minute * 60)) } else { When::DepartAt(time(minute * 60)) };
        let access = if wheelchair { Access::Wheelchair } else { Access::Foot };
        let request = Request { access, ..on_demand(at(from.0, from.1), at(to.0, to.1), when, time((minute - book_before) * 60)) };
        let flex = Arc::new(twin.flex());
        let by_flex = Planner::new(flex).plan(&request, None).unwrap();
        let plain = Arc::new(town());
        let drawn = twin.drawn(&plain);
        let request = Request { bookings: &drawn, ..request };
        let by_drawn = Planner::new(plain.clone()).plan(&request, None).unwrap();
        prop_assert_eq!(seen(&by_flex), seen(&by_drawn));
        // Beside one of the timetable it takes nothing away.
        let both = Arc::new(twin.flex());
        let drawn = twin.drawn(&both);
        let request = Request { bookings: &drawn, ..request };
        let of_both = Planner::new(both).plan(&request, None).unwrap();
        let has_direct = |plan: &PlanResult| plan.itineraries.iter().any(|one| one.rides().count() == 0);
        prop_assert_eq!(has_direct(&of_both), has_direct(&by_flex));
    }
}

/// Of two lines that come at the same time the one that was chosen, or none.
#[test]
fn a_chosen_ride_on_demand_is_that_of_its_line_or_gone() {
    let twin = Twin {
        zone: Zone { rows: (-1.0, 10.0), columns: (-1.0, 10.0) },
        stops: Vec::new(),
        window: (480, 1_200),
        notice: Notice::Before { at_least_s: 7_200 },
        factor: 3,
        offset_s: 60,
        is_accessible: true,
    };
    let (zones, trips) = everywhere([(480, 1_200); 2], 0);
    let area = Arc::new(town_of(&zones, &trips, &[]));
    let drawn = twin.drawn(&area);
    let mut planner = Planner::new(area.clone());
    let plan = |planner: &mut Planner, chosen: Option<&[Chosen]>, book_at: i64| {
        let request = on_demand(at(1.2, 0.1), at(8.2, 8.9), When::DepartAt(time(10 * 3_600)), time(book_at));
        let plan = planner.plan(&Request { bookings: &drawn, chosen, ..request }, None).unwrap();
        let trip = |one: &Itinerary| one.areas().map(|leg| leg.pair.trip).collect::<Vec<_>>();
        let trips =
            plan.itineraries.iter().filter(|one| one.rides().count() == 0).map(trip).collect::<Vec<_>>();
        (trips, plan.lost_areas.iter().map(|lost| (lost.trip, lost.why)).collect::<Vec<_>>())
    };
    let trips = &drawn.areas(&area.timetable).trips;
    let day = area.timetable.day_at(time(10 * 3_600));
    let chosen = |trip: u32, service_day| {
        [Chosen { trip_id: trips[trip as usize].id.clone(), service_day, ends: None, stay_seated: false }]
    };
    for trip in [0, 1] {
        assert_eq!(plan(&mut planner, Some(&chosen(trip, day)), 8 * 3_600), (vec![vec![trip]], vec![]));
        assert_eq!(plan(&mut planner, Some(&chosen(trip, day + 1)), 8 * 3_600).0, Vec::<Vec<u32>>::new());
    }
    // Too late for the second one: the first takes its place only where nobody has chosen it.
    let late = 19 * 3_600;
    assert_eq!(plan(&mut planner, None, late).0, [[0]]);
    let (found, lost) = plan(&mut planner, Some(&chosen(1, day)), late);
    assert_eq!((found, lost), (vec![], vec![(1, WhyNot::BookingClosed)]));
}
