//! One pattern on one day, in the direction of the search.
//!
//! Searching backwards is searching forwards in negated time along reversed lines; what follows
//! from that stands here and nowhere else. Positions count in the direction of the search.

use std::ops::Range;

use super::layers::Layer;
use crate::bits;
use crate::timetable::day_trips::Span;
use crate::timetable::patterns::{Pattern, PatternStop};

/// Where the trips of a pattern may be entered and left. Positions are those of the search.
pub trait Permit<const BACK: bool> {
    /// Whether the search may enter a vehicle at `stop`.
    fn can_enter(&self, stop: PatternStop, position: usize) -> bool;
    /// Whether the search may leave a vehicle at `stop`.
    fn can_leave(&self, stop: PatternStop, position: usize) -> bool;
    /// Whether a trip of the pattern is one of those.
    fn has(&self, trip: usize) -> bool;
}

/// A pattern whose times are moved by `shift` seconds.
#[derive(Clone, Copy)]
pub struct Line<'a, const BACK: bool> {
    pattern: Pattern<'a>,
    shift: i32,
}

/// A time as the search counts it.
#[inline]
pub fn directed<const BACK: bool>(time: i32) -> i32 {
    if BACK { -time } else { time }
}

/// Position in the direction of the search of one in the direction of travel, and the other way.
#[inline]
pub fn turned<const BACK: bool>(position: usize, stops: usize) -> usize {
    if BACK { stops - 1 - position } else { position }
}

impl<'a, const BACK: bool> Line<'a, BACK> {
    /// The trips of `pattern`, `shift` seconds later.
    pub fn new(pattern: Pattern<'a>, shift: i32) -> Self {
        Line { pattern, shift }
    }

    /// Numbers of its trips.
    pub fn trips(&self) -> Range<usize> {
        self.pattern.first_trip..self.pattern.first_trip + self.pattern.trips
    }

    /// How many stops it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.pattern.stops.len()
    }

    /// Its stop at `position`, in the direction of the search.
    #[inline]
    pub fn stop(&self, position: usize) -> PatternStop {
        self.pattern.stops[turned::<BACK>(position, self.len())]
    }

    /// Whether the search may enter a vehicle here.
    #[inline]
    pub fn can_enter(stop: PatternStop) -> bool {
        if BACK { stop.can_alight() } else { stop.can_board() }
    }

    /// Whether the search may leave a vehicle here.
    #[inline]
    pub fn can_leave(stop: PatternStop) -> bool {
        if BACK { stop.can_board() } else { stop.can_alight() }
    }

    /// When the search leaves `trip` (of this pattern) at `position`.
    #[inline]
    pub fn leave(&self, trip: usize, position: usize) -> i32 {
        let at = turned::<BACK>(position, self.len());
        let time = if BACK { self.pattern.departure(trip, at) } else { self.pattern.arrival(trip, at) };
        directed::<BACK>(time + self.shift)
    }

    /// Whether one trip comes before another in the direction of the search.
    #[inline]
    pub fn is_ahead(trip: usize, of: usize) -> bool {
        if BACK { trip > of } else { trip < of }
    }

    /// The first trip in the direction of the search that can be entered at `position` from
    /// `ready` on, runs, is one of `permit`'s, and is ahead of `held`.
    #[inline]
    pub fn first(
        &self,
        position: usize,
        ready: i32,
        held: Option<usize>,
        layer: &Layer<'_>,
        permit: &impl Permit<BACK>,
    ) -> Option<usize> {
        let pattern = &self.pattern;
        let (running, removed) = (&layer.trips.running, layer.removed);
        let at = turned::<BACK>(position, self.len());
        if BACK {
            let limit = -ready - self.shift;
            let from = held.map_or(0, |trip| trip + 1);
            if from == pattern.trips || pattern.arrival(from, at) > limit {
                return None;
            }
            // The trips from..past arrive in time.
            let (mut past, mut beyond) = (from + 1, pattern.trips);
            while past < beyond {
                let middle = usize::midpoint(past, beyond);
                if pattern.arrival(middle, at) <= limit { past = middle + 1 } else { beyond = middle }
            }
            let first = pattern.first_trip;
            loop {
                let trip = bits::last_to(running, removed, first + from, first + past - 1)? - first;
                if permit.has(trip) {
                    return Some(trip);
                }
                past = trip;
                if past == from {
                    return None;
                }
            }
        } else {
            let limit = ready - self.shift;
            let until = held.unwrap_or(pattern.trips);
            let column = &pattern.departures[at * pattern.trips..at * pattern.trips + until];
            if *column.last()? < limit {
                return None;
            }
            let mut from = column.partition_point(|departure| *departure < limit);
            let first = pattern.first_trip;
            loop {
                let trip = bits::first_from(running, removed, first + from, first + until)? - first;
                if permit.has(trip) {
                    return Some(trip);
                }
                from = trip + 1;
            }
        }
    }

    /// Whether a span of times (see `DayTrips::spans`) lies so that no trip can be entered from
    /// `start` on and left before `bound`.
    #[inline]
    pub fn is_out(&self, span: Span, start: i32, bound: i32) -> bool {
        let (first, last) = (span.first + self.shift, span.last + self.shift);
        if BACK { -first < start || -last >= bound } else { last < start || first >= bound }
    }
}
