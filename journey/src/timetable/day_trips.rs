//! Which trips run on a day.

use super::patterns::Patterns;
use crate::bits;

/// The trips of some patterns that run on one day.
#[derive(Debug, Clone, Default)]
pub(crate) struct DayTrips {
    /// By trip.
    pub running: Vec<u64>,
    /// By pattern; `NEVER` when none runs.
    pub spans: Vec<Span>,
    /// Whether any runs.
    pub any: bool,
}

/// First departure of the first running trip of a pattern, and last arrival of the last, seconds after the day began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub first: i32,
    pub last: i32,
}

/// A span that contains nothing.
const NEVER: Span = Span { first: i32::MAX / 4, last: i32::MIN / 4 };

impl DayTrips {
    /// The trips for which `runs` holds.
    pub fn new(patterns: &Patterns, runs: impl Fn(usize) -> bool) -> Self {
        let mut running = vec![0; bits::words(patterns.trips())];
        let mut spans = vec![NEVER; patterns.len()];
        for (number, span) in spans.iter_mut().enumerate() {
            let pattern = patterns.pattern(number);
            for trip in (0..pattern.trips).filter(|trip| runs(pattern.first_trip + trip)) {
                bits::set(&mut running, pattern.first_trip + trip);
                span.first = span.first.min(pattern.departure(trip, 0));
                span.last = span.last.max(pattern.arrival(trip, pattern.stops.len() - 1));
            }
        }
        let any = spans.iter().any(|span| *span != NEVER);
        DayTrips { running, spans, any }
    }
}
