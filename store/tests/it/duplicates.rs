//! A supplier that repeats itself costs neither a failed transaction nor a line of the server's log for each
//! batch, and nothing is lost between the two ways of storing.

use crate::support::Database;
use domain::Registry;
use domain::{BayId, BayObservation, BayState, FeedId, UtcMicros};
use private_pg::PrivatePgSettings;
use store::writer::Batch;
use testing::observed::{self, dated};

fn batch(db: &Database, numbers: impl Iterator<Item = i64>) -> Batch {
    let of = observed::provenance(db.municipality, FeedId(3), UtcMicros(1_790_000_000_000_000));
    let row = |n: i64| BayObservation {
        observed_at: UtcMicros(of.received_at.0 + n),
        digest: n,
        ..observed::bay(of, BayId(1), Some(n), BayState::Occupied)
    };
    Batch { bays: dated(numbers.map(row)), ..Batch::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_that_repeats_itself_fails_one_transaction_and_not_one_for_each_batch() {
    let db = Database::start_alone(PrivatePgSettings::default()).await;
    let mut writer = db.writer().await;
    let (mut new, mut duplicates) = (0, 0);
    // Each batch begins with the last of the one before; then some that repeat nothing, and one that does.
    let begins = (0..30).map(|i| 9 * i).chain((0..100).map(|i| 1_000 + 10 * i)).chain([1_995]);
    for begin in begins {
        let rows = batch(&db, begin..begin + 10);
        let stored = writer.write(&rows, &Registry::default(), UtcMicros(1)).await.unwrap();
        new += stored.new;
        duplicates += stored.duplicates.values().sum::<usize>();
    }
    assert_eq!((new, duplicates), (10 + 29 * 9 + 100 * 10 + 5, 29 + 5));
    let rows: i64 = db.scalar("SELECT count(*) FROM bay_observation").await;
    assert_eq!(rows, new as i64);
    // The first of those that repeat, and the one after so many that did not.
    assert_eq!(db.log().matches("duplicate key").count(), 2, "{}", db.log());
    db.stop().await;
}
