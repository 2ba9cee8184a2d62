//! What leaves a stop next; and the next departures of the same ride.

use super::days::DayCache;
use super::layers::networks;
use super::{Query, When};
use crate::bits;
use crate::overlay::{ChangedDay, Overlay, Runs};
use crate::timetable::patterns::Boarding;
use crate::timetable::services::Day;
use crate::timetable::{StopIx, Timetable, TripIx};

/// A vehicle that leaves a stop. Times are seconds after the begin of the day asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The timetable's, or one of the overlay's own: see [`crate::overlay::Runs`].
    pub trip: TripIx,
    pub service_day: Day,
    /// Position of the stop in the trip's pattern.
    pub position: u16,
    pub departure_s: i32,
    pub scheduled_s: i32,
    pub realtime: bool,
    /// It does not run, or does not stop here: listed at a stop, never as a departure of a ride.
    pub cancelled: bool,
    /// How one gets on and off here.
    pub pickup: Boarding,
    pub drop_off: Boarding,
}

/// The next `count` departures from `stop` from `from_s` on, in order, within `within_s` seconds.
/// With `to` only those of vehicles that come there later and let people off: the next departures
/// of a ride.
pub(super) fn departures(
    timetable: &Timetable,
    overlay: Option<&Overlay>,
    (cache, nothing): (&mut DayCache, &[u64]),
    (stop, to): (StopIx, Option<StopIx>),
    day: Day,
    (from_s, within_s): (i32, i32),
    count: usize,
) -> Vec<Departure> {
    let query = Query { horizon_s: within_s, ..Query::new(&[], &[], day, When::DepartAt(from_s)) };
    cache.prepare(timetable, super::search::days_of(timetable, overlay, &query), false);
    let mut found = Vec::new();
    let runs = Runs { timetable, overlay };
    for network in &networks(timetable, overlay, cache, nothing, &query) {
        for passing in timetable.variants.nodes_of(stop).flat_map(|node| network.patterns.passing(node)) {
            let pattern = network.patterns.pattern(passing.pattern as usize);
            let position = usize::from(passing.position);
            let rest = &pattern.stops[position + 1..];
            let goes =
                |to: StopIx| rest.iter().any(|s| timetable.variants.stop(s.stop()) == to && s.can_alight());
            if rest.is_empty() || !pattern.stops[position].can_board() || to.is_some_and(|to| !goes(to)) {
                continue;
            }
            for layer in &network.layers {
                let changed = overlay.filter(|_| to.is_none() && network.changed.is_none());
                let changed = changed.and_then(|overlay| overlay.of(layer.day, layer.zone));
                // What does not run, or does not stop here, is shown as cancelled.
                let is_lost = |trip: usize| {
                    let is_lost = |day: &ChangedDay| {
                        day.is_cancelled(trip as u32) || day.is_skipped(trip as u32, passing.position)
                    };
                    changed.is_some_and(is_lost)
                };
                let is_running = |trip: &usize| {
                    let trip = pattern.first_trip + trip;
                    let is_taken_out = bits::has(layer.removed, trip) && !is_lost(trip);
                    bits::has(&layer.trips.running, trip) && !is_taken_out
                };
                for trip in (0..pattern.trips).filter(is_running) {
                    let departure_s = pattern.departure(trip, position) + layer.shift;
                    if departure_s < from_s || departure_s - from_s > within_s {
                        continue;
                    }
                    let cancelled = bits::has(layer.removed, pattern.first_trip + trip);
                    let trip = network.trip((pattern.first_trip + trip) as u32);
                    let is_live = network.changed.is_some_and(|day| day.is_live(trip, position));
                    found.push(Departure {
                        trip,
                        service_day: layer.day,
                        position: passing.position,
                        departure_s,
                        scheduled_s: runs.planned(trip, position).1 + layer.shift,
                        realtime: is_live || cancelled,
                        cancelled,
                        pickup: pattern.stops[position].pickup(),
                        drop_off: pattern.stops[position].drop_off(),
                    });
                }
            }
        }
    }
    found.sort_by_key(|d| (d.departure_s, d.trip));
    found.truncate(count);
    found
}
