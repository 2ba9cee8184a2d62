//! `kreisverkehr serve`, `ingest`, `api`: which parts run, and in which order they start and stop.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use domain::Registry;
use ingest::inlet::{EMBEDDED, Inlet};
use ingest::metrics::Metrics;
use ingest::mqtt::{Login, SecretFiles};
use ingest::service::{Config, Ingest};
use ingest::sessions::OwnBroker;
use ingest::{Clock, now_utc};
use parking_lot::Mutex;
use prometheus_client::registry::Registry as Meters;
use serde::Serialize;
use store::retention::Retention;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::broker::{self, Around, EmbeddedBroker, UsersFile};
use crate::cli::{ApiArgs, EmbeddedBrokerArgs, HttpArgs, IngestArgs, MqttArgs, QuotaArgs, ServeArgs};
use crate::database::{Database, data_dir, secret};
use crate::forecast;
use crate::journeys::{self, AREA_FILE};
use crate::live::{self, MEMORY};
use crate::server::{self, Server};
use crate::shutdown::Stop;
use crate::tasks::Tasks;
use crate::{disk, identity};

/// How often retention is enforced.
const RETENTION_EVERY: Duration = Duration::from_secs(3_600);

/// A stop takes no longer, whatever the database does: service managers kill what does not end, many
/// after 10 s.
const STOP_WITHIN: Duration = Duration::from_millis(9_500);

/// What of it is left for the database when the broker has much to write.
const DATABASE_STOPS_WITHIN: Duration = Duration::from_secs(2);

/// The name of the broker of `--mqtt-url` in logs and metrics.
const OWN: &str = "own";

/// What runs in this process.
struct Parts {
    database: crate::cli::DatabaseArgs,
    ingest: Option<IngestParts>,
    http: Option<HttpArgs>,
    ops_http: Option<std::net::SocketAddr>,
    retention: Option<Retention>,
    min_free_disk_pct: f64,
}

struct IngestParts {
    broker: Broker,
    quotas: QuotaArgs,
    secret_files: SecretFiles,
}

/// Where the feeds that name no broker are.
enum Broker {
    Given(String),
    Embedded(EmbeddedBrokerArgs),
    /// Only those of `feeds.toml`.
    None,
}

/// The line on standard output that tells that everything runs.
#[derive(Debug, Serialize)]
pub struct Ready {
    pub ready: bool,
    pub http: Option<String>,
    /// Where /metrics, /docs and /openapi.json are; null where they are on `http`.
    pub ops_http: Option<String>,
    pub mqtt: Option<String>,
    /// Without its password.
    pub database_url: String,
}

/// Everything in one process.
///
/// # Errors
/// A part cannot be started.
pub async fn serve(args: ServeArgs) -> Result<ExitCode> {
    let running = Running::start(serve_parts(args)?).await?;
    running.announce()?;
    running.until_stopped().await
}

/// Starts everything in one process, for the demo.
///
/// # Errors
/// A part cannot be started.
pub async fn start(args: ServeArgs) -> Result<Running> {
    Running::start(serve_parts(args)?).await
}

fn serve_parts(args: ServeArgs) -> Result<Parts> {
    Ok(Parts {
        ingest: Some(IngestParts {
            broker: match mqtt_url(&args.mqtt)? {
                Some(url) => Broker::Given(url),
                None => Broker::Embedded(args.embedded),
            },
            quotas: args.quotas,
            secret_files: args.mqtt.secret_files()?,
        }),
        database: args.database,
        ops_http: args.http.ops_http,
        http: Some(args.http),
        retention: Some(args.retention.retention()),
        min_free_disk_pct: args.disk.min_free_disk_pct,
    })
}

