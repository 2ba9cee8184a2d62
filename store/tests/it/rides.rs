//! Runs as planners' figures need them: whole, in order, each count once.

use crate::support::Database;
use domain::Registry;
use domain::observation::{DoorCount, VehicleFix};
use domain::occupancy::Bucket;
use domain::{FeedId, MunicipalityId, PassengerCount, UtcMicros, VehicleId, VehiclePosition};
use futures_util::TryStreamExt;
use store::transit_history::{self, RideEvent, Window};
use store::writer::Batch;
use testing::observed::{self, dated};

fn utc(text: &str) -> UtcMicros {
    UtcMicros::parse(text).unwrap()
}

fn count(
    municipality: MunicipalityId,
    (vehicle, trip): (i32, &str),
    at: &str,
    entries: i32,
    seq: Option<i64>,
) -> PassengerCount {
    let count = PassengerCount {
        stop_id: Some("s".into()),
        trip_id: Some(trip.into()),
        doors: vec![DoorCount { door: "1".into(), entries, exits: 0 }],
        on_board: Some(entries),
        seq,
        ..observed::passengers(observed::provenance(municipality, FeedId(3), utc(at)), VehicleId(vehicle))
    };
    PassengerCount { digest: count.digest_of(), ..count }
}

fn passage(municipality: MunicipalityId, trip: &str, at: &str) -> VehiclePosition {
    let fix = VehicleFix {
        trip_id: Some(trip.into()),
        route_id: Some("9".into()),
        stop_id: Some("s".into()),
        delay_s: Some(0),
        ..VehicleFix::default()
    };
    observed::vehicle(observed::provenance(municipality, FeedId(3), utc(at)), VehicleId(1), fix)
}

/// Day of November, trip, vehicle and number of its run, entries, whether it is wanted.
fn fields(event: &RideEvent) -> (i32, &str, Option<(i32, i64, i32)>, bool) {
    const NOVEMBER: i32 = 20_757; // 2026-10-31
    let passengers = event.passengers.map(|p| (p.vehicle.0, p.run, p.entries));
    (event.day - NOVEMBER, &event.trip_id, passengers, event.is_wanted)
}

#[tokio::test]
async fn runs_are_whole_and_each_count_is_returned_once() {
    let database = Database::start().await;
    let town = database.municipality;
    let mut writer = database.writer().await;
    let batch = Batch {
        passengers: dated([
            // A run of the evening before: its end lies in the window, its beginning must balance it.
            count(town, (1, "late"), "2026-11-22T22:50:00Z", 1, None),
            count(town, (1, "late"), "2026-11-22T23:10:00Z", 2, None),
            // After midnight, still that service day.
            count(town, (1, "night"), "2026-11-23T00:30:00Z", 3, None),
            // Two buses on one trip, the first corrected; then the trip again in the evening.
            count(town, (2, "day"), "2026-11-23T08:00:00Z", 50, Some(1)),
            count(town, (2, "day"), "2026-11-23T08:00:00Z", 5, Some(2)),
            count(town, (1, "day"), "2026-11-23T08:05:00Z", 6, None),
            count(town, (2, "day"), "2026-11-23T08:10:00Z", 7, None),
            count(town, (2, "day"), "2026-11-23T15:00:00Z", 8, None),
            // Two messages of one instant without a number are two.
            count(town, (3, "doors"), "2026-11-23T09:00:00Z", 1, None),
            count(town, (3, "doors"), "2026-11-23T09:00:00Z", 2, None),
        ]),
        vehicles: dated([passage(town, "day", "2026-11-23T08:01:00Z")]),
        ..Batch::default()
    };
    writer.write(&batch, &Registry::default(), utc("2026-11-24T00:00:00Z")).await.unwrap();
    let window = Window {
        municipality: town,
        tz: "Europe/Berlin".into(),
        from: utc("2026-11-23T00:00:00+01:00"),
        until: utc("2026-11-24T00:00:00+01:00"),
        bucket: Bucket::Day,
        route: None,
        stop: None,
        by_route: true,
        by_stop: false,
        days: None,
        minutes: None,
    };
    let events: Vec<RideEvent> = transit_history::rides(&database.pool, &window).try_collect().await.unwrap();
    let mut rows: Vec<_> = events.iter().map(fields).collect();
    // Of one instant the content decides, which says nothing.
    rows[8..].sort_unstable();
    assert_eq!(
        rows,
        [
            (22, "late", Some((1, 1, 1)), false),
            (22, "late", Some((1, 1, 2)), true),
            (22, "night", Some((1, 1, 3)), true),
            (23, "day", Some((1, 1, 6)), true),
            (23, "day", Some((2, 1, 5)), true),
            (23, "day", Some((2, 1, 7)), true),
            (23, "day", Some((2, 2, 8)), true),
            (23, "day", None, true),
            (23, "doors", Some((3, 1, 1)), true),
            (23, "doors", Some((3, 1, 2)), true),
        ][..]
    );
    let first = |event: &RideEvent| event.first_bucket.unwrap().to_string();
    assert_eq!(
        (first(&events[0]), first(&events[9])),
        ("2026-11-21T23:00:00Z".into(), "2026-11-22T23:00:00Z".into())
    );
    assert_eq!(events[7].group.route.as_deref(), Some("9"));
}

#[tokio::test]
async fn what_was_counted_ahead_of_the_clock_is_of_no_run() {
    let database = Database::start().await;
    let now = database.now().await;
    let at = |s: i64| now.plus_s(s).to_string();
    let town = database.municipality;
    let mut writer = database.writer().await;
    let passengers = [(-7_200, 4), (-60, 5), (3_600, 6), (7_200, 7)]
        .map(|(s, entries)| count(town, (1, "day"), &at(s), entries, None));
    let batch = Batch { passengers: dated(passengers), ..Batch::default() };
    writer.write(&batch, &Registry::default(), now).await.unwrap();
    let window = Window {
        municipality: town,
        tz: "Europe/Berlin".into(),
        from: utc(&at(-86_400)),
        until: utc(&at(86_400)),
        bucket: Bucket::All,
        route: None,
        stop: None,
        by_route: false,
        by_stop: false,
        days: None,
        minutes: None,
    };
    let events: Vec<RideEvent> = transit_history::rides(&database.pool, &window).try_collect().await.unwrap();
    let entries: Vec<_> = events.iter().filter_map(|event| Some(event.passengers?.entries)).collect();
    assert_eq!(entries, [4, 5]);
}
