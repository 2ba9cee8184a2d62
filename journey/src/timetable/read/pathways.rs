//! `levels.txt` and `pathways.txt`: ways within stations. Reference: GTFS Schedule, gtfs.org.

use super::ReadError;
use super::draft::{Draft, FeedIds};
use super::source::Source;
use super::table::{Fault, Table, fault};
use crate::timetable::FeedProblems;
use crate::timetable::pathways::{Node, Pathway};

const LEVELS: &str = "level_id,level_index";

const HEADER: &str =
    "pathway_id,from_stop_id,to_stop_id,pathway_mode,is_bidirectional,length,traversal_time,stair_count";

/// Longest plausible pathway, seconds.
const MAX_S: f64 = 86_400.0;
/// The same, metres.
const MAX_M: f64 = 10_000.0;
/// Most stairs of one pathway.
const MAX_STAIRS: i32 = 2_000;

/// Walking speed, m/s: 4 km/h, as `walk_speed` of GTFS's usual readers, below that on streets for luggage and crowds.
const WALK_MPS: f64 = 1.1;
/// Way that costs the time of one stair, metres: 0.2 m, doubled for the climb (OTP's `PathwayEdge`).
const STAIR_M: f64 = 0.4;
/// Stairs from one level to the next (own estimate: 4 m at 17 cm).
const STAIRS_PER_LEVEL: f64 = 24.0;
/// Speed on escalators and moving walkways, m/s (EN 115: 0.5 usual).
const CONVEYED_MPS: f64 = 0.5;
/// Waiting for an elevator and getting in and out, and its ride from one level to the next, seconds (own estimates).
const ELEVATOR_S: f64 = 60.0;
const ELEVATOR_S_PER_LEVEL: f64 = 8.0;
/// Through a gate, seconds (own estimate).
const GATE_S: f64 = 5.0;

/// Reads the heights of levels; to be called before the stops.
pub fn read_levels(
    source: &mut Source,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Result<(), ReadError> {
    let Some(mut table) = Table::open(source, "levels.txt", 2, LEVELS)? else { return Ok(()) };
    while table.next()? {
        let level = level(&table, &draft.feed);
        if let Some((id, index)) = table.read(problems, level) {
            draft.feed.levels.insert(id, index);
        }
    }
    Ok(())
}

fn level(table: &Table<'_>, feed: &FeedIds) -> Result<(Box<[u8]>, f64), Fault> {
    let [id, index] = table.columns();
    let key: Box<[u8]> = table.bytes(id).into();
    if key.is_empty() || feed.levels.contains_key(&key) {
        return Err(fault(id, "it is empty, or there is one already: name each level once"));
    }
    let height = table.number::<f64>(index).filter(|height| height.is_finite());
    let reason = "it is not a number: write 0 for the ground, 1 for the level above it, -1 for the one below";
    Ok((key, height.ok_or_else(|| fault(index, reason))?))
}

/// Reads the ways; to be called after the stops.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let Some(mut table) = Table::open(source, "pathways.txt", 5, HEADER)? else { return Ok(()) };
    while table.next()? {
        let row = row(&table, draft, problems);
        if let Some((pathway, is_bidirectional)) = table.read(problems, row) {
            let back = Pathway { from: pathway.to, to: pathway.from, ..pathway };
            draft.pathways.all.extend(std::iter::once(pathway).chain(is_bidirectional.then_some(back)));
        }
    }
    Ok(())
}