/// MQTT to database.
///
/// # Errors
/// A part cannot be started.
pub async fn ingest(args: IngestArgs) -> Result<ExitCode> {
    let running = Running::start(Parts {
        ingest: Some(IngestParts {
            broker: mqtt_url(&args.mqtt)?.map_or(Broker::None, Broker::Given),
            quotas: args.quotas,
            secret_files: args.mqtt.secret_files()?,
        }),
        database: args.database,
        http: None,
        ops_http: args.ops_http,
        retention: Some(args.retention.retention()),
        min_free_disk_pct: args.disk.min_free_disk_pct,
    })
    .await?;
    running.announce()?;
    running.until_stopped().await
}

/// Database to HTTP.
///
/// # Errors
/// A part cannot be started.
pub async fn api(args: ApiArgs) -> Result<ExitCode> {
    let running = Running::start(Parts {
        ingest: None,
        database: args.database,
        ops_http: args.http.ops_http,
        http: Some(args.http),
        retention: None,
        min_free_disk_pct: disk::MIN_FREE_PCT,
    })
    .await?;
    running.announce()?;
    running.until_stopped().await
}

fn mqtt_url(args: &MqttArgs) -> Result<Option<String>> {
    match (&args.mqtt_url, &args.mqtt_url_file) {
        (Some(url), _) => Ok(Some(url.clone())),
        (None, Some(path)) => secret(path, "--mqtt-url-file").map(Some),
        (None, None) => Ok(None),
    }
}

/// A running instance.
pub struct Running {
    pub ready: Ready,
    pub database: Database,
    /// Listens since the start began.
    pub stop: Stop,
    broker: Option<EmbeddedBroker>,
    ingest: Option<Ingest>,
    servers: Vec<Server>,
    /// Ends reading: HTTP, live state, retention.
    reading: CancellationToken,
    /// Ends the care for the private database.
    care: CancellationToken,
    tasks: Tasks,
}

/// What [`Running::start_on`] starts.
type Started = (Ready, Option<EmbeddedBroker>, Option<Ingest>, Vec<Server>);

impl Running {
    /// Also answers a request to stop that comes before everything runs: reading live state and journeys may take its time.
    async fn start(parts: Parts) -> Result<Self> {
        let stop = Stop::listen()?;
        let database = Database::open(&parts.database, &stop).await?;
        let (reading, care) = (CancellationToken::new(), CancellationToken::new());
        let tasks = Tasks::new();
        let starting = Self::start_on(&database, parts, &tasks, (&reading, &care));
        match stop.unless_requested(starting).await {
            Ok((ready, broker, ingest, servers)) => {
                Ok(Running { ready, database, stop, broker, ingest, servers, reading, care, tasks })
            }
            Err(error) => {
                tasks.stop();
                reading.cancel();
                care.cancel();
                database.close_within(STOP_WITHIN).await?;
                Err(error)
            }
        }
    }

