//! A small county in memory, and what asks it over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use domain::geo::Geometry;
use domain::live::Change;
use domain::observation::VehicleFix;
use domain::place::{Purpose, Texts};
use domain::registry::{Contents, Entry};
use domain::site_count::{Absolute, Anchor, CountState};
use domain::{
    Audience, Bay, BayId, BayReading, BayState, Feed, FeedId, LatLon, Municipality, MunicipalityId, Publish,
    Registry, Restriction, Site, SiteId, SiteKind, UtcMicros, Vehicle, VehicleId,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{App, LiveHub, StreamBounds, TrustedProxies, router};

/// A Monday noon: 2026-11-23T12:00:00Z.
pub const NOW: UtcMicros = UtcMicros(1_795_435_200_000_000);
/// 2.2 x the feeds' heartbeat of 1000 s.
pub const STALE_AFTER_S: i64 = 2_200;
pub const WARENDORF: LatLon = LatLon { lat: 51.953, lon: 7.991 };
const TELGTE: LatLon = LatLon { lat: 51.982, lon: 7.785 };

/// Everything one test needs.
pub struct County {
    pub hub: Arc<LiveHub>,
    pub app: App,
    pub router: axum::Router,
    clock: Arc<AtomicI64>,
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
            clock: Arc::new(move || UtcMicros(reading.load(Ordering::Relaxed))),
            journeys: Arc::default(),
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

fn town(id: i32, slug: &str, name: &str, at: LatLon) -> (MunicipalityId, Municipality) {
    let municipality = Municipality {
        slug: slug.into(),
        name: name.into(),
        ags: format!("055700{id:02}"),
        lat: Some(at.lat),
        lon: Some(at.lon),
        tz: "Europe/Berlin".into(),
        public_planning: false,
    };
    (MunicipalityId(id), municipality)
}

fn feed(id: i32, municipality: i32, slug: &str) -> Entry<FeedId, Feed> {
    let def = json!({
        "id": format!("feed-{slug}"), "municipality": slug, "format": "native", "topic": format!("kv/1/feed-{slug}/#"),
        "qos": 1, "heartbeat_s": 1000, "use_server_decoder": false,
        "attribution": format!("Stadt {slug}"), "licence": "CC-BY-4.0", "contact": "mail@example.org",
    });
    Entry {
        id: FeedId(id),
        municipality: MunicipalityId(municipality),
        def: serde_json::from_value(def).expect("feed"),
    }
}

fn offset(from: LatLon, north_m: f64) -> Geometry {
    Geometry::Point([from.lon, from.lat + north_m / 111_195.0])
}

pub fn site(
    id: i32,
    key: &str,
    town: (i32, &str, LatLon),
    north_m: f64,
    capacity: u32,
) -> Entry<SiteId, Site> {
    Entry {
        id: SiteId(id),
        municipality: MunicipalityId(town.0),
        def: Site {
            id: key.into(),
            municipality: town.1.into(),
            name: format!("Site {key}"),
            kind: SiteKind::Lot,
            capacity,
            purpose: Purpose::Car,
            zone: None,
            opening_hours: None,
            fee: None,
            max_height_m: None,
            restrictions: vec![],
            publish: Publish::Public,
            valid_from: None,
            valid_until: None,
            geometry: offset(town.2, north_m),
        },
    }
}

pub fn bay(
    id: i32,
    key: &str,
    town: (i32, &str, LatLon),
    site: Option<&str>,
    north_m: f64,
) -> Entry<BayId, Bay> {
    Entry {
        id: BayId(id),
        municipality: MunicipalityId(town.0),
        def: Bay {
            id: key.into(),
            municipality: town.1.into(),
            site: site.map(Into::into),
            zone: None,
            restrictions: vec![],
            max_stay_min: None,
            publish: None,
            valid_from: None,
            valid_until: None,
            geometry: offset(town.2, north_m),
        },
    }
}

pub fn kept_for(audience: Audience) -> Restriction {
    Restriction { audience: Some(audience), capacity: None, hours: None, max_stay_min: None }
}

pub const W: (i32, &str, LatLon) = (1, "warendorf", WARENDORF);
pub const T: (i32, &str, LatLon) = (2, "telgte", TELGTE);

/// Two towns with sites and bays of all kinds, and a county with a bus.
pub fn contents() -> Contents {
    let mut garage = site(11, "w-garage", W, 100.0, 120);
    garage.def.kind = SiteKind::CarPark;
    garage.def.name = "Parkhaus Emsinsel".into();
    garage.def.opening_hours = Some("Mo-Su 06:00-22:00".into());
    garage.def.fee = Some(Texts { de: Some("1 € je Stunde".into()), en: Some("1 € per hour".into()) });
    garage.def.max_height_m = Some(2.0);
    garage.def.restrictions = vec![Restriction { capacity: Some(4), ..kept_for(Audience::Disabled) }];
    let market = site(12, "w-market", W, -150.0, 4);
    let mut night = site(13, "w-night", W, 200.0, 30);
    night.def.opening_hours = Some("Mo-Su 20:00-06:00".into());
    let silent = site(14, "w-silent", W, 250.0, 10);
    let mut secret = site(15, "w-secret", W, 50.0, 10);
    secret.def.publish = Publish::None;
    let full = site(16, "w-full", W, 300.0, 8);
    let station = site(21, "t-station", T, 0.0, 60);

    let mut resident = bay(103, "w-m-3", W, Some("w-market"), -152.0);
    resident.def.restrictions = vec![kept_for(Audience::Resident)];
    let mut disabled = bay(104, "w-m-4", W, Some("w-market"), -153.0);
    disabled.def.restrictions = vec![kept_for(Audience::Disabled)];
    let mut hidden = bay(107, "w-hidden", W, None, 12.0);
    hidden.def.publish = Some(Publish::None);
    let mut short = bay(105, "w-kerb-5", W, None, 30.0);
    short.def.max_stay_min = Some(60);

    Contents {
        municipalities: vec![
            town(1, "warendorf", "Warendorf", WARENDORF),
            town(2, "telgte", "Telgte", TELGTE),
            (
                MunicipalityId(3),
                Municipality { ags: "05570".into(), ..town(3, "kreis", "Kreis", WARENDORF).1 },
            ),
        ],
        sites: vec![garage, market, night, silent, secret, full, station],
        bays: vec![
            bay(101, "w-m-1", W, Some("w-market"), -150.0),
            bay(102, "w-m-2", W, Some("w-market"), -151.0),
            resident,
            disabled,
            short,
            bay(106, "w-kerb-6", W, None, 40.0),
            hidden,
            bay(108, "w-s-1", W, Some("w-secret"), 50.0),
            bay(201, "t-1", T, None, 20.0),
        ],
        vehicles: vec![Entry {
            id: VehicleId(301),
            municipality: MunicipalityId(3),
            def: Vehicle {
                id: "bus-1".into(),
                owner: "kreis".into(),
                operator: Some("RVM".into()),
                label: Some("R11".into()),
                seats: Some(40),
                standing: None,
            },
        }],
        feeds: vec![feed(1, 1, "warendorf"), feed(2, 2, "telgte"), feed(3, 3, "kreis")],
        ..Contents::default()
    }
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
    let Geometry::Point([lon, lat]) = offset(WARENDORF, north_m) else { unreachable!() };
    Change::Vehicle {
        vehicle: VehicleId(301),
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
