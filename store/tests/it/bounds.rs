//! What somebody can make up is bounded after each transaction, while others write: rejections of one feed and of all,
//! messages of devices that nobody knows, runs and passages that no timetable has.

use crate::support::Database;
use domain::Registry;
use domain::trip_update::Passed;
use domain::{
    FeedId, MunicipalityId, Reason, RejectedElement, Rejection, TripObservation, TripUpdate, Uplink,
    UtcMicros,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use store::writer::{Batch, Bounds, Replayed, Writer};
use testing::observed;

const NOW: UtcMicros = UtcMicros(1_790_000_000_000_000);

async fn writer(db: &Database, bounds: Bounds) -> Writer {
    db.writer().await.within(bounds)
}

fn rejection(municipality: MunicipalityId, feed: i32, nth: usize, bytes: usize) -> Rejection {
    let received_at = UtcMicros(NOW.0 + nth as i64);
    let empty = observed::rejection(municipality, FeedId(feed), Reason::Malformed, received_at);
    Rejection { payload: vec![7; bytes], ..empty }
}

const SIZE: &str = "rejection_bytes(payload, topic, detail, devices, examples)";

/// Rows, bytes and the number of the oldest of each feed; checked against what is counted.
async fn kept(db: &Database) -> Vec<(i32, i64, i64, i64)> {
    let sql = format!(
        "SELECT feed, count(*), sum({SIZE})::bigint, (min(extract(epoch FROM received_at)) * 1e6)::bigint - {}
         FROM rejection GROUP BY feed ORDER BY feed",
        NOW.0
    );
    let kept: Vec<(i32, i64, i64, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&db.pool).await.unwrap();
    let counted: Vec<(i32, i64, i64)> =
        db.rows("SELECT feed, rows, bytes FROM quarantine WHERE rows > 0 ORDER BY feed").await;
    let there: Vec<_> = kept.iter().map(|k| (k.0, k.1, k.2)).collect();
    assert_eq!(counted, there, "what is counted is what is there");
    kept
}

async fn store(writer: &mut Writer, batch: Batch) {
    writer.write(&batch, &Registry::default(), NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_rejections_of_a_feed_are_kept() {
    let db = Database::start().await;
    let bounds = Bounds::default();
    let mut writer = writer(&db, bounds).await;
    let mut reject = async |feed, from: usize, n: usize, bytes| {
        let rejections = (from..from + n).map(|nth| rejection(db.municipality, feed, nth, bytes)).collect();
        store(&mut writer, Batch { rejections, ..Batch::default() }).await;
    };
    reject(2, 0, 5, 10).await;
    let mut sent = 0;
    for n in [9_990, 9, 1, 1, 350, 12_000] {
        reject(1, sent, n, 1).await;
        sent += n;
        let rows = (sent as i64).min(bounds.rejections);
        let (_, found, _, first) = kept(&db).await[0];
        assert_eq!((found, first), (rows, sent as i64 - rows));
    }
    // Larger ones: as many of the newest as there is room for.
    for _ in 0..70 {
        reject(1, sent, 1, 1 << 20).await;
        sent += 1;
        let (_, rows, bytes, first) = kept(&db).await[0];
        assert!(rows <= bounds.rejections && bytes <= bounds.rejected_bytes);
        assert_eq!(first, sent as i64 - rows, "the newest are kept");
    }
    assert_eq!((kept(&db).await[0].1, kept(&db).await[1].1), (63, 5));
}

/// What one message adds: feed, bytes of its payload, topic, detail, devices and examples.
fn message() -> impl Strategy<Value = (i32, [usize; 5])> {
    let bytes = || prop_oneof![8 => 0..40_usize, 1 => 0..400_usize];
    (1..5_i32, [bytes(), bytes(), bytes(), bytes(), bytes()])
}

#[tokio::test(flavor = "multi_thread")]
async fn no_feed_and_not_all_of_them_exceed_their_bytes_in_any_commit() {
    let db = Database::start().await;
    let bounds =
        Bounds { rejections: 12, rejected_bytes: 1_500, rejected_bytes_in_all: 3_000, ..Bounds::default() };
    let (mut one, mut other) = (writer(&db, bounds).await, writer(&db, bounds).await);
    let mut nth = 0;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let strategy = (vec(message(), 1..30), vec(message(), 0..30), any::<bool>());
    for _ in 0..60 {
        let (a, b, is_replay) = strategy.new_tree(&mut runner).unwrap().current();
        let mut batch = |messages: Vec<(i32, [usize; 5])>| {
            let rejection = |(feed, [payload, topic, detail, devices, examples]): (i32, [usize; 5])| {
                nth += 1;
                let detail_of_one = "e".repeat(examples);
                let element =
                    RejectedElement { reason: Reason::Malformed, device: None, detail: detail_of_one };
                Rejection {
                    topic: "t".repeat(topic),
                    detail: "d".repeat(detail),
                    devices: vec!["x".repeat(devices)],
                    examples: vec![element],
                    ..rejection(db.municipality, feed, nth, payload)
                }
            };
            Batch { rejections: messages.into_iter().map(rejection).collect(), ..Batch::default() }
        };
        let (a, b) = (batch(a), batch(b));
        // What is replayed and rejected again may be described at greater length.
        let old: Option<i64> = db.scalar("SELECT max(id) FROM rejection").await;
        let again = a.rejections[0].clone();
        let replayed: Vec<Replayed> = old
            .filter(|_| is_replay)
            .map(|id| Replayed { municipality: db.municipality, id, rejection: Some(again) })
            .into_iter()
            .collect();
        let registry = Registry::default();
        let (one, other) =
            tokio::join!(one.write_replay(&a, &replayed, &registry, NOW), other.write(&b, &registry, NOW));
        one.unwrap();
        other.unwrap();
        let kept = kept(&db).await;
        let in_all: i64 = kept.iter().map(|k| k.2).sum();
        assert!(in_all <= bounds.rejected_bytes_in_all, "{kept:?}");
        for (_, rows, bytes, _) in kept {
            assert!(rows <= bounds.rejections && bytes <= bounds.rejected_bytes);
        }
    }
}

fn uplink(municipality: MunicipalityId, feed: i32, device: &str, nth: i64) -> Uplink {
    Uplink {
        is_stranger: !device.starts_with("ours"),
        dedup_id: format!("{nth}"),
        f_port: Some(1),
        f_cnt: Some(nth),
        payload: Some(vec![1]),
        ..observed::uplink(municipality, FeedId(feed), device, UtcMicros(NOW.0 + nth))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_devices_push_out_one_another_and_no_device_of_ours() {
    let db = Database::start().await;
    for sql in [
        "INSERT INTO feed (municipality, key, def) SELECT $1, n::text, '{}' FROM generate_series(1, 2) AS n",
        "INSERT INTO sensor (municipality, key, feed) SELECT $1, 'ours-' || id, id FROM feed",
    ] {
        sqlx::query(sql).bind(db.municipality.0).execute(&db.pool).await.unwrap();
    }
    let feeds: Vec<i32> = db.scalars("SELECT id FROM feed ORDER BY id").await;
    let mut writer = writer(&db, Bounds { strangers: 50, ..Bounds::default() }).await;
    let own = |feed| uplink(db.municipality, feed, &format!("ours-{feed}"), 0);
    let first = vec![own(feeds[0]), own(feeds[1]), uplink(db.municipality, feeds[1], "new", 0)];
    store(&mut writer, Batch { uplinks: first, ..Batch::default() }).await;
    for round in 0..6_i64 {
        let invented = |n: i64| uplink(db.municipality, feeds[0], &format!("x{round}-{n}"), 100 * round + n);
        // Redeliveries, too.
        let uplinks = (0..40).map(invented).chain((0..20).map(invented)).collect();
        store(&mut writer, Batch { uplinks, ..Batch::default() }).await;
        let kept: Vec<(i32, i64, i64)> = db
            .rows(
                "SELECT feed, count(*) FILTER (WHERE is_stranger), count(*) FILTER (WHERE NOT is_stranger)
             FROM uplink GROUP BY feed ORDER BY feed",
            )
            .await;
        assert_eq!(kept, [(feeds[0], 50, 1), (feeds[1], 1, 1)]);
        let provenance: Vec<(i32, i64, i64)> = db
            .rows(
                "SELECT feed, count(*), count(*) FILTER (WHERE device LIKE 'ours%') FROM device_state
             GROUP BY feed ORDER BY feed",
            )
            .await;
        let devices = if round == 0 { 40 } else { 50 };
        assert_eq!(provenance, [(feeds[0], devices + 1, 1), (feeds[1], 2, 1)]);
    }
    let newest: i64 = db.scalar("SELECT count(*) FROM device_state WHERE device LIKE 'x5-%'").await;
    assert_eq!(newest, 40, "the newest are kept");
}

fn trip(
    municipality: MunicipalityId,
    feed: i32,
    name: String,
    at: UtcMicros,
    bytes: usize,
) -> TripObservation {
    let provenance = observed::provenance(municipality, FeedId(feed), at);
    let route_id = Some("r".repeat(bytes));
    let update =
        TripUpdate { trip_id: name, route_id, start_date: Some("29991231".into()), ..TripUpdate::default() };
    observed::trip(provenance, update)
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_runs_push_out_one_another_and_go_in_the_end() {
    let db = Database::start().await;
    let mut writer = writer(&db, Bounds { runs: 100, run_bytes: 4_000, ..Bounds::default() }).await;
    let now = db.now().await;
    let old = now.plus_s(-15 * 86_400);
    store(
        &mut writer,
        Batch { trips: vec![trip(db.municipality, 2, "t".into(), old, 1)], ..Batch::default() },
    )
    .await;
    for (round, bytes) in [(0, 1), (1, 1), (2, 1), (3, 100), (4, 3_900)] {
        let at = old.plus_s(round);
        let trips = (0..60).map(|n| trip(db.municipality, 1, format!("{round}-{n}"), at, bytes)).collect();
        store(&mut writer, Batch { trips, ..Batch::default() }).await;
        let (rows, bytes, others): (i64, i64, i64) = db.row("SELECT count(*) FILTER (WHERE feed = 1), coalesce(sum(pg_column_size(body)) FILTER (WHERE feed = 1), 0)::bigint,
                 count(*) FILTER (WHERE feed = 2) FROM trip_state").await;
        assert!(rows <= 100 && bytes <= 4_000, "{rows} rows, {bytes} bytes");
        assert_eq!(others, 1);
    }
    // Also those of a day that never comes.
    store::retention::enforce(
        &db.pool,
        &store::retention::Retention::default(),
        store::retention::Trust::Given,
        |_| {},
    )
    .await
    .unwrap();
    let left: i64 = db.scalar("SELECT count(*) FROM trip_state").await;
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_day_takes_no_new_passages_and_moves_those_it_has() {
    let db = Database::start().await;
    let mut writer = writer(&db, Bounds { passages_a_day: 100, ..Bounds::default() }).await;
    let passages = |at: UtcMicros, stops: std::ops::Range<i32>| {
        let mut trip = trip(db.municipality, 1, "t".into(), at, 1);
        trip.report.update.start_date = None;
        let passed = |n| Passed { stop_id: n_text(n), passed_at: at, delay_s: 60 };
        Batch {
            trips: vec![TripObservation { passed: stops.map(passed).collect(), ..trip }],
            ..Batch::default()
        }
    };
    fn n_text(n: i32) -> String {
        format!("s{n}")
    }
    let count = async |day_later: bool| -> i64 {
        let sql = "SELECT count(*) FROM stop_passage WHERE (service_date > '2026-09-21') = $1";
        sqlx::query_scalar(sql).bind(day_later).fetch_one(&db.pool).await.unwrap()
    };
    for from in [0, 50, 100, 150] {
        store(&mut writer, passages(NOW.plus_s(i64::from(from)), from..from + 50)).await;
        assert_eq!(count(false).await, i64::from(from + 50).min(100));
    }
    let (stated_at, moved): (i64, i64) = (NOW.0 + 900_000_000, 1);
    store(&mut writer, passages(UtcMicros(stated_at), 0..1)).await;
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM stop_passage WHERE said_at > to_timestamp($1)")
        .bind((stated_at / 1_000_000 - 1) as f64)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!((found, count(false).await), (moved, 100), "a newer statement about one that is there");
    store(&mut writer, passages(NOW.plus_s(86_400), 0..10)).await;
    assert_eq!(count(true).await, 10, "the next day has room of its own");
}
