//! Keeps forecasts current in the process that serves them: loads the models, catches up from stored observations,
//! continues from live state, and saves the models.
//!
//! Nothing needs to be saved at the end: the next start catches up, after a `kill -9` too.

pub mod past;
pub mod stations;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Forecasts, LiveHub};
use domain::calendar::MarkedKind;
use domain::feed::is_ahead;
use domain::forecast::{Calendar, SAMPLE_S, SiteSample, Town, sample_of};
use domain::holidays::Land;
use domain::time::Clock;
use domain::{Municipality, MunicipalityId, Registry, UtcMicros};
use store::forecast::Snapshot;
use store::{Pool, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often to check whether a sample is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often to check for newly trained models.
const TRAINED_EVERY: Duration = Duration::from_secs(5);
/// How often models are saved, seconds. Less often would make catching up slower, more often writes a megabyte per site
/// for nothing.
const SAVE_EVERY_S: i64 = 6 * 3_600;
/// How much of its past a municipality without a model learns from at first, seconds: six weeks, enough for its usual
/// week. `forecast train` takes all of it.
const FIRST_PAST_S: i64 = 42 * 86_400;

/// See the module's description.
pub struct Updater {
    pub forecasts: Arc<Forecasts>,
    pub hub: Arc<LiveHub>,
    pub clock: Clock,
    pub pool: Pool,
}

/// The model of a municipality that is loaded.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// `None`: it was never saved.
    generation: Option<i64>,
    /// The last sample in the saved model.
    saved: Option<UtcMicros>,
}

/// A municipality's time zone and holidays: the Land's, and those of its own calendar.
///
/// # Errors
/// The database is not available.
pub async fn calendar(pool: &Pool, id: MunicipalityId, town: &Municipality) -> Result<Calendar, StoreError> {
    let days = store::places::calendar(&mut *pool.acquire().await?, Some(id)).await?;
    let own = days.iter().filter(|day| day.kind == MarkedKind::Holiday).map(|day| (day.date, day.until));
    Ok(Calendar::new(&town.tz, Land::of_ags(&town.ags)).with_holidays(own))
}

/// Learns a municipality's sites from scratch, from everything stored in `past`, and replaces its model.
/// Returns it with its generation; `None`: there was nothing to learn from.
///
/// # Errors
/// The database is not available.
pub async fn learn(
    pool: &Pool,
    registry: &Arc<Registry>,
    id: MunicipalityId,
    past: Range<UtcMicros>,
    progress: impl FnMut(UtcMicros),
) -> Result<Option<(Town, i64)>, StoreError> {
    let Some(def) = registry.municipality(id) else { return Ok(None) };
    let town = Town::new(calendar(pool, id, def).await?);
    let town = past::replay(pool, registry, id, town, past, progress).await?;
    let work = move || {
        let snapshot = Snapshot::of(&town, UtcMicros(0));
        (town, snapshot)
    };
    let (town, snapshot) = tokio::task::spawn_blocking(work).await.map_err(panicked)?;
    let Some(snapshot) = snapshot? else { return Ok(None) };
    let generation = store::forecast::replace(pool, id, registry.generation(), &snapshot).await?;
    Ok(Some((town, generation)))
}

