//! What the executable hands to the API, and the state that handlers take their parts of.

use std::sync::Arc;

use axum::extract::FromRef;
use domain::acceptance::Limits;
use domain::posted::Intake;
use domain::sensor::ReadPayload;
use domain::time::Clock;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::forecasts::Forecasts;
use crate::http::attempts::Attempts;
use crate::http::auth::Keys;
use crate::http::client::TrustedProxies;
use crate::http::permits::Permits;
use crate::http::shares::Shares;
use crate::http::table::Bounds;
use crate::hub::LiveHub;
use crate::hub::changes::{StreamBounds, Streams};
use crate::hub::devices::DeviceHub;
use crate::journeys::{Inputs, Journeys};
use crate::operators::ops::Ops;
use crate::pages::HasDocs;
use crate::rentals::Rentals;
use crate::search::LiveNames;
use crate::suppliers::messages::Posting;

/// See the module's description.
#[derive(Clone)]
pub struct App {
    /// `None` in a process that only ingests: then nothing but [`crate::ops_router`] makes sense.
    pub hub: Option<Arc<LiveHub>>,
    /// What devices do, for those who follow them.
    pub devices: Arc<DeviceHub>,
    pub clock: Clock,
    /// `None` where there is no database: keys are then not accepted.
    pub pool: Option<store::Pool>,
    /// What `/metrics` shows.
    pub metrics: Arc<Mutex<prometheus_client::registry::Registry>>,
    /// What journeys rest on.
    pub journeys: Arc<Journeys>,
    /// Shared vehicles.
    pub rentals: Arc<Rentals>,
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
    /// Takes in what is posted to feeds; `None`: nothing is.
    pub intake: Option<Arc<dyn Intake>>,
    /// Reads payloads of devices.
    pub read_payload: ReadPayload,
    /// By what sensors are accepted: [`crate::acceptance_limits`].
    pub acceptance: Limits,
    /// Ends event streams, so that a graceful shutdown does not wait for them.
    pub shutdown: CancellationToken,
}

/// The state of the public routes; each handler takes the parts that it needs.
#[derive(Clone, FromRef)]
pub(crate) struct Shared {
    pub hub: Arc<LiveHub>,
    pub devices: Arc<DeviceHub>,
    pub journeys: Arc<Journeys>,
    pub rentals: Arc<Rentals>,
    pub forecasts: Arc<Forecasts>,
    pub names: Arc<LiveNames>,
    pub clock: Clock,
    pub keys: Keys,
    pub tables: Bounds,
    pub streams: Arc<Streams>,
    pub inputs: Inputs,
    pub posting: Posting,
    pub has_docs: HasDocs,
    pub read_payload: ReadPayload,
    pub acceptance: Limits,
}

impl App {
    pub(crate) fn shared(&self, has_docs: bool) -> Shared {
        let App { journeys, forecasts, clock, attempts, streams, .. } = self.clone();
        let hub = self.hub.clone().unwrap_or_else(|| Arc::new(LiveHub::new(clock())));
        let keys =
            Keys { pool: self.pool.clone(), attempts, proxies: self.proxies.clone(), clock: clock.clone() };
        let streams = Streams {
            shares: Shares::new(streams.in_all, streams.per_address),
            clock: clock.clone(),
            shutdown: self.shutdown.clone(),
        };
        Shared {
            inputs: Inputs {
                hub: hub.clone(),
                journeys: journeys.clone(),
                forecasts: forecasts.clone(),
                rentals: self.rentals.clone(),
            },
            hub,
            devices: self.devices.clone(),
            journeys,
            rentals: self.rentals.clone(),
            forecasts,
            names: Arc::default(),
            clock,
            keys,
            tables: Bounds { permits: Permits::of_tables(), max_json_rows: self.max_json_rows },
            streams: Arc::new(streams),
            posting: Posting::new(self.intake.clone()),
            has_docs: HasDocs(has_docs),
            read_payload: self.read_payload,
            acceptance: self.acceptance,
        }
    }

    /// The state of the operators' routes; `is_own`: only operators reach them.
    pub(crate) fn ops(&self, is_own: bool) -> Arc<Ops> {
        let App { hub, metrics, may_store, has_broker, failed_task, .. } = self.clone();
        let pool = self.pool.as_ref().map(store::pool::single);
        Arc::new(Ops {
            hub,
            metrics,
            may_store,
            has_broker,
            failed_task,
            is_own,
            pool,
            database: Default::default(),
        })
    }
}
