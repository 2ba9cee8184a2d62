//! The index against the rules themselves, evaluated on ids.

use std::sync::Arc;

use domain::alert::{Alert, Cause, Effect, Period, Selector, Severity, Texts, TripSelector};
use domain::{FeedId, UtcMicros};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::overlay::Runs;
use crate::timetable::Options;
use crate::timetable::read::tests::read_texts;
use crate::timetable::services::Day;

/// 2026-11-23 and 2026-11-24.
const DATES: [(&str, Day); 2] = [("20261123", 20_780), ("20261124", 20_781)];

/// Platforms and their stations.
const STOPS: [(&str, Option<&str>); 6] =
    [("a1", Some("A")), ("a2", Some("A")), ("b", None), ("c", None), ("d1", Some("D")), ("e", None)];

/// Id, agency, kind.
const ROUTES: [(&str, &str, i32); 3] = [("R1", "X", 3), ("R2", "X", 2), ("R3", "Y", 3)];

/// Id, line, direction, start, stops.
const TRIPS: [(&str, &str, u8, &str, &[&str]); 5] = [
    ("t1", "R1", 0, "10:00:00", &["a1", "b", "c", "d1"]),
    ("t2", "R1", 1, "11:00:00", &["d1", "c", "b", "a2"]),
    ("t3", "R2", 0, "10:00:00", &["a2", "c", "e"]),
    ("t4", "R3", 0, "12:00:00", &["b", "d1", "e"]),
    ("t5", "R3", 1, "10:00:00", &["e", "a1"]),
];

fn timetable() -> Timetable {
    let stations: String = ["A", "D"].map(|id| format!("{id},{id},51,7,1,\n")).concat();
    let stops =
        STOPS.map(|(id, parent)| format!("{id},{id},51,7,0,{}\n", parent.unwrap_or_default())).concat();
    let routes = ROUTES.map(|(id, agency, kind)| format!("{id},{agency},{id},{kind}\n")).concat();
    let trips = TRIPS.map(|(id, route, direction, ..)| format!("{route},S,{id},{direction}\n")).concat();
    let times: String = TRIPS
        .iter()
        .flat_map(|(id, _, _, start, stops)| {
            let hour = &start[..2];
            let row = move |(n, stop): (usize, &&str)| {
                format!("{id},{stop},{n},{hour}:{n:02}:00,{hour}:{n:02}:00\n")
            };
            stops.iter().enumerate().map(row)
        })
        .collect();
    let files = vec![
        (
            "agency.txt",
            "agency_id,agency_name,agency_timezone\nX,X,Europe/Berlin\nY,Y,Europe/Berlin\n".to_owned(),
        ),
        ("routes.txt", format!("route_id,agency_id,route_short_name,route_type\n{routes}")),
        (
            "stops.txt",
            format!("stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n{stations}{stops}"),
        ),
        ("calendar_dates.txt", "service_id,date,exception_type\nS,20261123,1\nS,20261124,1\n".to_owned()),
        ("trips.txt", format!("route_id,service_id,trip_id,direction_id\n{trips}")),
        ("stop_times.txt", format!("trip_id,stop_id,stop_sequence,arrival_time,departure_time\n{times}")),
    ];
    let (timetable, problems) = read_texts(vec![("net", files)], Options::default());
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    timetable
}

/// A ride, in words.
#[derive(Debug, Clone)]
struct Asked {
    trip: usize,
    date: usize,
    board: usize,
    alight: usize,
    from: i64,
    until: i64,
}

