//! The usual week of a site.

use serde::{Deserialize, Serialize};

use super::grid::{DAY, Slot, WEEK};

/// Weight of the newest week in the slow profile: it remembers about half a year.
const SLOW: f32 = 0.06;
/// Weight of the newest week in the fast profile: it remembers about a month.
const FAST: f32 = 0.3;

/// Kinds of days: workdays, Saturdays, Sundays.
const KINDS: usize = 3;

fn day_index(slot: Slot) -> usize {
    let (day, quarter) = (slot.index() / DAY as usize, slot.index() % DAY as usize);
    day.saturating_sub(4) * DAY as usize + quarter
}

/// Vacant share by quarter-hour of the week: exponentially weighted (slow and fast), and plain
/// means as the baseline that a forecast has to beat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    hours: Vec<Quarter>,
    /// The same by kind of day alone: known after days, not weeks.
    days: Vec<Quarter>,
}

/// One quarter-hour of the week; every number is a share of the capacity.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Quarter {
    weeks: u16,
    pub(crate) slow: f32,
    pub(crate) fast: f32,
    /// Mean of all weeks.
    pub(crate) mean: f32,
    /// Share of the weeks in which the site was not practically full.
    pub(crate) not_full: f32,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            hours: vec![Quarter::default(); WEEK as usize],
            days: vec![Quarter::default(); KINDS * DAY as usize],
        }
    }
}

impl Profile {
    /// The quarter-hour, when at least one week is known.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Quarter> {
        self.hours.get(slot.index()).filter(|q| q.weeks > 0)
    }

    /// The same of the kind of day: slow means about the last three weeks of workdays.
    pub(crate) fn day(&self, slot: Slot) -> Option<&Quarter> {
        self.days.get(day_index(slot)).filter(|q| q.weeks > 0)
    }

    /// Takes in one week's value. `not_full`: whether the share counts as not full.
    pub(crate) fn learn(&mut self, slot: Slot, share: f64, not_full: bool) {
        for q in [self.hours.get_mut(slot.index()), self.days.get_mut(day_index(slot))].into_iter().flatten()
        {
            q.learn(share as f32, not_full);
        }
    }
}

impl Quarter {
    fn learn(&mut self, share: f32, not_full: bool) {
        self.weeks = self.weeks.saturating_add(1);
        let plain = 1.0 / f32::from(self.weeks);
        self.slow += plain.max(SLOW) * (share - self.slow);
        self.fast += plain.max(FAST) * (share - self.fast);
        self.mean += plain * (share - self.mean);
        self.not_full += plain * (f32::from(u8::from(not_full)) - self.not_full);
    }
}
