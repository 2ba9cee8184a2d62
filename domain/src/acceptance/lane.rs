//! A lane: who drove through it, and whom it counted.

use super::Passed;
use crate::counter::BothWays;

/// What a lane counted in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) counted: BothWays,
    pub(super) drives: BothWays,
    /// Who was counted the other way round than the installer was to drive.
    pub(super) against: i32,
    /// How often its totals began again; `None`: it sends none.
    pub(super) resets: Option<u32>,
}

impl Lane {
    /// By the messages before the test, of which the newest says from where totals go on, and those of the test. The
    /// installer drives in before driving out: an exit in a message before all entries were counted, or any passage of a way
    /// in which nobody was to drive, was counted the wrong way round.
    pub(super) fn of(past: &[Passed], test: &[Passed], drives: BothWays) -> Lane {
        let mut lane = Lane { counted: BothWays::default(), drives, against: 0, resets: None };
        let mut before = past.iter().rev().find_map(|passed| Some((passed.counter?, passed.f_cnt)));
        for passed in test {
            if let Some(counter) = passed.counter {
                let before = before.replace((counter, passed.f_cnt));
                let begins_again = before.is_some_and(|before| counter.has_begun_again(passed.f_cnt, before));
                lane.resets = Some(lane.resets.unwrap_or(0) + u32::from(begins_again));
            }
            let Some(BothWays { entries, exits }) = passed.since_last else { continue };
            if lane.counted.entries < drives.entries || drives.exits == 0 {
                lane.against += exits;
            }
            if drives.entries == 0 {
                lane.against += entries;
            }
            lane.counted.entries += entries;
            lane.counted.exits += exits;
        }
        lane
    }

    pub(super) fn has_seen_all(self) -> bool {
        self.counted.entries >= self.drives.entries && self.counted.exits >= self.drives.exits
    }
}
