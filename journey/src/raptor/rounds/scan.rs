//! Which lines a round rides along, and the ride itself: the inner loop of the search.

use super::Task;
use super::labels::{Ends, RideLabel, Round};
use crate::bits;
use crate::raptor::layers::Layer;
use crate::raptor::line::{Line, Permit, turned};
use crate::timetable::StopIx;
use crate::timetable::patterns::Patterns;

/// Patterns to scan, and from where.
#[derive(Debug, Default)]
pub struct Queue {
    pub waiting: Vec<u64>,
    pub from: Vec<u16>,
}

impl Queue {
    /// Adds the patterns that pass `stop`.
    #[inline]
    pub fn add<const BACK: bool>(&mut self, patterns: &Patterns, stop: StopIx) {
        for passing in patterns.passing(stop) {
            let pattern = passing.pattern as usize;
            let position = turned::<BACK>(usize::from(passing.position), patterns.stops_of(pattern)) as u16;
            if bits::has(&self.waiting, pattern) {
                self.from[pattern] = self.from[pattern].min(position);
            } else {
                bits::set(&mut self.waiting, pattern);
                self.from[pattern] = position;
            }
        }
    }
}

/// One round at work.
pub struct Scan<'a> {
    pub task: &'a Task<'a>,
    pub before: &'a Round,
    pub round: &'a mut Round,
    pub best_ride: &'a mut [i32],
    pub ends: &'a Ends,
    /// Earliest end found so far, a bound for all others.
    pub bound: &'a mut i32,
    pub best: &'a mut StopIx,
}

impl Scan<'_> {
    /// Scans the trips of one line that `permit` has, always in the first one that could be caught so far. Returns the one caught last.
    #[inline]
    pub fn line<const BACK: bool>(
        &mut self,
        line: Line<'_, BACK>,
        layer: &Layer<'_>,
        from: usize,
        mut label: RideLabel,
        permit: &impl Permit<BACK>,
    ) -> Option<RideLabel> {
        let trips = line.trips();
        let last = line.len() - 1;
        let mut held: Option<usize> = None;
        for position in from..=last {
            let pattern_stop = line.stop(position);
            let at = pattern_stop.stop() as usize;
            if let Some(trip) = held.filter(|_| permit.can_leave(pattern_stop, position)) {
                self.leave::<BACK>(at, line.leave(trip, position), label);
            }
            if !bits::has(&self.before.marked, at)
                || position == last
                || !permit.can_enter(pattern_stop, position)
            {
                continue;
            }
            // Who came here on this very line gains only by a trip ahead of the one left: that is
            // still here where trips wait long enough. Most often there is none. (A line that comes
            // by twice may be entered again before where it was entered.)
            let came = self.before.ride[at];
            let same_line = self.before.came_from[at] == at as StopIx
                && usize::from(came.entered) < position
                && came.layer == label.layer
                && trips.contains(&(came.trip as usize))
                && permit.has(came.trip as usize - trips.start);
            let came = (came.trip as usize).wrapping_sub(trips.start);
            let ahead_of = match held {
                _ if !same_line => held,
                Some(trip) if Line::<BACK>::is_ahead(trip, came) => held,
                _ => Some(came),
            };
            let ready = self.before.ready[at];
            if ready >= *self.bound {
                continue;
            }
            if let Some(trip) = line.first(position, ready, ahead_of, layer, permit) {
                held = Some(trip);
                label.trip = (trips.start + trip) as u32;
                label.entered = position as u16;
            }
        }
        held.map(|_| label)
    }

    /// Rides along all of a line in one trip, entered before its first stop: by staying seated.
    pub fn seated<const BACK: bool>(
        &mut self,
        line: Line<'_, BACK>,
        trip: usize,
        label: RideLabel,
        permit: &impl Permit<BACK>,
    ) {
        for position in (1..line.len()).filter(|at| permit.can_leave(line.stop(*at), *at)) {
            self.leave::<BACK>(line.stop(position).stop() as usize, line.leave(trip, position), label);
        }
    }

    #[inline]
    fn leave<const BACK: bool>(&mut self, at: usize, time: i32, label: RideLabel) {
        if time < self.best_ride[at] && time < *self.bound {
            self.best_ride[at] = time;
            self.round.ride[at] = label;
            bits::set(&mut self.round.reached, at);
            let mut end = time + self.ends.seconds[at];
            if end < *self.bound && self.task.end_spans.is_some() {
                end = self.task.end_at::<BACK>(self.ends.over[at], time, self.ends.seconds[at]);
            }
            if end < *self.bound {
                *self.bound = end;
                *self.best = at as StopIx;
            }
        }
    }
}
