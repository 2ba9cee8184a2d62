//! What the executable hands to the API, and what handlers share.

use std::net::IpAddr;
use std::sync::Arc;

use domain::UtcMicros;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::drivers::forecast::Forecasts;
use crate::http::attempts::Attempts;
use crate::http::client::TrustedProxies;
use crate::http::permits::Permits;
use crate::http::shares::Shares;
use crate::hub::LiveHub;
use crate::journeys::Journeys;

/// Returns the current time.
pub type Clock = Arc<dyn Fn() -> UtcMicros + Send + Sync>;

/// See the module's description.
#[derive(Clone)]
pub struct App {
    /// `None` in a process that only ingests: then nothing but [`crate::ops_router`] makes sense.
    pub hub: Option<Arc<LiveHub>>,
    pub clock: Clock,
    /// `None` where there is no database: keys are then not accepted.
    pub pool: Option<store::Pool>,
    /// What `/metrics` shows.
    pub metrics: Arc<Mutex<prometheus_client::registry::Registry>>,
    /// What journeys rest on.
    pub journeys: Arc<Journeys>,
    /// Forecasts of the municipalities.
    pub forecasts: Arc<Forecasts>,
    /// Whether the disk has room to store more.
    pub may_store: watch::Receiver<bool>,
    /// Whether the instance's own broker is connected; `None` where there is none.
    pub has_broker: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// The first long-lived task that ended without having been stopped.
    pub failed_task: watch::Receiver<Option<&'static str>>,
    /// Refused attempts to authenticate or to change something.
    pub attempts: Arc<Attempts>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// How many clients may follow the changes at once.
    pub streams: StreamBounds,
    /// Most rows of one JSON answer: [`crate::MAX_JSON_ROWS`].
    pub max_json_rows: i64,
    /// Ends event streams, so that a graceful shutdown does not wait for them.
    pub shutdown: CancellationToken,
}

/// How many clients may follow the changes at once.
#[derive(Debug, Clone, Copy)]
pub struct StreamBounds {
    pub in_all: usize,
    /// From one address; clients on this machine and trusted proxies may take all.
    pub per_address: usize,
}

impl StreamBounds {
    /// Bounds for a server with so many connections: three quarters of them, and a quarter of that from one address.
    pub fn of(connections: usize) -> Self {
        let in_all = (connections * 3 / 4).max(1);
        StreamBounds { in_all, per_address: (in_all / 4).max(1) }
    }
}

/// What handlers share.
pub(crate) struct Shared {
    pub hub: Arc<LiveHub>,
    pub journeys: Arc<Journeys>,
    pub forecasts: Arc<Forecasts>,
    pub clock: Clock,
    pub pool: Option<store::Pool>,
    pub permits: Permits,
    pub attempts: Arc<Attempts>,
    pub proxies: TrustedProxies,
    /// Clients that follow the changes.
    pub streams: Shares<IpAddr>,
    pub max_json_rows: i64,
    pub shutdown: CancellationToken,
    /// Whether `/docs` is on the same port, so that pages may lead there.
    pub has_docs: bool,
}

/// The state of every public route.
pub(crate) type Ctx = axum::extract::State<Arc<Shared>>;

impl App {
    pub(crate) fn shared(&self, has_docs: bool) -> Arc<Shared> {
        Arc::new(Shared {
            hub: self.hub.clone().unwrap_or_else(|| Arc::new(LiveHub::new((self.clock)()))),
            journeys: self.journeys.clone(),
            forecasts: self.forecasts.clone(),
            clock: self.clock.clone(),
            pool: self.pool.clone(),
            permits: Permits::of_tables(),
            attempts: self.attempts.clone(),
            proxies: self.proxies.clone(),
            streams: Shares::new(self.streams.in_all, self.streams.per_address),
            max_json_rows: self.max_json_rows,
            shutdown: self.shutdown.clone(),
            has_docs,
        })
    }
}

impl Shared {
    pub fn now(&self) -> UtcMicros {
        (self.clock)()
    }
}
