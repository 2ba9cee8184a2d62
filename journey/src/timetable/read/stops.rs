//! `stops.txt`.

use super::ReadError;
use super::draft::{Draft, permission};
use super::source::Source;
use super::table::{Fault, Table, fault};
use crate::timetable::pathways::{FIRST_NODE, Node};
use crate::timetable::patterns::PatternStop;
use crate::timetable::shapes::{NOWHERE, PointE6};
use crate::timetable::{FeedProblems, NONE, Permission, StopIx};

const HEADER: &str = "stop_id,stop_lat,stop_lon,stop_name,location_type,parent_station,wheelchair_boarding,platform_code,level_id";

/// What a row says of a stop besides the stop itself.
struct Row {
    /// Id of its station; empty: none.
    parent: String,
    line: u64,
}

/// Reads stops, stations and entrances. Generic nodes and boarding areas have no departures of their own: they are ends of
/// pathways, boarding areas as part of their platform.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let mut table = Table::open_required(source, "stops.txt", 3, HEADER)?;
    let [_, _, _, _, kind, _, _, _, level] = table.columns();
    let first = draft.stops.points.len();
    let mut rows: Vec<Row> = Vec::new();
    let mut areas: Vec<(Box<[u8]>, Row)> = Vec::new();
    while table.next()? {
        if table.bytes(kind) == b"3" {
            let node = FIRST_NODE + draft.pathways.nodes;
            if let Some(id) = table.read(problems, new_id(&table, draft)) {
                draft.feed.nodes.insert(id, node);
                draft.pathways.nodes += 1;
                height(&table, level, node, draft, problems);
            }
            continue;
        }
        if table.bytes(kind) == b"4" {
            let id = table.read(problems, new_id(&table, draft));
            areas.extend(id.map(|id| (id, Row { parent: table.text(5), line: table.line() })));
            continue;
        }
        if draft.stops.points.len() >= PatternStop::MAX_STOPS {
            return Err(ReadError::TooMany { file: table.file, what: "stops", max: PatternStop::MAX_STOPS });
        }
        let (stop, row) = (draft.stops.points.len() as StopIx, row(&table, draft));
        if let Some(row) = table.read(problems, row) {
            rows.push(row);
            match table.bytes(kind) {
                b"1" => _ = draft.feed.stations.insert(stop),
                b"2" => _ = draft.pathways.entrances.insert(stop),
                _ => {}
            }
            height(&table, level, stop, draft, problems);
        }
    }
    for (id, Row { parent, line }) in areas {
        match draft.feed.stops.get(parent.as_bytes()) {
            Some(platform) => _ = draft.feed.nodes.insert(id, *platform),
            None => {
                let reason = "there is no such stop: name the platform of the boarding area; pathways to it are left out";
                problems.add(&table.file, line, "parent_station", &parent, reason);
            }
        }
    }
    for (stop, row) in (first..).zip(&rows).filter(|(_, row)| !row.parent.is_empty()) {
        match draft.feed.stops.get(row.parent.as_bytes()) {
            Some(parent) => draft.stops.parents[stop] = *parent,
            None => {
                let reason = "there is no such stop; it is read without";
                problems.add(&table.file, row.line, "parent_station", &row.parent, reason);
            }
        }
    }
    let points = &mut draft.stops.points;
    for far in far_away(&points[first..]) {
        let at = points[first + far].degrees();
        let reason = "it is far from all other stops of the feed; the stop is kept without its place";
        let value = format!("{},{}", at.lat, at.lon);
        problems.add(&table.file, rows[far].line, "stop_lat", &value, reason);
        points[first + far] = NOWHERE;
    }
    // A platform without a position or a value is like its station.
    for stop in first..points.len() {
        let parent = draft.stops.parents[stop];
        if parent != NONE && points[stop] == NOWHERE {
            points[stop] = points[parent as usize];
        }
        if parent != NONE && draft.stops.wheelchair[stop] == Permission::Unknown {
            draft.stops.wheelchair[stop] = draft.stops.wheelchair[parent as usize];
        }
    }
    for stop in (first..points.len()).filter(|stop| points[*stop] == NOWHERE) {
        let reason = "it has no place on the map, or 0,0; no way leads there, and rides are drawn past it";
        let value = draft.stops.ids.get(stop as StopIx);
        problems.add(&table.file, rows[stop - first].line, "stop_id", value, reason);
    }
    Ok(())
}

