//! Everything that journeys in an area need: its streets, its timetable, and the links between stops and streets. Built once from OpenStreetMap and GTFS, written into one file.

mod around;
mod file;
mod stops;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::Arc;

use domain::geo::Bbox;
use domain::locality::Locality;
use place_search::Index;

use crate::names;
use crate::streets::osm::OsmData;
use crate::streets::{self, Network, StreetsError, Times};
use crate::timetable::{self, FeedProblems, Options, ReadError, StopIx, Timetable};

pub use around::{StopWalk, stops_around};
pub use file::{FileError, VERSION, head, read, write};
pub use stops::StopLinks;

/// Streets and timetable of an area, ready to be searched. Immutable: share it in an `Arc`.
#[derive(Debug)]
pub struct Area {
    /// The streets.
    pub network: Network,
    /// The timetable.
    pub timetable: Arc<Timetable>,
    /// Where stops meet the streets.
    pub stops: StopLinks,
    /// Names of streets, houses, towns, points of interest and stops.
    pub names: Arc<Index>,
    /// Times of conditional streets, in the timetable's zone.
    pub times: Times,
    /// Checksum of the content.
    pub checksum: String,
}

/// Why an area could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The extracts cannot be used.
    #[error(transparent)]
    Streets(#[from] StreetsError),
    /// A feed cannot be used.
    #[error(transparent)]
    Timetable(#[from] ReadError),
}

/// Progress of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reading the extracts.
    ReadingStreets,
    /// Making graphs of the streets.
    LinkingStreets,
    /// Reading a file of a feed.
    ReadingTimetable {
        /// Name of the feed.
        feed: String,
        /// Name of the file.
        file: String,
    },
    /// Indexing names and house numbers.
    IndexingNames,
    /// Finding the streets of stops.
    LinkingStops,
    /// Footpaths between stops: stops that are done, of all.
    WalkingBetweenStops {
        /// Stops that are done.
        done: usize,
        /// All stops.
        of: usize,
    },
}

/// Findings of a build.
#[derive(Debug, Default)]
pub struct Notes {
    /// About the extracts.
    pub streets: Vec<String>,
    /// About the feeds.
    pub timetable: FeedProblems,
    /// Stops without a street for people on foot near them.
    pub stops_without_street: Vec<StopIx>,
}

/// Times of conditional streets in the timetable's zone, with Germany's national holidays.
fn times(network: &Network, timetable: &Timetable) -> Times {
    Times::new(network.streets(), &Locality::new(timetable.zones.first().map_or("UTC", |zone| zone), "", []))
}

impl Area {
    /// Builds an area from extracts of OpenStreetMap and GTFS feeds; without a feed there is no
    /// transit.
    ///
    /// # Errors
    /// A file cannot be read, or holds nothing of use. Bad rows are no error: see [`Notes`].
    pub fn build(
        extracts: &[impl AsRef<Path>],
        feeds: &[impl AsRef<Path>],
        progress: &mut dyn FnMut(Step),
    ) -> Result<(Area, Notes), BuildError> {
        progress(Step::ReadingStreets);
        let extracts: Vec<_> = extracts.iter().map(|path| path.as_ref().to_path_buf()).collect();
        Area::of(streets::osm::read(&extracts)?, feeds, progress)
    }

    /// The same from parsed OpenStreetMap data.
    ///
    /// # Errors
    /// See [`Area::build`].
    pub fn of(
        mut data: OsmData,
        feeds: &[impl AsRef<Path>],
        progress: &mut dyn FnMut(Step),
    ) -> Result<(Area, Notes), BuildError> {
        let mut notes = Notes::default();
        let built = streets::build(&mut data)?;
        notes.streets = data.problems.iter().map(ToString::to_string).collect();
        progress(Step::LinkingStreets);
        let network = Network::new(built);
        let mut timetable = match feeds {
            [] => Timetable::empty(),
            feeds => {
                let mut step = |p: timetable::read::Progress<'_>| {
                    progress(Step::ReadingTimetable { feed: p.feed.to_owned(), file: p.file.to_owned() });
                };
                timetable::read(feeds, Options::default(), &mut step, &mut notes.timetable)?
            }
        };
        progress(Step::IndexingNames);
        let names = Arc::new(names::index(&data, &timetable));
        progress(Step::LinkingStops);
        let stops = StopLinks::new(&network, &timetable);
        notes.stops_without_street = stops.unlinked(&timetable);
        stops::add_footpaths(&network, &stops, &mut timetable, progress);
        let times = times(&network, &timetable);
        let timetable = Arc::new(timetable);
        Ok((Area { network, timetable, stops, names, times, checksum: String::new() }, notes))
    }

    /// The box around all junctions.
    pub fn bounds(&self) -> Option<Bbox> {
        let mut points = self.network.streets().junctions.iter().map(|at| at.degrees());
        let first = points.next()?;
        Some(points.fold(Bbox::new(first.lon, first.lat, first.lon, first.lat)?, Bbox::extended))
    }
}
