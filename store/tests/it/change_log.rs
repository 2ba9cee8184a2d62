//! Readers of the change log: one that has not looked for longer than the log reaches back gets an error that says so, and
//! who waits takes no connection from who asks.

use std::time::Duration;

use crate::support::Database;
use store::StoreError;
use store::changes::{CHANNEL, Follower, Notifier, prune};
use store::pool::{STREAMS_AT_ONCE, ping, single};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn who_slept_longer_than_the_log_reaches_back_must_load_again() {
    let db = Database::start().await;
    let now = db.now().await;
    let follower = |read_until| Follower::new(db.pool.clone(), Default::default(), read_until);
    let mut awake = follower(now);
    let mut asleep = follower(now.plus_s(-2 * 3_600));
    assert_eq!(asleep.poll().await.unwrap(), []);
    let mut asleep = follower(now.plus_s(-2 * 3_600));
    sqlx::raw_sql(
        "INSERT INTO change (writer, seq, body, deferred, committed_at) VALUES (7, 1, '', false, now() - interval '90 minutes');
         INSERT INTO derive_position (writer, seq) VALUES (7, 1)",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    assert_eq!(prune(&db.pool, HOUR).await.unwrap(), 1);
    // What it missed is deleted, so nothing else would show the gap.
    assert!(matches!(asleep.poll().await, Err(StoreError::Pruned)));
    assert_eq!(awake.poll().await.unwrap(), []);
    prune(&db.pool, HOUR).await.unwrap();
    assert_eq!(awake.poll().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_and_long_answers_leave_connections_to_the_others() {
    let db = Database::start().await;
    let mut waiting: Vec<Notifier> = (0..3).map(|_| Notifier::new(db.pool.clone(), CHANNEL)).collect();
    for notifier in &mut waiting {
        notifier.wait().await;
    }
    let mut held = Vec::new();
    for _ in 0..STREAMS_AT_ONCE {
        held.push(db.pool.acquire().await.unwrap());
    }
    ping(&db.pool).await.unwrap();
    // Whether the database answers is known even when all others are in use.
    while let Some(conn) = db.pool.try_acquire() {
        held.push(conn);
    }
    ping(&single(&db.pool)).await.unwrap();
}
