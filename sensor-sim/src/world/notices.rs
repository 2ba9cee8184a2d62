//! Orders to the control centre: alerts, and runs that do not run.

use std::collections::BTreeMap;

use jiff::ToSpan;

use super::{Event, World};
use crate::clock::{us, zone};
use crate::county::timetable::{PlannedTrip, day_begins};
use crate::notice::{Cancel, PlannedRun};

/// A trip that does not run for so many days has no next run.
const DAYS_AHEAD: usize = 14;

/// The runs that each order has cancelled.
pub(super) type Cancelled = BTreeMap<Cancel, Vec<PlannedRun>>;

/// Whether a run is among them.
pub(super) fn is_cancelled(cancelled: &Cancelled, run: PlannedRun) -> bool {
    cancelled.values().flatten().any(|other| *other == run)
}

impl World {
    /// Cancels what leaves next, or lets it run after all. A vehicle that has missed its departure stays away.
    pub(super) fn cancel(&mut self, at: i64, what: Cancel, on: bool) {
        let runs = if on { self.next_runs(at, what) } else { Vec::new() };
        let before = self.cancelled.remove(&what).unwrap_or_default();
        let changed = if on { &runs } else { &before };
        for &(trip, date) in changed {
            let run = (trip, date);
            if !is_cancelled(&self.cancelled, run) {
                self.emit(at, Event::Cancelled { trip, date, on });
            }
        }
        if on {
            self.cancelled.insert(what, runs);
        }
    }

    fn next_runs(&self, at: i64, what: Cancel) -> Vec<PlannedRun> {
        match what {
            Cancel::Trip(trip) => self.next_run(at, |number, _| number == trip).into_iter().collect(),
            Cancel::Line(line) => {
                let of =
                    |direction| self.next_run(at, |_, trip| (trip.line, trip.direction) == (line, direction));
                (0..2).filter_map(of).collect()
            }
        }
    }

    /// The first of these that leaves after `at`.
    fn next_run(&self, at: i64, is_meant: impl Fn(usize, &PlannedTrip) -> bool) -> Option<PlannedRun> {
        let tz = self.county.tz;
        let today = self.clock.wall(at).to_zoned_datetime(zone(tz)).date();
        let mut runs = Vec::new();
        // Last night's trips may still be to come.
        for date in today.saturating_sub(1.day()).series(1.day()).take(DAYS_AHEAD) {
            let begin = self.clock.elapsed_at_wall(day_begins(tz, date));
            let trips = self.county.timetable.trips.iter().enumerate();
            let those = trips.filter(|(number, trip)| is_meant(*number, trip) && trip.runs_on(date));
            runs.extend(those.map(|(number, trip)| (begin + us(trip.start_s.into()), number, date)));
        }
        let (_, trip, date) = runs.into_iter().filter(|(start, ..)| *start > at).min()?;
        Some((trip, date))
    }
}
