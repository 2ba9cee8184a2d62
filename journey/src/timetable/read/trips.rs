//! `trips.txt`.

use super::ReadError;
use super::draft::{Draft, permission};
use super::source::Source;
use super::table::{Fault, Table};
use super::windows::stretch;
use crate::timetable::shapes::NO_SHAPE;
use crate::timetable::{FeedProblems, NONE, Trip};

const HEADER: &str = "trip_id,route_id,service_id,trip_headsign,shape_id,wheelchair_accessible,direction_id,block_id,trip_short_name,bikes_allowed,mean_duration_factor,mean_duration_offset,safe_duration_factor,safe_duration_offset";

/// Reads the trips, without their times.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let mut table = Table::open_required(source, "trips.txt", 3, HEADER)?;
    while table.next()? {
        let trip = trip(&table, draft, problems);
        draft.feed.trip_list.extend(table.read(problems, trip));
    }
    Ok(())
}

fn trip(table: &Table<'_>, draft: &mut Draft, problems: &mut FeedProblems) -> Result<Trip, Fault> {
    let [
        id,
        route,
        service,
        headsign,
        shape,
        accessible,
        direction,
        block,
        short_name,
        bikes,
        durations @ ..,
    ] = table.columns::<14>();
    let [mean, mean_offset, safe, safe_offset] = durations;
    let key = table.new_named_id(id, &draft.feed.trips)?;
    let route = table.id(route, &draft.feed.routes, "route")?;
    let service = table.id(service, &draft.feed.services, "service")?;
    let known_shape = draft.feed.shapes.get(table.bytes(shape)).copied();
    if known_shape.is_none() && !table.bytes(shape).is_empty() {
        table.fault(problems, shape, "there is no such shape; the trip is drawn from stop to stop");
    }
    let trip = Trip {
        id: draft.trip_ids.push(&table.text(id)),
        route,
        service,
        headsign: draft.headsigns.insert_full(table.text(headsign)).0 as u32,
        stop_headsigns: NONE,
        bookings: NONE,
        shape: known_shape.unwrap_or(NO_SHAPE),
        sequence: 0,
        direction: (0..2).find(|number| table.bytes(direction) == [b'0' + number]),
        short_name: draft.headsigns.insert_full(table.text(short_name)).0 as u32,
        wheelchair: permission(table.bytes(accessible)),
        bikes: permission(table.bytes(bikes)),
    };
    draft.trip_feeds.push(draft.feed_number());
    if !table.bytes(block).is_empty() {
        let block = (draft.feed_number(), table.bytes(block).into());
        draft.blocks.entry(block).or_default().push(trip.id);
    }
    let durations = [[mean, mean_offset], [safe, safe_offset]].map(|columns| stretch(table, columns, 1.0));
    if durations.iter().any(Option::is_some) {
        draft.feed.durations.insert(draft.feed.trip_list.len() as u32, durations);
    }
    draft.feed.trips.insert(key, draft.feed.trip_list.len() as u32);
    Ok(trip)
}
