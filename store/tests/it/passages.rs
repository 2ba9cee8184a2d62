//! Passages are a function of the set of statements, whatever their order, repetition and batches; and
//! what planners get out of them.

use domain::Registry;
use domain::occupancy::Bucket;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::Database;
use domain::observation::VehicleFix;
use domain::punctuality::Passage;
use domain::trip_update::Passed;
use domain::{FeedId, MunicipalityId, TripObservation, TripUpdate, UtcMicros, VehicleId, VehiclePosition};
use futures_util::TryStreamExt;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::Pool;
use store::retention::Retention;
use store::transit_history::{self, Group, Window};
use store::writer::Batch;
use testing::observed::{self, dated};

/// Monday, 2026-11-23, 12:00 in Berlin.
const NOON: UtcMicros = UtcMicros(1_795_431_600_000_000);

/// Vehicle, trip, stop, seconds after noon, delay, whether it has the date.
type Report = (i32, u8, u8, i64, i32, bool);

fn position(
    municipality: MunicipalityId,
    (vehicle, trip, stop, s, delay_s, is_dated): Report,
) -> VehiclePosition {
    let fix = VehicleFix {
        trip_id: Some(format!("trip-{trip}")),
        route_id: (trip != 0).then(|| format!("line-{trip}")),
        stop_id: Some(format!("stop-{stop}")),
        start_date: is_dated.then(|| "20261123".into()),
        delay_s: Some(delay_s),
        ..VehicleFix::default()
    };
    let of = observed::provenance(municipality, FeedId(3), NOON.plus_s(s));
    observed::vehicle(of, VehicleId(vehicle), fix)
}

/// One stop that an update, made at `s` seconds after noon, says was passed ten seconds before.
fn update(municipality: MunicipalityId, (_, trip, stop, s, delay_s, is_dated): Report) -> TripObservation {
    let at = NOON.plus_s(s);
    let update = TripUpdate {
        trip_id: format!("trip-{trip}"),
        route_id: Some(format!("line-{trip}")),
        start_date: is_dated.then(|| "20261123".into()),
        ..TripUpdate::default()
    };
    let passed = vec![Passed { stop_id: format!("stop-{stop}"), passed_at: at.plus_s(-10), delay_s }];
    let of = observed::provenance(municipality, FeedId(3), at);
    TripObservation { passed, ..observed::trip(of, update) }
}

/// Batches of statements: of vehicles where `true`, else of updates.
fn batches(municipality: MunicipalityId, reports: &[(bool, Report)], size: usize) -> Vec<Batch> {
    let batch = |part: &[(bool, Report)]| Batch {
        vehicles: dated(
            part.iter()
                .filter(|(is_vehicle, _)| *is_vehicle)
                .map(|(_, report)| position(municipality, *report)),
        ),
        trips: part.iter().filter(|(is, _)| !is).map(|(_, reports)| update(municipality, *reports)).collect(),
        ..Batch::default()
    };
    reports.chunks(size).map(batch).collect()
}

type Row = (String, String, Option<String>, Option<i32>, i64, i32);

