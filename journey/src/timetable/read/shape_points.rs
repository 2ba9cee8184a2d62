//! `shapes.txt`.

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Fault, Table, fault};
use crate::timetable::FeedProblems;
use crate::timetable::shapes::PointE6;

/// A point of the shape with a number, as its row has it.
struct Row {
    shape: u32,
    sequence: u32,
    point: PointE6,
}

/// Reads the lines that vehicles follow, if the feed has them.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let header = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence";
    let Some(mut table) = Table::open(source, "shapes.txt", 4, header)? else { return Ok(()) };
    let mut ids: Vec<Box<[u8]>> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    while table.next()? {
        let row = row(&table, draft, &mut ids);
        rows.extend(table.read(problems, row));
    }
    if !rows.is_sorted_by_key(|row| (row.shape, row.sequence)) {
        rows.sort_by_key(|row| (row.shape, row.sequence));
    }
    for (id, rows) in ids.into_iter().zip(rows.chunk_by(|a, b| a.shape == b.shape)) {
        let shape = draft.shapes.push(rows.iter().map(|row| row.point));
        draft.feed.shapes.insert(id, shape);
    }
    Ok(())
}

fn row(table: &Table<'_>, draft: &mut Draft, ids: &mut Vec<Box<[u8]>>) -> Result<Row, Fault> {
    let [id, lat, lon, sequence] = table.columns();
    let position = table.position(lat, lon)?;
    let Some(sequence) = table.number(sequence) else {
        return Err(fault(sequence, "it is not a whole number"));
    };
    let id = table.bytes(id);
    let shape = match (ids.last(), draft.feed.shapes.get(id)) {
        (Some(last), _) if **last == *id => ids.len() as u32 - 1,
        (_, Some(number)) => *number,
        (_, None) => {
            draft.feed.shapes.insert(id.into(), ids.len() as u32);
            ids.push(id.into());
            ids.len() as u32 - 1
        }
    };
    Ok(Row { shape, sequence, point: PointE6::of(position) })
}
