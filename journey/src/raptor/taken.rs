//! Rides with all that is known of them, from a run and the positions of its stops.

use super::journey::{Call, Ride};
use super::layers::DatedTrip;
use crate::booking::{Booked, RunBooking};
use crate::overlay::{ChangedDay, Runs};
use crate::timetable::{Boarding, TripIx};

/// What goes on at the ends of a ride.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seat {
    /// Riders stay seated from the ride before.
    pub from_before: bool,
    /// They stay seated into the next.
    pub into_next: bool,
}

/// What rides are made from.
pub struct Taken<'a> {
    pub runs: Runs<'a>,
    pub booked: Option<Booked<'a>>,
    /// Begin of the day that times count from, seconds since 1970.
    pub begins_at: i64,
}

impl Taken<'_> {
    /// The ride in `run`, which is `trip`, between two positions.
    pub fn ride(&self, run: &DatedTrip<'_>, trip: TripIx, [board, alight]: [usize; 2], seat: Seat) -> Ride {
        let stops = run.times.pattern.stops;
        let is_live = |at: usize| run.network.changed.is_some_and(|day| day.is_live(trip, at));
        let stop = |at: usize| self.runs.timetable.variants.stop(stops[at].stop());
        let booked = self.booked.map(|booked| {
            let begins_at = self.begins_at + i64::from(run.layer.shift);
            RunBooking::new(booked, self.runs, trip, run.layer.day, begins_at)
        });
        let required = booked.map(|run| {
            let on = if seat.from_before { run.seated() } else { run.pickup(stops[board], board) };
            let off = run.drop_off(stops[alight], alight).filter(|_| !seat.into_next);
            (on, off)
        });
        let (on, off) = required.unwrap_or_default();
        let or_booked =
            |by: Boarding, required: Option<_>| if required.is_some() { Boarding::Book } else { by };
        Ride {
            trip,
            service_day: run.layer.day,
            board: board as u16,
            alight: alight as u16,
            from: stop(board),
            to: stop(alight),
            calls: (board..=alight).map(|at| self.call(run, trip, at)).collect(),
            stay_seated: seat.from_before,
            is_cancelled: false,
            departure_s: run.departure(board),
            arrival_s: run.arrival(alight),
            scheduled_departure_s: self.runs.planned(trip, board).departure + run.layer.shift,
            scheduled_arrival_s: self.runs.planned(trip, alight).arrival + run.layer.shift,
            departure_is_live: is_live(board),
            arrival_is_live: is_live(alight),
            pickup: or_booked(stops[board].pickup(), on),
            drop_off: stops[alight].drop_off(),
            booking: booked.and_then(|run| run.ride(on.into_iter().chain(off))),
        }
    }

    /// The stop of a run at a position.
    fn call(&self, run: &DatedTrip<'_>, trip: TripIx, at: usize) -> Call {
        let planned = self.runs.planned(trip, at);
        let is_skipped = |changed: &ChangedDay| changed.is_skipped(trip, at as u16);
        Call {
            stop: self.runs.timetable.variants.stop(run.times.pattern.stops[at].stop()),
            scheduled_stop: self.runs.planned_stop(trip, at),
            arrival_s: run.arrival(at),
            departure_s: run.departure(at),
            scheduled_arrival_s: planned.arrival + run.layer.shift,
            scheduled_departure_s: planned.departure + run.layer.shift,
            is_skipped: run.layer.changes(self.runs.overlay).is_some_and(is_skipped),
        }
    }
}
