//! Runs that are not in the timetable, and where times are from real time.

use std::sync::Arc;

use domain::trip_update::{PlannedStop, TripProperties};

use super::*;
use crate::raptor::{Departure, DepartureQuery, Leg, Query, Ride, Search, When};

fn call(id: &str, at: i64) -> StopUpdate {
    StopUpdate {
        stop_id: Some(id.to_owned()),
        departure: Some(StopEvent::At(MIDNIGHT + at)),
        ..StopUpdate::default()
    }
}

fn added(id: &str, stops: Vec<StopUpdate>) -> TripUpdate {
    TripUpdate {
        trip_id: id.to_owned(),
        route_id: Some("R".to_owned()),
        relationship: TripRelationship::Added,
        stops,
        ..TripUpdate::default()
    }
}

fn copied(of: &str, id: &str, start: &str) -> TripUpdate {
    TripUpdate {
        trip_id: of.to_owned(),
        relationship: TripRelationship::Duplicated,
        properties: Some(Box::new(TripProperties {
            trip_id: Some(id.to_owned()),
            start_date: Some("20261124".to_owned()),
            start_time: Some(start.to_owned()),
            headsign: Some("Extra".to_owned()),
        })),
        ..TripUpdate::default()
    }
}

fn cancelled(id: &str) -> TripUpdate {
    TripUpdate { relationship: TripRelationship::Cancelled, ..update_of(id) }
}

fn update_of(id: &str) -> TripUpdate {
    TripUpdate { trip_id: id.to_owned(), ..TripUpdate::default() }
}

struct Fixture {
    overlay: Overlay,
    search: Search,
}

impl Fixture {
    fn new(updates: &[TripUpdate]) -> Self {
        let timetable = Arc::new(timetable());
        Fixture { overlay: Overlay::new(&timetable, updates, NOW), search: Search::new(timetable) }
    }

    fn stop(&self, id: &str) -> StopIx {
        self.search.timetable().stop(id).unwrap()
    }

    /// What leaves a stop on the day, with the names of its runs.
    fn board(&mut self, stop: &str) -> Vec<(String, Departure)> {
        let (stop, day) = (self.stop(stop), DAY);
        let wanted =
            DepartureQuery { stop, to: None, day, from_s: 0, within_s: 40_000, count: 99, booked: None };
        let found = self.search.departures(Some(&self.overlay), &wanted);
        let runs = Runs { timetable: self.search.timetable(), overlay: Some(&self.overlay) };
        found.into_iter().map(|d| (runs.trip_id(d.trip).to_owned(), d)).collect()
    }

