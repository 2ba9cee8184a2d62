//! TimescaleDB compresses chunks by the clock. One that was ahead has compressed what is still written to: storing goes on.

use crate::support::Database;
use domain::Registry;
use domain::{BayId, BayObservation, BayState, FeedId, UtcMicros};
use store::writer::{Batch, Writer};
use testing::observed::{self, dated};

const BAYS: i32 = 1_000;

/// What was stated of each bay at `at`.
fn round(db: &Database, at: UtcMicros) -> Batch {
    let provenance = observed::provenance(db.municipality, FeedId(1), at);
    let bay = |bay: i32| {
        let state = if bay % 2 == 0 { BayState::Vacant } else { BayState::Occupied };
        let observed_at = at.plus_s(bay.into());
        BayObservation { observed_at, ..observed::bay(provenance, BayId(bay), None, state) }
    };
    Batch { bays: dated((0..BAYS).map(bay)), ..Batch::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn storing_goes_on_in_chunks_that_were_compressed_too_early() {
    if !std::path::Path::new("/usr/lib/postgresql/15/lib/timescaledb.so").exists() {
        eprintln!("SKIPPED: TimescaleDB is not installed");
        return;
    }
    let db = Database::start_with(true).await;
    // In the middle of a chunk of seven days.
    let begin = UtcMicros(1_790_208_000_000_000);
    let at = |round: i64| begin.plus_s(round * 600);
    let mut writer = db.writer().await;
    for n in 0..120 {
        writer.write(&round(&db, at(2 * n)), &Registry::default(), at(2 * n)).await.unwrap();
    }
    let compressed: i64 =
        db.scalar("SELECT count(compress_chunk(c)) FROM show_chunks('bay_observation') AS c").await;
    assert!(compressed > 0);
    let new = async |writer: &mut Writer, n| {
        writer.write(&round(&db, at(n)), &Registry::default(), at(n)).await.unwrap().new
    };
    // What follows, what comes late between, and what was there.
    for n in [240, 1, 3, 241] {
        assert_eq!(new(&mut writer, n).await, BAYS as usize, "round {n}");
    }
    for n in [0, 2, 118, 240] {
        assert_eq!(new(&mut writer, n).await, 0, "round {n} again");
    }
    assert_eq!(new(&mut writer, 5).await, BAYS as usize);
    let rows: i64 = db.scalar("SELECT count(*) FROM bay_observation").await;
    assert_eq!(rows, i64::from(BAYS) * 125);
}
