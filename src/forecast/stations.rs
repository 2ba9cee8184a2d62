//! Keeps what is learned of the stations of shared vehicles current in the process that serves it: loads it, learns every five minutes
//! from what they counted since, and saves it. What a process learns it publishes as a whole, so that no question waits for it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{LearnedRentals, LiveHub, Rentals};
use domain::feed::is_ahead;
use domain::forecast::{Calendar, Town};
use domain::intervals::Span;
use domain::registry::Entry;
use domain::stations::StationModel;
use domain::time::Clock;
use domain::{Feed, FeedId, Registry, UtcMicros};
use store::forecast::StationSnapshot;
use store::rentals::SystemKey;
use store::{Pool, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{FIRST_PAST_S, LOOK_EVERY, SAVE_EVERY_S, calendar, panicked};

/// A count that stays the same is stored again after this time, seconds (`store::rentals::replace`).
const STORED_AGAIN_S: i64 = 900;
/// Counts read at a time, seconds.
const READ_S: i64 = 86_400;

/// See the module's description.
pub struct StationUpdater {
    pub rentals: Arc<Rentals>,
    pub hub: Arc<LiveHub>,
    pub clock: Clock,
    pub pool: Pool,
}

/// A system that is served, and its stations.
struct Served<'a> {
    key: SystemKey,
    feed: &'a Entry<FeedId, Feed>,
    stations: Vec<&'a str>,
}

/// What was learned of one system.
#[derive(Clone)]
struct Held {
    model: Arc<StationModel>,
    /// Up to when everything that was counted is learned.
    until: UtcMicros,
    /// The last sample in what is saved.
    saved: Option<UtcMicros>,
}

impl StationUpdater {
    /// Keeps everything current until cancelled, through outages of the database.
    pub async fn run(self, cancel: CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let mut held: BTreeMap<SystemKey, Held> = BTreeMap::new();
        let mut is_failing = false;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match self.look(&mut held).await {
                Ok(()) => is_failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!("the forecast of shared vehicles is not updated: {error}; trying again");
                    }
                }
            }
        }
    }

    /// Brings all systems to the last sample time.
    async fn look(&self, held: &mut BTreeMap<SystemKey, Held>) -> Result<(), StoreError> {
        let now = (self.clock)();
        let due = Town::sample_time(now);
        let registry = self.hub.read().map.registry().clone();
        let systems = self.rentals.systems();
        let served: Vec<Served<'_>> = systems
            .iter()
            .filter_map(|held| {
                let (system, feed) = (&held.system, registry.feed(held.feed)?);
                let stations = system.stations.iter().map(|station| station.id.as_str()).collect();
                Some(Served { key: (held.feed, system.id.clone()), feed, stations })
            })
            .collect();
        let before = held.len();
        held.retain(|key, _| served.iter().any(|served| served.key == *key));
        if held.len() != before {
            self.publish(held);
        }
        for served in &served {
            // A clock that was ahead leaves nothing behind.
            let current = held.get(&served.key).filter(|held| !is_ahead(held.until, now)).cloned();
            if current.as_ref().is_some_and(|held| held.until >= due) {
                continue;
            }
            let current = match current {
                Some(current) => current,
                None => self.load(&registry, served, due).await?,
            };
            held.insert(served.key.clone(), self.advance(served, current, due).await?);
            self.publish(held);
        }
        Ok(())
    }

    fn publish(&self, held: &BTreeMap<SystemKey, Held>) {
        let learned = held.iter().map(|((feed, system), held)| LearnedRentals {
            feed: *feed,
            system: system.clone(),
            model: held.model.clone(),
        });
        self.rentals.replace_learned(learned.collect());
    }

    /// What was saved of a system; without it, and where it is ahead of the clock, what begins with the last six weeks.
    async fn load(
        &self,
        registry: &Registry,
        Served { key, feed, stations }: &Served<'_>,
        due: UtcMicros,
    ) -> Result<Held, StoreError> {
        let calendar = match registry.municipality(feed.municipality) {
            Some(town) => calendar(&self.pool, feed.municipality, town).await?,
            None => Calendar::new("UTC", None),
        };
        let stored = match store::forecast::load_stations(&self.pool, key).await {
            Err(StoreError::Decode(why)) => {
                warn!("the forecast of the stations of {} begins again ({why})", key.1);
                None
            }
            other => other?,
        };
        let earliest = due.plus_s(-FIRST_PAST_S);
        let stored = stored.and_then(|model| Some((model.at().filter(|at| *at <= due)?, model)));
        if let Some((saved, model)) = stored {
            info!("the forecast of the stations of {} knows {}, as of {saved}", key.1, model.stations());
            let model = Arc::new(model.with_calendar(calendar));
            return Ok(Held { model, until: saved.max(earliest), saved: Some(saved) });
        }
        let first = store::forecast::first_counted(&self.pool, feed.municipality, key, stations).await?;
        let until = first.map_or(due, |first| Town::sample_time(first.plus_s(-1)).clamp(earliest, due));
        Ok(Held { model: Arc::new(StationModel::new(calendar)), until, saved: None })
    }

    /// Learns what was counted up to `due`, and saves it when that is due.
    async fn advance(
        &self,
        Served { key, feed, stations }: &Served<'_>,
        held: Held,
        due: UtcMicros,
    ) -> Result<Held, StoreError> {
        let Held { mut model, until: mut from, mut saved } = held;
        let hold_s = STORED_AGAIN_S + i64::from(feed.def.rental.stale_after_s());
        while from < due {
            let until = from.plus_s(READ_S).min(due);
            let span = Span { from: from.plus_s(-hold_s), until: UtcMicros(until.0 + 1) };
            let counts = store::forecast::counted(&self.pool, feed.municipality, key, stations, span).await?;
            let learn = move || {
                let mut next = Arc::unwrap_or_clone(model);
                next.learn(&counts, from, until, hold_s);
                Arc::new(next)
            };
            model = tokio::task::spawn_blocking(learn).await.map_err(panicked)?;
            from = until;
        }
        if saved.is_none_or(|saved| due >= saved.plus_s(SAVE_EVERY_S)) {
            let packed = model.clone();
            let pack = move || StationSnapshot::of(&packed);
            if let Some(snapshot) = tokio::task::spawn_blocking(pack).await.map_err(panicked)?? {
                store::forecast::save_stations(&self.pool, key, &snapshot).await?;
                saved = Some(snapshot.until);
            }
        }
        Ok(Held { model, until: due, saved })
    }
}
