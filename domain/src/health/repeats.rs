//! The same value again and again, at a machine's pace.

use serde::{Deserialize, Serialize};

use crate::time::UtcMicros;

/// Intervals are the same within this share, or so many seconds.
const TOLERANCE: f64 = 0.03;
const TOLERANCE_S: f64 = 3.0;
/// So many the same on end are a machine's.
const RUN: u16 = 20;
/// An interval that does not fit takes back so many: one may have been lost.
const PENALTY: u16 = 6;

/// Repetitions of a state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Repeats {
    last: UtcMicros,
    pub(super) period_s: f32,
    run: u16,
    /// The pace at which it sent when it was well: its heartbeat, whatever the files say.
    honest_s: f32,
    /// The same frame counter with a fresh time.
    pub(super) same_counter: u8,
}

impl Repeats {
    /// A message with the same state as before.
    pub(super) fn repeat(&mut self, at: UtcMicros) {
        let interval_s = at.seconds_since(self.last);
        self.last = at;
        let period_s = f64::from(self.period_s);
        let fits =
            |times: f64| (interval_s - times * period_s).abs() <= (TOLERANCE * period_s).max(TOLERANCE_S);
        if period_s > 0.0 && fits(1.0) {
            self.run = self.run.saturating_add(1);
            self.period_s += ((interval_s - period_s) / 10.0) as f32;
        } else if period_s > 0.0 && (fits(2.0) || fits(3.0)) {
            // One or two were lost.
        } else if self.run > PENALTY {
            self.run -= PENALTY;
        } else {
            (self.run, self.period_s) = (0, interval_s as f32);
        }
    }

    /// A message with another state.
    pub(super) fn change(&mut self, at: UtcMicros) {
        if self.is_run() {
            self.honest_s = self.period_s;
        }
        (self.last, self.run, self.same_counter) = (at, 0, 0);
    }

    fn is_run(&self) -> bool {
        self.run >= RUN
    }

    /// Whether it repeats at a pace that it never had, and that is well below its heartbeat.
    pub(super) fn is_machine(&self, heartbeat_s: u32) -> bool {
        let is_new = (self.period_s - self.honest_s).abs() > 0.1 * self.period_s;
        self.is_run() && is_new && self.period_s < heartbeat_s as f32 / 3.0
    }
}
