//! The trip updates of a feed as they stand, for a timetable to take in.

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripRelationship, TripUpdate};
use prost::Message;

use super::proto::{self, FeedEntity, StopTimeEvent, StopTimeUpdate};
use crate::decode::Fault;

/// What a feed says about trips.
#[derive(Debug, Default)]
pub struct Updates {
    pub updates: Vec<TripUpdate>,
    /// Entities that could not be read, or name no run.
    pub unread: usize,
}

/// Reads the trip updates of one feed message; other entities are passed over.
///
/// # Errors
/// The bytes are not a `FeedMessage`. A broken entity is counted and costs no other.
pub fn trip_updates(payload: &[u8]) -> Result<Updates, Fault> {
    let feed = super::read(payload)?;
    let mut read = Updates::default();
    for entity in feed.entity {
        match FeedEntity::decode(entity) {
            Ok(entity) if entity.is_deleted == Some(true) => {}
            Ok(FeedEntity { trip_update: None, .. }) => {}
            Ok(FeedEntity { trip_update: Some(update), .. }) => match update_of(update) {
                Some(update) => read.updates.push(update),
                None => read.unread += 1,
            },
            Err(_) => read.unread += 1,
        }
    }
    Ok(read)
}

/// `None`: it names no run. A run is named by its trip's id, or by its route and when it starts.
pub(super) fn update_of(update: proto::TripUpdate) -> Option<TripUpdate> {
    let trip = update.trip?;
    let direction = trip.direction();
    let (trip_id, start_time, route_id) =
        (filled(trip.trip_id), filled(trip.start_time), filled(trip.route_id));
    if trip_id.is_none() && (start_time.is_none() || route_id.is_none()) {
        return None;
    }
    Some(TripUpdate {
        trip_id: trip_id.unwrap_or_default(),
        start_date: filled(trip.start_date),
        start_time,
        route_id,
        direction,
        relationship: match trip.schedule_relationship {
            None | Some(0) => TripRelationship::Scheduled,
            Some(1 | 8) => TripRelationship::Added,
            Some(3 | 7) => TripRelationship::Cancelled,
            Some(_) => TripRelationship::Other,
        },
        delay_s: update.delay,
        stops: update.stop_time_update.into_iter().map(stop_of).collect(),
    })
}

fn stop_of(stop: StopTimeUpdate) -> StopUpdate {
    StopUpdate {
        stop_sequence: stop.stop_sequence,
        stop_id: filled(stop.stop_id),
        relationship: match stop.schedule_relationship {
            Some(1) => StopRelationship::Skipped,
            Some(2) => StopRelationship::NoData,
            _ => StopRelationship::Scheduled,
        },
        arrival: stop.arrival.and_then(event_of),
        departure: stop.departure.and_then(event_of),
    }
}

/// Of a time and a delay the time holds, as the specification says.
fn event_of(event: StopTimeEvent) -> Option<StopEvent> {
    event.time.filter(|at| *at > 0).map(StopEvent::At).or(event.delay.map(StopEvent::Delay))
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
