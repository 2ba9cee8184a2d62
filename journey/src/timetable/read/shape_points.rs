//! `shapes.txt`.

use domain::LatLon;

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::Table;
use crate::timetable::FeedProblems;
use crate::timetable::shapes::{PointE6, e6};

/// Reads the lines that vehicles follow, if the feed has them.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    const ID: usize = 0;
    const LAT: usize = 1;
    const LON: usize = 2;
    const SEQUENCE: usize = 3;
    let columns = ["shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"];
    let Some(mut table) = Table::open(source, "shapes.txt", columns.len(), columns)? else { return Ok(()) };
    let mut ids: Vec<Box<[u8]>> = Vec::new();
    let mut rows: Vec<(u32, u32, PointE6)> = Vec::new();
    while table.next()? {
        let position = table.number(LAT).zip(table.number(LON)).and_then(|(lat, lon)| LatLon::new(lat, lon));
        let Some(position) = position else {
            table.fault(problems, LAT, "it is not a degree of latitude and longitude");
            continue;
        };
        let Some(sequence) = table.number(SEQUENCE) else {
            table.fault(problems, SEQUENCE, "it is not a whole number");
            continue;
        };
        let id = table.bytes(ID);
        let number = match (ids.last(), draft.feed.shapes.get(id)) {
            (Some(last), _) if **last == *id => ids.len() as u32 - 1,
            (_, Some(number)) => *number,
            (_, None) => {
                draft.feed.shapes.insert(id.into(), ids.len() as u32);
                ids.push(id.into());
                ids.len() as u32 - 1
            }
        };
        rows.push((number, sequence, (e6(position.lat), e6(position.lon))));
    }
    if !rows.is_sorted_by_key(|row| (row.0, row.1)) {
        rows.sort_by_key(|row| (row.0, row.1));
    }
    for (number, rows) in ids.iter().zip(rows.chunk_by(|a, b| a.0 == b.0)) {
        let shape = draft.shapes.push(rows.iter().map(|row| row.2));
        draft.feed.shapes.insert(number.clone(), shape);
    }
    Ok(())
}
