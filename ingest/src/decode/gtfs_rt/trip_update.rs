//! How late a trip is, and which of a vehicle's trips it is on.

use domain::Reason;
use domain::observation::VehicleFix;
use domain::trip_update::run_name;

use super::proto::{StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate};
use crate::decode::json::{DELAY_S, Dropped, check_id};

/// An update of a trip of its vehicle.
pub(super) struct TripOfVehicle {
    /// Time of the update, seconds since 1970.
    pub at_s: Option<i64>,
    pub fix: VehicleFix,
    pub dropped: Vec<Dropped>,
    /// Time of the next stop, seconds since 1970.
    next_stop_s: Option<i64>,
}

impl TripOfVehicle {
    /// Reads `update`, which was made at `at_s`.
    pub fn read(update: &TripUpdate, at_s: Option<i64>) -> Self {
        let mut dropped = Vec::new();
        let next = next_stop(&update.stop_time_update, at_s);
        let delay_s = update.delay.or_else(|| delay_of(next.or(update.stop_time_update.last())?));
        let is_plausible = delay_s.is_none_or(|s| DELAY_S.contains(&s.into()));
        if !is_plausible {
            dropped.push(Dropped { field: "delay".into(), reason: Reason::Implausible });
        }
        let mut fix = VehicleFix { delay_s: delay_s.filter(|_| is_plausible), ..VehicleFix::default() };
        set_trip(&mut fix, update.trip.as_ref(), &mut dropped);
        TripOfVehicle { at_s, fix, dropped, next_stop_s: next.and_then(time_of) }
    }
}

/// The one of a vehicle's trips that it is on: the trip that its position names (then no other),
/// else the one with the earliest next stop, of equals the first.
pub(super) fn current(trips: Vec<TripOfVehicle>, named: Option<&str>) -> Option<TripOfVehicle> {
    match named {
        Some(_) => trips.into_iter().find(|trip| trip.fix.trip_id.as_deref() == named),
        None => trips.into_iter().min_by_key(|trip| trip.next_stop_s.unwrap_or(i64::MAX)),
    }
}

/// Takes over the ids of `trip`.
pub(super) fn set_trip(fix: &mut VehicleFix, trip: Option<&TripDescriptor>, dropped: &mut Vec<Dropped>) {
    let Some(trip) = trip else { return };
    fix.trip_id = text("trip_id", trip.trip_id.as_deref().filter(|id| !id.is_empty()), dropped)
        .or_else(|| text("trip_id", name(trip).as_deref(), dropped));
    fix.start_date = day(trip.start_date.as_deref(), dropped);
    fix.route_id = text("route_id", trip.route_id.as_deref(), dropped);
}

/// A run without a trip's id, by its route and start.
fn name(trip: &TripDescriptor) -> Option<String> {
    let of = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let (route, start) = (of(&trip.route_id)?, of(&trip.start_time)?);
    Some(run_name(&route, trip.direction(), &of(&trip.start_date).unwrap_or_default(), &start))
}

/// An id; empty is the same as absent, and one that is none is dropped.
pub(super) fn text(field: &str, text: Option<&str>, dropped: &mut Vec<Dropped>) -> Option<String> {
    valid(field, text, |text| check_id(text).is_ok(), dropped)
}

/// An operating day.
pub(super) fn day(text: Option<&str>, dropped: &mut Vec<Dropped>) -> Option<String> {
    valid("start_date", text, |text| domain::punctuality::service_date(text).is_some(), dropped)
}

fn valid(
    field: &str,
    text: Option<&str>,
    is_valid: impl Fn(&str) -> bool,
    dropped: &mut Vec<Dropped>,
) -> Option<String> {
    let text = text.filter(|text| !text.is_empty())?;
    if is_valid(text) {
        return Some(text.to_owned());
    }
    dropped.push(Dropped { field: field.to_owned(), reason: Reason::Malformed });
    None
}

fn events(stop: &StopTimeUpdate) -> impl Iterator<Item = &StopTimeEvent> {
    // While it stands at a stop the arrival is past, so the departure decides whether the stop is.
    [&stop.departure, &stop.arrival].into_iter().flatten()
}

fn time_of(stop: &StopTimeUpdate) -> Option<i64> {
    events(stop).find_map(|event| event.time)
}

fn delay_of(stop: &StopTimeUpdate) -> Option<i32> {
    [&stop.arrival, &stop.departure].into_iter().flatten().find_map(|event| event.delay)
}

/// The first stop that is not in the past and has a delay or a time; one without a time is not
/// known to be past.
fn next_stop(stops: &[StopTimeUpdate], now_s: Option<i64>) -> Option<&StopTimeUpdate> {
    let is_past =
        |stop: &StopTimeUpdate| matches!((time_of(stop), now_s), (Some(time), Some(now)) if time < now);
    stops
        .iter()
        .filter(|stop| delay_of(stop).is_some() || time_of(stop).is_some())
        .find(|stop| !is_past(stop))
}
