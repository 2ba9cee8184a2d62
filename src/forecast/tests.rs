//! A forecast whose clock was ahead.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::observation::CountValue;
use domain::{FeedFormat, Registry, SiteCount};
use store::history::HistoryWriter;
use testing::world::feed_id;
use testing::{World, observed};

use super::*;

/// A full quarter of an hour.
const NOW: UtcMicros = UtcMicros(1_790_000_100_000_000);
const DAY_S: i64 = 86_400;

/// What was counted on the days before `until` in the town's one car park.
fn counts(registry: &Registry, until: UtcMicros, days: i64) -> Vec<SiteCount> {
    let park = registry.site_by_key("p").unwrap();
    let feed = feed_id(registry, "f");
    let steps = days * DAY_S / 900;
    let count = |n| {
        let at = until.plus_s((n - steps) * 900);
        let vacant = (at.0 / 900_000_000).rem_euclid(96) / 2;
        let of = observed::provenance(park.municipality, feed, at);
        observed::count(of, park.id, None, CountValue::Vacant(vacant as i32))
    };
    (0..=steps).map(count).collect()
}

async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_that_is_ahead_of_the_clock_comes_back() {
    let url = testing::database::create(false).await.unwrap();
    let pool = store::connect(&url).await.unwrap();
    let world = World::town("n").feed("f").with_feed(|feed| {
        (feed.format, feed.topic, feed.heartbeat_s) = (FeedFormat::History, String::new(), Some(600));
    });
    let registry = testing::world::import(&world.site("p", 50).contents, &pool).await;
    let town = registry.municipality_id("n").unwrap();
    let mut history = HistoryWriter::connect(&store::pool::options(&url).unwrap()).await.unwrap();
    history.write(&counts(&registry, NOW, 2), &registry, NOW).await.unwrap();
    let hub = Arc::new(LiveHub::new(NOW));
    hub.replace_registry(registry.clone(), NOW);

    let clock = Arc::new(AtomicI64::new(NOW.0));
    let reading = clock.clone();
    let forecasts: Arc<Forecasts> = Arc::default();
    let updater = Updater {
        forecasts: forecasts.clone(),
        hub,
        clock: Arc::new(move || UtcMicros(reading.load(Ordering::Relaxed))),
        pool: pool.clone(),
    };
    let cancel = CancellationToken::new();
    let running = tokio::spawn(updater.run(cancel.clone()));
    let at = || forecasts.town(town).and_then(|town| town.read().at());
    let reaches = async |now: UtcMicros| {
        clock.store(now.0, Ordering::Relaxed);
        eventually(&format!("the forecast is at {now}"), async || at() == Some(Town::sample_time(now))).await;
    };
    let saved_until = async || {
        let sql = "SELECT (extract(epoch FROM until_utc) * 1e6)::bigint FROM forecast_model";
        sqlx::query_scalar::<_, i64>(sql).fetch_optional(&pool).await.unwrap().map(UtcMicros)
    };
    let since = NOW.plus_s(-2 * DAY_S);
    let learned = async |until: UtcMicros| {
        let def = registry.municipality(town).unwrap();
        let learned = Town::new(calendar(&pool, town, def).await.unwrap());
        let span = Town::sample_time(since)..until;
        let learned = past::replay(&pool, &registry, town, learned, span, |_| {}).await.unwrap();
        format!("{:?}", learned.forecaster())
    };
    let forecaster = || format!("{:?}", forecasts.town(town).unwrap().read().forecaster());

    reaches(NOW).await;
    let expected = learned(NOW).await;
    assert_eq!(forecaster(), expected);
    // Long enough to be saved, so that what is saved is ahead too.
    let ahead = NOW.plus_s(DAY_S);
    history.write(&counts(&registry, ahead, 1)[1..], &registry, ahead).await.unwrap();
    reaches(ahead).await;
    assert_ne!(forecaster(), expected);
    eventually("the model is saved", async || saved_until().await.is_some_and(|until| until > NOW)).await;
    reaches(NOW).await;
    assert_eq!(forecaster(), expected);
    assert_eq!(saved_until().await, Some(NOW));
    // A little ahead, and not saved meanwhile: it goes on from what was saved.
    let later = NOW.plus_s(3_600);
    reaches(later).await;
    assert_eq!(saved_until().await, Some(NOW));
    reaches(NOW.plus_s(900)).await;
    assert_eq!(forecaster(), learned(NOW.plus_s(900)).await);
    // Nothing was observed but ahead of the clock.
    let before = since.plus_s(-DAY_S);
    clock.store(before.0, Ordering::Relaxed);
    eventually("nothing is known yet", async || at().is_none_or(|at| at <= before)).await;
    cancel.cancel();
    running.await.unwrap();
    assert!(saved_until().await.is_none_or(|until| until <= before));
    pool.close().await;
}