impl Asked {
    fn ride<'a>(&self, timetable: &'a Timetable) -> Ride<'a> {
        let (id, .., stops) = TRIPS[self.trip];
        let stops = stops[self.board..=self.alight].iter().map(|id| timetable.stop(id).unwrap()).collect();
        let runs = Runs { timetable, overlay: None };
        Ride::new(runs, timetable.trips(id)[0], DATES[self.date].1, stops, (self.from, self.until))
    }

    /// The rule: all fields of one selector, or those of another; and some period.
    fn concerns(&self, alert: &Alert) -> bool {
        let (id, route, direction, start, stops) = TRIPS[self.trip];
        let (_, agency, kind) = *ROUTES.iter().find(|(id, ..)| *id == route).unwrap();
        let is_there = |wanted: &str| {
            stops[self.board..=self.alight].iter().any(|stop| {
                let parent = STOPS.iter().find(|(id, _)| id == stop).unwrap().1;
                *stop == wanted || parent == Some(wanted)
            })
        };
        fn is<T: PartialEq + ?Sized>(wanted: Option<&T>, own: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == own)
        }
        let applies = |s: &Selector| {
            is(s.agency_id.as_deref(), agency)
                && is(s.route_id.as_deref(), route)
                && is(s.route_type.as_ref(), &kind)
                && is(s.direction.as_ref(), &direction)
                && s.stop_id.as_deref().is_none_or(is_there)
                && s.trip.as_deref().is_none_or(|trip| {
                    is(trip.trip_id.as_deref(), id)
                        && is(trip.route_id.as_deref(), route)
                        && is(trip.direction.as_ref(), &direction)
                        && is(trip.start_date.as_deref(), DATES[self.date].0)
                        && is(trip.start_time.as_deref(), start)
                })
                && names_something(s)
        };
        let holds = alert.periods.is_empty()
            || alert.periods.iter().any(|p| (self.from..=self.until).any(|at| p.touches(at, at)));
        holds && alert.about.iter().any(applies)
    }
}

/// A direction, a day and a start name no line of themselves.
fn names_something(s: &Selector) -> bool {
    let is_trip = s.trip.as_ref().is_some_and(|trip| trip.trip_id.is_some() || trip.route_id.is_some());
    is_trip || s.agency_id.is_some() || s.route_id.is_some() || s.route_type.is_some() || s.stop_id.is_some()
}

fn alert(id: &str, periods: Vec<Period>, about: Vec<Selector>) -> HeldAlert {
    let alert = Alert {
        id: id.into(),
        periods,
        about,
        header: Texts(vec![(None, id.into())]),
        text: Texts::default(),
        url: Texts::default(),
        cause: Cause::UnknownCause,
        effect: Effect::UnknownEffect,
        severity: Severity::UnknownSeverity,
    };
    HeldAlert { feed: FeedId(1), confirmed_at: UtcMicros(0), alert: Arc::new(alert) }
}

fn word(words: Vec<&'static str>, chance: f64) -> impl Strategy<Value = Option<String>> {
    weighted(chance, select(words).prop_map(str::to_owned))
}

fn trip() -> impl Strategy<Value = TripSelector> {
    let id = word(vec!["t1", "t2", "t3", "t4", "t5", "unknown"], 0.6);
    let (route, start) = (word(vec!["R1", "R2", "R3"], 0.4), word(vec!["10:00:00", "11:00:00"], 0.3));
    (id, route, weighted(0.3, 0..2u8), word(vec!["20261123", "20261124"], 0.4), start).prop_map(
        |(trip_id, route_id, direction, start_date, start_time)| TripSelector {
            trip_id,
            route_id,
            direction,
            start_date,
            start_time,
        },
    )
}

fn selector() -> impl Strategy<Value = Selector> {
    let stop = word(vec!["a1", "a2", "A", "b", "c", "d1", "D", "e", "unknown"], 0.5);
    let route = word(vec!["R1", "R2", "R3", "unknown"], 0.4);
    (
        word(vec!["X", "Y", "Z"], 0.2),
        route,
        weighted(0.2, 2..4i32),
        weighted(0.2, 0..2u8),
        stop,
        weighted(0.3, trip()),
    )
        .prop_map(|(agency_id, route_id, route_type, direction, stop_id, trip)| Selector {
            agency_id,
            route_id,
            route_type,
            direction,
            stop_id,
            trip: trip.filter(|trip| *trip != TripSelector::default()).map(Box::new),
        })
}

fn period() -> impl Strategy<Value = Period> {
    (weighted(0.8, 0..20i64), weighted(0.8, 1..10i64))
        .prop_map(|(from, length)| Period { from, until: length.map(|length| from.unwrap_or(5) + length) })
}

