//! Keeps shared vehicles current in the process that serves them: looks which systems were replaced, and loads those.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::{HeldRentals, Rentals};
use domain::rental::System;
use store::rentals::SystemKey;
use store::{Pool, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often is looked for what was replaced: the answer is a number for each system.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// See the module's description.
pub struct Updater {
    pub rentals: Arc<Rentals>,
    pub pool: Pool,
}

/// Systems as they were loaded; `None`: another version of the program wrote it.
type Loaded = HashMap<SystemKey, (i64, Option<Arc<System>>)>;

impl Updater {
    /// Keeps everything current until cancelled, through outages of the database.
    pub async fn run(self, cancel: CancellationToken) {
        let mut held = Loaded::new();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            match self.look(&mut held).await {
                Ok(()) => {
                    if std::mem::take(&mut is_failing) {
                        info!("shared vehicles are kept current again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!("shared vehicles cannot be kept current: {error}; trying again");
                    }
                }
            }
        }
    }

    /// Takes over what was replaced.
    async fn look(&self, held: &mut Loaded) -> Result<(), StoreError> {
        let versions = store::rentals::versions(&self.pool).await?;
        let before = held.len();
        held.retain(|key, _| versions.contains_key(key));
        let mut is_changed = held.len() != before;
        for (key, version) in versions {
            if held.get(&key).is_some_and(|(held, _)| *held == version) {
                continue;
            }
            is_changed = true;
            let loaded = store::rentals::load(&self.pool, &key).await?;
            let (version, system) =
                loaded.map_or((version, None), |(version, system)| (version, Some(Arc::new(system))));
            held.insert(key, (version, system));
        }
        if is_changed {
            let mut all: Vec<(&SystemKey, &Arc<System>)> =
                held.iter().filter_map(|(key, (_, system))| Some((key, system.as_ref()?))).collect();
            all.sort_by_key(|(key, _)| *key);
            let systems = all
                .into_iter()
                .map(|((feed, _), system)| HeldRentals { feed: *feed, system: system.clone() });
            self.rentals.replace(systems.collect());
        }
        Ok(())
    }
}