impl Updater {
    /// Keeps everything current until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let mut held: HashMap<MunicipalityId, Held> = HashMap::new();
        let mut trained: HashMap<MunicipalityId, i64> = HashMap::new();
        let mut corrected: Vec<(MunicipalityId, i64)> = Vec::new();
        let mut looked: Option<Instant> = None;
        let mut done = None;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if looked.is_none_or(|looked| looked.elapsed() >= TRAINED_EVERY) {
                looked = Some(Instant::now());
                // The updater of live state logs that the database is away.
                let Ok(generations) = store::forecast::generations(&self.pool).await else { continue };
                let Ok(again) = store::forecast::corrected(&self.pool).await else { continue };
                (trained, corrected) = (generations.into_iter().collect(), again);
            }
            let due = Town::sample_time((self.clock)());
            let registry = self.hub.read().map.registry().clone();
            let is_new = |id: &MunicipalityId| {
                held.get(id).is_none_or(|held| {
                    trained.get(id).is_some_and(|trained| held.generation.is_none_or(|g| g < *trained))
                })
            };
            let new: Vec<MunicipalityId> =
                registry.municipalities().map(|(id, _)| id).filter(is_new).collect();
            for id in new {
                match self.load(&registry, id, trained.get(&id).copied(), due).await {
                    Ok(loaded) => drop(held.insert(id, loaded)),
                    Err(error) => {
                        warn!("the forecast of {} cannot be loaded: {error}", slug(&registry, id));
                        tokio::time::sleep(TRAINED_EVERY).await;
                    }
                }
            }
            for (id, import) in std::mem::take(&mut corrected) {
                // Not before the corrected places are loaded here.
                if registry.generation() < import || !held.contains_key(&id) {
                    continue;
                }
                match self.learn_again(&registry, id, due).await {
                    Ok(learned) => drop(learned.map(|learned| held.insert(id, learned))),
                    Err(error) => {
                        warn!("the forecast of {} cannot be learned again: {error}", slug(&registry, id));
                    }
                }
            }
            let ahead: Vec<MunicipalityId> =
                held.keys().copied().filter(|id| self.is_ahead(*id, (self.clock)())).collect();
            for id in ahead {
                match self.come_back(&registry, id, due).await {
                    Ok(back) => drop(held.insert(id, back)),
                    Err(error) => {
                        warn!("the forecast of {} is ahead of the clock: {error}", slug(&registry, id));
                        tokio::time::sleep(TRAINED_EVERY).await;
                    }
                }
            }
            if done == Some(due) {
                continue;
            }
            done = Some(due);
            for (id, seen) in self.seen(due) {
                let Some(held) = held.get_mut(&id) else { continue };
                if let Err(error) = self.advance(&registry, id, held, seen, due).await {
                    warn!("the forecast of {} is not updated: {error}", slug(&registry, id));
                }
            }
        }
    }

    /// The present state of all sites, by municipality.
    fn seen(&self, due: UtcMicros) -> BTreeMap<MunicipalityId, Vec<SiteSample>> {
        let live = self.hub.read();
        let registry = live.map.registry();
        let mut by_town: BTreeMap<MunicipalityId, Vec<SiteSample>> =
            registry.municipalities().map(|(id, _)| (id, Vec::new())).collect();
        for id in live.map.shown_sites() {
            let town = registry.site(id).and_then(|site| by_town.get_mut(&site.municipality));
            if let Some((town, view)) = town.zip(live.map.site(id, due)) {
                town.push(sample_of(&view));
            }
        }
        by_town
    }

    /// Loads a municipality's model, or begins one, and catches up with what was stored since.
    async fn load(
        &self,
        registry: &Arc<Registry>,
        id: MunicipalityId,
        trained: Option<i64>,
        due: UtcMicros,
    ) -> Result<Held, StoreError> {
        let began = Instant::now();
        let calendar = match registry.municipality(id) {
            Some(town) => calendar(&self.pool, id, town).await?,
            None => Calendar::new("UTC", None),
        };
        let stored = match store::forecast::load(&self.pool, id).await {
            Err(StoreError::Decode(why)) => {
                let town = slug(registry, id);
                warn!(
                    "the forecast of {town} begins again ({why}); `kreisverkehr forecast train` restores it"
                );
                None
            }
            other => other?,
        };
        // One that cannot be read is overwritten.
        let generation = stored.as_ref().map_or(trained, |stored| Some(stored.generation));
        let town = match stored {
            Some(stored) => stored.town.with_calendar(calendar),
            None => Town::new(calendar),
        };
        let saved = town.at();
        let from = match saved {
            Some(saved) => Some(saved),
            None => store::forecast::first_observed(&self.pool, id)
                .await?
                .map(|first| Town::sample_time(first.max(due.plus_s(-FIRST_PAST_S)))),
        };
        let town = match from {
            Some(from) => past::replay(&self.pool, registry, id, town, from..due, |_| {}).await?,
            None => town,
        };
        let sites = town.forecaster().sites().count();
        self.forecasts.put(id, town);
        if sites > 0 {
            info!(
                "the forecast of {} knows {sites} sites; caught up with {} in {:.1?}",
                slug(registry, id),
                saved.map_or_else(|| "its past".to_owned(), |saved| format!("what came since {saved}")),
                began.elapsed()
            );
        }
        Ok(Held { generation, saved })
    }

    /// Learns a municipality from its whole past, after a correction of its places or of the clock; until then the previous
    /// model is served. `None`: nothing was ever observed of it.
    async fn learn_again(
        &self,
        registry: &Arc<Registry>,
        id: MunicipalityId,
        due: UtcMicros,
    ) -> Result<Option<Held>, StoreError> {
        let began = Instant::now();
        let first = store::forecast::first_observed(&self.pool, id).await?;
        let learned = match first.map(Town::sample_time) {
            Some(from) => learn(&self.pool, registry, id, from..due, |_| {}).await?,
            None => None,
        };
        let Some((town, generation)) = learned else {
            let mut conn = self.pool.acquire().await?;
            store::forecast::learned_again(&mut conn, id, registry.generation()).await?;
            return Ok(None);
        };
        let saved = town.at();
        self.forecasts.put(id, town);
        info!("the forecast of {} is learned again, in {:.1?}", slug(registry, id), began.elapsed());
        Ok(Some(Held { generation: Some(generation), saved }))
    }

    /// Whether a model has samples of the future, from when the clock was ahead.
    fn is_ahead(&self, id: MunicipalityId, now: UtcMicros) -> bool {
        let at = self.forecasts.town(id).and_then(|town| town.read().at());
        at.is_some_and(|at| is_ahead(at, now))
    }

    /// Restores the model that was saved before the clock was ahead; learns it again where there is none.
    async fn come_back(
        &self,
        registry: &Arc<Registry>,
        id: MunicipalityId,
        due: UtcMicros,
    ) -> Result<Held, StoreError> {
        let held = self.load(registry, id, None, due).await?;
        if !self.is_ahead(id, due) {
            return Ok(held);
        }
        if let Some(learned) = self.learn_again(registry, id, due).await? {
            return Ok(learned);
        }
        store::forecast::forget(&self.pool, id).await?;
        self.load(registry, id, None, due).await
    }

    /// Adds a sample to a municipality's model, and saves it when due.
    async fn advance(
        &self,
        registry: &Arc<Registry>,
        id: MunicipalityId,
        held: &mut Held,
        seen: Vec<SiteSample>,
        due: UtcMicros,
    ) -> Result<(), StoreError> {
        let Some(town) = self.forecasts.town(id) else { return Ok(()) };
        let at = town.read().at();
        match at {
            // The process was suspended, or the database away: catch up from what was stored meanwhile.
            Some(at) if due > at.plus_s(SAMPLE_S) => {
                let behind = town.read().clone();
                let current = past::replay(&self.pool, registry, id, behind, at..due, |_| {}).await?;
                self.forecasts.put(id, current);
            }
            _ => {
                let sampled = town.clone();
                let work = move || sampled.write().sample(seen, due);
                tokio::task::spawn_blocking(work).await.map_err(panicked)?;
            }
        }
        if held.saved.is_none_or(|saved| due >= saved.plus_s(SAVE_EVERY_S)) {
            self.save(registry, id, held).await?;
        }
        Ok(())
    }

    async fn save(&self, registry: &Registry, id: MunicipalityId, held: &mut Held) -> Result<(), StoreError> {
        let Some(town) = self.forecasts.town(id) else { return Ok(()) };
        let since = held.saved.unwrap_or(UtcMicros(0));
        let work = move || {
            let town = town.read();
            let is_empty = town.forecaster().sites().next().is_none();
            if is_empty { Ok(None) } else { Snapshot::of(&town, since) }
        };
        let snapshot = tokio::task::spawn_blocking(work).await.map_err(panicked)?;
        let Some(snapshot) = snapshot? else { return Ok(()) };
        let generation = store::forecast::save(&self.pool, id, held.generation, &snapshot).await?;
        // Another process saves it too, or a newly trained one is about to be loaded.
        held.saved = Some(snapshot.until);
        held.generation = generation.or(held.generation);
        if generation.is_some() {
            info!("the forecast of {} is saved: {} kB", slug(registry, id), snapshot.body_bytes() / 1024);
        }
        Ok(())
    }
}

fn slug(registry: &Registry, id: MunicipalityId) -> &str {
    registry.municipality(id).map_or("?", |town| &town.slug)
}

/// A panic, reported like damaged data.
fn panicked(error: tokio::task::JoinError) -> StoreError {
    StoreError::Decode(format!("the forecast: {error}"))
}
