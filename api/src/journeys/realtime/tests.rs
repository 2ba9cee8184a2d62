use domain::live::Change;
use domain::trip_update::TripRelationship;
use domain::{FeedId, TripReport, VehicleId};
use journey::overlay::Overlay;
use journey::timetable::{FeedProblems, Options, read};
use testing::World;

use super::*;

/// 2026-11-24, a Tuesday; the timetable is in UTC.
const DATE: &str = "20261124";

fn at(time: &str) -> UtcMicros {
    UtcMicros::parse(&format!("2026-11-24T{time}Z")).unwrap()
}

/// Route 540 there and back at 19:08, at 0:30 and 24:30, and every ten minutes from 12:00.
fn timetable() -> Timetable {
    let folder = tempfile::tempdir().unwrap();
    let trips = [("there", 0, "19:08:00"), ("back", 1, "19:08:00"), ("early", 0, "00:30:00")];
    let trips = [&trips[..], &[("late", 0, "24:30:30"), ("often", 0, "12:00:00")]].concat();
    let trip_rows = trips.iter().map(|(id, way, _)| format!("R_540,all,{id},{way}\n")).collect::<String>();
    let time_rows = trips.iter().map(|(id, _, start)| {
        let hour: u32 = start[..2].parse().unwrap();
        let end = format!("{:02}{}", hour + 1, &start[2..]);
        format!("{id},{start},{start},a,1\n{id},{end},{end},b,2\n")
    });
    let files = [
        ("agency.txt", "agency_name,agency_url,agency_timezone\nBus,http://b,UTC\n".to_owned()),
        ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,A,51.9,7.1\nb,B,51.9,7.2\n".to_owned()),
        ("routes.txt", "route_id,route_short_name,route_type\nR_540,540,3\n".to_owned()),
        (
            "calendar.txt",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nall,1,1,1,1,1,1,1,20261101,20261231\n".to_owned(),
        ),
        ("trips.txt", format!("route_id,service_id,trip_id,direction_id\n{trip_rows}")),
        ("frequencies.txt", "trip_id,start_time,end_time,headway_secs\noften,12:00:00,13:00:00,600\n".to_owned()),
        (
            "stop_times.txt",
            format!("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n{}", time_rows.collect::<String>()),
        ),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut problems = FeedProblems::default();
    read(&[folder.path()], Options::default(), &mut |_| {}, &mut problems).unwrap()
}

/// A county with eight buses.
fn county() -> World {
    (1..9).fold(World::town("kreis"), |county, n| county.vehicle(&format!("bus-{n}")))
}

fn map(changes: Vec<Change>, now: UtcMicros) -> LiveMap {
    let mut map = LiveMap::new(county().registry(), now);
    map.apply(changes, now);
    map
}

fn bus(id: i32, trip: &str, delay_s: i32, observed_at: UtcMicros) -> Change {
    let fix = VehicleFix {
        trip_id: Some(trip.into()),
        start_date: Some(DATE.into()),
        delay_s: Some(delay_s),
        occupancy_pct: Some(delay_s as f32 / 10.0),
        ..VehicleFix::default()
    };
    Change::Vehicle { vehicle: VehicleId(id), feed: FeedId(1), observed_at, digest: 1, fix }
}

fn update(trip: &str, of: TripUpdate, at: UtcMicros) -> Change {
    let update = TripUpdate { trip_id: trip.into(), ..of };
    let digest = update.digest_of();
    let report = TripReport { observed_at: at, confirmed_at: at, digest, update: Box::new(update) };
    Change::Trip { feed: FeedId(2), report }
}

/// Runs with their first departure, and how late they leave; `None`: they do not run.
fn expected_runs(changes: Vec<Change>, now: UtcMicros) -> Vec<(String, i32, Option<i32>)> {
    let timetable = timetable();
    let updates = updates(&map(changes, now), &timetable, now);
    let of_feeds = updates.iter().map(|(feed, update)| (*feed, update));
    let overlay = Overlay::of_feeds(&timetable, of_feeds, now.0.div_euclid(1_000_000));
    assert_eq!((overlay.report.unknown, overlay.report.ambiguous), (0, 0), "{updates:?}");
    let mut expected_runs = Vec::new();
    for day in overlay.days() {
        for trip in 0..timetable.trips.len() as TripIx {
            let start = timetable.first_departure(trip);
            if let Some(own) = day.own(trip) {
                let leaves = day.patterns.trip(own).departure(0);
                expected_runs.push((timetable.trip_id(trip).to_owned(), start, Some(leaves - start)));
            } else if overlay.is_cancelled(day.day, trip) {
                expected_runs.push((timetable.trip_id(trip).to_owned(), start, None));
            }
        }
    }
    expected_runs
}

fn by_one_bus(trip: &str, time: &str) -> Option<(String, i32)> {
    let mut expected_runs = expected_runs(vec![bus(1, trip, 60, at(time))], at(time));
    expected_runs.pop().map(|(trip, start, delay)| {
        assert_eq!(delay, Some(60));
        (trip, start)
    })
}

const EVENING: i32 = 19 * 3_600 + 8 * 60;

#[test]
fn a_trip_is_named_as_in_the_timetable_or_by_its_start() {
    let found = |trip: &str, start| Some((trip.to_owned(), start));
    assert_eq!(by_one_bus("there", "19:20:00"), found("there", EVENING));
    assert_eq!(by_one_bus("R_540_0_20261124_19:08", "19:20:00"), found("there", EVENING));
    assert_eq!(by_one_bus("R_540_1_20261124_19:08", "19:20:00"), found("back", EVENING));
    assert_eq!(by_one_bus("R_540_1__19:08", "19:20:00"), found("back", EVENING), "the nearest day");
    assert_eq!(by_one_bus("R_540_0_20261124_00:30", "00:40:00"), found("early", 1_800));
    assert_eq!(by_one_bus("R_540_0_20261124_00:30", "23:50:00"), found("late", 88_230));
    assert_eq!(by_one_bus("R_540_0_20261124_24:30", "23:50:00"), found("late", 88_230));
    assert_eq!(by_one_bus("R_540_0_20261124_12:20", "12:30:00"), found("often", 44_400));
    assert_eq!(by_one_bus("R_540__20261124_12:20", "12:30:00"), found("often", 44_400), "the only way");
}

#[test]
fn what_is_not_clear_is_left_out() {
    for strange in [
        "often",
        "nothing",
        "540_0_20261124_19:08",
        "R_540_0_20261124_19:09",
        "R_540_2_20261124_19:08",
        "R_540__20261124_19:08",
        "R_540_0_20270101_19:08",
        "R_540_0_20261124_1908",
        "R_540_0_20261124_-1:08",
        "R_540_0_2026112é_19:08",
        "___",
        "",
    ] {
        assert_eq!(by_one_bus(strange, "19:20:00"), None, "{strange}");
    }
}

#[test]
fn without_directions_two_trips_at_one_time_are_not_guessed() {
    let mut timetable = timetable();
    timetable.trips.iter_mut().for_each(|trip| trip.direction = None);
    assert!(run_called(&timetable, None, "R_540_0_20261124_19:08", at("19:20:00")).is_none());
    assert!(run_called(&timetable, None, "R_540_0_20261124_00:30", at("00:20:00")).is_some());
}

#[test]
fn an_update_holds_over_a_vehicle() {
    let now = at("19:20:00");
    let cancelled = TripUpdate { relationship: TripRelationship::Cancelled, ..TripUpdate::default() };
    let buses = || vec![bus(1, "there", 60, now), bus(2, "R_540_1_20261124_19:08", 90, now)];
    let with = |change| [vec![change], buses()].concat();
    let there = |delay_s| ("there".to_owned(), EVENING, delay_s);
    let back = ("back".to_owned(), EVENING, Some(90));
    let sorted = |changes| {
        let mut expected_runs = expected_runs(changes, now);
        expected_runs.sort();
        expected_runs
    };
    assert_eq!(sorted(with(update("there", cancelled.clone(), now))), [back.clone(), there(None)]);
    // So does one that names the run by its route and start.
    let nameless = TripUpdate {
        route_id: Some("R_540".into()),
        direction: Some(0),
        start_time: Some("19:08:00".into()),
        start_date: Some(DATE.into()),
        ..cancelled
    };
    assert_eq!(sorted(with(update("", nameless, now))), [back.clone(), there(None)]);
    // After an update of another day, or an empty one, the vehicle's own report holds.
    let other_day =
        TripUpdate { start_date: Some("20261125".into()), delay_s: Some(5), ..TripUpdate::default() };
    let expected = [back.clone(), there(Some(5)), there(Some(60))];
    assert_eq!(sorted(with(update("there", other_day, now))), expected);
    let empty = with(update("there", TripUpdate::default(), now));
    assert_eq!(sorted(empty), [back, there(Some(60))]);
}

#[test]
fn a_silent_vehicle_and_a_silent_feed_are_forgotten() {
    let now = at("19:20:00");
    let late = TripUpdate { delay_s: Some(5), ..TripUpdate::default() };
    let changes = |age_s: i64| {
        vec![bus(1, "there", 60, now.plus_s(-age_s)), update("back", late.clone(), now.plus_s(-3 * age_s))]
    };
    assert_eq!(expected_runs(changes(VEHICLE_HOLDS_S), now).len(), 2);
    assert_eq!(expected_runs(changes(VEHICLE_HOLDS_S + 1), now).len(), 0);
}

#[test]
fn a_vehicle_that_goes_on_without_its_trip_has_ended_it() {
    let now = at("19:20:00");
    let position = VehicleFix { position: domain::LatLon::new(51.9, 7.1), ..VehicleFix::default() };
    let moving = |observed_at| Change::Vehicle {
        vehicle: VehicleId(1),
        feed: FeedId(1),
        observed_at,
        digest: 2,
        fix: position.clone(),
    };
    let changes = |age_s: i64| vec![bus(1, "there", 60, now.plus_s(-age_s)), moving(now)];
    assert_eq!(expected_runs(changes(VEHICLE_HOLDS_S), now).len(), 1);
    assert_eq!(expected_runs(changes(VEHICLE_HOLDS_S + 1), now).len(), 0);
    // Its trip is reported again, its delay is not.
    let trip = VehicleFix { trip_id: Some("there".into()), ..VehicleFix::default() };
    let trip_again = |observed_at| Change::Vehicle {
        vehicle: VehicleId(1),
        feed: FeedId(1),
        observed_at,
        digest: 3,
        fix: trip.clone(),
    };
    let again = |age_s: i64| vec![bus(1, "there", 60, now.plus_s(-age_s)), trip_again(now)];
    assert_eq!(expected_runs(again(VEHICLE_HOLDS_S), now).len(), 1);
    assert_eq!(expected_runs(again(VEHICLE_HOLDS_S + 1), now).len(), 0);
}

#[test]
fn crowding_is_that_of_the_newest_vehicle() {
    let now = at("19:20:00");
    let changes = vec![
        bus(1, "there", 200, now.plus_s(-5)),
        bus(2, "R_540_0_20261124_19:08", 400, now.plus_s(-9)),
        bus(3, "R_540_1__19:08", 700, now.plus_s(-9)),
        bus(4, "early", 700, now.plus_s(-VEHICLE_HOLDS_S - 1)),
    ];
    let timetable = timetable();
    let crowding = crowding(&map(changes, now), Runs { timetable: &timetable, overlay: None }, now);
    let day = parse_day("20261124").unwrap();
    let expected = HashMap::from([(("there".to_owned(), day), 20.0), (("back".to_owned(), day), 70.0)]);
    assert_eq!(crowding, expected);
}

#[test]
fn a_vehicles_trip_is_called_as_in_the_timetable() {
    let timetable = timetable();
    let now = at("19:20:00");
    let called = |name: &str| {
        let map = map(vec![bus(1, name, 60, now)], now);
        trip_called(&map.vehicle(VehicleId(1)).unwrap(), map.registry(), &timetable)
    };
    assert_eq!(called("R_540_1_20261124_19:08").as_deref(), Some("back"));
    assert_eq!(called("back"), None, "it is");
    assert_eq!(called("R_540__20261124_19:08"), None, "there are two");
}

#[test]
fn a_run_that_no_timetable_has_is_crowded_too() {
    let (timetable, now) = (timetable(), at("19:20:00"));
    let call = |stop: &str, time| domain::trip_update::StopUpdate {
        stop_id: Some(stop.into()),
        departure: Some(domain::trip_update::StopEvent::At(at(time).0 / 1_000_000)),
        ..Default::default()
    };
    let extra = TripUpdate {
        trip_id: "extra".into(),
        relationship: TripRelationship::Added,
        stops: vec![call("a", "19:00:00"), call("b", "20:00:00")],
        ..TripUpdate::default()
    };
    let overlay = Overlay::new(&timetable, &[extra], now.0 / 1_000_000);
    let map = map(vec![bus(1, "extra", 300, now), bus(2, "of nobody", 400, now)], now);
    let crowding = crowding(&map, Runs { timetable: &timetable, overlay: Some(&overlay) }, now);
    assert_eq!(crowding, HashMap::from([(("extra".to_owned(), parse_day(DATE).unwrap()), 30.0)]));
}

#[test]
fn a_feed_is_tied_to_its_timetable() {
    let timetable = timetable();
    let name = timetable.credits[0].feed.clone();
    let tied = |timetable: Option<&str>| {
        let vehicle =
            VehicleFix { trip_id: Some("there".into()), delay_s: Some(60), ..VehicleFix::default() };
        let now = at("19:20:00");
        let county = county().feed("rt").with_feed(|feed| {
            feed.format = domain::FeedFormat::GtfsRt;
            feed.timetable = timetable.map(str::to_owned);
        });
        let mut map = LiveMap::new(county.registry(), now);
        let expected_runs = update("back", TripUpdate { delay_s: Some(5), ..TripUpdate::default() }, now);
        let Change::Trip { report, .. } = expected_runs else { unreachable!() };
        let expected_runs = Change::Trip { feed: FeedId(1), report };
        let bus = Change::Vehicle {
            vehicle: VehicleId(1),
            feed: FeedId(1),
            observed_at: now,
            digest: 1,
            fix: vehicle,
        };
        map.apply([expected_runs, bus], now);
        map
    };
    let changed = |name: Option<&str>| {
        let map = tied(name);
        let updates = updates(&map, &timetable, at("19:20:00"));
        let expected_runs = updates.iter().map(|(feed, update)| (*feed, update));
        let report = Overlay::of_feeds(&timetable, expected_runs, at("19:20:00").0 / 1_000_000).report;
        (report.changed, report.unknown, ties_to_nothing(map.registry(), &timetable).len())
    };
    assert_eq!(changed(None), (2, 0, 0));
    assert_eq!(changed(Some(&name)), (2, 0, 0));
    assert_eq!(changed(Some(&format!("{name}.zip"))), (2, 0, 0));
    assert_eq!(changed(Some("rail.zip")), (0, 1, 1));
    let reported = ties_to_nothing(tied(Some("rail.zip")).registry(), &timetable).remove(0);
    assert!(
        reported.contains("'rail.zip'") && reported.contains(&name) && reported.contains("'rt'"),
        "{reported}"
    );
}
