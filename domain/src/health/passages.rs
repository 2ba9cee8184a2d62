//! Entries and exits of a counted site, and how well a bay's change fits them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::observation::CountValue;
use crate::time::UtcMicros;

/// Passages that are kept: an hour of the busiest gates.
const MOST: usize = 512;
/// A car parks within so many seconds after it entered, and leaves so many after it drove off.
const DRIVE_S: i64 = 210;
/// What clocks may differ by, seconds.
const SLACK_S: i64 = 30;
/// The usual rate is that of so many seconds before.
const BEFORE_S: i64 = 3_600;
/// After so many seconds the passages that belong to a change are known.
pub(super) const SETTLED_S: i64 = 420;
/// Share of changes without a passage that is seen in time: a slow driver, a lost count.
const UNSEEN: f64 = 0.08;

/// The passages of one counted site in the last hours. At most 8 KiB.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Passages {
    /// In the order of time; the second is whether it is an entry.
    recent: VecDeque<(UtcMicros, bool)>,
    occupied: Option<(UtcMicros, i64)>,
    heard_at: UtcMicros,
}

impl Passages {
    /// Takes a count of the whole site. Of absolute counts their differences are passages. One that is passed again
    /// changes nothing. Returns how many passages it was.
    pub fn count(&mut self, at: UtcMicros, value: CountValue) -> i64 {
        self.heard_at = self.heard_at.max(at);
        let (entries, exits) = match value {
            CountValue::Flow { entries, exits } => (i64::from(entries), i64::from(exits)),
            CountValue::Occupied(n) => self.difference(at, i64::from(n)),
            CountValue::Vacant(n) => self.difference(at, -i64::from(n)),
            CountValue::None => (0, 0),
        };
        (0..entries.min(8)).for_each(|n| self.add(UtcMicros(at.0 + n), true));
        (0..exits.min(8)).for_each(|n| self.add(UtcMicros(at.0 + n), false));
        entries.saturating_add(exits)
    }

    /// Entries and exits since the last absolute count.
    fn difference(&mut self, at: UtcMicros, occupied: i64) -> (i64, i64) {
        let Some((before_at, before)) = self.occupied else {
            self.occupied = Some((at, occupied));
            return (0, 0);
        };
        if at <= before_at {
            return (0, 0);
        }
        self.occupied = Some((at, occupied));
        ((occupied - before).max(0), (before - occupied).max(0))
    }

    fn add(&mut self, at: UtcMicros, is_entry: bool) {
        let after = self.recent.partition_point(|passage| *passage < (at, is_entry));
        if self.recent.get(after) == Some(&(at, is_entry)) {
            return;
        }
        self.recent.insert(after, (at, is_entry));
        if self.recent.len() > MOST {
            self.recent.pop_front();
        }
    }

    /// Log-likelihood ratio that a car which parked (`is_entry`) or left at `at` passed these gates, against that it did
    /// not: the density of its passage over the rate of all others, a point process against itself with one point more
    /// (Daley and Vere-Jones, An Introduction to the Theory of Point Processes, 7.1). `None`: not known, or not yet.
    pub(super) fn log_ratio(&self, at: UtcMicros, is_entry: bool) -> Option<f64> {
        let (from_s, until_s) = if is_entry { (-DRIVE_S, SLACK_S) } else { (-SLACK_S, DRIVE_S) };
        let (from, until) = (at.plus_s(from_s), at.plus_s(until_s));
        let first = self.recent.front()?.0;
        if self.heard_at < until || first > from.plus_s(-BEFORE_S / 4) {
            return None;
        }
        let since = from.plus_s(-BEFORE_S).max(first);
        let within = |from: UtcMicros, until: UtcMicros| {
            let begin = self.recent.partition_point(|passage| passage.0 < from);
            let these = self.recent.range(begin..).take_while(|passage| passage.0 <= until);
            these.filter(|passage| passage.1 == is_entry).count() as f64
        };
        let rate_per_s = (within(since, from) + 0.5) / from.seconds_since(since).max(1.0);
        let usual = rate_per_s * (until_s - from_s) as f64;
        Some((UNSEEN + (1.0 - UNSEEN) * within(from, until) / usual).ln())
    }
}