    async fn start_on(
        database: &Database,
        parts: Parts,
        tasks: &Tasks,
        (reading, care): (&CancellationToken, &CancellationToken),
    ) -> Result<Started> {
        let descriptors = server::descriptors::raise();
        let bounds = parts.http.as_ref().map_or(server::OPERATORS, |http| http.bounds(descriptors));
        let dir = data_dir(&parts.database)?;
        if let Some(private) = database.owned() {
            let (private, care) = (private.clone(), care.clone());
            tasks.spawn("the care for the private PostgreSQL", async move { private.supervise(care).await });
        }
        let clock: Clock = Arc::new(now_utc);
        let mut meters = Meters::default();
        let metrics = Metrics::register(&mut meters);
        let waiting = crate::derive::register(&mut meters);
        let hub = parts.http.is_some().then(|| Arc::new(api::LiveHub::new(clock())));
        let (registry, registry_rx) = watch::channel(Arc::new(Registry::default()));
        let (memory, memory_rx) = mpsc::channel(MEMORY);
        let updater = live::Updater {
            pool: database.pool.clone(),
            clock: clock.clone(),
            hub: hub.clone(),
            registry,
            memory: memory_rx,
        };
        let mut loaded = registry_rx.clone();
        tasks.spawn("live state", updater.run(reading.clone()));
        // The first registry is there once live state has been rebuilt.
        loaded.changed().await.context("live state could not be loaded")?;

        let connections = server::descriptors::connections(descriptors) / broker::DESCRIPTORS_OF_CLIENT;
        let door = (connections, broker::Meters::register(&mut meters));
        let (broker, own_broker) = own_broker(&parts, &dir, (metrics.clone(), clock.clone()), door).await?;
        if let Some(broker) = &broker {
            tasks.spawn("the embedded MQTT broker", broker.ended());
        }
        let broker_name = match &own_broker {
            OwnBroker::Given(_) => Some(OWN),
            OwnBroker::Embedded(_) => Some(EMBEDDED),
            OwnBroker::None => None,
        };
        let mut disks = vec![dir.clone()];
        disks.extend(database.directory().await);
        let may_store = disk::watch_disk(disks, parts.min_free_disk_pct, reading.clone());
        let ingest = match parts.ingest {
            None => None,
            Some(ingest) => Some(Ingest::start(Config {
                pool: database.pool.clone(),
                database: store::pool::options(&database.url)?,
                registry: registry_rx.clone(),
                own_broker,
                usual: ingest.quotas.usual(),
                client_id: identity::client_id(&dir)?,
                secret_files: ingest.secret_files,
                clock: clock.clone(),
                metrics: metrics.clone(),
                live: Some(memory.clone()),
                may_store: may_store.clone(),
            })),
        };
        if let Some(ingest) = &ingest {
            tasks.spawn("the ingest", ingest.ended().cancelled_owned());
            let derivation = crate::derive::Derivation {
                pool: database.pool.clone(),
                url: database.url.clone(),
                clock: clock.clone(),
                waiting,
                may_store: may_store.clone(),
            };
            tasks.spawn("the deriving of occupancy", crate::derive::run(derivation, reading.clone()));
        }
        // Kept open although nothing may be sent: the updater then waits for other processes' changes.
        let keep_open = (memory, care.clone());
        tokio::spawn(async move {
            keep_open.1.cancelled().await;
            drop(keep_open.0);
        });
        if let Some(retention) = parts.retention {
            tasks.spawn("retention", enforce_retention(database.pool.clone(), retention, reading.clone()));
        }

        let journeys = Arc::new(api::Journeys::default());
        if let (Some(hub), Some(http)) = (&hub, &parts.http) {
            let file = http.journey_file.clone().unwrap_or_else(|| dir.join(AREA_FILE));
            let (journeys, hub, clock) = (journeys.clone(), hub.clone(), clock.clone());
            let updater = journeys::Updater { journeys, hub, clock, file };
            let loaded = updater.load().await;
            tasks.spawn("what journeys rest on", updater.run(loaded, reading.clone()));
        }
        let forecasts = Arc::new(api::Forecasts::default());
        if let Some(hub) = &hub {
            let (forecasts, hub, clock) = (forecasts.clone(), hub.clone(), clock.clone());
            let updater = forecast::Updater { forecasts, hub, clock, pool: database.pool.clone() };
            tasks.spawn("forecasting", updater.run(reading.clone()));
        }
        let app = api::App {
            hub: hub.clone(),
            journeys,
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
            shutdown: reading.clone(),
        };
        if parts.http.is_some() {
            let pool = database.pool.clone();
            let reporting = app.attempts.clone().report(pool, app.clock.clone(), reading.clone());
            tasks.spawn("the reports of invalid keys", reporting);
        }
        let connections = server::Meters::register(&mut app.metrics.lock(), "kv_http");
        let mut servers = Vec::new();
        if let Some(http) = &parts.http {
            let config = server::Config {
                addr: http.http,
                flag: "--http",
                router: if parts.ops_http.is_some() { api::public_router(&app) } else { api::router(&app) },
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
                router: api::ops_router(&app),
                bounds: server::OPERATORS,
                is_unlimited: |_| true,
                meters: connections,
            };
            servers.push(server::start(config, reading.clone()).await?);
        }
        let ready = Ready {
            ready: true,
            http: servers.first().map(|s| format!("http://{}", s.addr)),
            ops_http: servers
                .last()
                .filter(|_| parts.ops_http.is_some())
                .map(|s| format!("http://{}", s.addr)),
            mqtt: broker.as_ref().map(|b| format!("mqtt://{}", b.connect_addr())),
            database_url: store::pool::without_password(&database.url),
        };
        Ok((ready, broker, ingest, servers))
    }

