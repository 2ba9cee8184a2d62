//! A forecast whose clock was ahead.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::observation::{CountValue, Heard};
use domain::{Audience, FeedId, SiteCount, SiteId};
use serde_json::json;
use store::history::HistoryWriter;
use store::private_pg::PrivatePg;
use store::writer::Capacities;

use super::*;

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
async fn town(pool: &Pool) -> (MunicipalityId, FeedId, SiteId) {
    let id = |sql: &'static str, def: serde_json::Value| {
        sqlx::query_scalar::<_, i32>(sql).bind(sqlx::types::Json(def)).fetch_one(pool)
    };
    let town = json!({"slug": "n", "name": "N", "ags": "05558001", "lat": null, "lon": null, "tz": "Europe/Berlin",
        "public_planning": false});
    let feed = json!({"id": "f", "municipality": "n", "format": "history", "topic": "", "qos": 1, "heartbeat_s": 600,
        "use_server_decoder": false});
    let site = json!({"id": "s", "municipality": "n", "name": "S", "kind": "lot", "capacity": 50, "purpose": "car",
        "publish": "public", "geometry": {"type": "Point", "coordinates": [7.2, 51.9]}});
    let town = id("INSERT INTO municipality (slug, def) VALUES ('n', $1) RETURNING id", town).await.unwrap();
    let feed = id(
        "INSERT INTO feed (municipality, key, def) SELECT id, 'f', $1 FROM municipality RETURNING id",
        feed,
    );
    let site = id(
        "WITH new AS (INSERT INTO place (municipality, kind, key, def) SELECT id, 1, 's', $1 FROM municipality RETURNING *),
             of AS (INSERT INTO place_version (municipality, place, from_utc, def)
                    SELECT municipality, id, '-infinity', def FROM new)
         SELECT id FROM new",
        site,
    );
    (MunicipalityId(town), FeedId(feed.await.unwrap()), SiteId(site.await.unwrap()))
}

/// What was counted on the days before `until`.
fn counts(
    (town, feed, site): (MunicipalityId, FeedId, SiteId),
    until: UtcMicros,
    days: i64,
) -> Vec<SiteCount> {
    let steps = days * DAY_S / 900;
    (0..=steps)
        .map(|n| {
            let at = until.plus_s((n - steps) * 900);
            let vacant = (at.0 / 900_000_000).rem_euclid(96) / 2;
            SiteCount {
                heard: Heard {
                    municipality: town,
                    feed,
                    sensor: None,
                    received_at: at,
                    clock_corrected: false,
                },
                site,
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

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_that_is_ahead_of_the_clock_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = PrivatePg::start(folder.path()).await.unwrap();
    let pool = store::connect(&server.url()).await.unwrap();
    store::migrate::migrate(&pool, false).await.unwrap();
    let ids = town(&pool).await;
    let mut history = HistoryWriter::connect(&store::pool::options(&server.url()).unwrap()).await.unwrap();
    history.write(&counts(ids, NOW, 2), &Spaces, NOW).await.unwrap();
    let registry = Arc::new(store::places::registry(&mut pool.acquire().await.unwrap()).await.unwrap());
    let hub = Arc::new(LiveHub::new(NOW));
    hub.replace_registry(registry.clone(), NOW);

    let clock = Arc::new(AtomicI64::new(NOW.0));
    let reading = clock.clone();
    let forecasts: Arc<Forecasts> = Arc::default();
    let keeper = Keeper {
        forecasts: forecasts.clone(),
        hub,
        clock: Arc::new(move || UtcMicros(reading.load(Ordering::Relaxed))),
        pool: pool.clone(),
    };
    let cancel = CancellationToken::new();
    let running = tokio::spawn(keeper.run(cancel.clone()));
    let at = || forecasts.town(ids.0).and_then(|town| town.read().at());
    let reaches = async |now: UtcMicros| {
        clock.store(now.0, Ordering::Relaxed);
        eventually(&format!("the forecast is at {now}"), || at() == Some(Town::sample_time(now))).await;
    };
    let kept = async || {
        let sql = "SELECT (extract(epoch FROM until_utc) * 1e6)::bigint FROM forecast_model";
        sqlx::query_scalar::<_, i64>(sql).fetch_optional(&pool).await.unwrap().map(UtcMicros)
    };
    let since = NOW.plus_s(-2 * DAY_S);
    let learned = async |until: UtcMicros| {
        let def = registry.municipality(ids.0).unwrap();
        let town = Town::new(calendar(&pool, ids.0, def).await.unwrap());
        let span = (Town::sample_time(since), until);
        let town = past::live_through(&pool, &registry, ids.0, town, span, |_| {}).await.unwrap();
        format!("{:?}", town.forecaster())
    };
    let forecaster = || format!("{:?}", forecasts.town(ids.0).unwrap().read().forecaster());

    reaches(NOW).await;
    let expected = learned(NOW).await;
    assert_eq!(forecaster(), expected);
    // Long enough to be kept, so that what is kept is ahead too.
    let ahead = NOW.plus_s(DAY_S);
    history.write(&counts(ids, ahead, 1)[1..], &Spaces, ahead).await.unwrap();
    reaches(ahead).await;
    assert_ne!(forecaster(), expected);
    assert!(kept().await.is_some_and(|until| until > NOW));
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
    eventually("nothing is known yet", || at().is_none_or(|at| at <= before)).await;
    cancel.cancel();
    running.await.unwrap();
    assert!(kept().await.is_none_or(|until| until <= before));
    pool.close().await;
    server.stop().await.unwrap();
}
