//! The states of a bay over time.

use super::timeline::{Span, Timeline};
use crate::bay_state::{BayReading, BayReadings, BayState};
use crate::time::UtcMicros;

/// The statement that holds among all about a bay at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BayStatement {
    /// Since when.
    pub at: UtcMicros,
    /// The state that it says.
    pub state: BayState,
    /// How long it is believed without a newer one, microseconds, at least 1.
    pub hold_us: i64,
}

impl BayStatement {
    fn ends(&self) -> UtcMicros {
        UtcMicros(self.at.0.saturating_add(self.hold_us))
    }
}

impl Timeline {
    /// The statements among `readings` of a bay, which are in the order of time: one for each instant at which any of its
    /// sources counted.
    pub fn statements<'a>(&'a self, readings: &'a [BayReading]) -> impl Iterator<Item = BayStatement> + 'a {
        let by_instant = readings.chunk_by(|a, b| a.observed_at == b.observed_at);
        by_instant.filter_map(|now| {
            decide(now.iter().copied(), |reading| self.hold_us(reading.source(), reading.observed_at))
        })
    }
}

/// Decides among the readings of one instant by the rule of [`crate::bay_state`]. `hold_us` says how long
/// a reading is believed; `None`: its source was not assigned to the bay then.
pub(super) fn decide(
    readings: impl IntoIterator<Item = BayReading>,
    hold_us: impl Fn(&BayReading) -> Option<i64>,
) -> Option<BayStatement> {
    let mut held = BayReadings::default();
    for reading in readings {
        if hold_us(&reading).is_some() {
            held.apply(reading, false);
        }
    }
    let winner = held.current()?;
    Some(BayStatement { at: winner.observed_at, state: winner.state, hold_us: hold_us(winner)?.max(1) })
}

/// A bay in one state without a gap, `[from, until)`. It begins with a statement.
///
/// `unknown` is a state too, reported by a source that does not know. It counts as unobserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BayInterval {
    /// Its first instant.
    pub from: UtcMicros,
    /// The first instant after it.
    pub until: UtcMicros,
    /// No statement of the interval is later.
    pub last_at: UtcMicros,
    /// The same all along.
    pub state: BayState,
}

/// All intervals of `statements`, which are in the order of time with one for each instant.
pub fn derive_intervals(statements: impl IntoIterator<Item = BayStatement>) -> Vec<BayInterval> {
    let mut intervals = BayIntervals::default();
    for statement in statements {
        intervals.insert(statement, None);
    }
    intervals.0
}

/// The result of [`BayIntervals::apply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The intervals are up to date.
    Done,
    /// It lies within a interval of another state: pass it to [`BayIntervals::place`] with its neighbours.
    NeedsNeighbours,
}

/// A bay's intervals in the order of time, or a part of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BayIntervals(Vec<BayInterval>);

impl BayIntervals {
    /// Intervals in the order of time that do not overlap.
    pub fn new(intervals: Vec<BayInterval>) -> Self {
        BayIntervals(intervals)
    }

    /// The intervals in the order of time.
    pub fn as_slice(&self) -> &[BayInterval] {
        &self.0
    }

    /// The intervals in the order of time.
    pub fn into_vec(self) -> Vec<BayInterval> {
        self.0
    }

    /// Applies the statement of one instant.
    ///
    /// The intervals around it must be there. `longest_hold_us`: the longest that any source of this bay
    /// is believed.
    pub fn apply(&mut self, statement: BayStatement, longest_hold_us: i64) -> Applied {
        let after = self.0.partition_point(|interval| interval.from <= statement.at);
        if let Some(interval) = after.checked_sub(1).map(|i| self.0[i])
            && statement.at <= interval.last_at
        {
            // An interval has no gap, so another statement of the same changes nothing within it, unless it is
            // believed for less long than the one before it.
            let is_unchanged = interval.state == statement.state
                && statement.at < interval.last_at
                && statement.hold_us >= longest_hold_us;
            return if is_unchanged { Applied::Done } else { Applied::NeedsNeighbours };
        }
        let next = self.0.get(after).map(|interval| interval.from);
        self.insert(statement, next);
        Applied::Done
    }

