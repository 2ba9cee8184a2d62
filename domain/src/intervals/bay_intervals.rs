//! What a bay was over time.

use crate::bay_state::{BayReading, BayReadings, BayState};
use crate::time::UtcMicros;

/// What holds of all that was said of a bay at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BayStatement {
    pub at: UtcMicros,
    pub state: BayState,
    /// How long it is believed without a newer one, microseconds, at least 1.
    pub hold_us: i64,
}

impl BayStatement {
    fn ends(&self) -> UtcMicros {
        UtcMicros(self.at.0.saturating_add(self.hold_us))
    }
}

/// Decides among the readings of one instant by the rule of [`crate::bay_state`]. `hold_us` says how long
/// a reading is believed; `None`: its source had no business with the bay then.
pub fn decide(
    readings: impl IntoIterator<Item = BayReading>,
    hold_us: impl Fn(&BayReading) -> Option<i64>,
) -> Option<BayStatement> {
    let mut held = BayReadings::default();
    for reading in readings {
        if hold_us(&reading).is_some() {
            held.apply(reading);
        }
    }
    let winner = held.current()?;
    Some(BayStatement { at: winner.observed_at, state: winner.state, hold_us: hold_us(winner)?.max(1) })
}

/// A bay in one state without a gap, `[from, until)`. It begins with a statement.
///
/// `unknown` is a state too: what a source says that does not know. It counts as unobserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BayInterval {
    pub from: UtcMicros,
    pub until: UtcMicros,
    /// No statement of the interval is later.
    pub last_at: UtcMicros,
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

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    Done,
    /// It lies within a interval that says otherwise: give it to [`BayIntervals::place`] with its neighbours.
    NeedsNeighbours,
}

/// A bay's intervals in the order of time, or a part of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BayIntervals(Vec<BayInterval>);

impl BayIntervals {
    /// BayIntervals in the order of time that do not overlap.
    pub fn new(intervals: Vec<BayInterval>) -> Self {
        BayIntervals(intervals)
    }

    pub fn as_slice(&self) -> &[BayInterval] {
        &self.0
    }

    pub fn into_vec(self) -> Vec<BayInterval> {
        self.0
    }

    /// Takes in what was said at one instant.
    ///
    /// The intervals around it must be there. `longest_hold_us`: the longest that any source of this bay
    /// is believed.
    pub fn apply(&mut self, said: BayStatement, longest_hold_us: i64) -> Applied {
        let after = self.0.partition_point(|interval| interval.from <= said.at);
        if let Some(interval) = after.checked_sub(1).map(|i| self.0[i])
            && said.at <= interval.last_at
        {
            // A interval has no gap, so another statement of the same changes nothing within it, unless it is
            // believed for less long than the one before it.
            let is_no_news =
                interval.state == said.state && said.at < interval.last_at && said.hold_us >= longest_hold_us;
            return if is_no_news { Applied::Done } else { Applied::NeedsNeighbours };
        }
        let next = self.0.get(after).map(|interval| interval.from);
        self.insert(said, next);
        Applied::Done
    }

    /// Rewrites the time from the statement `before` over `said` to the instant `after` of the next
    /// one (or to where no source is believed any more), as all that is stored says. Right in whatever order
    /// statements are placed: see the tests.
    pub fn place(&mut self, before: Option<BayStatement>, said: BayStatement, after: UtcMicros) {
        let first = self.0.first().map_or(said.at, |interval| interval.from);
        let from = before.map_or(said.at, |b| b.at).max(first).min(said.at);
        self.clear(from, after);
        if let Some(before) = before.filter(|b| b.ends() > from) {
            // It may begin before the part that is here.
            let hold_us = before.ends().0 - from.0;
            self.insert(BayStatement { at: from, hold_us, ..before }, Some(said.at));
        }
        self.insert(said, Some(after));
    }

    /// Makes `[from, until)` unobserved.
    pub fn clear(&mut self, from: UtcMicros, until: UtcMicros) {
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

    /// Puts in intervals of a time in which there are none, and joins them with their neighbours.
    pub fn splice(&mut self, intervals: &[BayInterval]) {
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

    /// The statement cuts what holds at its instant, and holds itself until `next`.
    fn insert(&mut self, said: BayStatement, next: Option<UtcMicros>) {
        let at = self.0.partition_point(|interval| interval.from < said.at);
        if let Some(before) = at.checked_sub(1).map(|i| &mut self.0[i]) {
            before.until = before.until.min(said.at);
        }
        let until = said.ends().min(next.unwrap_or(UtcMicros(i64::MAX)));
        if until > said.at {
            self.splice(&[BayInterval { from: said.at, until, last_at: said.at, state: said.state }]);
        }
    }
}
