//! `journey evaluate --gtfs`: Pareto sets over rides and arrival, from stop to stop.
//!
//! Changing at a stop takes 120 s; between stops only the rows of transfers.txt hold, and replace
//! the change time; one footpath is allowed before the first and one after the last ride; at most 8
//! rides; no change time before the first one. Runs of the days around are found too: their times
//! count from the midnight of the date asked for.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use journey::overlay::Overlay;
use journey::raptor::{Query, Search, When};
use journey::timetable::services::{Day, day_of};
use journey::timetable::{self, FeedProblems, Options, StopIx, Timetable};
use serde::Serialize;
use serde_json::Value;

use super::measured::Measured;
use super::stop_pairs::{self, StopPair};
use crate::cli::TransitEvaluateArgs;

/// Problems of the feeds that are shown; the rest is counted.
const SHOWN_PROBLEMS: usize = 20;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    measured: Measured,
    /// Taking in the real-time updates, from bytes to something to search.
    overlay_ms: Option<f64>,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
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

/// Answers all queries of a file. The answers go to standard output, all else to standard error. A
/// stop that no feed has is an `error` in its answer, and costs no other.
///
/// # Errors
/// A file cannot be read, or the queries are none.
pub fn evaluate(args: &TransitEvaluateArgs, json: bool) -> Result<ExitCode> {
    let (Some(date), Some(queries)) = (args.date, &args.queries) else {
        return Err(anyhow!("--gtfs needs --date and --queries"));
    };
    let day = day_of(date);
    let queries = stop_pairs::read(queries)?;
    let begin = Instant::now();
    let timetable = Arc::new(load(args)?);
    let load = begin.elapsed();
    warn_outside(&timetable, day);
    let begin = Instant::now();
    let overlay = args.gtfs_rt.as_deref().map(|path| updates(path, &timetable, day)).transpose()?;
    let overlay_ms = overlay.is_some().then(|| begin.elapsed().as_secs_f64() * 1000.0);
    let mut search = Search::new(timetable);
    let mut times = Vec::with_capacity(queries.len());
    let answers: Vec<Answer> = queries
        .into_iter()
        .map(|query| answer(&mut search, overlay.as_ref(), day, query, &mut times))
        .collect();
    let report = Report { measured: Measured::new(load, times), overlay_ms, answers };
    if json {
        outln!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn load(args: &TransitEvaluateArgs) -> Result<Timetable> {
    let mut problems = FeedProblems::default();
    let options = Options { station_changes: args.station_changes };
    let mut progress = |at: timetable::read::Progress<'_>| errln!("reading {} {}", at.feed, at.file);
    let timetable = timetable::read(&args.gtfs, options, &mut progress, &mut problems)?;
    for problem in problems.listed().iter().take(SHOWN_PROBLEMS) {
        errln!("problem: {problem}");
    }
    let hidden = problems.count().saturating_sub(SHOWN_PROBLEMS as u64);
    if hidden > 0 {
        errln!("problem: {hidden} more");
    }
    errln!(
        "{} stops, {} trips in {} patterns, {} stop times, {} footpaths",
        timetable.stop_count(),
        timetable.trips.len(),
        timetable.patterns.len(),
        timetable.patterns.stop_times(),
        timetable.footpaths.len()
    );
    Ok(timetable)
}

fn warn_outside(timetable: &Timetable, day: Day) {
    let date = |day: Day| timetable::services::date_of(day).map_or_else(String::new, |date| date.to_string());
    match timetable.span() {
        Some((first, last)) if !(first..=last).contains(&day) => {
            errln!(
                "warning: {} is outside the feeds' calendar, {} to {}",
                date(day),
                date(first),
                date(last)
            );
        }
        Some(_) => {}
        None => errln!("warning: no trip ever runs by the feeds' calendars"),
    }
}

fn updates(path: &Path, timetable: &Timetable, day: Day) -> Result<Overlay> {
    let mut bytes = Vec::new();
    places::open_regular(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .with_context(|| format!("{}", path.display()))?;
    let read = ingest::decode::gtfs_rt::trip_updates(&bytes)
        .map_err(|fault| anyhow!("{}: {}", path.display(), fault.detail))?;
    let noon = timetable.day_begins_at(day) + 43_200;
    let overlay = Overlay::new(timetable, &read.updates, noon);
    let report = overlay.report;
    errln!(
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
    );
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
        Err(error) => {
            errln!("error: {error}");
            (Vec::new(), Some(error))
        }
    };
    Answer { q, from, to, dep, pareto, error }
}

fn print(report: &Report) {
    let clock = |s: i32| format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    outln!("{:>6}  {:<20}  {:<20}  {:>8}  rides @ arrival", "q", "from", "to", "dep");
    for answer in &report.answers {
        let found: Vec<String> =
            answer.pareto.iter().map(|(rides, at)| format!("{rides} @ {}", clock(*at))).collect();
        let found = answer.error.clone().unwrap_or_else(|| found.join(", "));
        let (q, dep) = (answer.q.to_string(), clock(answer.dep));
        outln!("{q:>6}  {:<20}  {:<20}  {dep:>8}  {found}", answer.from, answer.to);
    }
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3} ms"));
    let of = &report.measured;
    outln!("load {:.0} ms, memory {:.1} MiB", of.load_ms, of.rss_mb.unwrap_or_default());
    outln!("queries: median {}, p95 {}, max {}", ms(of.median_ms), ms(of.p95_ms), ms(of.max_ms));
}
