//! From what stations counted to chances, in two towns, through a restart and a clock that was ahead.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::HeldRentals;
use axum::body::Body;
use axum::http::Request;
use domain::rental::{Geofencing, Localized, Station, StationStatus, System, VehicleType};
use domain::{FeedFormat, LatLon};
use serde_json::Value;
use testing::World;
use testing::world::feed_id;
use tower::ServiceExt;

use super::*;

/// A midnight in UTC.
const NOW: UtcMicros = UtcMicros(1_789_948_800_000_000);
const HOUR_S: i64 = 3_600;

/// How many vehicles are at the station of a town: in the first none from 8 to 18 and else two, in the second always two.
fn vehicles(town: usize, at: UtcMicros) -> u32 {
    let hour = at.0.div_euclid(HOUR_S * 1_000_000).rem_euclid(24);
    if town == 0 && (8..18).contains(&hour) { 0 } else { 2 }
}

fn system(town: usize, stations: &[&str], at: UtcMicros) -> System {
    let name = || Localized::new(vec![("de".into(), "Rad".into())]).unwrap();
    let station = |id: &&str| Station {
        id: (*id).into(),
        name: name(),
        at: LatLon { lat: 52.0 + town as f64, lon: 7.5 },
        area: None,
        is_virtual: false,
        capacity: None,
        url: None,
        status: Some(StationStatus {
            vehicles: Some(vehicles(town, at)),
            by_type: vec![],
            docks: Some(2 - vehicles(town, at)),
            docks_by_type: vec![],
            is_installed: true,
            is_renting: true,
            is_returning: true,
            at,
        }),
    };
    System {
        id: "rad".into(),
        name: name(),
        operator: None,
        url: None,
        types: vec![VehicleType::bicycle()],
        stations: stations.iter().map(station).collect(),
        vehicles: vec![],
        vehicles_at: at,
        geofencing: Geofencing::default(),
        plans: vec![],
    }
}

/// A process that serves, and its clock.
struct Serving {
    clock: Arc<AtomicI64>,
    app: api::App,
    feeds: [FeedId; 2],
    pool: Pool,
    cancel: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Serving {
    fn start(registry: &Arc<Registry>, pool: &Pool) -> Self {
        let hub = Arc::new(LiveHub::new(NOW));
        hub.replace_registry(registry.clone(), NOW);
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let reading = clock.clone();
        let app = api::App {
            hub: Some(hub.clone()),
            clock: Arc::new(move || UtcMicros(reading.load(Ordering::Relaxed))),
            ..crate::server::tests::app()
        };
        let updater = StationUpdater {
            rentals: app.rentals.clone(),
            hub,
            clock: app.clock.clone(),
            pool: pool.clone(),
        };
        let cancel = CancellationToken::new();
        let running = tokio::spawn(updater.run(cancel.clone()));
        let feeds = ["a", "b"].map(|key| feed_id(registry, key));
        Serving { clock, app, feeds, pool: pool.clone(), cancel, running }
    }

    /// The stations that each town's system has at `now`.
    fn serve(&self, now: UtcMicros, stations: [&[&str]; 2]) {
        self.clock.store(now.0, Ordering::Relaxed);
        let held = (0..2).filter(|town| !stations[*town].is_empty()).map(|town| HeldRentals {
            feed: self.feeds[town],
            system: Arc::new(system(town, stations[town], now)),
        });
        self.app.rentals.replace(held.collect());
    }

    /// Chances of a vehicle at the first station of a town after some hours.
    async fn chance(&self, town: usize, hours: i64) -> Option<f64> {
        let now = UtcMicros(self.clock.load(Ordering::Relaxed));
        let (lat, at) = (52 + town, now.plus_s(hours * HOUR_S));
        let request = Request::get(format!("/v1/rentals?near={lat},7.5&arrive_at={at}"));
        let router = api::router(&self.app);
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answer["stations"][0]["vehicle_chance"].as_f64()
    }

    async fn saved(&self) -> Vec<UtcMicros> {
        let sql = "SELECT (extract(epoch FROM until_utc) * 1e6)::bigint FROM rental_forecast ORDER BY feed";
        let rows: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap();
        rows.into_iter().map(UtcMicros).collect()
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.running.await.unwrap();
    }
}

async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.expect(what);
}

