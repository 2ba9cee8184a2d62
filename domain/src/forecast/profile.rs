//! What a site's week usually looks like.

use serde::{Deserialize, Serialize};

use super::grid::{Slot, WEEK};

/// Weight of the newest week in the slow profile: it remembers about half a year.
const SLOW: f32 = 0.06;
/// Weight of the newest week in the fast profile: it remembers about a month.
const FAST: f32 = 0.3;

/// Vacant share by quarter-hour of the week: exponentially weighted (slow and fast), and plain
/// means as the baseline that a forecast has to beat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    hours: Vec<Quarter>,
}

/// One quarter-hour of the week; every number is a share of the capacity.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Quarter {
    weeks: u16,
    pub(crate) slow: f32,
    pub(crate) fast: f32,
    /// Mean of all weeks.
    pub(crate) mean: f32,
    /// Share of the weeks in which the site was not as good as full.
    pub(crate) not_full: f32,
}

impl Default for Profile {
    fn default() -> Self {
        Profile { hours: vec![Quarter::default(); WEEK as usize] }
    }
}

impl Profile {
    /// The quarter-hour, when at least one week is known.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Quarter> {
        self.hours.get(slot.index()).filter(|q| q.weeks > 0)
    }

    /// Takes in one week's value. `not_full`: whether the share counts as not full.
    pub(crate) fn learn(&mut self, slot: Slot, share: f64, not_full: bool) {
        let Some(q) = self.hours.get_mut(slot.index()) else { return };
        q.weeks = q.weeks.saturating_add(1);
        let plain = 1.0 / f32::from(q.weeks);
        let share = share as f32;
        q.slow += plain.max(SLOW) * (share - q.slow);
        q.fast += plain.max(FAST) * (share - q.fast);
        q.mean += plain * (share - q.mean);
        q.not_full += plain * (f32::from(u8::from(not_full)) - q.not_full);
    }
}
