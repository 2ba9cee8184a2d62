//! `journey evaluate --streets`: durations and distances between coordinates.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use domain::geo::LatLon;
use journey::streets::{self, Budget, Direction, Link, Mode, Network, Reach, Workspace};
use serde::Serialize;

use super::measured::Measured;
use super::pairs::{self, Pair};
use crate::cli::StreetModeArg;

/// How far from a street a coordinate may lie: far (as Valhalla looks), since test points are often drawn
/// at random. The distance to the street does not count.
const SNAP_LIMIT_M: f64 = 35_000.0;
/// Streets tried on each side before a pair counts as unreachable.
const CANDIDATES: usize = 4;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    measured: Measured,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
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

/// Answers all pairs of a file. The answers go to standard output, all else to standard error.
///
/// # Errors
/// A file cannot be read.
pub fn evaluate(extracts: &[PathBuf], pairs: &Path, mode: StreetModeArg, json: bool) -> Result<ExitCode> {
    let pairs = pairs::read(pairs)?;
    let mode = match mode {
        StreetModeArg::Foot => Mode::Foot,
        StreetModeArg::Bike => Mode::Bike,
        StreetModeArg::Car => Mode::Car,
        StreetModeArg::Wheelchair => Mode::Wheelchair,
    };
    let begin = Instant::now();
    let network = load(extracts)?;
    let load = begin.elapsed();
    let mut workspace = Workspace::new();
    let mut times = Vec::with_capacity(pairs.len());
    let answers: Vec<Answer> = pairs
        .into_iter()
        .map(|pair| {
            let begin = Instant::now();
            let found = find(&network, &mut workspace, mode, pair.from, pair.to);
            times.push(begin.elapsed());
            answer(pair, found)
        })
        .collect();
    let report = Report { measured: Measured::new(load, times), answers };
    if json {
        outln!("{}", serde_json::to_string(&report)?);
    } else {
        print_table(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn load(extracts: &[PathBuf]) -> Result<Network> {
    errln!("reading {} extract{}", extracts.len(), if extracts.len() == 1 { "" } else { "s" });
    let mut data = streets::osm::read(extracts)?;
    let built = streets::build(&mut data)?;
    for problem in &data.problems {
        errln!("note: {problem}");
    }
    errln!("{} junctions, {} street sections", built.junctions.len(), built.edges.len());
    Ok(Network::new(built))
}

/// The quickest path between the nearest streets; if there is none, between the next nearest.
fn find(
    network: &Network,
    workspace: &mut Workspace,
    mode: Mode,
    from: LatLon,
    to: LatLon,
) -> Result<(Reach, [f32; 2]), String> {
    let near = |point: LatLon, direction: Direction, which: &str| match network.snap_end(
        mode,
        direction,
        None,
        point,
        SNAP_LIMIT_M,
        CANDIDATES,
    ) {
        links if links.is_empty() => {
            Err(format!("no street for {} within {SNAP_LIMIT_M} m of {which}", mode.people()))
        }
        links => Ok(links),
    };
    let (starts, ends) = (near(from, Direction::Forward, "from")?, near(to, Direction::Backward, "to")?);
    let mut pairs: Vec<(Link, Link)> =
        starts.iter().flat_map(|start| ends.iter().map(|end| (*start, *end))).collect();
    // The sort is stable: main streets stay first among equals.
    pairs[1..].sort_by(|a, b| (a.0.gap_m + a.1.gap_m).total_cmp(&(b.0.gap_m + b.1.gap_m)));
    for (start, end) in pairs {
        if let Some(reach) = network.route(workspace, mode, start, &end, Budget::NONE).reach(&end) {
            return Ok((reach, [start.gap_m, end.gap_m]));
        }
    }
    Err(format!("no way for {} between the streets near the two places", mode.people()))
}

fn answer(pair: Pair, found: Result<(Reach, [f32; 2]), String>) -> Answer {
    let (reach, gaps_m, reason) = match found {
        Ok((reach, gaps)) => (Some(reach), Some(gaps), None),
        Err(reason) => (None, None, Some(reason)),
    };
    Answer {
        q: pair.q,
        from: [pair.from.lat, pair.from.lon],
        to: [pair.to.lat, pair.to.lon],
        duration_s: reach.map(|reach| reach.duration_s),
        distance_m: reach.map(|reach| reach.distance_m),
        gaps_m,
        reason,
    }
}

fn print_table(report: &Report) {
    outln!("{:>8}  {:>10}  {:>10}  note", "q", "duration_s", "distance_m");
    for answer in &report.answers {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.0}"));
        outln!(
            "{:>8}  {:>10}  {:>10}  {}",
            answer.q,
            number(answer.duration_s),
            number(answer.distance_m),
            answer.reason.as_deref().unwrap_or_default()
        );
    }
    let Measured { load_ms, rss_mb, median_ms, p95_ms, max_ms } = report.measured;
    let ms = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3} ms"));
    let rss = rss_mb.map_or("-".into(), |mb| format!("{mb:.0} MB"));
    outln!(
        "loaded in {load_ms:.0} ms, {rss}; median {}, p95 {}, max {}",
        ms(median_ms),
        ms(p95_ms),
        ms(max_ms)
    );
}