    /// Prints the ready line.
    fn announce(&self) -> Result<()> {
        outln!("{}", serde_json::to_string(&self.ready)?);
        Ok(())
    }

    /// Runs until somebody asks the process to stop, or a part of it ends unasked; then stops.
    ///
    /// # Errors
    /// See [`Running::stop_requested`] and [`Running::stop`].
    async fn until_stopped(self) -> Result<ExitCode> {
        let why = self.stop_requested().await;
        let stopped = self.stop().await;
        why.and(stopped)
    }

    /// Resolves when somebody asks the process to stop.
    ///
    /// # Errors
    /// A part of the process ended unasked: it must stop too.
    pub async fn stop_requested(&self) -> Result<()> {
        let mut failed = self.tasks.failed();
        tokio::select! {
            () = self.stop.requested() => Ok(()),
            failed = failed.wait_for(Option::is_some) => {
                let name = failed.ok().and_then(|f| *f).unwrap_or("a part of the process");
                bail!("{name} ended unexpectedly; the log says why")
            }
        }
    }

    /// Stops in the order that loses nothing: the ingest stores and acknowledges what it has,
    /// then readers end, then the broker and at last the database. Each part has what the ones before
    /// it left of [`STOP_WITHIN`].
    ///
    /// # Errors
    /// The private database does not stop.
    pub async fn stop(self) -> Result<ExitCode> {
        info!("stopping");
        self.tasks.stop();
        let end = Instant::now() + STOP_WITHIN;
        let left = || end.saturating_duration_since(Instant::now());
        if let Some(ingest) = self.ingest {
            ingest.stop().await;
        }
        self.reading.cancel();
        for server in self.servers {
            server.finished().await;
        }
        if let Some(broker) = self.broker {
            broker.stop(left().saturating_sub(DATABASE_STOPS_WITHIN)).await;
        }
        self.care.cancel();
        self.database.close_within(left()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn own_broker(
    parts: &Parts,
    dir: &std::path::Path,
    counting: (Arc<Metrics>, Clock),
    (connections, meters): (usize, Arc<broker::Meters>),
) -> Result<(Option<EmbeddedBroker>, OwnBroker)> {
    match &parts.ingest {
        Some(IngestParts { broker: Broker::Given(url), .. }) => {
            let client_id = identity::client_id(dir)?;
            Ok((None, OwnBroker::Given(Box::new(Login::from_url(OWN, url, &client_id)?))))
        }
        Some(IngestParts { broker: Broker::Embedded(args), quotas, .. }) => {
            let users = args.mqtt_users.as_deref().map(UsersFile::read).transpose()?;
            let storage: PathBuf = dir.join("mqtt");
            let (metrics, clock) = counting;
            let on_unread = move |topic: &str| metrics.unmatched(EMBEDDED, topic, clock());
            let (inlet, new_filters) = Inlet::new();
            let around = Around {
                inlet: inlet.clone(),
                new_filters,
                on_unread: Arc::new(on_unread),
                meters,
                connections,
                of_address: quotas.of_address(),
            };
            let broker = EmbeddedBroker::start(args.mqtt_listen, users.as_ref(), &storage, around).await?;
            Ok((Some(broker), OwnBroker::Embedded(inlet)))
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
