//! A clock that is ahead and comes back, as seen in live state.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::observation::Provenance;
use domain::{BayId, BayObservation, BayState, UtcMicros};
use serde_json::json;
use store::derive::Deriver;
use store::writer::{Batch, Keyed, Writer};

use super::*;
use crate::test_town::{self, Town};

/// A town with one bay, which its feed reports every half an hour.
async fn town(pool: &Pool) -> Town {
    let feed = json!({"id": "f", "municipality": "n", "format": "native", "topic": "kv/1/f/#", "qos": 1, "heartbeat_s": 1800,
        "use_server_decoder": false});
    let bay = json!({"id": "p", "municipality": "n", "restrictions": [],
        "geometry": {"type": "Point", "coordinates": [7.2, 51.9]}});
    test_town::make(pool, feed, 2, bay).await
}

fn observed(Town { municipality, feed, place }: Town, at: UtcMicros, state: BayState) -> Batch {
    let provenance = Provenance { municipality, feed, sensor: None, received_at: at, clock_corrected: false };
    let observation = BayObservation {
        provenance,
        bay: BayId(place),
        observed_at: at,
        digest: BayObservation::digest_of(-feed.0, None, state),
        state,
        seq: None,
        battery_v: None,
        rssi_dbm: None,
        temperature_c: None,
    };
    Batch { bays: vec![Keyed { observation, idempotency_key: None }], ..Batch::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_the_clock_jumped_is_shown_again() {
    let url = testing::database::create(false).await.unwrap();
    let pool = store::connect(&url).await.unwrap();
    let town = town(&pool).await;
    // The database's clock cannot be moved, so it is the one that is ahead.
    let wrong = ingest::now_utc();
    let right = wrong.plus_s(-400 * 86_400);

    let clock = Arc::new(AtomicI64::new(right.0));
    let reading = clock.clone();
    let hub = Arc::new(LiveHub::new(right));
    let (_commits, memory) = mpsc::channel(MEMORY);
    let updater = Updater {
        pool: pool.clone(),
        clock: Arc::new(move || UtcMicros(reading.load(Ordering::Relaxed))),
        hub: Some(hub.clone()),
        registry: watch::channel(Arc::default()).0,
        memory,
    };
    let cancel = CancellationToken::new();
    let running = tokio::spawn(updater.run(cancel.clone()));
    let shows = async |state: BayState, observed_at: UtcMicros| {
        let is_so = || {
            let view = hub.read().map.bay(BayId(town.place), UtcMicros(clock.load(Ordering::Relaxed)));
            view.is_some_and(|view| (view.state, view.observed_at) == (state, Some(observed_at)))
        };
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
        assert!(
            waited.is_ok(),
            "{state:?} of {observed_at}: {:?}",
            hub.read().map.bay(BayId(town.place), observed_at)
        );
    };

    let mut writer = Writer::connect(&store::pool::options(&url).unwrap()).await.unwrap();
    let mut deriver = Deriver::connect(&url, right).await.unwrap().unwrap();
    let before = right.plus_s(-60);
    writer
        .write(&observed(town, before, BayState::Occupied), &domain::Registry::default(), right)
        .await
        .unwrap();
    deriver.step(right).await.unwrap();
    shows(BayState::Occupied, before).await;
    clock.store(wrong.0, Ordering::Relaxed);
    writer
        .write(&observed(town, wrong, BayState::Vacant), &domain::Registry::default(), wrong)
        .await
        .unwrap();
    deriver.step(wrong).await.unwrap();
    shows(BayState::Vacant, wrong).await;
    // It is right again, and the bay reports nothing.
    clock.store(right.0, Ordering::Relaxed);
    deriver.step(right).await.unwrap();
    shows(BayState::Occupied, before).await;
    cancel.cancel();
    running.await.unwrap();
    drop((writer, deriver));
    pool.close().await;
}
