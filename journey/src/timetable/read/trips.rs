//! `trips.txt`.

use super::ReadError;
use super::draft::{Draft, wheelchair};
use super::source::Source;
use super::table::Table;
use crate::timetable::shapes::NO_SHAPE;
use crate::timetable::{FeedProblems, NONE, Trip};

/// Reads the trips, without their times.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    const ID: usize = 0;
    const ROUTE: usize = 1;
    const SERVICE: usize = 2;
    const HEADSIGN: usize = 3;
    const SHAPE: usize = 4;
    const WHEELCHAIR: usize = 5;
    const DIRECTION: usize = 6;
    const BLOCK: usize = 7;
    let columns = [
        "trip_id",
        "route_id",
        "service_id",
        "trip_headsign",
        "shape_id",
        "wheelchair_accessible",
        "direction_id",
        "block_id",
    ];
    let feed = source.name.clone();
    let Some(mut table) = Table::open(source, "trips.txt", 3, columns)? else {
        return Err(ReadError::Missing { feed, file: "trips.txt" });
    };
    while table.next()? {
        if table.bytes(ID).is_empty() || draft.feed.trips.contains_key(table.bytes(ID)) {
            table.fault(problems, ID, "it is empty, or there is one already");
            continue;
        }
        let Some(route) = draft.feed.routes.get(table.bytes(ROUTE)).copied() else {
            table.fault(problems, ROUTE, "there is no such route");
            continue;
        };
        let Some(service) = draft.feed.services.get(table.bytes(SERVICE)).copied() else {
            table.fault(problems, SERVICE, "there is no such service");
            continue;
        };
        let shape = draft.feed.shapes.get(table.bytes(SHAPE)).copied();
        if shape.is_none() && !table.bytes(SHAPE).is_empty() {
            table.fault(problems, SHAPE, "there is no such shape; the trip is drawn from stop to stop");
        }
        let trip = Trip {
            id: draft.trip_ids.push(&table.text(ID)),
            route,
            service,
            headsign: draft.headsign(table.text(HEADSIGN)),
            stop_headsigns: NONE,
            shape: shape.unwrap_or(NO_SHAPE),
            sequence: 0,
            direction: match table.bytes(DIRECTION) {
                b"0" => Some(0),
                b"1" => Some(1),
                _ => None,
            },
            wheelchair: wheelchair(table.bytes(WHEELCHAIR)),
        };
        draft.trip_feeds.push(draft.feed_number());
        if !table.bytes(BLOCK).is_empty() {
            let block = (draft.feed_number(), table.bytes(BLOCK).into());
            draft.blocks.entry(block).or_default().push(trip.id);
        }
        draft.feed.trips.insert(table.bytes(ID).into(), draft.feed.trip_list.len() as u32);
        draft.feed.trip_list.push(trip);
    }
    Ok(())
}
