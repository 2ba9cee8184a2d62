//! The unchanged trip updates of a feed, for timetables to apply.

use domain::trip_update::{
    PlannedStop, StopEvent, StopRelationship, StopUpdate, TripProperties, TripRelationship, TripUpdate,
};

use super::parts::MAX_ENTITIES;
use super::proto::{self, FeedEntity, StopTimeEvent, StopTimeUpdate};
use crate::decode::Fault;

/// The trip updates of a feed.
#[derive(Debug, Default)]
pub struct Updates {
    /// Those that could be read.
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
    let mut read = Updates { unread: feed.entities.saturating_sub(MAX_ENTITIES), ..Updates::default() };
    for entity in feed.entities() {
        let update = match super::entity_of(entity) {
            Ok(FeedEntity { is_deleted: Some(true), .. } | FeedEntity { trip_update: None, .. }) => continue,
            Ok(FeedEntity { trip_update, .. }) => trip_update.and_then(update_of),
            Err(_) => None,
        };
        read.unread += usize::from(update.is_none());
        read.updates.extend(update);
    }
    Ok(read)
}

/// `None`: it names no run. A run is named by its trip's id, or by its route and when it starts.
pub(super) fn update_of(update: proto::TripUpdate) -> Option<TripUpdate> {
    let trip = update.trip?;
    let direction = trip.direction();
    let relationship = match trip.schedule_relationship {
        None | Some(0) => TripRelationship::Scheduled,
        Some(1 | 8) => TripRelationship::Added,
        Some(3) => TripRelationship::Cancelled,
        Some(5) => TripRelationship::Replaced,
        Some(6) => TripRelationship::Duplicated,
        Some(7) => TripRelationship::Deleted,
        Some(_) => TripRelationship::Other,
    };
    let [trip_id, start_time, route_id] = [trip.trip_id, trip.start_time, trip.route_id].map(filled);
    if trip_id.is_none() && (start_time.is_none() || route_id.is_none()) {
        return None;
    }
    // Collecting in place would keep the allocation of the source, which is several times as large.
    let mut stops = Vec::new();
    let content = update.stop_time_update.into_iter().map(|stop| stop_of(stop, relationship.has_own_stops()));
    stops.extend(content.filter(|stop| *stop != StopUpdate::default()));
    let properties = update.trip_properties.map(properties_of);
    Some(TripUpdate {
        trip_id: trip_id.unwrap_or_default(),
        start_date: filled(trip.start_date),
        start_time,
        route_id,
        direction,
        relationship,
        delay_s: update.delay,
        stops,
        properties: properties.filter(|p| *p != TripProperties::default()).map(Box::new),
    })
}

fn properties_of(properties: proto::TripProperties) -> TripProperties {
    TripProperties {
        trip_id: filled(properties.trip_id),
        start_date: filled(properties.start_date),
        start_time: filled(properties.start_time),
        headsign: filled(properties.trip_headsign),
    }
}

/// `is_own`: the run has stops that only the update knows.
fn stop_of(stop: StopTimeUpdate, is_own: bool) -> StopUpdate {
    // The platform that is assigned today instead of the planned one.
    let assigned = stop.stop_time_properties.as_ref().and_then(|p| filled(p.assigned_stop_id.clone()));
    StopUpdate {
        planned: is_own.then(|| planned(&stop)).filter(|p| *p != PlannedStop::default()).map(Box::new),
        stop_sequence: stop.stop_sequence,
        stop_id: assigned.or(filled(stop.stop_id)),
        relationship: match stop.schedule_relationship {
            Some(1) => StopRelationship::Skipped,
            Some(2) => StopRelationship::NoData,
            _ => StopRelationship::Scheduled,
        },
        arrival: stop.arrival.and_then(event_of),
        departure: stop.departure.and_then(event_of),
    }
}

/// Of a time and a delay the time holds, as the specification says. A planned time is one of a run that
/// the timetable does not have: a delay counts from it.
fn event_of(event: StopTimeEvent) -> Option<StopEvent> {
    let planned = event.scheduled_time.filter(|at| *at > 0);
    let by_plan = || planned?.checked_add(event.delay.unwrap_or(0).into());
    let at = event.time.filter(|at| *at > 0).or_else(by_plan);
    at.map(StopEvent::At).or(event.delay.map(StopEvent::Delay))
}

fn planned(stop: &StopTimeUpdate) -> PlannedStop {
    let time = |event: &Option<StopTimeEvent>| {
        let event = event.as_ref()?;
        let by_delay = || event.time.filter(|at| *at > 0)?.checked_sub(event.delay?.into());
        event.scheduled_time.filter(|at| *at > 0).or_else(by_delay)
    };
    let boarding =
        |code: Option<i32>| code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code <= 3);
    let properties = stop.stop_time_properties.as_ref();
    PlannedStop {
        arrival: time(&stop.arrival),
        departure: time(&stop.departure),
        pickup: boarding(properties.and_then(|p| p.pickup_type)),
        drop_off: boarding(properties.and_then(|p| p.drop_off_type)),
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