async fn rows(pool: &Pool) -> Vec<Row> {
    sqlx::query_as(
        "SELECT trip_id, stop_id, route_id, vehicle, (extract(epoch FROM passed_at) * 1000000)::bigint, delay_s
         FROM stop_passage WHERE service_date = '2026-11-23' ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// The rule, without a database.
fn expected(municipality: MunicipalityId, reports: &[(bool, Report)]) -> Vec<Row> {
    let mut newest: BTreeMap<(String, String), Passage> = BTreeMap::new();
    for (is_vehicle, reports) in reports {
        let passage = if *is_vehicle {
            Passage::of_vehicle(&position(municipality, *reports)).unwrap()
        } else {
            let o = update(municipality, *reports);
            Passage::of_trip(&o.provenance, &o.report.update, o.report.observed_at, &o.passed[0]).unwrap()
        };
        let key = (passage.trip_id.clone(), passage.stop_id.clone());
        let held = newest.entry(key).or_insert_with(|| passage.clone());
        if held.rank() < passage.rank() {
            *held = passage;
        }
    }
    let row =
        |p: Passage| (p.trip_id, p.stop_id, p.route_id, p.vehicle.map(|v| v.0), p.passed_at.0, p.delay_s);
    newest.into_values().map(row).collect()
}

#[tokio::test]
async fn any_order_any_repetition_and_any_batches_give_the_same_passages() {
    let database = Database::start().await;
    let mut writer = database.writer().await;
    let one = (any::<bool>(), (1..3i32, 0..3u8, 0..3u8, 0..40i64, -60..600i32, any::<bool>()));
    let strategy = (prop::collection::vec(one, 1..60), 1..9usize).prop_flat_map(|(reports, size)| {
        let repeated: Vec<_> = reports.iter().chain(reports.iter().step_by(2)).copied().collect();
        (Just(reports), Just(repeated).prop_shuffle(), Just(size))
    });
    let mut runner = TestRunner::deterministic();
    for _ in 0..24 {
        database.execute("TRUNCATE stop_passage, vehicle_position, trip_state").await;
        let (reports, shuffled, size) = strategy.new_tree(&mut runner).unwrap().current();
        for batch in batches(database.municipality, &shuffled, size) {
            writer.write(&batch, &Registry::default(), NOON).await.unwrap();
        }
        assert_eq!(rows(&database.pool).await, expected(database.municipality, &reports), "{reports:?}");
    }
}

async fn counts(pool: &Pool, window: &Window) -> Vec<(Group, i32, i64)> {
    let rows = transit_history::delays(pool, window).map_ok(|c| (c.group, c.delay_s, c.n));
    rows.try_collect().await.unwrap()
}

fn utc(text: &str) -> UtcMicros {
    UtcMicros::parse(text).unwrap()
}

#[tokio::test]
async fn hours_days_and_weeks_are_the_towns() {
    let database = Database::start().await;
    let mut writer = database.writer().await;
    let at = |trip: u8, time: &str, delay_s| {
        let s = (utc(time).0 - NOON.0) / 1_000_000;
        (true, (1, trip, 0, s, delay_s, false))
    };
    let reports = [
        // Saturday before midnight, after it (the same service day), and the two hours at 02:xx of the night
        // in which the clocks go back.
        at(1, "2026-10-24T21:30:00Z", 10),
        at(2, "2026-10-24T22:30:00Z", 20),
        at(3, "2026-10-25T00:30:00Z", 30),
        at(4, "2026-10-25T01:30:00Z", 40),
        // A Monday, and All Saints' Day, a Sunday.
        at(5, "2026-10-26T08:15:00Z", 50),
        at(1, "2026-11-01T08:15:00Z", 60),
    ];
    for batch in batches(database.municipality, &reports, 4) {
        writer.write(&batch, &Registry::default(), NOON).await.unwrap();
    }
    let days: Vec<String> =
        database.scalars("SELECT service_date::text FROM stop_passage ORDER BY passed_at").await;
    assert_eq!(days, ["2026-10-24", "2026-10-24", "2026-10-24", "2026-10-24", "2026-10-26", "2026-11-01"]);
    let window = Window {
        municipality: database.municipality,
        tz: "Europe/Berlin".into(),
        from: utc("2026-10-24T00:00:00+02:00"),
        until: utc("2026-11-02T00:00:00+01:00"),
        bucket: Bucket::Day,
        route: None,
        stop: None,
        by_route: false,
        by_stop: false,
        days: None,
        minutes: None,
    };
    let by_bucket = |rows: Vec<(Group, i32, i64)>| {
        rows.into_iter().map(|(g, delay_s, _)| (g.bucket.unwrap().to_string(), delay_s)).collect::<Vec<_>>()
    };
    let rows = |list: &[(&str, i32)]| list.iter().map(|(at, d)| ((*at).to_owned(), *d)).collect::<Vec<_>>();
    assert_eq!(
        by_bucket(counts(&database.pool, &window).await),
        rows(&[
            ("2026-10-23T22:00:00Z", 10),
            ("2026-10-24T22:00:00Z", 20),
            ("2026-10-24T22:00:00Z", 30),
            ("2026-10-24T22:00:00Z", 40),
            ("2026-10-25T23:00:00Z", 50),
            ("2026-10-31T23:00:00Z", 60),
        ])
    );
    // Two hours of one name are two hours.
    let hours = Window { bucket: Bucket::Hour, minutes: Some((120, 180)), ..window.clone() };
    assert_eq!(
        by_bucket(counts(&database.pool, &hours).await),
        rows(&[("2026-10-25T00:00:00Z", 30), ("2026-10-25T01:00:00Z", 40)])
    );
    let weeks = Window { bucket: Bucket::Week, until: utc("2026-10-26T12:00:00Z"), ..window.clone() };
    assert_eq!(
        by_bucket(counts(&database.pool, &weeks).await).last().unwrap(),
        &("2026-10-25T23:00:00Z".into(), 50)
    );
    let of_week = Window { bucket: Bucket::HourOfWeek, ..window.clone() };
    let by_hour: Vec<_> = counts(&database.pool, &of_week)
        .await
        .iter()
        .map(|(g, d, _)| (g.weekday.unwrap(), g.hour.unwrap(), *d))
        .collect();
    assert_eq!(by_hour, [(1, 9, 50), (6, 23, 10), (7, 0, 20), (7, 2, 30), (7, 2, 40), (7, 9, 60)]);

    let all = Window { bucket: Bucket::All, ..window };
    let delays = async |window: Window| -> Vec<i32> {
        counts(&database.pool, &window).await.into_iter().map(|(_, d, _)| d).collect()
    };
    let of_days =
        |days: &[&str]| Window { days: Some(days.iter().map(|d| (*d).to_owned()).collect()), ..all.clone() };
    assert_eq!(delays(of_days(&["2026-10-24", "2026-11-01"])).await, [10, 60]);
    assert_eq!(delays(of_days(&[])).await, [0; 0]);
    assert_eq!(delays(Window { minutes: Some((1380, 60)), ..all.clone() }).await, [10, 20]);
    assert_eq!(delays(Window { route: Some("line-1".into()), ..all.clone() }).await, [10, 60]);
    assert_eq!(delays(Window { stop: Some("stop-9".into()), ..all.clone() }).await, [0; 0]);
    assert_eq!(delays(Window { municipality: MunicipalityId(99), ..all.clone() }).await, [0; 0]);
    let by_route = counts(&database.pool, &Window { by_route: true, ..all }).await;
    assert_eq!(by_route.len(), 6);
    assert!(by_route.iter().all(|(g, ..)| g.route.is_some() && g.stop.is_none()));

    let view: Vec<(String, i64, f64)> = database
        .rows(
            "SELECT route_id, n, delay_p85_s FROM v_punctuality_hour WHERE municipality = 'n' ORDER BY hour",
        )
        .await;
    assert_eq!((view.len(), &view[0]), (6, &("line-1".to_owned(), 1, 10.0)));
    let mut reader = database.pool.acquire().await.unwrap();
    sqlx::query("SET ROLE kv_read").execute(&mut *reader).await.unwrap();
    sqlx::query("SELECT * FROM v_punctuality_hour").fetch_all(&mut *reader).await.unwrap();
    sqlx::query("SELECT * FROM stop_passage").fetch_all(&mut *reader).await.unwrap_err();
    reader.close().await.unwrap();

    let old = Retention { passages: Duration::from_secs(0), ..Retention::default() };
    let dropped = store::retention::enforce(&database.pool, &old, store::retention::Trust::Given, |_| {})
        .await
        .unwrap();
    assert_eq!(dropped.iter().find(|due| due.what == "stop_passage").unwrap().rows, 6);
}
