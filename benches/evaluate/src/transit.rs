//! `journey evaluate --gtfs`: Pareto sets over rides and arrival, from stop to stop.
//!
//! Changing at a stop takes 120 s; between stops only the rows of transfers.txt hold, and replace
//! the change time; one footpath is allowed before the first and one after the last ride; at most 8
//! rides; no change time before the first one. Runs of the days around are found too: their times
//! count from the midnight of the date asked for.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use journey::overlay::Overlay;
use journey::raptor::{Query, Search, When};
use journey::timetable::services::{Day, date_of, day_of};
use journey::timetable::{self, FeedProblems, Options, StopIx, Timetable};
use serde::Serialize;
use serde_json::Value;

use crate::queries::{StopPair, stop_pairs};
use crate::{Measured, millis};

/// Problems of the feeds that are shown; the rest is counted.
const SHOWN_PROBLEMS: usize = 20;

/// What is evaluated.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Transit")]
pub struct TransitArgs {
    /// GTFS feeds (zip files or folders) to search from stop to stop.
    #[arg(long, num_args = 1.., requires_all = ["date", "queries"])]
    pub gtfs: Vec<PathBuf>,
    /// Service day, e.g. 2026-11-24.
    #[arg(long, requires = "gtfs")]
    pub date: Option<jiff::civil::Date>,
    /// Queries: CSV with from,to,dep (stop ids; seconds after midnight) and optionally q.
    #[arg(long, requires = "gtfs")]
    pub queries: Option<PathBuf>,
    /// Real-time updates of that day: a GTFS-Realtime FeedMessage with TripUpdates.
    #[arg(long, requires = "gtfs")]
    pub gtfs_rt: Option<PathBuf>,
    /// Allow changes between platforms of a station where transfers.txt has none.
    #[arg(long, requires = "gtfs")]
    pub station_changes: bool,
}

/// The answers and what they took.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    measured: Measured,
    /// Taking in the real-time updates, from bytes to something to search.
    overlay_ms: Option<f64>,
    answers: Vec<Answer>,
}