/// The id of a node or boarding area.
fn new_id(table: &Table<'_>, draft: &Draft) -> Result<Box<[u8]>, Fault> {
    let [id, ..] = table.columns::<9>();
    table.new_named_id(id, &draft.feed.stops)?;
    table.new_named_id(id, &draft.feed.nodes)
}

/// Notes the level of a node.
fn height(table: &Table<'_>, level: usize, node: Node, draft: &mut Draft, problems: &mut FeedProblems) {
    if table.bytes(level).is_empty() || draft.feed.levels.is_empty() {
        return;
    }
    match draft.feed.levels.get(table.bytes(level)) {
        Some(height) => _ = draft.pathways.levels.insert(node, *height),
        None => {
            table.fault(problems, level, "there is no such level in levels.txt; the stop is read without")
        }
    }
}

fn row(table: &Table<'_>, draft: &mut Draft) -> Result<Row, Fault> {
    let [id, lat, lon, name, kind, parent, accessible, platform, _] = table.columns();
    if !matches!(table.bytes(kind), b"" | b"0" | b"1" | b"2") {
        return Err(fault(kind, "it is none of 0 to 4"));
    }
    let key = table.new_named_id(id, &draft.feed.stops)?;
    let is_blank = table.bytes(lat).is_empty() && table.bytes(lon).is_empty();
    let point = match table.position(lat, lon) {
        Ok(position) => PointE6::of(position),
        // A platform without a position is where its station is.
        Err(_) if is_blank && !table.bytes(parent).is_empty() => NOWHERE,
        Err(fault) => return Err(fault),
    };
    let feed = draft.feed_number();
    draft.feed.stops.insert(key, draft.stops.points.len() as StopIx);
    let stops = &mut draft.stops;
    stops.ids.push(&table.text(id));
    stops.feeds.push(feed);
    stops.names.push(&table.text(name));
    stops.platforms.push(&table.text(platform));
    stops.points.push(if is_nowhere(point) { NOWHERE } else { point });
    stops.parents.push(NONE);
    stops.wheelchair.push(permission(table.bytes(accessible)));
    Ok(Row { parent: table.text(parent), line: table.line() })
}

/// Whether a position is 0,0, as nearly as rounding makes it: what programs write for none.
fn is_nowhere(point: PointE6) -> bool {
    point.lat.abs() <= 1_000 && point.lon.abs() <= 1_000
}

/// Farther from the middle of a feed than so many times the distance of its median stop, and than so
/// many metres, no stop of it is.
const FAR_TIMES: f64 = 20.0;
const FAR_M: f64 = 1_000_000.0;

/// Stops with mistyped positions.
fn far_away(points: &[PointE6]) -> Vec<usize> {
    let known: Vec<usize> = (0..points.len()).filter(|at| points[*at] != NOWHERE).collect();
    let median = |axis: fn(PointE6) -> i32| {
        let mut values: Vec<i32> = known.iter().map(|at| axis(points[*at])).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    };
    let Some((lat, lon)) = median(|p| p.lat).zip(median(|p| p.lon)) else { return Vec::new() };
    let middle = PointE6 { lat, lon }.degrees();
    let distance_m = |at: &usize| points[*at].degrees().distance_m(middle);
    let mut sorted: Vec<f64> = known.iter().map(distance_m).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let limit = FAR_M.max(sorted[sorted.len() / 2] * FAR_TIMES);
    known.into_iter().filter(|at| distance_m(at) > limit).collect()
}
