//! Latest bay states under load: the table follows the change log, and no reader notices.

use std::collections::BTreeMap;

use crate::support::Database;
use domain::Registry;
use domain::live::Change;
use domain::observation::Provenance;
use domain::{BayId, BayObservation, BayReading, BayState, FeedId, MunicipalityId, SensorId, UtcMicros};
use sqlx::Executor;
use store::writer::Batch;
use testing::observed::{self, dated};
use testing::{Numbers, World};

const BAYS: i32 = 150;
const ROWS: usize = 500;
const T0: i64 = 1_790_000_000_000_000;

/// By bay and source; the rank within a source and the state.
type States = BTreeMap<(i32, i32), (i64, Option<i64>, BayState)>;

fn take(states: &mut States, bay: i32, r: &BayReading) {
    let new = (r.observed_at.0, r.seq, r.state);
    let held = states.entry((bay, r.source().0)).or_insert(new);
    *held = (*held).max(new);
}

fn batch(numbers: &mut Numbers, municipality: MunicipalityId, first_bay: i32, rows: usize) -> Batch {
    let bays = (0..rows).map(|_| {
        let sensor = [None, Some(SensorId(7))][numbers.below(2) as usize];
        let state = [BayState::Vacant, BayState::Occupied, BayState::Unknown][numbers.below(3) as usize];
        let seq = [None, Some(numbers.below(5) as i64)][numbers.below(2) as usize];
        let at = UtcMicros(T0 + numbers.below(40) as i64 * 1_000_000);
        let of = observed::provenance(municipality, FeedId(3), UtcMicros(T0 + 60_000_000));
        let bay = BayId(first_bay + numbers.below(BAYS as u64) as i32);
        let bay = observed::bay(Provenance { sensor, ..of }, bay, seq, state);
        BayObservation { observed_at: at, ..bay }
    });
    Batch { bays: dated(bays), ..Batch::default() }
}

#[tokio::test]
async fn what_is_loaded_never_lags_and_the_table_catches_up() {
    let database = Database::start().await;
    let pool = database.pool.clone();
    let world = (0..BAYS).fold(World::town("n"), |town, n| town.bay(&n.to_string()));
    let registry = testing::world::import(&world.contents, &pool).await;
    let first_bay = registry.bays().map(|bay| bay.id.0).min().unwrap();

    let mut writers = [database.writer().await, database.writer().await];
    let mut numbers = Numbers(1);
    let mut expected = States::new();
    for round in 0..24 {
        let writer = &mut writers[numbers.below(2) as usize];
        let rows = [ROWS, 20][numbers.below(2) as usize];
        let batch = batch(&mut numbers, database.municipality, first_bay, rows);
        writer.write(&batch, &Registry::default(), UtcMicros(T0)).await.unwrap();
        for g in &batch.bays {
            take(&mut expected, g.observation.bay.0, &g.observation.reading());
        }
        match numbers.below(6) {
            // The connection is lost before it flushes.
            0 => *writer = database.writer().await,
            1 => writer.flush().await.unwrap(),
            _ => {}
        }
        let mut loaded = States::new();
        for change in &store::live::load(&pool).await.unwrap().states {
            let Change::Bay { bay, reading } = change else { panic!("{change:?}") };
            take(&mut loaded, bay.0, reading);
        }
        assert_eq!(loaded, expected, "round {round}");
    }

    drop(writers);
    pool.execute("UPDATE change SET committed_at = now() - interval '1 day'").await.unwrap();
    store::changes::prune(&pool, std::time::Duration::from_secs(3600)).await.unwrap();
    database.writer().await;
    let table: Vec<(i32, i32, i64, Option<i64>, i16)> = sqlx::query_as(
        "SELECT bay, source, (extract(epoch FROM observed_at) * 1000000)::bigint, seq, state FROM bay_state",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let table: States = table
        .into_iter()
        .map(|(bay, source, at, seq, state)| ((bay, source), (at, seq, BayState::from_code(state))))
        .collect();
    assert_eq!(table, expected);
}
