//! What was received while the clock was ahead is no sign of life, no newest message, and pushes nothing out.

use crate::support::Database;
use domain::Registry;
use domain::{FeedId, UtcMicros};
use store::StoreError;
use store::changes::Follower;
use store::derive::Deriver;
use store::inspect::{self, DeviceOrder, NativeOrder};
use store::replays::{self, Replay, ReplayRequest};
use store::writer::{Batch, Bounds};
use testing::observed;

const AHEAD_S: i64 = 400 * 86_400;

async fn run(db: &Database, sql: &'static str) {
    sqlx::query(sql).bind(db.municipality.0).execute(&db.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_a_clock_that_was_ahead_is_gone() {
    let db = Database::start_with(false).await;
    run(
        &db,
        "INSERT INTO ingest_process (client_id, seen_at, generation, lacking)
         SELECT 'gone', now() + interval '400 days', 0, '[]' WHERE $1 > 0",
    )
    .await;
    assert_eq!(store::ingest_process::progress(&db.pool).await.unwrap().running, 0);
    // What it was replaying is taken up by somebody else.
    run(&db, "INSERT INTO replay (municipalities, seen_at) VALUES (ARRAY[$1], now() + interval '400 days')")
        .await;
    let replay = replays::take(&db.pool).await.unwrap();
    let Some(Replay { request: ReplayRequest { municipalities, .. }, .. }) = replay else {
        panic!("nobody takes it up")
    };
    assert_eq!(municipalities, [db.municipality]);
    assert!(replays::take(&db.pool).await.unwrap().is_none(), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_said_ahead_is_not_its_newest_message() {
    let db = Database::start_with(false).await;
    for sql in [
        "INSERT INTO feed (municipality, key, def) VALUES ($1, 'f', '{\"format\": \"native\"}')",
        // Three that were believed until a minute ago; three ahead that were not.
        "INSERT INTO uplink (municipality, device, dedup_id, feed, event, received_at, gateways, qos, outcome)
         SELECT $1, 'd', age::text, 1, 'up', now() - age, '{}', 1,
                CASE WHEN age < '0' THEN 'rejected:malformed' ELSE 'stored' END
         FROM unnest(ARRAY['60 s', '70 s', '80 s', '-400 days', '-401 days', '-402 days']::interval[]) AS age",
        "INSERT INTO device_state (municipality, device, feed, first_heard, last_heard, messages, is_stranger)
         VALUES ($1, 'd', 1, now(), now(), 6, true)",
        "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos, devices)
         SELECT $1, (SELECT id FROM feed), 'malformed', '', now() + n * interval '1 day', '', '', 1, '{p}'
         FROM generate_series(300, 303) AS n",
    ] {
        run(&db, sql).await;
    }
    let devices =
        inspect::devices(&db.pool, &[db.municipality], &Default::default(), DeviceOrder::ById(None), 9)
            .await
            .unwrap();
    assert_eq!(devices[0].last_outcome.as_deref(), Some("stored"));
    let natives =
        inspect::native_places(&db.pool, &[db.municipality], &Default::default(), NativeOrder::ById(None), 9)
            .await
            .unwrap();
    assert_eq!(natives, []);
}

fn stranger(db: &Database, feed: i32, device: &str, at: UtcMicros) -> domain::Uplink {
    domain::Uplink { is_stranger: true, ..observed::uplink(db.municipality, FeedId(feed), device, at) }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_ahead_push_out_nobody() {
    let db = Database::start_with(false).await;
    run(&db, "INSERT INTO feed (municipality, key, def) VALUES ($1, 'f', '{}')").await;
    let feed: i32 = db.scalar("SELECT id FROM feed").await;
    let now = db.now().await;
    let bounds = Bounds { strangers: 5, ..Bounds::default() };
    let mut writer = db.writer().await.within(bounds);
    for at in [now.plus_s(AHEAD_S), now] {
        let uplinks = (0..4).map(|n| stranger(&db, feed, &format!("{n}-{at}"), at.plus_s(-n))).collect();
        writer.write(&Batch { uplinks, ..Batch::default() }, &Registry::default(), at).await.unwrap();
    }
    for sql in [
        "SELECT count(*) FROM uplink WHERE received_at <= now() + interval '1 minute'",
        "SELECT count(*) FROM device_state WHERE last_heard <= now() + interval '1 minute'",
    ] {
        let kept: i64 = db.scalar(sql).await;
        assert_eq!(kept, 4, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_pruned_ahead_is_not_loaded_again_and_again() {
    let db = Database::start_with(false).await;
    run(&db, "UPDATE change_log_reach SET pruned_before = now() + $1 * interval '1 hour'").await;
    let now = db.now().await;
    let follower = || Follower::new(db.pool.clone(), Default::default(), now);
    assert!(matches!(follower().poll().await, Err(StoreError::Pruned)));
    let mut deriver = Deriver::connect(&db.url, now).await.unwrap().unwrap();
    assert!(deriver.step(now).await.unwrap().has_corrected);
    assert_eq!(follower().poll().await.unwrap(), []);
}
