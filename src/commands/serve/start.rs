//! Starts the parts of an instance and wires them together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::Registry;
use domain::posted::Intake;
use domain::time::Clock;
use ingest::inlet::{EMBEDDED, Inlet};
use ingest::metrics::Metrics;
use ingest::mqtt::Login;
use ingest::now_utc;
use ingest::posted::PostedInlet;
use ingest::quota::Addresses;
use ingest::service::{Config, Ingest};
use ingest::sessions::{BrokerAccess, OwnBroker};
use parking_lot::Mutex;
use prometheus_client::registry::Registry as MetricsRegistry;
use store::retention::Retention;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Broker, IngestParts, Parts, Ready};
use crate::broker::{self, Around, EmbeddedBroker, UsersFile};
use crate::cli::HttpArgs;
use crate::database::{Database, data_dir};
use crate::journey_sources::Keeper;
use crate::journeys::{self, AREA_FILE};
use crate::live::{self, MEMORY};
use crate::server::{self, Server};
use crate::tasks::Tasks;
use crate::{derive, disk, forecast, health, identity, rentals};

/// How often retention is enforced.
const RETENTION_EVERY: Duration = Duration::from_secs(3_600);

/// The name of the broker of `--mqtt-url` in logs and metrics.
const OWN: &str = "own";

/// What [`start_on`] starts.
pub(super) type Started = (Ready, Option<EmbeddedBroker>, Ingest, Vec<Server>);

