//! The whole ingest: a session per broker, a task per polled feed, the writers, and the periodic
//! note of how each feed is doing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::{FeedId, Registry};
use sqlx::postgres::PgConnectOptions;
use store::Pool;
use store::changes::Committed;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::Clock;
use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::metrics::Metrics;
use crate::mqtt::{Login, connect};
use crate::plan::Plan;
use crate::poll;
use crate::replay;
use crate::session::{Session, Shared};
use crate::writers::{self, WRITERS, WriterContext};

/// How often the feeds' states are written down.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// What an ingest needs.
pub struct Config {
    pub pool: Pool,
    pub database: PgConnectOptions,
    /// The places as they are; changes when something is imported.
    pub registry: watch::Receiver<Arc<Registry>>,
    /// The instance's own broker; `None`: only those of `feeds.toml`.
    pub own_broker: Option<Login>,
    /// Names our sessions at the brokers.
    pub client_id: String,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub live: Option<mpsc::Sender<Arc<Committed>>>,
    pub may_store: watch::Receiver<bool>,
}

/// A running ingest.
#[derive(Debug)]
pub struct Ingest {
    manager: JoinHandle<()>,
    cancel: CancellationToken,
}

impl Ingest {
    /// Starts connecting and storing.
    pub fn start(config: Config) -> Self {
        let cancel = CancellationToken::new();
        let manager = tokio::spawn(manage(config, cancel.clone()));
        Ingest { manager, cancel }
    }

    /// Stores and acknowledges what was received, and ends.
    pub async fn stop(self) {
        self.cancel.cancel();
        if let Err(e) = self.manager.await {
            error!("the ingest ended in an error: {e}");
        }
    }
}

struct Poller {
    plan: Arc<ArcSwap<Plan>>,
    cancel: CancellationToken,
}

async fn manage(mut config: Config, cancel: CancellationToken) {
    let (ready, queue) = async_channel::unbounded();
    let registry = Arc::new(ArcSwap::new(config.registry.borrow_and_update().clone()));
    let mut writers = JoinSet::new();
    let context = WriterContext {
        database: config.database.clone(),
        registry: registry.clone(),
        metrics: config.metrics.clone(),
        clock: config.clock.clone(),
        live: config.live.clone(),
        may_store: config.may_store.clone(),
    };
    for _ in 0..WRITERS {
        writers.spawn(writers::run(context.clone(), queue.clone()));
    }
    drop(queue);
    writers.spawn(replay::run(context, config.pool.clone(), cancel.clone()));
    let shared =
        Shared { metrics: config.metrics.clone(), clock: config.clock.clone(), ready, trips: Arc::default() };
    let mut sessions: HashMap<Option<String>, Session> = HashMap::new();
    let mut pollers: HashMap<FeedId, Poller> = HashMap::new();
    let mut status = tokio::time::interval(STATUS_EVERY);
    loop {
        let now = config.registry.borrow_and_update().clone();
        registry.store(now.clone());
        arrange(&config, &now, &shared, &mut sessions).await;
        arrange_pollers(&config, &now, &shared, &mut pollers);
        loop {
            tokio::select! {
                () = cancel.cancelled() => {
                    let stops = sessions.drain().map(|(_, s)| s.stop());
                    stops.collect::<JoinSet<()>>().join_all().await;
                    pollers.values().for_each(|p| p.cancel.cancel());
                    note_status(&config).await;
                    // The writers end when the last one who could announce work is gone.
                    drop(shared);
                    let _ = tokio::time::timeout(Duration::from_secs(2), writers.join_all()).await;
                    return;
                }
                changed = config.registry.changed() => {
                    if changed.is_ok() {
                        break;
                    }
                    cancel.cancelled().await;
                }
                _ = status.tick() => note_status(&config).await,
            }
        }
    }
}

/// Brings the sessions in line with the brokers and feeds of `registry`.
async fn arrange(
    config: &Config,
    registry: &Arc<Registry>,
    shared: &Shared,
    sessions: &mut HashMap<Option<String>, Session>,
) {
    let mut wanted: Vec<Option<String>> =
        registry.feeds().filter(|f| f.def.is_subscribed()).map(|f| f.def.broker.clone()).collect();
    wanted.sort();
    wanted.dedup();
    let gone: Vec<Option<String>> = sessions.keys().filter(|k| !wanted.contains(k)).cloned().collect();
    for key in gone {
        if let Some(session) = sessions.remove(&key) {
            session.stop().await;
        }
    }
    for key in wanted {
        let login = match &key {
            None => match &config.own_broker {
                Some(own) => Ok(own.clone()),
                None => {
                    warn!("some feeds name no broker, and there is none of our own: give --mqtt-url");
                    continue;
                }
            },
            Some(id) => match registry.brokers().iter().find(|b| b.id == *id) {
                Some(broker) => Login::from_broker(broker, &format!("{}-{id}", config.client_id)),
                None => continue,
            },
        };
        let plan = Plan::new(registry.clone(), key.as_deref(), &config.metrics);
        // One broker that cannot be used disturbs no other.
        let started = login.and_then(|login| {
            if let Some(session) = sessions.get(&key).filter(|s| *s.login() == login) {
                session.replan(plan);
                return Ok(None);
            }
            Session::start(login, plan, shared.clone(), CancellationToken::new()).map(Some)
        });
        match started {
            Ok(None) => {}
            Ok(Some(session)) => {
                if let Some(before) = sessions.insert(key, session) {
                    before.stop().await;
                }
            }
            Err(e) => error!("{e}; its feeds are not served"),
        }
    }
}

fn arrange_pollers(
    config: &Config,
    registry: &Arc<Registry>,
    shared: &Shared,
    pollers: &mut HashMap<FeedId, Poller>,
) {
    pollers.retain(|id, poller| {
        let keep = registry.feed(*id).is_some_and(|f| f.def.url.is_some());
        if !keep {
            poller.cancel.cancel();
        }
        keep
    });
    for feed in registry.feeds().filter(|f| f.def.url.is_some()) {
        let plan = Plan::single(registry.clone(), feed.clone(), &config.metrics);
        if let Some(poller) = pollers.get(&feed.id) {
            poller.plan.store(Arc::new(plan));
            continue;
        }
        let (plan, cancel) = (Arc::new(ArcSwap::from_pointee(plan)), CancellationToken::new());
        // Nothing is acknowledged to a web server: a client that never connects stands in.
        let Ok((nobody, _)) = Login::from_url("none", "mqtt://localhost", "none").and_then(|l| connect(&l))
        else {
            continue;
        };
        let accumulator = Accumulator::new(shared.ready.clone(), Arc::new(Acks::new(nobody)));
        tokio::spawn(poll::run(plan.clone(), accumulator, shared.clone(), cancel.clone()));
        pollers.insert(feed.id, Poller { plan, cancel });
    }
}

async fn note_status(config: &Config) {
    let statuses = config.metrics.feed_statuses((config.clock)());
    let statuses: Vec<(FeedId, serde_json::Value)> =
        statuses.into_iter().filter_map(|(id, s)| Some((id, serde_json::to_value(s).ok()?))).collect();
    // Not worth a word when the database is away: the writers say so.
    let _ = store::feed_status::note(&config.pool, &statuses, (config.clock)()).await;
}
