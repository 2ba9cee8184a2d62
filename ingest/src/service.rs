//! The whole ingest: sessions at brokers, a task per polled feed, what is posted, the writers, notices, and the periodic
//! report of each feed's state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::registry::Entry;
use domain::time::Clock;
use domain::{Feed, FeedFormat, FeedId, Registry, UtcMicros};
use store::Pool;
use store::changes::Committed;
use store::pool::ConnectOptions;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, error, warn};

use crate::feed_health::{Serves, Watch};
use crate::metrics::Metrics;
use crate::notices;
use crate::posted::PostedInlet;
use crate::quota::{DefaultLimits, Quotas};
use crate::routing::RoutingTable;
use crate::session::Shared;
use crate::sessions::{BrokerAccess, Sessions};
use crate::storage::{self, Filler};
use crate::writers::{self, WRITERS, WriterContext};
use crate::{poll, rebinding, rentals, replay};

/// How often the feeds' states are stored.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// What an ingest needs.
pub struct Config {
    /// For what is read and noted.
    pub pool: Pool,
    /// For the writers' own connections.
    pub database: ConnectOptions,
    /// The places as they are; changes when something is imported.
    pub registry: watch::Receiver<Arc<Registry>>,
    /// How brokers are reached; `None`: only what is posted is taken in, beside an ingest of its own that does the rest.
    pub brokers: Option<BrokerAccess>,
    /// Where messages are posted; `None`: nowhere in this process.
    pub posted: Option<Arc<PostedInlet>>,
    /// What feeds and towns may send.
    pub usual: DefaultLimits,
    /// The present.
    pub clock: Clock,
    /// What the health of devices is judged by goes into the change log.
    pub notes_health: bool,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// Sends commits to readers in this process.
    pub live: Option<mpsc::Sender<Arc<Committed>>>,
    /// False while the disk is nearly full: then nothing is stored or acknowledged.
    pub may_store: watch::Receiver<bool>,
}

/// A running ingest.
#[derive(Debug)]
pub struct Ingest {
    manager: JoinHandle<()>,
    cancel: CancellationToken,
    ended: CancellationToken,
}

impl Ingest {
    /// Starts connecting and storing.
    pub fn start(config: Config) -> Self {
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        let (stop, guard) = (cancel.clone(), ended.clone().drop_guard());
        let manager = tokio::spawn(async move {
            // Also when it panics.
            let _guard = guard;
            manage(config, stop).await;
        });
        Ingest { manager, cancel, ended }
    }

    /// Resolves when it has ended, which it does unasked only when something is wrong with the
    /// program.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Stores and acknowledges what was received, and ends. What the database does not take within
    /// some seconds stays unacknowledged.
    pub async fn stop(self) {
        self.cancel.cancel();
        if let Err(e) = self.manager.await {
            error!("the ingest ended in an error: {e}");
        }
    }
}