pub(super) async fn start_on(
    database: &Database,
    parts: &Parts,
    tasks: &Tasks,
    reading: &CancellationToken,
    supervision: &CancellationToken,
) -> Result<Started> {
    let descriptors = server::descriptors::raise();
    let bounds = parts.http.as_ref().map_or(server::OPERATORS, |http| http.bounds(descriptors));
    let dir = data_dir(&parts.database)?;
    if let Some(private) = database.owned() {
        let (private, supervision) = (private.clone(), supervision.clone());
        tasks.spawn("the supervision of the private PostgreSQL", async move {
            private.supervise(supervision).await
        });
    }
    let clock: Clock = Arc::new(now_utc);
    let mut meters = MetricsRegistry::default();
    let metrics = Metrics::register(&mut meters);
    let waiting = derive::register(&mut meters);
    let health = health::Meters::register(&mut meters);
    let hub = parts.http.is_some().then(|| Arc::new(api::LiveHub::new(clock())));
    let (registry, registry_rx) = watch::channel(Arc::new(Registry::default()));
    let (memory, memory_rx) = mpsc::channel(MEMORY);
    let devices = Arc::new(api::DeviceHub::new(clock()));
    let updater = live::Updater {
        pool: database.pool.clone(),
        clock: clock.clone(),
        hub: hub.clone(),
        devices: devices.clone(),
        registry,
        memory: memory_rx,
    };
    let mut loaded = registry_rx.clone();
    tasks.spawn("live state", updater.run(reading.clone()));
    // The first registry is there once live state has been rebuilt.
    loaded.changed().await.context("live state could not be loaded")?;

    let connections = server::descriptors::connections(descriptors) / broker::DESCRIPTORS_OF_CLIENT;
    let broker_meters = broker::BrokerMetrics::register(&mut meters);
    let addresses = Addresses::new(parts.quotas.of_address());
    let count_unread = {
        let (metrics, clock) = (metrics.clone(), clock.clone());
        move |topic: &str| metrics.unmatched(EMBEDDED, topic, clock())
    };
    let (broker, own_broker) =
        own_broker(parts, &dir, Arc::new(count_unread), connections, broker_meters, addresses.clone())
            .await?;
    if let Some(broker) = &broker {
        tasks.spawn("the embedded MQTT broker", broker.ended());
    }
    let broker_name = match &own_broker {
        OwnBroker::Given(_) => Some(OWN),
        OwnBroker::Embedded { .. } => Some(EMBEDDED),
        OwnBroker::None => None,
    };
    let mut disks = vec![dir.clone()];
    disks.extend(database.directory().await);
    let may_store = disk::watch_disk(disks, parts.min_free_disk_pct, reading.clone());
    let brokers = match &parts.ingest {
        None => None,
        Some(ingest) => Some(BrokerAccess {
            own_broker,
            client_id: identity::client_id(&dir)?,
            secret_files: ingest.secret_files.clone(),
        }),
    };
    // Each process that serves HTTP stores what is posted to it; so nothing is handed from one to the other.
    let posted = parts.http.is_some().then(|| PostedInlet::new(addresses, may_store.clone()));
    let ingest = Ingest::start(Config {
        pool: database.pool.clone(),
        database: store::pool::options(&database.url)?,
        registry: registry_rx.clone(),
        brokers,
        posted: posted.clone(),
        usual: parts.quotas.usual(),
        clock: clock.clone(),
        notes_health: parts.judges_health,
        metrics: metrics.clone(),
        live: Some(memory.clone()),
        may_store: may_store.clone(),
    });
    tasks.spawn("the ingest", ingest.ended().cancelled_owned());
    if parts.ingest.is_some() {
        let derivation = derive::Derivation {
            pool: database.pool.clone(),
            url: database.url.clone(),
            clock: clock.clone(),
            waiting,
            may_store: may_store.clone(),
        };
        tasks.spawn("the deriving of occupancy", derive::run(derivation, reading.clone()));
    }
    if parts.ingest.is_some() && parts.judges_health {
        let judging = health::Judging {
            pool: database.pool.clone(),
            url: database.url.clone(),
            clock: clock.clone(),
            registry: registry_rx.clone(),
            meters: health,
            may_store: may_store.clone(),
        };
        tasks.spawn("the health of devices", health::run(judging, reading.clone()));
    }
    // Kept open even if nothing is sent: the updater then waits for other processes' changes.
    let keep_open = (memory, supervision.clone());
    tokio::spawn(async move {
        keep_open.1.cancelled().await;
        drop(keep_open.0);
    });
    if let Some(retention) = parts.retention {
        tasks.spawn("retention", enforce_retention(database.pool.clone(), retention, reading.clone()));
    }

    let rentals = Arc::new(api::Rentals::default());
    let journeys = Arc::new(api::Journeys::default());
    if let (Some(hub), Some(http)) = (&hub, &parts.http) {
        let file = http.journey_file.clone().unwrap_or_else(|| dir.join(AREA_FILE));
        if let Some(sources) = &http.journey_sources {
            let keeper = Keeper::new(sources, &file, &mut meters)?;
            tasks.spawn("the sources of journeys", keeper.run(reading.clone()));
        }
        let (journeys, rentals) = (journeys.clone(), rentals.clone());
        let (hub, clock) = (hub.clone(), clock.clone());
        let updater = journeys::Updater { journeys, rentals, hub, clock, file };
        let loaded = updater.load().await;
        tasks.spawn("what journeys rest on", updater.run(loaded, reading.clone()));
    }
    let forecasts = Arc::new(api::Forecasts::default());
    if let Some(hub) = &hub {
        let (forecasts, hub, clock) = (forecasts.clone(), hub.clone(), clock.clone());
        let updater = forecast::Updater { forecasts, hub, clock, pool: database.pool.clone() };
        tasks.spawn("forecasting", updater.run(reading.clone()));
    }
    if let Some(hub) = &hub {
        let (held, pool) = (rentals.clone(), database.pool.clone());
        let updater = rentals::Updater { rentals: held.clone(), pool: pool.clone() };
        tasks.spawn("shared vehicles", updater.run(reading.clone()));
        let (hub, clock) = (hub.clone(), clock.clone());
        let updater = forecast::stations::StationUpdater { rentals: held, hub, clock, pool };
        tasks.spawn("the forecast of shared vehicles", updater.run(reading.clone()));
    }
    let acceptance =
        api::acceptance_limits(parts.http.as_ref().and_then(|http| http.acceptance_limits.as_deref()))
            .map_err(anyhow::Error::msg)?;
    let app = api::App {
        hub: hub.clone(),
        devices,
        journeys,
        rentals,
        forecasts,
        clock,
        pool: Some(store::pool::answering(&database.pool)),
        metrics: Arc::new(Mutex::new(meters)),
        may_store,
        has_broker: broker_name.map(|name| {
            let metrics = metrics.clone();
            let has_broker = move || !metrics.lacks(name);
            Arc::new(has_broker) as Arc<dyn Fn() -> bool + Send + Sync>
        }),
        failed_task: tasks.failed(),
        attempts: Arc::default(),
        proxies: parts.http.as_ref().map(HttpArgs::proxies).unwrap_or_default(),
        streams: api::StreamBounds::of(bounds.connections),
        max_json_rows: api::MAX_JSON_ROWS,
        intake: posted.map(|posted| posted as Arc<dyn Intake>),
        read_payload: ingest::decode::lorawan::read_payload,
        acceptance,
        shutdown: reading.clone(),
    };
    if parts.http.is_some() {
        let pool = database.pool.clone();
        let reporting = app.attempts.clone().report(pool, app.clock.clone(), reading.clone());
        tasks.spawn("the reports of invalid keys", reporting);
        tasks.spawn("tests of sensors", app.clone().run_acceptance());
        tasks.spawn("events about devices", app.clone().run_device_events());
    }
    let servers = servers(&app, parts, bounds, reading).await?;
    let ready = Ready {
        ready: true,
        http: servers.first().map(|s| format!("http://{}", s.addr)),
        ops_http: servers.last().filter(|_| parts.ops_http.is_some()).map(|s| format!("http://{}", s.addr)),
        mqtt: broker.as_ref().map(|b| format!("mqtt://{}", b.connect_addr())),
        database_url: store::pool::without_password(&database.url),
    };
    Ok((ready, broker, ingest, servers))
}