    fn names(&mut self, stop: &str) -> Vec<String> {
        self.board(stop)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| !["often", "night"].contains(&&**name))
            .collect()
    }

    /// The only ride of the first journey.
    fn ride(&mut self, from: &str, to: &str, at: i32) -> Option<(String, Ride)> {
        let (origins, destinations) = ([(self.stop(from), 0)], [(self.stop(to), 0)]);
        let query = Query::new(&origins, &destinations, DAY, When::DepartAt(at));
        let answer = self.search.run(&query, Some(&self.overlay), &mut || false);
        let runs = Runs { timetable: self.search.timetable(), overlay: Some(&self.overlay) };
        match answer.journeys.first()?.legs.as_slice() {
            [Leg::Ride(ride)] => Some((runs.trip_id(ride.trip).to_owned(), ride.clone())),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_added_run_is_found_with_its_line_and_words() {
    let planned =
        Some(Box::new(PlannedStop { departure: Some(MIDNIGHT + 14_000), ..PlannedStop::default() }));
    let first = StopUpdate { planned, ..call("a", 14_400) };
    let strange = call("no stop of the timetable", 14_700);
    let extra = added("extra", vec![first, strange, call("c", 15_000)]);
    let mut fixture = Fixture::new(&[extra]);
    assert_eq!(fixture.overlay.report, Report { added: 1, ..Report::default() });
    let (name, ride) = fixture.ride("a", "c", 10_000).unwrap();
    assert_eq!((name.as_str(), ride.departure_s, ride.arrival_s), ("extra", 14_400, 15_000));
    assert_eq!((ride.scheduled_departure_s, ride.scheduled_arrival_s), (14_000, 15_000));
    assert!(ride.departure_is_live && ride.arrival_is_live);
    let runs = Runs { timetable: fixture.search.timetable(), overlay: Some(&fixture.overlay) };
    assert_eq!(runs.route(ride.trip).map(|route| route.id.as_str()), Some("R"));
    assert_eq!(runs.headsign_at(ride.trip, 0), "Cee", "the last stop's name where none is given");
    assert_eq!(runs.geometry(ride.trip, 0, 1).len(), 2);
    let board = fixture.board("a");
    let (_, leaves) = board.iter().find(|(name, _)| name == "extra").unwrap();
    assert_eq!((leaves.departure_s, leaves.scheduled_s, leaves.realtime), (14_400, 14_000, true));
    assert_eq!(fixture.overlay.own(ride.trip).map(|own| own.kind), Some(OwnKind::Added));
    assert!(fixture.overlay.own_called("extra", Some(DAY)).is_some());
    assert!(fixture.overlay.own_called("extra", Some(DAY + 1)).is_none());
}

#[test]
fn an_added_run_that_nobody_can_ride_is_counted() {
    let timeless = StopUpdate { departure: None, ..call("b", 0) };
    let delayed = StopUpdate { departure: Some(StopEvent::Delay(60)), ..call("b", 0) };
    let silent = StopUpdate { relationship: StopRelationship::NoData, departure: None, ..call("b", 0) };
    for (stops, date) in [
        (vec![], None),
        (vec![call("a", 14_400)], None),
        (vec![call("a", 14_400), call("nowhere", 14_500)], None),
        (vec![call("a", 14_400), timeless], None),
        (vec![call("a", 14_400), delayed], None),
        (vec![call("a", 14_400), silent], None),
        (vec![call("a", 14_400), call("b", 10 * 86_400)], None),
        (vec![call("a", 14_400), call("b", i64::MAX / 2)], None),
        (vec![call("a", 14_400), call("b", 14_500)], Some("20270101")),
        (vec![call("a", 14_400), call("b", 14_500)], Some("tomorrow")),
    ] {
        let update = TripUpdate { start_date: date.map(str::to_owned), ..added("extra", stops) };
        let overlay = Overlay::new(&timetable(), std::slice::from_ref(&update), NOW);
        assert_eq!(overlay.report, Report { incomplete: 1, ..Report::default() }, "{update:?}");
        assert_eq!(overlay.days().count(), 0);
    }
}

#[test]
fn an_added_run_is_taken_back() {
    let extra = || added("extra", vec![call("a", 14_400), call("c", 15_000)]);
    assert_eq!(Fixture::new(&[extra()]).names("a"), ["t", "extra"]);
    let mut gone = Fixture::new(&[extra(), cancelled("extra")]);
    assert_eq!(gone.names("a"), ["t"]);
    assert_eq!(gone.overlay.report, Report { cancelled: 1, ..Report::default() });
    assert_eq!(
        Fixture::new(&[cancelled("extra"), extra()]).names("a"),
        ["t", "extra"],
        "the last word holds"
    );
    let other_day = TripUpdate { start_date: Some("20261125".into()), ..cancelled("extra") };
    assert_eq!(Fixture::new(&[extra(), other_day]).names("a"), ["t", "extra"]);
    // It is a run without a line, too.
    let lineless = TripUpdate { route_id: Some("of nobody".into()), ..extra() };
    assert_eq!(Fixture::new(&[lineless]).names("a"), ["t", "extra"]);
}

#[test]
fn a_replacement_runs_instead() {
    let other = TripUpdate { relationship: TripRelationship::Replaced, ..added("t", vec![]) };
    let other = TripUpdate { stops: vec![call("b", 400), call("c", 700), call("a", 900)], ..other };
    let mut fixture = Fixture::new(std::slice::from_ref(&other));
    assert_eq!(fixture.overlay.report, Report { added: 1, ..Report::default() });
    assert_eq!(fixture.names("a"), Vec::<String>::new(), "it ends there, and is not cancelled");
    let (name, ride) = fixture.ride("b", "a", 0).unwrap();
    assert_eq!((name.as_str(), ride.departure_s, ride.arrival_s), ("t", 400, 900));
    assert_eq!(fixture.overlay.own(ride.trip).map(|own| own.kind), Some(OwnKind::Replaced));
    assert!(!fixture.overlay.is_cancelled(DAY, fixture.search.timetable().trips("t")[0]));
    // One without its stops changes nothing.
    let lacking = TripUpdate { stops: vec![call("b", 400)], ..other.clone() };
    let mut fixture = Fixture::new(&[lacking]);
    assert_eq!((fixture.names("a"), fixture.overlay.report.incomplete), (vec!["t".to_owned()], 1));
    let unknown = TripUpdate { trip_id: "none".into(), ..other };
    assert_eq!(Fixture::new(&[unknown]).overlay.report, Report { unknown: 1, ..Report::default() });
}

#[test]
fn a_copy_runs_at_its_own_start() {
    // Delayed by a minute from b on: 160 s after the start instead of 100.
    let late = StopUpdate { arrival: Some(StopEvent::Delay(60)), ..stop(5) };
    let copy = TripUpdate { stops: vec![late], ..copied("t", "copy", "04:00:00") };
    let mut fixture = Fixture::new(&[copy.clone(), copied("t", "second", "05:00:00")]);
    assert_eq!(fixture.overlay.report, Report { added: 2, ..Report::default() });
    assert_eq!(fixture.names("a"), ["t", "copy", "second"]);
    let (name, ride) = fixture.ride("a", "b", 10_000).unwrap();
    assert_eq!((name.as_str(), ride.departure_s, ride.arrival_s), ("copy", 14_400, 14_560));
    assert_eq!(ride.scheduled_arrival_s, 14_500);
    let runs = Runs { timetable: fixture.search.timetable(), overlay: Some(&fixture.overlay) };
    assert_eq!(runs.headsign_at(ride.trip, 0), "Extra");
    assert_eq!(runs.route(ride.trip).map(|route| route.id.as_str()), Some("R"));
    // The run itself goes on as before.
    assert_eq!(
        fixture.ride("a", "b", 0).map(|(name, ride)| (name, ride.departure_s)),
        Some(("t".into(), 60))
    );
    // A feed that also reports the copy as an added run reports it twice.
    for name in ["copy", "t"] {
        let twin = added(name, vec![call("a", 14_400), call("c", 14_800)]);
        for updates in [[copy.clone(), twin.clone()], [twin, copy.clone()]] {
            assert_eq!(Fixture::new(&updates).names("a"), ["t", "copy"]);
        }
    }
    for lacking in [
        copied("none", "copy", "04:00:00"),
        copied("t", "copy", "at four"),
        TripUpdate { properties: None, ..copied("t", "", "") },
    ] {
        assert_eq!(Fixture::new(&[lacking]).overlay.report, Report { incomplete: 1, ..Report::default() });
    }
    // The keys of two copies differ, so that both are kept.
    assert_ne!(copy.key(), copied("t", "second", "05:00:00").key());
}

#[test]
fn a_deleted_run_is_not_shown() {
    let deleted = TripUpdate { relationship: TripRelationship::Deleted, ..update_of("t") };
    assert_eq!(Fixture::new(&[deleted]).names("a"), Vec::<String>::new());
    let mut fixture = Fixture::new(&[cancelled("t")]);
    let board = fixture.board("a");
    assert!(board.iter().any(|(name, d)| name == "t" && d.cancelled && d.realtime));
}

#[test]
fn a_stop_that_is_skipped_is_cancelled_on_its_board() {
    let skipped = StopUpdate { relationship: StopRelationship::Skipped, ..stop(5) };
    let mut fixture = Fixture::new(&[update(vec![skipped])]);
    let cancelled = |board: Vec<(String, Departure)>| {
        board.iter().filter(|(n, _)| n == "t").map(|(_, d)| (d.cancelled, d.departure_s)).collect::<Vec<_>>()
    };
    assert_eq!(cancelled(fixture.board("a")), [(false, 60)]);
    assert_eq!(cancelled(fixture.board("b")), [(true, 180)]);
    assert!(fixture.ride("b", "c", 0).is_none_or(|(name, _)| name != "t"));
}

#[test]
fn without_updates_the_times_are_the_timetables() {
    let late = |sequence| StopUpdate { departure: Some(StopEvent::Delay(30)), ..stop(sequence) };
    let none = |sequence| StopUpdate { relationship: StopRelationship::NoData, ..stop(sequence) };
    let live = |stops: Vec<StopUpdate>| {
        let timetable = timetable();
        let trip = timetable.trips("t")[0];
        let overlay = Overlay::new(&timetable, &[update(stops)], NOW);
        let day = overlay.days().next().unwrap();
        [0, 1, 2].map(|position| day.is_live(trip, position))
    };
    assert_eq!(live(vec![late(1)]), [true, true, true]);
    assert_eq!(live(vec![late(5)]), [false, true, true], "before the first word there is none");
    assert_eq!(live(vec![late(1), none(5)]), [true, false, false]);
    assert_eq!(live(vec![late(1), none(5), late(7)]), [true, false, true]);
    assert_eq!(live(vec![none(1), late(5), none(7)]), [false, true, false]);
    // On the way and at stops.
    let mut fixture = Fixture::new(&[update(vec![late(1), none(5)])]);
    let (_, ride) = fixture.ride("a", "c", 0).unwrap();
    assert_eq!((ride.departure_is_live, ride.arrival_is_live), (true, false));
    assert_eq!((ride.departure_s, ride.arrival_s), (90, 300));
    let (_, ride) = fixture.ride("b", "c", 0).unwrap();
    assert_eq!((ride.departure_is_live, ride.departure_s), (false, 180));
    let realtime =
        |board: Vec<(String, Departure)>| board.iter().find(|(n, _)| n == "t").map(|(_, d)| d.realtime);
    assert_eq!((realtime(fixture.board("a")), realtime(fixture.board("b"))), (Some(true), Some(false)));
}

/// Two files with the same ids: `t` of line R from a to b at 8:00.
fn two_files() -> Timetable {
    let files = || {
        let text = |text: &str| text.to_owned();
        vec![
            ("agency.txt", text("agency_id,agency_timezone\nA,Europe/Berlin\n")),
            ("routes.txt", text("route_id,route_type\nR,3\n")),
            ("stops.txt", text("stop_id,stop_lat,stop_lon\na,51,7\nb,51,7\n")),
            ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261124,1\n")),
            ("trips.txt", text("route_id,service_id,trip_id\nR,S,t\n")),
            (
                "stop_times.txt",
                text("trip_id,stop_id,stop_sequence,arrival_time\nt,a,1,08:00:00\nt,b,2,08:10:00\n"),
            ),
        ]
    };
    read_texts(vec![("bus", files()), ("rail", files())], Options::default()).0
}

#[test]
fn equal_ids_of_two_files_do_not_mix() {
    let timetable = two_files();
    let (bus, rail) = (timetable.feed("bus.zip"), timetable.feed("rail"));
    assert_eq!((bus, rail, timetable.feed("tram.zip")), (Some(0), Some(1), None));
    let late = TripUpdate { delay_s: Some(60), ..update_of("t") };
    let nameless = TripUpdate {
        route_id: Some("R".into()),
        start_time: Some("08:00:00".into()),
        delay_s: Some(60),
        ..TripUpdate::default()
    };
    let nowhere = Some(crate::timetable::NO_FEED);
    let changed = |feed, update: &TripUpdate| {
        let overlay = Overlay::of_feeds(&timetable, [(feed, update)], NOW);
        let changed = |trip: &u32| overlay.days().any(|day| day.own(*trip).is_some());
        let trips = (0..timetable.trips.len() as u32).filter(changed).map(|trip| timetable.trip_id(trip));
        (trips.collect::<Vec<_>>(), overlay.report.unknown, overlay.report.ambiguous)
    };
    for update in [&late, &nameless] {
        assert_eq!(changed(bus, update), (vec!["bus:t"], 0, 0));
        assert_eq!(changed(rail, update), (vec!["rail:t"], 0, 0));
        assert_eq!(changed(nowhere, update), (vec![], 1, 0));
    }
    assert_eq!(changed(None, &late), (vec![], 1, 0));
    assert_eq!(changed(None, &nameless), (vec![], 0, 1));
    assert_eq!(changed(None, &TripUpdate { trip_id: "rail:t".into(), ..late }), (vec!["rail:t"], 0, 0));
    // Each file's own run may be added, and taken back.
    let extra = added("x", vec![call("a", 30_000), call("b", 30_600)]);
    let both = [(bus, &extra), (rail, &extra)];
    let overlay = Overlay::of_feeds(&timetable, both, NOW);
    let of = |number: u32| {
        let run = overlay.own(timetable.trips.len() as u32 + number).unwrap();
        (timetable.routes[run.route as usize].feed, timetable.stops.ids.get(run.stops[0]))
    };
    assert_eq!((overlay.report.added, of(0), of(1)), (2, (0, "bus:a"), (1, "rail:a")));
    let gone = cancelled("x");
    let overlay = Overlay::of_feeds(&timetable, both.into_iter().chain([(rail, &gone)]), NOW);
    assert_eq!((overlay.report.added, overlay.report.cancelled), (1, 1));
}
