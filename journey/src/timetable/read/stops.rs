//! `stops.txt`.

use domain::LatLon;

use super::ReadError;
use super::draft::{Draft, wheelchair};
use super::source::Source;
use super::table::Table;
use crate::timetable::patterns::PatternStop;
use crate::timetable::shapes::e6;
use crate::timetable::{NONE, Problems, Wheelchair};

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
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut Problems) -> Result<(), ReadError> {
    let feed = source.name.clone();
    let Some(mut table) = Table::open(source, "stops.txt", 3, COLUMNS)? else {
        return Err(ReadError::Missing { feed, file: "stops.txt" });
    };
    let first = draft.stops.points.len();
    // (stop, its parent's id, line)
    let mut parents: Vec<(usize, String, u64)> = Vec::new();
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
        let Some(position) = position else {
            let column =
                if table.number::<f64>(LAT).is_some_and(|lat| lat.abs() <= 90.0) { LON } else { LAT };
            table.fault(problems, column, "it is not a degree of latitude and longitude");
            continue;
        };
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
        stops.points.push((e6(position.lat), e6(position.lon)));
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
    // A platform that says nothing is like its station.
    for stop in first..draft.stops.points.len() {
        let parent = draft.stops.parents[stop];
        if parent != NONE && draft.stops.wheelchair[stop] == Wheelchair::Unknown {
            draft.stops.wheelchair[stop] = draft.stops.wheelchair[parent as usize];
        }
    }
    Ok(())
}
