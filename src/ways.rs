//! Keeps what answers about ways stand on current: the built area, the links of imported places,
//! delays, and how fast places fill.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use api::{LiveHub, Ways};
use ingest::Clock;
use journey::area::{self, Area};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Name of the built file in the data directory.
pub const AREA_FILE: &str = "journey.kvj";

/// How often a new file and new places are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Delays are taken in as often: vehicles tell theirs every few seconds.
const REALTIME_EVERY: u32 = 2;
/// How full places are is noted as often.
const SAMPLE_EVERY: u32 = 15;

/// What is kept current.
pub struct Keeper {
    pub ways: Arc<Ways>,
    pub hub: Arc<LiveHub>,
    pub clock: Clock,
    pub file: PathBuf,
}

/// Tells one state of a file from another.
type Stamp = (SystemTime, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Keeper {
    /// Loads what there is. Call it before the API says that it is ready.
    pub async fn load(&self) -> Option<(SystemTime, u64)> {
        let stamp = stamp(&self.file)?;
        self.read().await;
        Some(stamp)
    }

    /// Keeps everything current until cancelled.
    pub async fn run(self, loaded: Option<(SystemTime, u64)>, cancel: CancellationToken) {
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
            }
            self.link_places().await;
            if round.is_multiple_of(REALTIME_EVERY) {
                self.ways.take_in_realtime(&self.hub.read().map, (self.clock)());
            }
            if round.is_multiple_of(SAMPLE_EVERY) {
                self.ways.sample(&self.hub.read().map, (self.clock)());
            }
            round = round.wrapping_add(1);
        }
    }

    async fn read(&self) {
        let (file, ways, hub) = (self.file.clone(), self.ways.clone(), self.hub.clone());
        let began = Instant::now();
        let work = move || {
            let area = area::read(&file)?;
            let registry = hub.read().map.registry().clone();
            let told = describe(&area);
            if ways.checksum() != Some(area.checksum.clone()) {
                ways.replace_area(Arc::new(area), &registry);
            }
            Ok::<String, area::FileError>(told)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(told)) => info!("ways: {told}, loaded in {:.1?}", began.elapsed()),
            Ok(Err(problem)) => error!("ways: {problem}; what was loaded before stays"),
            Err(panic) => error!("ways: the file could not be taken in: {panic}"),
        }
    }

    async fn link_places(&self) {
        let (ways, registry) = (self.ways.clone(), self.hub.read().map.registry().clone());
        let linked = tokio::task::spawn_blocking(move || ways.link_places(&registry)).await;
        if let Ok(Some((linked, unlinked))) = linked {
            info!("ways: {linked} sites are linked to the streets, {unlinked} are not");
        }
    }
}

/// What an area holds, in words.
pub fn describe(area: &Area) -> String {
    let streets = area.network.streets();
    let timetable = &area.timetable;
    format!(
        "{} junctions, {} pieces of street, {} mapped parking places; {} stops, {} trips of {} lines",
        streets.junctions.len(),
        streets.edges.len(),
        streets.parking.len(),
        timetable.stop_count(),
        timetable.trips.len(),
        timetable.routes.len()
    )
}