/// Starts HTTP on the public port, the operators' one, or both.
async fn servers(
    app: &api::App,
    parts: &Parts,
    bounds: server::Bounds,
    reading: &CancellationToken,
) -> Result<Vec<Server>> {
    let connections = server::ConnectionMetrics::register(&mut app.metrics.lock(), "kv_http");
    let mut servers = Vec::new();
    if let Some(http) = &parts.http {
        let config = server::Config {
            addr: http.http,
            flag: "--http",
            router: if parts.ops_http.is_some() { api::public_router(app) } else { api::router(app) },
            bounds,
            is_unlimited: http.is_unlimited(),
            meters: connections.clone(),
        };
        servers.push(server::start(config, reading.clone()).await?);
    }
    if let Some(addr) = parts.ops_http {
        let config = server::Config {
            addr,
            flag: "--ops-http",
            router: api::ops_router(app),
            bounds: server::OPERATORS,
            is_unlimited: |_| true,
            meters: connections,
        };
        servers.push(server::start(config, reading.clone()).await?);
    }
    Ok(servers)
}

async fn own_broker(
    parts: &Parts,
    dir: &Path,
    on_unread: Arc<dyn Fn(&str) + Send + Sync>,
    connections: usize,
    meters: Arc<broker::BrokerMetrics>,
    addresses: Arc<Addresses>,
) -> Result<(Option<EmbeddedBroker>, OwnBroker)> {
    match &parts.ingest {
        Some(IngestParts { broker: Broker::Given(url), .. }) => {
            let client_id = identity::client_id(dir)?;
            Ok((None, OwnBroker::Given(Box::new(Login::from_url(OWN, url, &client_id)?))))
        }
        Some(IngestParts { broker: Broker::Embedded(args), .. }) => {
            let users = args.mqtt_users.as_deref().map(UsersFile::read).transpose()?;
            let storage: PathBuf = dir.join("mqtt");
            let (inlet, new_filters) = Inlet::new();
            let around =
                Around { inlet: inlet.clone(), new_filters, on_unread, meters, connections, addresses };
            let broker = EmbeddedBroker::start(args.mqtt_listen, users.as_ref(), &storage, around).await?;
            let publish = broker.publisher();
            Ok((Some(broker), OwnBroker::Embedded { inlet, publish }))
        }
        Some(IngestParts { broker: Broker::None, .. }) | None => Ok((None, OwnBroker::None)),
    }
}

async fn enforce_retention(pool: store::Pool, retention: Retention, cancel: CancellationToken) {
    let mut tick = tokio::time::interval(RETENTION_EVERY);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) =
            store::retention::enforce(&pool, &retention, store::retention::Trust::Earned, |_| {}).await
        {
            warn!("retention could not be enforced: {error}; trying again in an hour");
        }
    }
}
