//! `stops.txt`.

use domain::LatLon;

use super::ReadError;
use super::draft::{Draft, wheelchair};
use super::source::Source;
use super::table::Table;
use crate::timetable::patterns::PatternStop;
use crate::timetable::shapes::{NOWHERE, PointE6, e6};
use crate::timetable::{FeedProblems, NONE, Wheelchair};

const ID: usize = 0;
const LAT: usize = 1;
const LON: usize = 2;
const NAME: usize = 3;
const TYPE: usize = 4;
const PARENT: usize = 5;
const WHEELCHAIR: usize = 6;
const PLATFORM: usize = 7;
const COLUMNS: [&str; 8] = [
    "stop_id",
    "stop_lat",
    "stop_lon",
    "stop_name",
    "location_type",
    "parent_station",
    "wheelchair_boarding",
    "platform_code",
];

/// Reads stops, stations and entrances. Generic nodes and boarding areas have no departures of
/// their own and are passed over.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let feed = source.name.clone();
    let Some(mut table) = Table::open(source, "stops.txt", 3, COLUMNS)? else {
        return Err(ReadError::Missing { feed, file: "stops.txt" });
    };
    let first = draft.stops.points.len();
    // (stop, its parent's id, line)
    let mut parents: Vec<(usize, String, u64)> = Vec::new();
    let mut lines: Vec<u64> = Vec::new();
    while table.next()? {
        if matches!(table.bytes(TYPE), b"3" | b"4") {
            continue;
        }
        if !matches!(table.bytes(TYPE), b"" | b"0" | b"1" | b"2") {
            table.fault(problems, TYPE, "it is none of 0 to 4");
            continue;
        }
        if table.bytes(ID).is_empty() || draft.feed.stops.contains_key(table.bytes(ID)) {
            table.fault(problems, ID, "it is empty, or there is one already");
            continue;
        }
        let position = table.number(LAT).zip(table.number(LON)).and_then(|(lat, lon)| LatLon::new(lat, lon));
        let is_blank = table.bytes(LAT).is_empty() && table.bytes(LON).is_empty();
        let point = match position {
            Some(position) => (e6(position.lat), e6(position.lon)),
            // A platform without a position is where its station is.
            None if is_blank && !table.bytes(PARENT).is_empty() => NOWHERE,
            None => {
                let column =
                    if table.number::<f64>(LAT).is_some_and(|lat| lat.abs() <= 90.0) { LON } else { LAT };
                table.fault(problems, column, "it is not a degree of latitude and longitude");
                continue;
            }
        };
        let point = if is_nowhere(point) { NOWHERE } else { point };
        let number = draft.stops.points.len();
        if number >= PatternStop::MAX_STOPS {
            return Err(ReadError::TooMany { file: table.file, what: "stops", max: PatternStop::MAX_STOPS });
        }
        draft.feed.stops.insert(table.bytes(ID).into(), number as u32);
        if !table.bytes(PARENT).is_empty() {
            parents.push((number, table.text(PARENT), table.line()));
        }
        let feed = draft.feed_number();
        let stops = &mut draft.stops;
        stops.ids.push(&table.text(ID));
        stops.feeds.push(feed);
        stops.names.push(&table.text(NAME));
        stops.platforms.push(&table.text(PLATFORM));
        stops.points.push(point);
        lines.push(table.line());
        stops.parents.push(NONE);
        stops.wheelchair.push(wheelchair(table.bytes(WHEELCHAIR)));
    }
    for (stop, parent, line) in parents {
        match draft.feed.stops.get(parent.as_bytes()) {
            Some(parent) => draft.stops.parents[stop] = *parent,
            None => problems.add(
                &table.file,
                line,
                COLUMNS[PARENT],
                &parent,
                "there is no such stop; it is read without",
            ),
        }
    }
    let points = &mut draft.stops.points;
    for far in far_away(&points[first..]) {
        let (lat, lon) = points[first + far];
        let value = format!("{},{}", f64::from(lat) / 1e6, f64::from(lon) / 1e6);
        let reason = "it is far from all other stops of the feed; the stop is kept without its place";
        problems.add(&table.file, lines[far], COLUMNS[LAT], &value, reason);
        points[first + far] = NOWHERE;
    }
    for stop in (first..points.len()).filter(|stop| draft.stops.parents[*stop] != NONE) {
        if points[stop] == NOWHERE {
            points[stop] = points[draft.stops.parents[stop] as usize];
        }
    }
    for stop in (first..points.len()).filter(|stop| points[*stop] == NOWHERE) {
        let reason = "it has no place on the map, or 0,0; no way leads there, and rides are drawn past it";
        problems.add(&table.file, lines[stop - first], COLUMNS[ID], draft.stops.ids.get(stop as u32), reason);
    }
    // A platform without a value is like its station.
    for stop in first..draft.stops.points.len() {
        let parent = draft.stops.parents[stop];
        if parent != NONE && draft.stops.wheelchair[stop] == Wheelchair::Unknown {
            draft.stops.wheelchair[stop] = draft.stops.wheelchair[parent as usize];
        }
    }
    Ok(())
}

/// Whether a position is 0,0, as nearly as rounding makes it: what programs write for none.
fn is_nowhere((lat, lon): PointE6) -> bool {
    lat.abs() <= 1_000 && lon.abs() <= 1_000
}

/// Farther from the middle of a feed than so many times the distance of its median stop, and than so
/// many metres, no stop of it is.
const FAR_TIMES: f64 = 20.0;
const FAR_M: f64 = 1_000_000.0;

/// Stops with mistyped positions.
fn far_away(points: &[PointE6]) -> Vec<usize> {
    let middle = |axis: fn(&PointE6) -> i32| {
        let mut values: Vec<i32> = points.iter().filter(|p| **p != NOWHERE).map(axis).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    };
    let Some((lat, lon)) = middle(|p| p.0).zip(middle(|p| p.1)) else { return Vec::new() };
    let degrees = |(lat, lon): PointE6| LatLon { lat: f64::from(lat) / 1e6, lon: f64::from(lon) / 1e6 };
    let middle = degrees((lat, lon));
    let distances: Vec<(usize, f64)> = (points.iter().enumerate())
        .filter(|(_, point)| **point != NOWHERE)
        .map(|(at, point)| (at, degrees(*point).distance_m(middle)))
        .collect();
    let mut sorted: Vec<f64> = distances.iter().map(|(_, metres)| *metres).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let limit = FAR_M.max(sorted[sorted.len() / 2] * FAR_TIMES);
    distances.into_iter().filter(|(_, metres)| *metres > limit).map(|(at, _)| at).collect()
}