#[derive(Debug, Serialize)]
struct Answer {
    q: Value,
    from: String,
    to: String,
    dep: i32,
    /// Rides, and arrival in seconds after midnight.
    pareto: Vec<(u8, i32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Answers all queries of a file; `note` gets what is to be known beside. A stop that no feed has is an `error` in its
/// answer, and costs no other.
///
/// # Errors
/// A file cannot be read, or the queries are none.
pub fn evaluate(args: &TransitArgs, note: impl Fn(String)) -> Result<Report> {
    let (date, queries) =
        args.date.zip(args.queries.as_deref()).context("--gtfs needs --date and --queries")?;
    let day = day_of(date);
    let queries = stop_pairs(queries)?;
    let begin = Instant::now();
    let timetable = Arc::new(load(args, &note)?);
    let load = begin.elapsed();
    match timetable.span() {
        Some((first, last)) if !(first..=last).contains(&day) => {
            let [day, first, last] = [day, first, last].map(|day| date_of(day).unwrap_or_default());
            note(format!("warning: {day} is outside the feeds' calendar, {first} to {last}"));
        }
        Some(_) => {}
        None => note("warning: no trip ever runs by the feeds' calendars".to_owned()),
    }
    let begin = Instant::now();
    let overlay = args.gtfs_rt.as_deref().map(|path| updates(path, &timetable, day, &note)).transpose()?;
    let overlay_ms = overlay.is_some().then(|| millis(begin.elapsed()));
    let mut search = Search::new(timetable);
    let mut times = Vec::with_capacity(queries.len());
    let answers: Vec<Answer> = queries
        .into_iter()
        .map(|query| answer(&mut search, overlay.as_ref(), day, query, &mut times))
        .collect();
    answers
        .iter()
        .filter_map(|answer| answer.error.as_ref())
        .for_each(|error| note(format!("error: {error}")));
    Ok(Report { measured: Measured::new(load, times), overlay_ms, answers })
}

fn load(args: &TransitArgs, note: &impl Fn(String)) -> Result<Timetable> {
    let mut problems = FeedProblems::default();
    let options = Options { station_changes: args.station_changes };
    let mut progress = |at: timetable::read::Progress<'_>| note(format!("reading {} {}", at.feed, at.file));
    let timetable = timetable::read(&args.gtfs, options, &mut progress, &mut problems)?;
    problems.listed().iter().take(SHOWN_PROBLEMS).for_each(|problem| note(format!("problem: {problem}")));
    let hidden = problems.count().saturating_sub(SHOWN_PROBLEMS as u64);
    if hidden > 0 {
        note(format!("problem: {hidden} more"));
    }
    note(format!(
        "{} stops, {} trips in {} patterns, {} stop times, {} footpaths",
        timetable.stop_count(),
        timetable.trips.len(),
        timetable.patterns.len(),
        timetable.patterns.stop_times(),
        timetable.footpaths.len()
    ));
    Ok(timetable)
}

fn updates(path: &Path, timetable: &Timetable, day: Day, note: &impl Fn(String)) -> Result<Overlay> {
    let mut bytes = Vec::new();
    places::open_regular(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .with_context(|| format!("{}", path.display()))?;
    let read = ingest::decode::gtfs_rt::trip_updates(&bytes)
        .map_err(|fault| anyhow!("{}: {}", path.display(), fault.detail))?;
    let noon = timetable.day_begins_at(day) + 43_200;
    let overlay = Overlay::new(timetable, &read.updates, noon);
    let report = overlay.report;
    note(format!(
        "{} updates: {} runs changed, {} cancelled, {} added, {} of unknown runs, {} of several runs, \
         {} incomplete, {} of other kinds, {} unreadable",
        read.updates.len(),
        report.changed,
        report.cancelled,
        report.added,
        report.unknown,
        report.ambiguous,
        report.incomplete,
        report.ignored,
        read.unread
    ));
    Ok(overlay)
}

fn answer(
    search: &mut Search,
    overlay: Option<&Overlay>,
    day: Day,
    query: StopPair,
    times: &mut Vec<Duration>,
) -> Answer {
    let StopPair { q, from, to, dep, line } = query;
    let stops = |id: &str| {
        let timetable = search.timetable();
        let stop = timetable.stop(id).ok_or_else(|| format!("line {line}: no feed has a stop '{id}'"))?;
        Ok::<Vec<(StopIx, i32)>, String>(timetable.platforms(stop).map(|stop| (stop, 0)).collect())
    };
    let (pareto, error) = match stops(&from).and_then(|origins| Ok((origins, stops(&to)?))) {
        Ok((origins, destinations)) => {
            let query = Query::new(&origins, &destinations, day, When::DepartAt(dep));
            let begin = Instant::now();
            let found = search.run(&query, overlay, &mut || false);
            times.push(begin.elapsed());
            (found.journeys.iter().map(|journey| (journey.rides, journey.arrival_s)).collect(), None)
        }
        Err(error) => (Vec::new(), Some(error)),
    };
    Answer { q, from, to, dep, pareto, error }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |s: i32| format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
        writeln!(f, "{:>6}  {:<20}  {:<20}  {:>8}  rides @ arrival", "q", "from", "to", "dep")?;
        for Answer { q, from, to, dep, pareto, error } in &self.answers {
            let found = pareto.iter().map(|(rides, at)| format!("{rides} @ {}", clock(*at)));
            let found = error.clone().unwrap_or_else(|| found.collect::<Vec<_>>().join(", "));
            writeln!(f, "{:>6}  {from:<20}  {to:<20}  {:>8}  {found}", q.to_string(), clock(*dep))?;
        }
        write!(f, "{}", self.measured)
    }
}