fn row(table: &Table<'_>, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(Pathway, bool), Fault> {
    let [id, from_stop, to_stop, mode, both_ways, length, time, stairs] = table.columns();
    let key = table.new_named_id(id, &draft.feed.pathways)?;
    let (from, to) = (node(table, from_stop, &draft.feed)?, node(table, to_stop, &draft.feed)?);
    if from == to {
        let reason = "it leads back to where it begins: name another platform, entrance or node as its end";
        return Err(fault(to_stop, reason));
    }
    let mode = match table.bytes(mode) {
        [digit @ b'1'..=b'7'] => digit - b'0',
        _ => {
            let reason = "it is none of 1 (walkway), 2 (stairs), 3 (moving walkway), 4 (escalator), 5 (elevator), \
                          6 (fare gate) and 7 (exit gate)";
            return Err(fault(mode, reason));
        }
    };
    let mut is_bidirectional = match table.bytes(both_ways) {
        b"0" => false,
        b"1" => true,
        _ => {
            return Err(fault(
                both_ways,
                "it is neither 0 (from its beginning to its end only) nor 1 (both ways)",
            ));
        }
    };
    if mode == EXIT_GATE && is_bidirectional {
        let reason = "nobody comes in by an exit gate; it is read as one from its beginning to its end: write 0, or \
                      pathway_mode 6";
        table.fault(problems, both_ways, reason);
        is_bidirectional = false;
    }
    let given = |column, most: f64, unit: &str| match table.number::<f64>(column) {
        _ if table.bytes(column).is_empty() => Ok(None),
        Some(number) if (0.0..=most).contains(&number) => Ok(Some(number).filter(|number| *number > 0.0)),
        _ => Err(fault(
            column,
            format!("it is not a number of {unit} from 0 to {most}: correct it, or leave it empty"),
        )),
    };
    let (seconds, metres) = (given(time, MAX_S, "seconds")?, given(length, MAX_M, "metres")?);
    let stairs = match table.number::<i32>(stairs) {
        _ if table.bytes(stairs).is_empty() => None,
        // Negative: downwards.
        Some(count) if count.abs() <= MAX_STAIRS => Some(f64::from(count.abs())).filter(|count| *count > 0.0),
        _ => {
            return Err(fault(
                stairs,
                format!("it is not a whole number from -{MAX_STAIRS} to {MAX_STAIRS}"),
            ));
        }
    };
    let levels = draft.pathways.levels.get(&from).zip(draft.pathways.levels.get(&to));
    let levels = levels.map_or(0.0, |(from, to)| (to - from).abs());
    let seconds = seconds.unwrap_or_else(|| usual_s(mode, metres, stairs, levels));
    let way_m =
        metres.unwrap_or_else(|| if mode == STAIRS { stairs.unwrap_or(0.0) * STAIR_M / 2.0 } else { 0.0 });
    draft.feed.pathways.insert(key, 0);
    let pathway = Pathway {
        from,
        to,
        seconds: seconds.ceil() as u32,
        metres: way_m.round() as u32,
        is_step_free: !matches!(mode, STAIRS | ESCALATOR),
    };
    Ok((pathway, is_bidirectional))
}

const STAIRS: u8 = 2;
const MOVING_WALKWAY: u8 = 3;
const ESCALATOR: u8 = 4;
const ELEVATOR: u8 = 5;
const FARE_GATE: u8 = 6;
const EXIT_GATE: u8 = 7;

/// How long a pathway takes whose `traversal_time` is not given, seconds.
fn usual_s(mode: u8, metres: Option<f64>, stairs: Option<f64>, levels: f64) -> f64 {
    let climb = stairs.unwrap_or(levels * STAIRS_PER_LEVEL) * STAIR_M / WALK_MPS;
    match (mode, metres) {
        (ELEVATOR, _) => ELEVATOR_S + levels * ELEVATOR_S_PER_LEVEL,
        (MOVING_WALKWAY | ESCALATOR, Some(metres)) => metres / CONVEYED_MPS,
        // Stairs have a length along the ground, and take no less than their climb.
        (STAIRS, metres) => (metres.unwrap_or(0.0) / WALK_MPS).max(climb),
        (FARE_GATE | EXIT_GATE, metres) => metres.unwrap_or(0.0) / WALK_MPS + GATE_S,
        (_, Some(metres)) => metres / WALK_MPS,
        (_, None) => climb,
    }
}

/// An end of a pathway.
fn node(table: &Table<'_>, column: usize, feed: &FeedIds) -> Result<Node, Fault> {
    let id = table.bytes(column);
    match feed.nodes.get(id).or_else(|| feed.stops.get(id)) {
        None => Err(fault(
            column,
            "there is no such stop: name a platform, entrance, node or boarding area of stops.txt",
        )),
        Some(stop) if feed.stations.contains(stop) => {
            Err(fault(column, "it is a station: name a platform, entrance, node or boarding area in it"))
        }
        Some(node) => Ok(*node),
    }
}
