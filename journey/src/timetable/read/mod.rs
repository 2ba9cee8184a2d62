//! Reads a timetable from GTFS files.
//!
//! Files are read as a stream, row by row. A row that cannot be used is noted in [`FeedProblems`] and
//! left out; only a feed that is none (no such file, no stops, a required column missing) is an
//! error. Reference: GTFS Schedule, gtfs.org.

mod base;
mod booking_rules;
mod calendar;
mod credit;
mod draft;
mod fares;
mod finish;
mod frequencies;
mod interpolate;
mod links;
mod locations;
mod pathways;
mod rules;
mod shape_points;
mod source;
mod stop_times;
mod stops;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod times;

mod transfers;
mod trips;
mod windows;

use std::io;
use std::path::{Path, PathBuf};

use self::draft::Draft;
use self::source::Source;
pub(crate) use self::times::parse_time;
use super::{FeedProblems, Timetable};

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether one may change between platforms of one station where `transfers.txt` has no row
    /// for them: as long as the walk takes, at least the default change time.
    pub station_changes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { station_changes: true }
    }
}

/// The feed that is being read.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Its name.
    pub feed: &'a str,
    /// The file that is being read.
    pub file: &'a str,
}

/// Why a timetable could not be read.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("{path} cannot be opened: {error}")]
    Open { path: PathBuf, error: io::Error },
    /// It is no zip file.
    #[error("{path} is no zip file that can be read: {reason}")]
    Zip { path: PathBuf, reason: String },
    /// A file of the feed cannot be read.
    #[error("{file} cannot be read: {error}")]
    File { file: String, error: io::Error },
    /// A file is missing.
    #[error("{feed} is no GTFS feed: it has no {file}")]
    Missing { feed: String, file: &'static str },
    /// A column is missing.
    #[error("{file} has no column {column}")]
    Column { file: String, column: &'static str },
    /// There is too much of something.
    #[error("{file}: more {what} than the {max} that can be held")]
    TooMany { file: String, what: &'static str, max: usize },
    /// There is nothing to read.
    #[error("no feed was given")]
    NoFeed,
}

/// Reads feeds (zip files or folders) into one timetable. Stop and trip ids stay as they are where
/// no two feeds share them; else `feed:` stands before, the feed being the file's name without
/// its ending.
///
/// # Errors
/// A feed cannot be opened, or is none. Bad rows are no error: they go to `problems`.
pub fn read(
    paths: &[impl AsRef<Path>],
    options: Options,
    progress: &mut dyn FnMut(Progress<'_>),
    problems: &mut FeedProblems,
) -> Result<Timetable, ReadError> {
    if paths.is_empty() {
        return Err(ReadError::NoFeed);
    }
    let mut draft = Draft::default();
    for path in paths {
        let path = path.as_ref();
        let mut source = Source::open(path)?;
        draft.begin_feed(path);
        read_feed(&mut source, &mut draft, progress, problems)?;
    }
    Ok(draft.finish(options, problems))
}

/// A timetable of no feed.
pub(super) fn nothing() -> Timetable {
    Draft::default().finish(Options::default(), &mut FeedProblems::default())
}

fn read_feed(
    source: &mut Source,
    draft: &mut Draft,
    progress: &mut dyn FnMut(Progress<'_>),
    problems: &mut FeedProblems,
) -> Result<(), ReadError> {
    let feed = source.name.clone();
    let mut step = |file: &str| progress(Progress { feed: &feed, file });
    step("agency.txt");
    base::agencies(source, draft, problems)?;
    credit::read(source, draft)?;
    step("routes.txt");
    base::routes(source, draft, problems)?;
    step("stops.txt");
    pathways::read_levels(source, draft, problems)?;
    stops::read(source, draft, problems)?;
    step("locations.geojson");
    locations::read(source, draft, problems)?;
    step("pathways.txt");
    pathways::read(source, draft, problems)?;
    step("calendar.txt");
    calendar::read(source, draft, problems)?;
    step("booking_rules.txt");
    booking_rules::read(source, draft, problems)?;
    step("fare_products.txt");
    fares::read(source, draft, problems)?;
    step("shapes.txt");
    shape_points::read(source, draft, problems)?;
    step("trips.txt");
    trips::read(source, draft, problems)?;
    step("frequencies.txt");
    let frequencies = frequencies::read(source, draft, problems)?;
    step("transfers.txt");
    transfers::read(source, draft, problems)?;
    step("stop_times.txt");
    stop_times::read(source, draft, &frequencies, problems)
}
