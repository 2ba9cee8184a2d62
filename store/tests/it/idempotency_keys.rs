//! Statements whose time is our receipt: however often and in whatever batches their copies come, each
//! is stored once, counted once, and every further copy is reported as a duplicate.

use crate::support::Database;
use domain::Registry;
use domain::observation::{CountValue, DoorCount, Provenance, VehicleFix, idempotency_key_of};
use domain::site_count::CountState;
use domain::{BayId, BayState, FeedId, LatLon, MunicipalityId, PassengerCount, SiteId, UtcMicros, VehicleId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::types::Json;
use store::writer::{Batch, Keyed, Writer};
use testing::observed::{self, dated};

const T0: i64 = 1_790_000_000_000_000;
const FEED: FeedId = FeedId(3);
const OCCUPIED_AT_FIRST: i32 = 100;

/// A supplier's message: what it is about decides its kind; `n` makes it different from the others.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Bay,
    Entry,
    Position,
    Passengers,
}

/// The messages, how often each comes, in which order, and after how many a batch ends.
#[derive(Debug, Clone)]
struct Story {
    kinds: Vec<Kind>,
    /// Index of the message, in the order of arrival; every message is in it at least once.
    arrivals: Vec<usize>,
    batch_sizes: Vec<usize>,
}

fn story() -> impl Strategy<Value = Story> {
    let kind = prop_oneof![Just(Kind::Bay), Just(Kind::Entry), Just(Kind::Position), Just(Kind::Passengers)];
    prop::collection::vec((kind, 1usize..4), 1..25).prop_flat_map(|messages| {
        let kinds: Vec<Kind> = messages.iter().map(|m| m.0).collect();
        let arrivals: Vec<usize> = messages.iter().enumerate().flat_map(|(i, m)| vec![i; m.1]).collect();
        let sizes = prop::collection::vec(1usize..12, arrivals.len());
        (Just(kinds), Just(arrivals).prop_shuffle(), sizes).prop_map(|(kinds, arrivals, batch_sizes)| Story {
            kinds,
            arrivals,
            batch_sizes,
        })
    })
}

fn add(batch: &mut Batch, municipality: i32, base: i32, kind: Kind, n: usize, received_at: UtcMicros) {
    let provenance = Provenance {
        clock_corrected: true,
        ..observed::provenance(MunicipalityId(municipality), FEED, received_at)
    };
    let seq = Some(n as i64);
    let key = |place: i32, digest: i64| Some(idempotency_key_of(FEED, place, None, digest));
    match kind {
        Kind::Bay => {
            let observation = observed::bay(provenance, BayId(base), seq, BayState::Occupied);
            batch.bays.push(Keyed { idempotency_key: key(base, observation.digest), observation });
        }
        Kind::Entry => {
            let entry = CountValue::Flow { entries: 1, exits: 0 };
            let observation = observed::count(provenance, SiteId(base), seq, entry);
            batch.sites.push(Keyed { idempotency_key: key(base, observation.digest), observation });
        }
        Kind::Position => {
            let fix = VehicleFix {
                position: Some(LatLon { lat: 51.9, lon: 7.0 }),
                delay_s: Some(n as i32),
                ..VehicleFix::default()
            };
            let observation = observed::vehicle(provenance, VehicleId(base), fix);
            batch.vehicles.push(Keyed { idempotency_key: key(base, observation.digest), observation });
        }
        Kind::Passengers => {
            let count = PassengerCount {
                doors: vec![DoorCount { door: "1".into(), entries: 2, exits: 1 }],
                seq,
                ..observed::passengers(provenance, VehicleId(base))
            };
            let observation = PassengerCount { digest: count.digest_of(), ..count };
            batch.passengers.push(Keyed { idempotency_key: key(base, observation.digest), observation });
        }
    }
}

/// Stores the story on places of its own (`base`), alternating between two writers.
async fn store(
    db: &Database,
    writers: &mut [Writer; 2],
    base: i32,
    story: &Story,
) -> Result<(), TestCaseError> {
    let m = db.municipality.0;
    let provenance = observed::provenance(db.municipality, FEED, UtcMicros(T0));
    let at_first = CountValue::Occupied(OCCUPIED_AT_FIRST);
    let sites = dated([observed::count(provenance, SiteId(base), None, at_first)]);
    let anchor = Batch { sites, ..Batch::default() };
    writers[0].write(&anchor, &Registry::default(), UtcMicros(T0)).await.unwrap();

    let (mut new, mut duplicates) = (0, 0);
    let mut next = 0;
    for (turn, size) in story.batch_sizes.iter().enumerate() {
        let mut batch = Batch::default();
        for i in next..(next + size).min(story.arrivals.len()) {
            let message = story.arrivals[i];
            add(&mut batch, m, base, story.kinds[message], message, UtcMicros(T0 + 1 + i as i64));
        }
        next += size;
        let stored = writers[turn % 2].write(&batch, &Registry::default(), UtcMicros(T0)).await.unwrap();
        new += stored.new;
        duplicates += stored.duplicates.values().sum::<usize>();
    }
    prop_assert_eq!(new, story.kinds.len());
    prop_assert_eq!(duplicates, story.arrivals.len() - story.kinds.len());
    for (table, place, expected) in [
        ("bay_observation", "bay", story.count(|k| matches!(k, Kind::Bay))),
        ("site_count", "site", 1 + story.count(|k| matches!(k, Kind::Entry))),
        ("vehicle_position", "vehicle", story.count(|k| matches!(k, Kind::Position))),
        ("passenger_count", "vehicle", story.count(|k| matches!(k, Kind::Passengers))),
    ] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {place} = $1");
        let rows: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(base).fetch_one(&db.pool).await.unwrap();
        prop_assert_eq!(rows, expected as i64, "{}", table);
    }
    let Json(state): Json<CountState> = sqlx::query_scalar("SELECT count FROM site_state WHERE site = $1")
        .bind(base)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    let occupied = i64::from(OCCUPIED_AT_FIRST) + story.count(|k| matches!(k, Kind::Entry)) as i64;
    prop_assert_eq!(state.occupied(1_000), Some(occupied));
    Ok(())
}

impl Story {
    fn count(&self, is: impl Fn(&Kind) -> bool) -> usize {
        self.kinds.iter().filter(|k| is(k)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_in_one_batch_or_in_many_count_once() {
    let db = Database::start().await;
    let mut writers = [db.writer().await, db.writer().await];
    let mut base = 0;
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        let (writers, base) = (std::cell::RefCell::new(&mut writers), std::cell::RefCell::new(&mut base));
        runner.run(&story(), |story| {
            **base.borrow_mut() += 1;
            let number = **base.borrow();
            handle.block_on(store(&db, &mut writers.borrow_mut(), number, &story))
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
