//! What leaves a stop next; and the next departures of the same ride.

use super::layers::{DayCache, networks};
use super::{Query, When};
use crate::bits;
use crate::booking::{Booked, RideBooking, RunBooking};
use crate::overlay::Runs;
use crate::timetable::patterns::{Boarding, PatternStop};
use crate::timetable::services::Day;
use crate::timetable::{StopIx, TripIx};

/// A vehicle that leaves a stop. Times are seconds after the begin of the day asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The timetable's, or one of the overlay's own: see [`crate::overlay::Runs`].
    pub trip: TripIx,
    /// The day on which the trip began.
    pub service_day: Day,
    /// Position of the stop in the trip's pattern.
    pub position: u16,
    /// When it is expected to leave.
    pub departure_s: i32,
    /// When it leaves by the timetable.
    pub scheduled_s: i32,
    /// Whether real time says when it leaves, or that it does not.
    pub realtime: bool,
    /// It does not run, or does not stop here: listed at a stop, never as a departure of a ride.
    pub cancelled: bool,
    /// How one gets on here.
    pub pickup: Boarding,
    /// How one gets off here.
    pub drop_off: Boarding,
    /// How a ride from here is booked; `None`: it need not be.
    pub booking: Option<RideBooking>,
}

/// Which departures are wanted.
#[derive(Debug, Clone, Copy)]
pub struct DepartureQuery<'a> {
    /// The stop.
    pub stop: StopIx,
    /// Only those of vehicles that come there later and let people off: the next departures of a ride.
    pub to: Option<StopIx>,
    /// The day from whose begin times count.
    pub day: Day,
    /// The earliest, seconds after the begin of the day.
    pub from_s: i32,
    /// The latest, seconds after the earliest.
    pub within_s: i32,
    /// How many at most.
    pub count: usize,
    /// What is known of bookings. Departures of a ride are only those that count; at a stop all are listed.
    pub booked: Option<Booked<'a>>,
}

/// The next departures, in order. `nothing` is a mask without any trip.
pub(super) fn departures(
    runs: Runs<'_>,
    cache: &mut DayCache,
    nothing: &[u64],
    wanted: &DepartureQuery<'_>,
) -> Vec<Departure> {
    let Runs { timetable, overlay } = runs;
    let DepartureQuery { stop, to, day, from_s, within_s, count, booked } = *wanted;
    let query = Query { horizon_s: within_s, ..Query::new(&[], &[], day, When::DepartAt(from_s)) };
    cache.prepare(timetable, overlay, &query);
    let begins_at = timetable.day_begins_at(day);
    let mut found = Vec::new();
    for network in &networks(timetable, overlay, cache, nothing, &query) {
        for passing in timetable.variants.nodes_of(stop).flat_map(|node| network.patterns.passing(node)) {
            let pattern = network.patterns.pattern(passing.pattern as usize);
            let position = usize::from(passing.position);
            let (here, rest) = (pattern.stops[position], &pattern.stops[position + 1..]);
            let is_end = |s: &PatternStop| {
                s.can_alight() && to.is_none_or(|to| timetable.variants.stop(s.stop()) == to)
            };
            let leads_there = if to.is_none() { !rest.is_empty() } else { rest.iter().any(is_end) };
            if !leads_there || !here.can_board() {
                continue;
            }
            for layer in &network.layers {
                let is_listed = to.is_none() && network.changed.is_none();
                let changed = layer.changes(overlay).filter(|_| is_listed);
                // What does not run, or does not stop here, is shown as cancelled.
                let is_lost = |trip: usize| {
                    changed.is_some_and(|day| {
                        day.is_cancelled(trip as u32) || day.is_skipped(trip as u32, passing.position)
                    })
                };
                for at in 0..pattern.trips {
                    let own = pattern.first_trip + at;
                    let departure_s = pattern.departure(at, position) + layer.shift;
                    let cancelled = bits::has(layer.removed, own);
                    if departure_s < from_s
                        || departure_s - from_s > within_s
                        || !bits::has(&layer.trips.running, own)
                        || cancelled && !is_lost(own)
                    {
                        continue;
                    }
                    let trip = network.trip(own as u32);
                    let is_live = network.changed.is_some_and(|day| day.is_live(trip, position));
                    let departure = Departure {
                        trip,
                        service_day: layer.day,
                        position: passing.position,
                        departure_s,
                        scheduled_s: runs.planned(trip, position).departure + layer.shift,
                        realtime: is_live || cancelled,
                        cancelled,
                        pickup: here.pickup(),
                        drop_off: here.drop_off(),
                        booking: None,
                    };
                    found.push((departure, here, layer.shift));
                }
            }
        }
    }
    found.sort_by_key(|(d, ..)| (d.departure_s, d.trip));
    // Deadlines cost more than times: only those of what is returned are looked up.
    let with_booking = found.into_iter().filter_map(|(departure, here, shift)| {
        let Some(booked) = booked else { return Some(departure) };
        let begins_at = begins_at + i64::from(shift);
        let run = RunBooking::new(booked, runs, departure.trip, departure.service_day, begins_at);
        let booking = run.ride(run.pickup(here, usize::from(departure.position)));
        match booking {
            None => Some(departure),
            Some(ride) if to.is_some() && !booked.has(timetable, &ride) => None,
            Some(_) => Some(Departure { pickup: Boarding::Book, booking, ..departure }),
        }
    });
    with_booking.take(count).collect()
}
