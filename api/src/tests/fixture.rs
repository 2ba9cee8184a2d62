//! A small county in memory, and what asks it over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use domain::fee::Fee;
use domain::geo::Geometry;
use domain::live::Change;
use domain::observation::VehicleFix;
use domain::registry::Contents;
use domain::site_count::{Absolute, Anchor, CountState};
use domain::{
    Audience, BayId, BayReading, BayState, Decoder, FeedId, LatLon, Publish, Registry, Restriction, SiteId,
    SiteKind, UtcMicros, VehicleId,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use testing::World;
use testing::world::north_of;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{App, LiveHub, StreamBounds, TrustedProxies, router};

/// A Monday noon: 2026-11-23T12:00:00Z.
pub const NOW: UtcMicros = UtcMicros(1_795_435_200_000_000);
/// 2.2 x the feeds' heartbeat of 1000 s.
pub const STALE_AFTER_S: i64 = 2_200;
pub const WARENDORF: LatLon = LatLon { lat: 51.953, lon: 7.991 };
pub const BUS: VehicleId = VehicleId(1);
const TELGTE: LatLon = LatLon { lat: 51.982, lon: 7.785 };

/// Everything one test needs.
pub struct County {
    pub hub: Arc<LiveHub>,
    pub app: App,
    pub router: axum::Router,
    clock: Arc<AtomicI64>,
}

/// Reads payloads of one byte for one decoder, and refuses all others.
fn read_first_byte(
    decoder: Decoder,
    _f_port: i32,
    payload: &[u8],
    threshold_mm: Option<u32>,
) -> Result<String, String> {
    match (decoder, payload) {
        (Decoder::BoschTps110, [byte]) => {
            Ok(json!({ "byte": byte, "threshold_mm": threshold_mm }).to_string())
        }
        _ => Err(format!("payload: {} bytes", payload.len())),
    }
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

impl County {
    /// The places of [`contents`], with the states of [`states`].
    pub fn new() -> Self {
        let county = Self::with(contents());
        county.hub.apply(states(), NOW);
        county
    }

    pub fn with(contents: Contents) -> Self {
        Self::from_registry(Arc::new(Registry::new(contents)), None)
    }

    pub fn from_registry(registry: Arc<Registry>, pool: Option<store::Pool>) -> Self {
        let hub = Arc::new(LiveHub::new(NOW));
        hub.replace_registry(registry, NOW);
        hub.set_ready(true);
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let reading = clock.clone();
        let app = App {
            hub: Some(hub.clone()),
            devices: Arc::new(crate::DeviceHub::new(NOW)),
            clock: Arc::new(move || UtcMicros(reading.load(Ordering::Relaxed))),
            journeys: Arc::default(),
            rentals: Arc::default(),
            forecasts: Arc::default(),
            pool,
            metrics: Arc::new(Mutex::new(prometheus_client::registry::Registry::default())),
            may_store: watch::channel(true).1,
            has_broker: None,
            failed_task: watch::channel(None).1,
            attempts: Arc::default(),
            proxies: TrustedProxies::default(),
            streams: StreamBounds::of(100),
            max_json_rows: crate::MAX_JSON_ROWS,
            intake: None,
            read_payload: read_first_byte,
            acceptance: crate::acceptance_limits(None).unwrap(),
            shutdown: CancellationToken::new(),
        };
        let router = router(&app);
        County { hub, app, router, clock }
    }

    /// Answers in JSON have at most so many rows.
    pub fn bound_json_rows(&mut self, most: i64) {
        self.app.max_json_rows = most;
        self.router = router(&self.app);
    }

    /// What is posted goes there.
    pub fn take_in(&mut self, intake: Arc<dyn domain::posted::Intake>) {
        self.app.intake = Some(intake);
        self.router = router(&self.app);
    }

    pub fn at(&self, now: UtcMicros) {
        self.clock.store(now.0, Ordering::Relaxed);
        self.hub.tick(now);
    }

    pub async fn send(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(self.send(request.body(Body::empty()).expect("request")).await).await
    }
}

pub async fn read(response: axum::response::Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(bytes.to_vec()).expect("utf-8"),
    }
}

pub fn kept_for(audience: Audience) -> Restriction {
    Restriction { audience: Some(audience), capacity: None, hours: None, max_stay_min: None }
}

fn with_feed(world: World, slug: &str) -> World {
    world.feed(&format!("feed-{slug}")).with_feed(|feed| {
        feed.heartbeat_s = Some(1000);
        feed.attribution = Some(format!("Stadt {slug}"));
        (feed.licence, feed.contact) = (Some("CC-BY-4.0".into()), Some("mail@example.org".into()));
    })
}

/// Two towns with sites and bays of all kinds, and a county with a bus.
pub fn world() -> World {
    let world = with_feed(World::town("warendorf").at(WARENDORF), "warendorf")
        .place_ids_from(11)
        .north_m(100.0)
        .site("w-garage", 120)
        .with_site(|garage| {
            garage.kind = SiteKind::CarPark;
            garage.name = "Parkhaus Emsinsel".into();
            garage.opening_hours = Some("Mo-Su 06:00-22:00".into());
            garage.fee =
                Some(Fee {
                    de: Some("1 € je Stunde".into()), en: Some("1 € per hour".into()), tariff: None
                });
            garage.max_height_m = Some(2.0);
            garage.restrictions = vec![Restriction { capacity: Some(4), ..kept_for(Audience::Disabled) }];
        })
        .north_m(-150.0)
        .site("w-market", 4)
        .north_m(200.0)
        .site("w-night", 30)
        .with_site(|night| night.opening_hours = Some("Mo-Su 20:00-06:00".into()))
        .north_m(250.0)
        .site("w-silent", 10)
        .north_m(50.0)
        .site("w-secret", 10)
        .with_site(|secret| secret.publish = Publish::None)
        .north_m(300.0)
        .site("w-full", 8)
        .place_ids_from(101)
        .north_m(-150.0)
        .bay_in("w-market", "w-m-1")
        .north_m(-151.0)
        .bay_in("w-market", "w-m-2")
        .north_m(-152.0)
        .bay_in("w-market", "w-m-3")
        .with_bay(|bay| bay.restrictions = vec![kept_for(Audience::Resident)])
        .north_m(-153.0)
        .bay_in("w-market", "w-m-4")
        .with_bay(|bay| bay.restrictions = vec![kept_for(Audience::Disabled)])
        .north_m(30.0)
        .bay("w-kerb-5")
        .with_bay(|bay| bay.max_stay_min = Some(60))
        .north_m(40.0)
        .bay("w-kerb-6")
        .north_m(12.0)
        .bay("w-hidden")
        .with_bay(|bay| bay.publish = Some(Publish::None))
        .north_m(50.0)
        .bay_in("w-secret", "w-s-1");
    let world = with_feed(world.and_town("telgte").at(TELGTE), "telgte")
        .place_ids_from(21)
        .site("t-station", 60)
        .place_ids_from(201)
        .north_m(20.0)
        .bay("t-1");
    let county = world.and_town("kreis").at(WARENDORF).with_town(|county| county.ags = "05570".into());
    with_feed(county, "kreis").vehicle("bus-1").with_vehicle(|bus| {
        (bus.operator, bus.label, bus.seats) = (Some("RVM".into()), Some("R11".into()), Some(40));
    })
}

pub fn contents() -> Contents {
    world().contents
}

pub fn observed(bay: i32, state: BayState, age_s: i64) -> Change {
    let feed = FeedId(bay / 100);
    let reading = BayReading { feed, sensor: None, observed_at: NOW.plus_s(-age_s), seq: None, state };
    Change::Bay { bay: BayId(bay), reading }
}

pub fn counted(site: i32, occupied: i32, age_s: i64) -> Change {
    let at = NOW.plus_s(-age_s);
    let count = CountState {
        anchor: Some(Anchor { at, value: Absolute::Occupied(occupied) }),
        observed_at: Some(at),
        heard_from: Some((FeedId(site / 10), None)),
        ..CountState::default()
    };
    Change::Site { site: SiteId(site), audience: None, version: 1_000_000 - age_s, count }
}

pub fn drove(north_m: f64, age_s: i64) -> Change {
    let Geometry::Point([lon, lat]) = north_of(WARENDORF, north_m) else { unreachable!() };
    Change::Vehicle {
        vehicle: BUS,
        feed: FeedId(3),
        observed_at: NOW.plus_s(-age_s),
        digest: 1,
        fix: VehicleFix {
            position: LatLon::new(lat, lon),
            speed_mps: Some(8.5),
            route_id: Some("R11".into()),
            delay_s: Some(120),
            ..VehicleFix::default()
        },
    }
}

pub fn states() -> Vec<Change> {
    vec![
        counted(11, 50, 30),
        counted(13, 3, 60),
        counted(15, 3, 60),
        counted(16, 8, 60),
        counted(21, 20, 45),
        observed(101, BayState::Vacant, 90),
        observed(102, BayState::Occupied, 100),
        observed(103, BayState::Vacant, 110),
        observed(104, BayState::Vacant, 120),
        observed(105, BayState::Vacant, 130),
        observed(106, BayState::Vacant, STALE_AFTER_S + 60),
        observed(107, BayState::Vacant, 130),
        observed(108, BayState::Vacant, 130),
        observed(201, BayState::Occupied, 10),
        drove(500.0, 5),
    ]
}
