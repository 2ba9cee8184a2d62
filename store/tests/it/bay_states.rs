//! Latest bay states under load: the table follows the change log, and no reader notices.

use domain::Registry;
use std::collections::BTreeMap;

use crate::support::{Database, of_bay};
use domain::live::Change;
use domain::observation::Provenance;
use domain::{BayId, BayReading, BayState, FeedId, MunicipalityId, SensorId, UtcMicros};
use sqlx::Executor;
use sqlx::types::Json;
use store::writer::{Batch, Keyed, Writer};

const BAYS: i32 = 150;
const ROWS: usize = 500;
const T0: i64 = 1_790_000_000_000_000;

/// By bay and source; the rank within a source and the state.
type States = BTreeMap<(i32, i32), (i64, Option<i64>, BayState)>;

fn take(states: &mut States, bay: i32, r: &BayReading) {
    let new = (r.observed_at.0, r.seq, r.state);
    let held = states.entry((bay, r.source())).or_insert(new);
    *held = (*held).max(new);
}

/// A small generator: the same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn batch(numbers: &mut Numbers, municipality: i32, first_bay: i32, rows: usize) -> Batch {
    let bays = (0..rows).map(|_| {
        let sensor = [None, Some(SensorId(7))][numbers.below(2) as usize];
        let state = [BayState::Vacant, BayState::Occupied, BayState::Unknown][numbers.below(3) as usize];
        let seq = [None, Some(numbers.below(5) as i64)][numbers.below(2) as usize];
        let at = UtcMicros(T0 + numbers.below(40) as i64 * 1_000_000);
        let provenance = Provenance {
            municipality: MunicipalityId(municipality),
            feed: FeedId(3),
            sensor,
            received_at: UtcMicros(T0 + 60_000_000),
            clock_corrected: false,
        };
        let bay = BayId(first_bay + numbers.below(BAYS as u64) as i32);
        let observation = of_bay(provenance, bay, at, seq, state);
        Keyed { observation, idempotency_key: None }
    });
    Batch { bays: bays.collect(), ..Batch::default() }
}

#[tokio::test]
async fn what_is_loaded_never_lags_and_the_table_catches_up() {
    let database = Database::start().await;
    let pool = database.pool.clone();
    let places: Vec<i32> = sqlx::query_scalar(
        "INSERT INTO place (municipality, kind, key, def)
         SELECT $1, 2, n::text, jsonb_build_object('id', n::text, 'municipality', 'n', 'geometry', $3::jsonb)
         FROM generate_series(1, $2) n RETURNING id",
    )
    .bind(database.municipality.0)
    .bind(BAYS)
    .bind(Json(domain::geo::Geometry::Point([7.2, 51.9])))
    .fetch_all(&pool)
    .await
    .unwrap();
    let first_bay = *places.iter().min().unwrap();

    let options = store::pool::options(&database.url).unwrap();
    let mut writers = [Writer::connect(&options).await.unwrap(), Writer::connect(&options).await.unwrap()];
    let mut numbers = Numbers(1);
    let mut expected = States::new();
    for round in 0..24 {
        let writer = &mut writers[numbers.below(2) as usize];
        let rows = [ROWS, 20][numbers.below(2) as usize];
        let batch = batch(&mut numbers, database.municipality.0, first_bay, rows);
        writer.write(&batch, &Registry::default(), UtcMicros(T0)).await.unwrap();
        for g in &batch.bays {
            take(&mut expected, g.observation.bay.0, &g.observation.reading());
        }
        match numbers.below(6) {
            // The connection is lost before it flushes.
            0 => *writer = Writer::connect(&options).await.unwrap(),
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
    Writer::connect(&options).await.unwrap();
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
    database.stop().await;
}
