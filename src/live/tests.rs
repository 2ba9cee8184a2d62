//! A clock that is ahead and comes back, as seen in live state; and imports into a running instance.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::booking::OnDemandLine;
use domain::catalogue::Catalogue;
use domain::{BayState, UtcMicros};
use store::derive::Deriver;
use store::places::{Holds, Import, Missing};
use store::writer::{Batch, Writer};
use testing::World;
use testing::observed::{self, dated};
use testing::world::feed_id;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_the_clock_jumped_is_shown_again() {
    let url = testing::database::create(false).await.unwrap();
    let pool = store::connect(&url).await.unwrap();
    // Its feed reports the bay every half an hour.
    let town = World::town("n").feed("f").with_feed(|feed| feed.heartbeat_s = Some(1_800)).bay("b");
    let registry = testing::world::import(&town.contents, &pool).await;
    let bay = registry.bay_by_key("b").unwrap();
    let batch = |at, state| {
        let of = observed::provenance(bay.municipality, feed_id(&registry, "f"), at);
        Batch { bays: dated([observed::bay(of, bay.id, None, state)]), ..Batch::default() }
    };
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
        devices: Arc::new(DeviceHub::new(right)),
        registry: watch::channel(Arc::default()).0,
        memory,
    };
    let cancel = CancellationToken::new();
    let running = tokio::spawn(updater.run(cancel.clone()));
    let shows = async |state: BayState, observed_at: UtcMicros| {
        let is_so = || {
            let view = hub.read().map.bay(bay.id, UtcMicros(clock.load(Ordering::Relaxed)));
            view.is_some_and(|view| (view.state, view.observed_at) == (state, Some(observed_at)))
        };
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
        let shown = hub.read().map.bay(bay.id, observed_at);
        assert!(waited.is_ok(), "{state:?} of {observed_at}: {shown:?}");
    };

    let mut writer = Writer::connect(&store::pool::options(&url).unwrap()).await.unwrap();
    let mut deriver = Deriver::connect(&url, right).await.unwrap().unwrap();
    let before = right.plus_s(-60);
    writer.write(&batch(before, BayState::Occupied), &registry, right).await.unwrap();
    deriver.step(right).await.unwrap();
    shows(BayState::Occupied, before).await;
    clock.store(wrong.0, Ordering::Relaxed);
    writer.write(&batch(wrong, BayState::Vacant), &registry, wrong).await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn rules_for_lines_are_there_within_a_second_of_their_import() {
    let url = testing::database::create(false).await.unwrap();
    let pool = store::connect(&url).await.unwrap();
    testing::world::import(&World::town("n").contents, &pool).await;
    let now = ingest::now_utc();
    let hub = Arc::new(LiveHub::new(now));
    let (_commits, memory) = mpsc::channel(MEMORY);
    let (registry, mut seen) = watch::channel(Arc::<Registry>::default());
    let updater = Updater {
        pool: pool.clone(),
        clock: Arc::new(move || now),
        hub: Some(hub.clone()),
        devices: Arc::new(DeviceHub::new(now)),
        registry,
        memory,
    };
    let cancel = CancellationToken::new();
    let running = tokio::spawn(updater.run(cancel.clone()));
    seen.wait_for(|registry| registry.municipality_id("n").is_some()).await.unwrap();

    let rule = |municipality: Option<&str>, route: &str| -> OnDemandLine {
        let terms = serde_json::json!({"notice": "RealTime", "opens": "Always", "relative_to": "boarding"});
        let rule = serde_json::json!({"municipality": municipality, "route": route, "kind": "ast", "terms": terms, "desk": {}});
        serde_json::from_value(rule).unwrap()
    };
    let mut import = Import::begin(&pool).await.unwrap();
    let rules = Some(vec![rule(None, "T*"), rule(Some("n"), "T58")]);
    let new = Catalogue { on_demand: rules, ..Catalogue::default() };
    let report = import.apply(&new, Missing::Keep, Holds::FromNow, now).await.unwrap();
    import.commit(&report, "test").await.unwrap();
    let has_rules = seen.wait_for(|registry| !registry.on_demand().is_empty());
    tokio::time::timeout(Duration::from_secs(1), has_rules).await.unwrap().unwrap();
    let live = hub.read().map.registry().clone();
    let routes: Vec<&str> = live.on_demand().iter().map(|rule| rule.route.as_str()).collect();
    assert_eq!(routes, ["T58", "T*"]);
    cancel.cancel();
    running.await.unwrap();
    pool.close().await;
}
