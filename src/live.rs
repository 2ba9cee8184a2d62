//! Keeps live state and the registry current: loads them, then follows the change log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{DeviceHub, LiveHub, is_about_devices};
use domain::Registry;
use domain::feed::is_ahead;
use domain::live::Change;
use domain::time::Clock;
use store::changes::{Accepted, Committed, Follower, Notifier, WriterId};
use store::{Pool, StoreError};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often staleness is checked.
const TICK: Duration = Duration::from_millis(500);

/// Most transactions that wait in memory for the reader.
pub const MEMORY: usize = 64;

/// How often the change log is read without a notification.
const LOOK_EVERY: Duration = Duration::from_secs(60);

const RETRY: Duration = Duration::from_millis(500);

/// See the module's description.
pub struct Updater {
    pub pool: Pool,
    pub clock: Clock,
    /// `None` in a process that only ingests.
    pub hub: Option<Arc<LiveHub>>,
    /// Is given what devices do.
    pub devices: Arc<DeviceHub>,
    pub registry: watch::Sender<Arc<Registry>>,
    /// Commits of this process.
    pub memory: mpsc::Receiver<Arc<Committed>>,
}

impl Updater {
    /// Loads and follows until cancelled, through outages of the database.
    pub async fn run(mut self, cancel: CancellationToken) {
        let (notifier, mut rung) = mpsc::channel(1);
        let mut hanging = Notifier::new(self.pool.clone(), store::changes::CHANNEL);
        let stop = cancel.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    writer = hanging.wait() => if notifier.send(writer).await.is_err() { return },
                }
            }
        });
        while !cancel.is_cancelled() {
            let follow = async {
                let mut follower = self.load().await?;
                self.follow(&mut follower, &mut rung).await
            };
            let ended = tokio::select! {
                () = cancel.cancelled() => return,
                ended = follow => ended,
            };
            if let Err(error) = ended {
                warn!("live state cannot be kept current: {error}; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn load(&mut self) -> Result<Follower, StoreError> {
        let began = Instant::now();
        let loaded = store::live::load(&self.pool).await?;
        let registry = Arc::new(loaded.registry);
        let states = loaded.states.len();
        if let Some(hub) = &self.hub {
            hub.replace_registry(registry.clone(), (self.clock)());
            hub.apply(loaded.states, (self.clock)());
            hub.set_ready(true);
        }
        self.registry.send_replace(registry);
        info!("live state is rebuilt: {states} states in {:.1?}", began.elapsed());
        Ok(Follower::new(self.pool.clone(), loaded.positions, loaded.at))
    }

    /// Follows the change log until state has to be loaded again.
    async fn follow(
        &mut self,
        follower: &mut Follower,
        rung: &mut mpsc::Receiver<Option<i64>>,
    ) -> Result<(), StoreError> {
        let mut tick = tokio::time::interval(TICK);
        let mut failing = false;
        // The log is read now and then even if all changes come through memory: the position in it must not fall
        // behind.
        let mut look_by = Instant::now() + LOOK_EVERY;
        // Changes of this process's writers come through memory: their notification is ignored.
        let mut own: HashSet<WriterId> = HashSet::new();
        let mut ticked_at = (self.clock)();
        loop {
            let look = tokio::select! {
                committed = self.memory.recv() => match committed {
                    Some(committed) => {
                        own.insert(committed.writer);
                        match follower.accept(&committed) {
                            Accepted::Next => { self.apply(committed.changes.clone()).await?; false }
                            Accepted::Seen => false,
                            Accepted::Gap => true,
                        }
                    }
                    None => { tokio::time::sleep(RETRY).await; true }
                },
                writer = rung.recv() => writer.flatten().is_none_or(|w| !own.contains(&WriterId(w))),
                _ = tick.tick() => {
                    let now = (self.clock)();
                    if let Some(hub) = &self.hub { hub.tick(now); }
                    if is_ahead(std::mem::replace(&mut ticked_at, now), now) {
                        warn!("the clock was ahead and is {now} now: live state is loaded again");
                        return Ok(());
                    }
                    false
                }
            };
            if !look && Instant::now() < look_by {
                continue;
            }
            look_by = Instant::now() + LOOK_EVERY;
            loop {
                match follower.poll().await {
                    Ok(new) if new.is_empty() => break,
                    Ok(mut new) => {
                        // Statements that were withdrawn must not come back: they were committed before.
                        new.sort_by_key(|committed| committed.changes.iter().any(withdraws));
                        for committed in new {
                            self.apply(committed.changes).await?;
                        }
                    }
                    Err(error @ (StoreError::Decode(_) | StoreError::Pruned)) => return Err(error),
                    Err(error) => {
                        if !std::mem::replace(&mut failing, true) {
                            warn!("the change log cannot be read: {error}; live state stands still");
                        }
                        break;
                    }
                }
                if std::mem::take(&mut failing) {
                    info!("the change log is read again");
                }
            }
        }
    }

    async fn apply(&self, mut changes: Vec<Change>) -> Result<(), StoreError> {
        self.devices.note(&changes);
        changes.retain(|change| !is_about_devices(change));
        if changes.contains(&Change::Places) {
            let registry = Arc::new(store::places::registry(&mut *self.pool.acquire().await?).await?);
            info!(
                "places were imported: {} sites, {} bays",
                registry.sites().count(),
                registry.bays().count()
            );
            if let Some(hub) = &self.hub {
                hub.replace_registry(registry.clone(), (self.clock)());
            }
            self.registry.send_replace(registry);
        }
        if let Some(hub) = self.hub.as_ref().filter(|_| !changes.is_empty()) {
            hub.apply(changes, (self.clock)());
        }
        Ok(())
    }
}

fn withdraws(change: &Change) -> bool {
    matches!(change, Change::Withdrawn { .. } | Change::WithdrawnVehicle { .. })
}

#[cfg(test)]
mod tests;