/// What fetches a feed, or what it missed.
struct Poller {
    routing: Arc<ArcSwap<RoutingTable>>,
    task: AbortOnDropHandle<()>,
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
        notes_health: config.notes_health,
        live: config.live.clone(),
        may_store: config.may_store.clone(),
    };
    for _ in 0..WRITERS {
        writers.spawn(writers::run(context.clone(), queue.clone()));
    }
    drop(queue);
    if let Some(brokers) = &config.brokers {
        writers.spawn(replay::run(context.clone(), config.pool.clone(), cancel.clone()));
        writers.spawn(rebinding::run(context, config.pool.clone(), cancel.clone()));
        let notices = notices::Context {
            database: config.database.clone(),
            brokers: brokers.clone(),
            registry: config.registry.clone(),
            clock: config.clock.clone(),
            metrics: config.metrics.notices.clone(),
        };
        writers.spawn(notices::run(notices, cancel.clone()));
    }
    let (ended, mut ends) = mpsc::unbounded_channel();
    let shared = Shared {
        metrics: config.metrics.clone(),
        clock: config.clock.clone(),
        ready,
        trips: Arc::default(),
        quotas: Arc::new(Quotas::new(config.usual)),
        ended,
    };
    let new_sessions = |brokers| Sessions::new(config.pool.clone(), shared.clone(), brokers);
    let mut sessions = config.brokers.clone().map(new_sessions);
    if let Some(sessions) = &mut sessions
        && let Err(error) = sessions.load_former().await
    {
        warn!("earlier subscriptions at brokers are not known: {error}");
    }
    let (mut pollers, mut fillers): (HashMap<FeedId, Poller>, HashMap<FeedId, Poller>) = Default::default();
    let mut rental_pollers: HashMap<FeedId, Poller> = HashMap::new();
    let mut heard: HashMap<FeedId, UtcMicros> = HashMap::new();
    let mut watch = Watch::default();
    let mut status = tokio::time::interval(STATUS_EVERY);
    // The generation of places whose subscriptions have been answered.
    let mut settled_generation = -1;
    loop {
        let now = config.registry.borrow_and_update().clone();
        registry.store(now.clone());
        // Here and below: a database that does not answer must not delay a stop.
        cancel.run_until_cancelled(load(&mut watch, &config, &now)).await;
        if let (Some(sessions), Some(brokers)) = (&mut sessions, &config.brokers) {
            cancel.run_until_cancelled(heard_before(&config, &now, &mut heard)).await;
            arrange_tasks(&now, &shared, &mut fillers, has_storage, |feed, routing| {
                let (shared, pool, secrets) =
                    (shared.clone(), config.pool.clone(), brokers.secret_files.clone());
                let since = heard.get(&feed).copied().unwrap_or_else(|| (config.clock)());
                tokio::spawn(Filler { routing, shared, pool, secrets }.run(since))
            });
            cancel.run_until_cancelled(sessions.arrange(&now)).await;
            arrange_tasks(&now, &shared, &mut pollers, is_polled, |_, routing| {
                tokio::spawn(poll::run(routing, shared.clone(), brokers.secret_files.clone()))
            });
            arrange_tasks(&now, &shared, &mut rental_pollers, is_of_rentals, |_, routing| {
                let (shared, pool, secrets) =
                    (shared.clone(), config.pool.clone(), brokers.secret_files.clone());
                tokio::spawn(rentals::Poller { routing, shared, pool, secrets }.run())
            });
        }
        if let Some(posted) = &config.posted {
            posted.arrange(RoutingTable::posted(now.clone(), &shared.metrics, &shared.quotas), &shared);
        }
        let settled = sessions.as_ref().map(Sessions::settled);
        let settled = async move {
            match settled {
                Some(settled) => settled.await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(settled);
        loop {
            tokio::select! {
                // A stop ends other parts too, which is not unexpected then.
                biased;
                () = cancel.cancelled() => {
                    pollers.clear();
                    rental_pollers.clear();
                    fillers.clear();
                    let closed = async {
                        if let Some(posted) = &config.posted {
                            posted.close().await;
                        }
                    };
                    let stopped = async {
                        if let Some(sessions) = sessions {
                            sessions.stop().await;
                        }
                    };
                    // A restart forgets nothing of feeds.
                    let kept = tokio::time::timeout(KEPT_WITHIN, watch.keep(&config.pool, (config.clock)()));
                    let ((), (), kept) = tokio::join!(closed, stopped, kept);
                    if let Ok(Err(error)) = kept {
                        warn!("what was learned of feeds since some minutes could not be stored: {error}");
                    }
                    // The writers end when the last one who could announce work is gone.
                    drop(shared);
                    let _ = tokio::time::timeout(WRITERS_END, async {
                        writers.join_all().await;
                        note_status(&mut watch, &config, &now).await;
                        if let Some(brokers) = &config.brokers {
                            let _ = store::ingest_process::gone(&config.pool, &brokers.client_id).await;
                        }
                    })
                    .await;
                    return;
                }
                changed = config.registry.changed() => {
                    if changed.is_ok() {
                        break;
                    }
                    cancel.cancelled().await;
                }
                () = &mut settled, if settled_generation != now.generation() => {
                    settled_generation = now.generation();
                    cancel.run_until_cancelled(note_process(&config, settled_generation, sessions.as_ref())).await;
                }
                Some(end) = ends.recv() => {
                    if let Some(sessions) = &mut sessions {
                        cancel.run_until_cancelled(sessions.ended(end)).await;
                    }
                }
                Some(ended) = writers.join_next() => {
                    // Its rows are neither stored nor acknowledged: only a restart recovers.
                    error!("a part of the ingest ended unexpectedly: {ended:?}");
                    return;
                }
                _ = status.tick() => {
                    cancel.run_until_cancelled(load(&mut watch, &config, &now)).await;
                    cancel.run_until_cancelled(note_status(&mut watch, &config, &now)).await;
                    if settled_generation == now.generation() {
                        let noting = note_process(&config, settled_generation, sessions.as_ref());
                        cancel.run_until_cancelled(noting).await;
                    }
                    let has_dead_poller = [&pollers, &fillers, &rental_pollers].into_iter().flat_map(HashMap::values).any(|p| p.task.is_finished());
                    if sessions.as_mut().is_some_and(Sessions::drop_ended) || has_dead_poller {
                        break;
                    }
                }
            }
        }
    }
}

/// How long storing what was learned of feeds may take at the end: as long as sessions may.
const KEPT_WITHIN: Duration = Duration::from_secs(3);

/// How long the writers have for the remaining rows, once all sessions have ended.
const WRITERS_END: Duration = Duration::from_secs(1);

async fn note_process(config: &Config, generation: i64, sessions: Option<&Sessions>) {
    let (Some(brokers), Some(sessions)) = (&config.brokers, sessions) else { return };
    let noted =
        store::ingest_process::note(&config.pool, &brokers.client_id, generation, &sessions.lacking()).await;
    if let Err(error) = noted {
        debug!("the ingest's state could not be noted: {error}");
    }
}

/// Keeps one task for each feed that `is_wanted`.
fn arrange_tasks(
    registry: &Arc<Registry>,
    shared: &Shared,
    running: &mut HashMap<FeedId, Poller>,
    is_wanted: fn(&Feed) -> bool,
    start: impl Fn(FeedId, Arc<ArcSwap<RoutingTable>>) -> JoinHandle<()>,
) {
    running.retain(|id, poller| {
        let has_ended = poller.task.is_finished();
        if has_ended {
            error!("what fetches feed {} ended unexpectedly; it is started again", id.0);
        }
        !has_ended && registry.feed(*id).is_some_and(|f| is_wanted(&f.def))
    });
    for feed in registry.feeds().filter(|f| is_wanted(&f.def)) {
        let routing = RoutingTable::single(registry.clone(), feed, &shared.metrics, &shared.quotas);
        if let Some(poller) = running.get(&feed.id) {
            poller.routing.store(Arc::new(routing));
            continue;
        }
        let routing = Arc::new(ArcSwap::from_pointee(routing));
        let task = AbortOnDropHandle::new(start(feed.id, routing.clone()));
        running.insert(feed.id, Poller { routing, task });
    }
}

fn is_polled(feed: &Feed) -> bool {
    feed.url.is_some() && feed.format != FeedFormat::Gbfs
}

fn is_of_rentals(feed: &Feed) -> bool {
    feed.url.is_some() && feed.format == FeedFormat::Gbfs
}

fn has_storage(feed: &Feed) -> bool {
    feed.storage_url.is_some() && feed.is_subscribed()
}

/// When the last message of each LoRaWAN feed that is new here was received before, so that what is missing can be named. Of those
/// with a storage that is noted for good before anything of now is stored.
async fn heard_before(config: &Config, registry: &Registry, known: &mut HashMap<FeedId, UtcMicros>) {
    let is_new = |f: &&Entry<FeedId, Feed>| {
        f.def.format.is_lorawan() && f.def.is_subscribed() && !known.contains_key(&f.id)
    };
    let new: Vec<&Entry<FeedId, Feed>> = registry.feeds().filter(is_new).collect();
    let ids: Vec<FeedId> = new.iter().map(|f| f.id).collect();
    if ids.is_empty() {
        return;
    }
    let heard = store::gaps::last_heard(&config.pool, &ids).await.unwrap_or_default();
    for feed in new {
        let at = heard.get(&feed.id).copied();
        if let Some(at) = at {
            config.metrics.feed(feed.id, &feed.def.id).heard_before_start(at);
        }
        let since = at.unwrap_or_else(|| (config.clock)().plus_s(-storage::FIRST_REACH_S));
        known.insert(feed.id, since);
        if has_storage(&feed.def) {
            // The task that fetches does it again where this fails.
            let from = since.plus_s(-storage::OVERLAP_S);
            let _ = store::gaps::open(&config.pool, feed.id, from).await;
        }
    }
}

async fn load(watch: &mut Watch, config: &Config, registry: &Registry) {
    let serves = Serves { fetched: config.brokers.is_some(), posted: config.posted.is_some() };
    // Not logged, here and below: the writers report an unavailable database.
    let _ = watch.load(&config.pool, &config.metrics, registry, serves, (config.clock)()).await;
}

async fn note_status(watch: &mut Watch, config: &Config, registry: &Registry) {
    let now = (config.clock)();
    let (statuses, _) = watch.look(&config.pool, registry, now).await;
    let statuses: Vec<(FeedId, serde_json::Value)> =
        statuses.into_iter().filter_map(|(id, s)| Some((id, serde_json::to_value(s).ok()?))).collect();
    let _ = store::unmatched::note(&config.pool, &config.metrics.take_unmatched()).await;
    let noted = store::feed_status::note(&config.pool, &statuses, now).await;
    // Known from the start, and also when nothing comes that would have to be stored.
    config.metrics.store_available.set(noted.is_ok().into());
}
