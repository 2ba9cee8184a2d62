//! A forecast whose clock was ahead.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::observation::{CountValue, Provenance};
use domain::{Audience, SiteCount, SiteId};
use serde_json::json;
use store::history::HistoryWriter;
use store::writer::Capacities;

use super::*;
use crate::test_town;

/// A full quarter of an hour.
const NOW: UtcMicros = UtcMicros(1_790_000_100_000_000);
const DAY_S: i64 = 86_400;

struct Spaces;

impl Capacities for Spaces {
    fn capacity(&self, _: SiteId, _: Option<Audience>) -> i64 {
        50
    }
}

/// A town with one car park.
async fn car_park(pool: &Pool) -> test_town::Town {
    let feed = json!({"id": "f", "municipality": "n", "format": "history", "topic": "", "qos": 1, "heartbeat_s": 600,
        "use_server_decoder": false});
    let site = json!({"id": "p", "municipality": "n", "name": "S", "kind": "lot", "capacity": 50, "purpose": "car",
        "publish": "public", "geometry": {"type": "Point", "coordinates": [7.2, 51.9]}});
    test_town::make(pool, feed, 1, site).await
}

/// What was counted on the days before `until`.
fn counts(of: test_town::Town, until: UtcMicros, days: i64) -> Vec<SiteCount> {
    let steps = days * DAY_S / 900;
    (0..=steps)
        .map(|n| {
            let at = until.plus_s((n - steps) * 900);
            let vacant = (at.0 / 900_000_000).rem_euclid(96) / 2;
            SiteCount {
                provenance: Provenance {
                    municipality: of.municipality,
                    feed: of.feed,
                    sensor: None,
                    received_at: at,
                    clock_corrected: false,
                },
                site: SiteId(of.place),
                observed_at: at,
                digest: vacant,
                audience: None,
                value: CountValue::Vacant(vacant as i32),
                status: None,
                capacity: None,
                source: None,
                seq: None,
            }
        })
        .collect()
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
    let park = car_park(&pool).await;
    let mut history = HistoryWriter::connect(&store::pool::options(&url).unwrap()).await.unwrap();
    history.write(&counts(park, NOW, 2), &Spaces, NOW).await.unwrap();
    let registry = Arc::new(store::places::registry(&mut pool.acquire().await.unwrap()).await.unwrap());
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
    let at = || forecasts.town(park.municipality).and_then(|town| town.read().at());
    let reaches = async |now: UtcMicros| {
        clock.store(now.0, Ordering::Relaxed);
        eventually(&format!("the forecast is at {now}"), async || at() == Some(Town::sample_time(now))).await;
    };
    let kept = async || {
        let sql = "SELECT (extract(epoch FROM until_utc) * 1e6)::bigint FROM forecast_model";
        sqlx::query_scalar::<_, i64>(sql).fetch_optional(&pool).await.unwrap().map(UtcMicros)
    };
    let since = NOW.plus_s(-2 * DAY_S);
    let learned = async |until: UtcMicros| {
        let def = registry.municipality(park.municipality).unwrap();
        let town = Town::new(calendar(&pool, park.municipality, def).await.unwrap());
        let span = (Town::sample_time(since), until);
        let town = past::replay(&pool, &registry, park.municipality, town, span, |_| {}).await.unwrap();
        format!("{:?}", town.forecaster())
    };
    let forecaster = || format!("{:?}", forecasts.town(park.municipality).unwrap().read().forecaster());

    reaches(NOW).await;
    let expected = learned(NOW).await;
    assert_eq!(forecaster(), expected);
    // Long enough to be kept, so that what is kept is ahead too.
    let ahead = NOW.plus_s(DAY_S);
    history.write(&counts(park, ahead, 1)[1..], &Spaces, ahead).await.unwrap();
    reaches(ahead).await;
    assert_ne!(forecaster(), expected);
    eventually("the model is saved", async || kept().await.is_some_and(|until| until > NOW)).await;
    reaches(NOW).await;
    assert_eq!(forecaster(), expected);
    assert_eq!(kept().await, Some(NOW));
    // A little ahead, and not kept meanwhile: it goes on from what was kept.
    let later = NOW.plus_s(3_600);
    reaches(later).await;
    assert_eq!(kept().await, Some(NOW));
    reaches(NOW.plus_s(900)).await;
    assert_eq!(forecaster(), learned(NOW.plus_s(900)).await);
    // Nothing was observed but ahead of the clock.
    let before = since.plus_s(-DAY_S);
    clock.store(before.0, Ordering::Relaxed);
    eventually("nothing is known yet", async || at().is_none_or(|at| at <= before)).await;
    cancel.cancel();
    running.await.unwrap();
    assert!(kept().await.is_none_or(|until| until <= before));
    pool.close().await;
}