    /// Rewrites the time from the statement `before` over `statement` to the instant `after` of the next
    /// one (or to where no source is believed any more). The result does not depend on the order in which
    /// statements are placed.
    pub fn place(&mut self, before: Option<BayStatement>, statement: BayStatement, after: UtcMicros) {
        let first = self.0.first().map_or(statement.at, |interval| interval.from);
        let from = before.map_or(statement.at, |b| b.at).max(first).min(statement.at);
        self.clear(from, after);
        if let Some(before) = before.filter(|b| b.ends() > from) {
            // It may begin before the part that is here.
            let hold_us = before.ends().0 - from.0;
            self.insert(BayStatement { at: from, hold_us, ..before }, Some(statement.at));
        }
        self.insert(statement, Some(after));
    }

    /// Replaces what lies in `span` by what of `intervals` lies in it. They are in the order of time.
    pub fn replace(&mut self, span: Span, intervals: &[BayInterval]) {
        let cut = |interval: &BayInterval| {
            let part = Span { from: interval.from, until: interval.until }.within(span);
            let last_at = interval.last_at.min(UtcMicros(span.until.0 - 1));
            let cut = BayInterval { from: part.from, until: part.until, last_at, ..*interval };
            (!part.is_empty()).then_some(cut)
        };
        self.clear(span.from, span.until);
        self.splice(&intervals.iter().filter_map(cut).collect::<Vec<_>>());
    }

    /// Makes `[from, until)` unobserved.
    fn clear(&mut self, from: UtcMicros, until: UtcMicros) {
        let mut kept = Vec::with_capacity(self.0.len() + 2);
        for interval in self.0.drain(..) {
            if interval.until <= from || interval.from >= until {
                kept.push(interval);
                continue;
            }
            if interval.from < from {
                // Which of its statements was the last before `from` is not known here: this one at most.
                let last_at = interval.last_at.min(UtcMicros(from.0 - 1));
                kept.push(BayInterval { until: from, last_at, ..interval });
            }
            if interval.until > until {
                kept.push(BayInterval { from: until, last_at: interval.last_at.max(until), ..interval });
            }
        }
        self.0 = kept;
    }

    /// Inserts intervals into a time in which there are none, and joins them with their neighbours.
    fn splice(&mut self, intervals: &[BayInterval]) {
        let (Some(first), Some(last)) = (intervals.first(), intervals.last()) else { return };
        let at = self.0.partition_point(|interval| interval.from < first.from);
        self.0.splice(at..at, intervals.iter().copied());
        let end = at + intervals.len();
        debug_assert!(self.0.get(end).is_none_or(|interval| interval.from >= last.until));
        self.join(end);
        self.join(at);
    }

    /// Joins the interval at `index` with the one before it if nothing lies between.
    fn join(&mut self, index: usize) {
        if index == 0 || index >= self.0.len() {
            return;
        }
        let (before, interval) = (self.0[index - 1], self.0[index]);
        if before.state == interval.state && before.until == interval.from {
            let last_at = before.last_at.max(interval.last_at);
            self.0[index - 1] = BayInterval { until: interval.until, last_at, ..before };
            self.0.remove(index);
        }
    }

    /// The statement ends the interval at its instant, and holds until `next`.
    fn insert(&mut self, statement: BayStatement, next: Option<UtcMicros>) {
        let at = self.0.partition_point(|interval| interval.from < statement.at);
        if let Some(before) = at.checked_sub(1).map(|i| &mut self.0[i]) {
            before.until = before.until.min(statement.at);
        }
        let until = statement.ends().min(next.unwrap_or(UtcMicros(i64::MAX)));
        if until > statement.at {
            self.splice(&[BayInterval {
                from: statement.at,
                until,
                last_at: statement.at,
                state: statement.state,
            }]);
        }
    }
}