/// What the station of each town counted in sixteen days.
async fn count(pool: &Pool, registry: &Registry) {
    let quarters: Vec<UtcMicros> = (0..=16 * 96).map(|n| NOW.plus_s((n - 16 * 96) * 900)).collect();
    for (town, key) in ["a", "b"].into_iter().enumerate() {
        let feed = registry.feed(feed_id(registry, key)).unwrap();
        let counted: Vec<i32> = quarters.iter().map(|at| vehicles(town, *at) as i32).collect();
        sqlx::query(
            "INSERT INTO rental_count (municipality, feed, system, station, observed_at, vehicles, docks)
             SELECT $1, $2, 'rad', 's', to_timestamp(s), n, 2 - n FROM unnest($3::bigint[], $4::integer[]) AS t(s, n)",
        )
        .bind(feed.municipality.0)
        .bind(feed.id.0)
        .bind(quarters.iter().map(|at| at.0 / 1_000_000).collect::<Vec<_>>())
        .bind(counted)
        .execute(pool)
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stations_counted_becomes_a_chance_and_outlives_a_restart() {
    let url = testing::database::create(false).await.unwrap();
    let pool = store::connect(&url).await.unwrap();
    let gbfs = |feed: &mut Feed| {
        (feed.format, feed.topic) = (FeedFormat::Gbfs, String::new());
        feed.url = Some("https://o.example/gbfs.json".into());
    };
    let world = World::town("a").feed("a").with_feed(gbfs).and_town("b").feed("b").with_feed(gbfs);
    let registry = testing::world::import(&world.contents, &pool).await;
    count(&pool, &registry).await;

    let serving = Serving::start(&registry, &pool);
    serving.serve(NOW, [&["s"], &["s"]]);
    eventually("both systems are learned", async || serving.saved().await == [NOW, NOW]).await;
    eventually("the second is published", async || serving.chance(1, 10).await.is_some()).await;
    assert_eq!((serving.chance(0, 0).await, serving.chance(1, 0).await), (Some(1.0), Some(1.0)));
    let [empty, full] = [serving.chance(0, 10).await.unwrap(), serving.chance(1, 10).await.unwrap()];
    assert!(empty < 0.2 && full > 0.8, "the towns have their own weeks: {empty} {full}");
    // A station of which nothing was learned is unknown in ten hours; a system that has gone leaves the other as it is.
    serving.serve(NOW, [&["new"], &[]]);
    assert_eq!(serving.chance(0, 10).await, None);
    serving.serve(NOW, [&["s"], &[]]);
    assert_eq!(serving.chance(0, 10).await, Some(empty));
    serving.stop().await;

    // What is too old to be kept is not needed again.
    sqlx::query("DELETE FROM rental_count").execute(&pool).await.unwrap();
    let serving = Serving::start(&registry, &pool);
    serving.serve(NOW, [&["s"], &["s"]]);
    eventually("what was saved is loaded", async || serving.chance(0, 10).await.is_some()).await;
    assert_eq!(serving.chance(0, 10).await, Some(empty));
    // Nobody knows what was counted while the clock is ahead, and nothing of it stays.
    let later = NOW.plus_s(24 * HOUR_S);
    serving.serve(later, [&["s"], &["s"]]);
    eventually("it learns that nothing came", async || serving.saved().await == [later, later]).await;
    count(&pool, &registry).await;
    serving.serve(NOW, [&["s"], &["s"]]);
    eventually("it is learned again", async || serving.saved().await == [NOW, NOW]).await;
    eventually("and served", async || serving.chance(0, 10).await == Some(empty)).await;
    serving.stop().await;
    pool.close().await;
}
