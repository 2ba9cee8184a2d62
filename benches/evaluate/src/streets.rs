//! `journey evaluate --streets`: durations and distances between coordinates.

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use domain::geo::LatLon;
use journey::streets::{self, Budget, Direction, Link, Mode, Network, Reach, Workspace};
use serde::Serialize;

use crate::Measured;
use crate::queries::{Pair, pairs};

/// How far from a street a coordinate may lie: far (as Valhalla looks), since test points are often drawn
/// at random. The distance to the street does not count.
const SNAP_LIMIT_M: f64 = 35_000.0;
/// Streets tried on each side before a pair counts as unreachable.
const CANDIDATES: usize = 4;

/// What is evaluated.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Streets")]
pub struct StreetsArgs {
    /// OpenStreetMap extracts (.osm.pbf) whose streets are searched.
    #[arg(long, num_args = 1.., requires = "pairs")]
    pub streets: Vec<PathBuf>,
    /// Queries on streets: CSV with from_lat,from_lon,to_lat,to_lon and optionally q.
    #[arg(long, requires = "streets")]
    pub pairs: Option<PathBuf>,
    /// How to move on streets.
    #[arg(long, value_enum, default_value = "foot")]
    pub mode: ModeArg,
}

/// How to move on streets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ModeArg {
    Foot,
    Bike,
    Car,
    Wheelchair,
}

/// The answers and what they took.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    measured: Measured,
    answers: Vec<Answer>,
}

#[derive(Debug, Serialize)]
struct Answer {
    q: String,
    from: [f64; 2],
    to: [f64; 2],
    /// Duration from street to street.
    duration_s: Option<f64>,
    distance_m: Option<f64>,
    /// How far the two coordinates lie from their streets, metres.
    gaps_m: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Answers all pairs of a file; `note` gets what is to be known beside.
///
/// # Errors
/// A file cannot be read.
pub fn evaluate(args: &StreetsArgs, note: impl Fn(String)) -> Result<Report> {
    let pairs = pairs(args.pairs.as_deref().context("--streets needs --pairs")?)?;
    let mode = match args.mode {
        ModeArg::Foot => Mode::Foot,
        ModeArg::Bike => Mode::Bike,
        ModeArg::Car => Mode::Car,
        ModeArg::Wheelchair => Mode::Wheelchair,
    };
    let begin = Instant::now();
    note(format!("reading {} files of streets", args.streets.len()));
    let mut data = streets::osm::read(&args.streets)?;
    let built = streets::build(&mut data)?;
    data.problems.iter().for_each(|problem| note(format!("note: {problem}")));
    note(format!("{} junctions, {} street sections", built.junctions.len(), built.edges.len()));
    let network = Network::new(built);
    let load = begin.elapsed();
    let mut workspace = Workspace::new();
    let (mut times, mut answers) = (Vec::new(), Vec::new());
    for pair in pairs {
        let begin = Instant::now();
        let found = find(&network, &mut workspace, mode, &pair);
        times.push(begin.elapsed());
        answers.push(answer(pair, found));
    }
    Ok(Report { measured: Measured::new(load, times), answers })
}

/// A path between streets, and how far the coordinates lie from them.
struct Found {
    reach: Reach,
    gaps_m: [f32; 2],
}

/// The quickest path between the nearest streets; if there is none, between the next nearest.
fn find(network: &Network, workspace: &mut Workspace, mode: Mode, pair: &Pair) -> Result<Found, String> {
    let near = |point: LatLon, direction: Direction, which: &str| {
        let links = network.snap_end(mode, direction, None, point, SNAP_LIMIT_M, CANDIDATES);
        if links.is_empty() {
            return Err(format!("no street for {} within {SNAP_LIMIT_M} m of {which}", mode.people()));
        }
        Ok(links)
    };
    let (starts, ends) =
        (near(pair.from, Direction::Forward, "from")?, near(pair.to, Direction::Backward, "to")?);
    let mut pairs: Vec<(Link, Link)> =
        starts.iter().flat_map(|start| ends.iter().map(|end| (*start, *end))).collect();
    // The sort is stable: main streets stay first among equals.
    pairs[1..].sort_by(|a, b| (a.0.gap_m + a.1.gap_m).total_cmp(&(b.0.gap_m + b.1.gap_m)));
    for (start, end) in pairs {
        if let Some(reach) = network.route(workspace, mode, start, &end, Budget::NONE).reach(&end) {
            return Ok(Found { reach, gaps_m: [start.gap_m, end.gap_m] });
        }
    }
    Err(format!("no way for {} between the streets near the two places", mode.people()))
}

fn answer(Pair { q, from, to }: Pair, found: Result<Found, String>) -> Answer {
    let (found, reason) = match found {
        Ok(found) => (Some(found), None),
        Err(reason) => (None, Some(reason)),
    };
    Answer {
        q,
        from: [from.lat, from.lon],
        to: [to.lat, to.lon],
        duration_s: found.as_ref().map(|found| found.reach.duration_s),
        distance_m: found.as_ref().map(|found| found.reach.distance_m),
        gaps_m: found.map(|found| found.gaps_m),
        reason,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>8}  {:>10}  {:>10}  note", "q", "duration_s", "distance_m")?;
        for Answer { q, duration_s, distance_m, reason, .. } in &self.answers {
            let [duration, distance] =
                [duration_s, distance_m].map(|value| value.map_or("-".into(), |value| format!("{value:.0}")));
            let reason = reason.as_deref().unwrap_or_default();
            writeln!(f, "{q:>8}  {duration:>10}  {distance:>10}  {reason}")?;
        }
        write!(f, "{}", self.measured)
    }
}
