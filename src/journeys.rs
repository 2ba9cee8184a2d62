//! Keeps current what journeys rest on: the built area, the links of imported places, delays, and how fast
//! places fill.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use api::{Journeys, LiveHub, Rentals};
use domain::time::Clock;
use journey::area::{self, Area};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Name of the built file in the data directory.
pub const AREA_FILE: &str = "journey.kvj";

/// How often a new file and new places are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Delays are taken over every so many rounds: vehicles report theirs every few seconds.
const REALTIME_EVERY: u32 = 2;
/// How full places are is sampled every so many rounds.
const SAMPLE_EVERY: u32 = 15;

/// Whether timetables end soon is looked at every so many rounds: once a day.
const DAYS_LEFT_EVERY: u32 = 86_400;

/// See the module's description.
pub struct Updater {
    pub journeys: Arc<Journeys>,
    pub rentals: Arc<Rentals>,
    pub hub: Arc<LiveHub>,
    pub clock: Clock,
    pub file: PathBuf,
}

/// Time and size of a file, by which a new version is recognised.
pub type Stamp = (SystemTime, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Updater {
    /// Loads what there is. Call it before the API says that it is ready.
    pub async fn load(&self) -> Option<Stamp> {
        let stamp = stamp(&self.file)?;
        self.read().await;
        Some(stamp)
    }

    /// Keeps everything current until cancelled.
    pub async fn run(self, loaded: Option<Stamp>, cancel: CancellationToken) {
        let mut held = loaded;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        let mut round = 0u32;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            let found = stamp(&self.file);
            if found.is_some() && found != held {
                held = found;
                self.read().await;
                self.warn_of_ends();
            }
            self.link_places().await;
            self.link_rentals().await;
            if round.is_multiple_of(REALTIME_EVERY) {
                self.journeys.take_in_realtime(&self.hub.read().map, (self.clock)());
            }
            if round.is_multiple_of(DAYS_LEFT_EVERY) {
                self.warn_of_ends();
            }
            if round.is_multiple_of(SAMPLE_EVERY) {
                self.journeys.sample(&self.hub.read().map, (self.clock)());
            }
            round = round.wrapping_add(1);
        }
    }

    async fn read(&self) {
        let (file, journeys, hub) = (self.file.clone(), self.journeys.clone(), self.hub.clone());
        let began = Instant::now();
        let work = move || {
            let area = area::read(&file)?;
            let registry = hub.read().map.registry().clone();
            let described = describe(&area);
            if journeys.checksum() != Some(area.checksum.clone()) {
                journeys.replace_area(Arc::new(area), &registry);
            }
            Ok::<String, area::FileError>(described)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(described)) => info!("journeys: {described}, loaded in {:.1?}", began.elapsed()),
            Ok(Err(problem)) => error!("journeys: {problem}; what was loaded before stays"),
            Err(panic) => error!("journeys: the file could not be taken in: {panic}"),
        }
    }

    fn warn_of_ends(&self) {
        for (feed, last) in self.journeys.count_days_left((self.clock)()) {
            warn!("journeys: timetable {feed} ends on {last}: build again with a newer one");
        }
    }

    async fn link_rentals(&self) {
        let (journeys, rentals, now) = (self.journeys.clone(), self.rentals.clone(), (self.clock)());
        let linking = tokio::task::spawn_blocking(move || journeys.link_rentals(&rentals, now));
        if let Err(panic) = linking.await {
            error!("journeys: shared vehicles could not be tied to the streets: {panic}");
        }
    }

    async fn link_places(&self) {
        let (journeys, registry) = (self.journeys.clone(), self.hub.read().map.registry().clone());
        let linked = tokio::task::spawn_blocking(move || journeys.link_places(&registry)).await;
        if let Ok(Some((linked, unlinked))) = linked {
            info!("journeys: {linked} sites are linked to the streets, {unlinked} are not");
        }
    }
}

/// What an area holds, in words.
pub fn describe(area: &Area) -> String {
    let streets = area.network.streets();
    let timetable = &area.timetable;
    format!(
        "{} junctions, {} pieces of street, {} mapped parking places; {} names, {} house numbers; {} stops, {} trips \
         of {} lines",
        streets.junctions.len(),
        streets.edges.len(),
        streets.parking.len(),
        area.names.len(),
        area.names.houses(),
        timetable.stop_count(),
        timetable.trips.len(),
        timetable.routes.len()
    )
}