fn asked() -> impl Strategy<Value = Asked> {
    (0..TRIPS.len(), 0..2usize, any::<[prop::sample::Index; 2]>(), 0..20i64, 0..5i64).prop_map(
        |(trip, date, [a, b], from, length)| {
            let stops = TRIPS[trip].4.len();
            let (a, b) = (a.index(stops), b.index(stops));
            Asked { trip, date, board: a.min(b), alight: a.max(b), from, until: from + length }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_index_finds_what_the_rules_say(
        alerts in vec((vec(period(), 0..3), vec(selector(), 0..4)), 0..12),
        rides in vec(asked(), 1..8),
    ) {
        let timetable = timetable();
        let held: Vec<HeldAlert> = (alerts.into_iter().enumerate())
            .map(|(n, (periods, about))| alert(&n.to_string(), periods, about))
            .collect();
        let index = Alerts::new(&timetable, held.iter().cloned().map(|held| (None, held)));
        for asked in rides {
            let expected: Vec<AlertIx> = (0..)
                .zip(&held)
                .filter(|(_, held)| asked.concerns(&held.alert))
                .map(|(n, _)| n)
                .collect();
            prop_assert_eq!(index.of(&timetable, &asked.ride(&timetable)), expected, "{:?}", asked);
        }
    }
}

fn at_stop(id: &str) -> Selector {
    Selector { stop_id: Some(id.into()), ..Selector::default() }
}

#[test]
fn alerts_that_do_not_concern_a_ride_cost_it_nothing() {
    let timetable = timetable();
    let asked = Asked { trip: 0, date: 0, board: 0, alight: 3, from: 0, until: 9 };
    let elsewhere = |n: usize| match n % 4 {
        0 => at_stop("e"),
        1 => Selector { route_id: Some("R2".into()), ..at_stop("c") },
        2 => Selector {
            trip: Some(Box::new(TripSelector { trip_id: Some("t4".into()), ..TripSelector::default() })),
            ..at_stop("b")
        },
        _ => Selector { agency_id: Some("Y".into()), ..Selector::default() },
    };
    let concerns = alert("x", Vec::new(), vec![at_stop("A"), at_stop("b")]);
    let others = (0..10_000).map(|n| alert(&n.to_string(), Vec::new(), vec![elsewhere(n)]));
    // One alert of ten thousand selectors as well.
    let long = alert("long", Vec::new(), (0..10_000).map(elsewhere).collect());
    let held = [concerns, long].into_iter().chain(others);
    let index = Alerts::new(&timetable, held.map(|held| (None, held)));
    let ride = asked.ride(&timetable);
    assert_eq!(index.of(&timetable, &ride), [0]);
    assert_eq!(index.filed_under(&timetable, &ride).count(), 2);
}

#[test]
fn what_the_timetable_does_not_have_is_named_and_the_rest_counts() {
    let timetable = timetable();
    let route = |id: &str| Selector { route_id: Some(id.into()), ..Selector::default() };
    let of_agency = Selector { agency_id: Some("X".into()), ..Selector::default() };
    let direction = Selector { direction: Some(1), ..Selector::default() };
    let many = (0..60).map(|n| at_stop(if n % 2 == 0 { "b" } else { "c" }));
    let index = Alerts::new(
        &timetable,
        [
            alert("0", Vec::new(), vec![route("gone"), at_stop("gone"), route("R1"), direction]),
            alert("1", Vec::new(), vec![of_agency]),
            alert("2", Vec::new(), many.collect()),
            alert("3", Vec::new(), Vec::new()),
        ]
        .map(|held| (None, held)),
    );
    let [first, agency, two_stops, nothing] = index.all() else { panic!() };
    assert_eq!(first.unknown, ["route_id=gone", "stop_id=gone", "a direction or a start without its line"]);
    assert_eq!(first.unknown_selectors, 3);
    assert_eq!([first, agency, two_stops, nothing].map(|a| a.is_broad), [false, true, false, false]);
    let asked = Asked { trip: 0, date: 0, board: 0, alight: 0, from: 0, until: 9 };
    assert_eq!(index.of(&timetable, &asked.ride(&timetable)), [0, 1]);
    let stops = ["b", "a1"].map(|id| timetable.stop(id).unwrap());
    assert_eq!(index.at_stops(&timetable, &stops, 0, 9), [2]);
}

#[test]
fn an_alert_on_more_stops_than_a_line_has_is_broad() {
    let stops: String = (0..60).map(|n| format!("s{n},,51,7\n")).collect();
    let text = |text: &str| text.to_owned();
    let files = vec![
        ("agency.txt", text("agency_id,agency_timezone\nA,Europe/Berlin\n")),
        ("routes.txt", text("route_id,route_type\nR,3\n")),
        ("stops.txt", format!("stop_id,stop_name,stop_lat,stop_lon\n{stops}")),
        ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261123,1\n")),
        ("trips.txt", text("route_id,service_id,trip_id\nR,S,t\n")),
        (
            "stop_times.txt",
            text("trip_id,stop_id,stop_sequence,arrival_time\nt,s0,1,10:00:00\nt,s1,2,10:10:00\n"),
        ),
    ];
    let (timetable, _) = read_texts(vec![("net", files)], Options::default());
    let on = |stops: usize| alert("x", Vec::new(), (0..stops).map(|n| at_stop(&format!("s{n}"))).collect());
    let index = Alerts::new(&timetable, [on(BROAD_STOPS), on(BROAD_STOPS + 1)].map(|held| (None, held)));
    assert_eq!([0, 1].map(|n| index.get(n).unwrap().is_broad), [false, true]);
}

#[test]
fn alerts_stand_at_rides_on_demand() {
    let text = |text: &str| text.to_owned();
    let zone = r#"{"features": [{"id": "z", "geometry": {"type": "Polygon", "coordinates": [[[6,50],[8,50],[8,52],[6,52],[6,50]]]}}]}"#;
    let times = "trip_id,stop_sequence,location_id,start_pickup_drop_off_window,end_pickup_drop_off_window,pickup_type,drop_off_type\n";
    let files = vec![
        ("agency.txt", text("agency_id,agency_name,agency_timezone\nA,A,Europe/Berlin\n")),
        ("routes.txt", text("route_id,agency_id,route_short_name,route_type\nR,A,B7,715\nQ,A,B8,3\n")),
        ("stops.txt", text("stop_id,stop_name,stop_lat,stop_lon\na,a,51,7\nb,b,51,7\n")),
        ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261123,1\n")),
        ("trips.txt", text("route_id,service_id,trip_id\nR,S,d\n")),
        ("locations.geojson", text(zone)),
        ("stop_times.txt", format!("{times}d,1,z,08:00:00,18:00:00,2,1\nd,2,z,08:00:00,18:00:00,1,2\n")),
    ];
    let (timetable, problems) = read_texts(vec![("net", files)], Options::default());
    assert_eq!(problems.count(), 0, "{:?}", problems.listed());
    let route = |id: &str| Selector { route_id: Some(id.into()), ..Selector::default() };
    let trip = |id: &str, day: Option<&str>| {
        let trip = TripSelector {
            trip_id: Some(id.into()),
            start_date: day.map(Into::into),
            ..TripSelector::default()
        };
        Selector { trip: Some(Box::new(trip)), ..Selector::default() }
    };
    let both = |stop: &str| Selector { route_id: Some("R".into()), ..at_stop(stop) };
    let about = [
        route("R"),
        Selector { agency_id: Some("A".into()), ..Selector::default() },
        Selector { route_type: Some(715), ..Selector::default() },
        trip("d", None),
        trip("d", Some("20261123")),
        at_stop("a"),
        both("a"),
        // Others.
        route("Q"),
        trip("e", None),
        trip("d", Some("20261124")),
        at_stop("b"),
        both("b"),
    ];
    let held = about.into_iter().map(|about| (None, alert("x", Vec::new(), vec![about])));
    let index = Alerts::new(&timetable, held);
    let unknown: Vec<usize> =
        (0..).zip(index.all()).filter(|(_, one)| !one.unknown.is_empty()).map(|(n, _)| n).collect();
    assert_eq!(unknown, [8], "the trip runs on demand");
    let of = |stops| {
        let day = DATES[0].1;
        index.of(&timetable, &Ride::on_demand(&timetable, &timetable.areas.trips[0], day, stops, (0, 9)))
    };
    assert_eq!(of(vec![timetable.stop("a").unwrap()]), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(of(Vec::new()), [0, 1, 2, 3, 4]);
}
