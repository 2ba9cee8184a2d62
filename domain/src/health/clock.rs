//! The clock that dates a device's messages, against ours.

use serde::{Deserialize, Serialize};

use crate::time::UtcMicros;

/// Messages only ever come late, so the most favourable offset of some hours is that of the clock: the filter of NTP (RFC
/// 5905, section 10) on one-way delays.
const WINDOW_S: i64 = 3 * 3_600;
/// Windows of which the median counts: what is late all afternoon, behind one gateway, moves one or two.
const WINDOWS: usize = 5;
/// A clock is wrong from so many seconds on, and right again below a third of it.
pub(super) const WRONG_S: f64 = 30.0;

/// The newest offsets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Clock {
    /// Seconds, positive is ahead; the newest last.
    offsets: [f32; WINDOWS],
    known: u8,
    began: UtcMicros,
    best: Option<f32>,
    /// When an offset first was too large, of those that are.
    pub(super) since: UtcMicros,
}

impl Clock {
    /// After a message: the clock's offset, when it is estimated again.
    pub(super) fn note(&mut self, received_at: UtcMicros, observed_at: UtcMicros) -> Option<f64> {
        let offset = observed_at.seconds_since(received_at) as f32;
        if received_at.seconds_since(self.began) < WINDOW_S as f64 {
            self.best = Some(self.best.map_or(offset, |best| best.max(offset)));
            return None;
        }
        let (began, best) = (self.began, self.best.replace(offset));
        self.began = received_at;
        self.offsets.rotate_left(1);
        self.offsets[WINDOWS - 1] = best?;
        self.known = (self.known + 1).min(WINDOWS as u8);
        let mut sorted = self.offsets;
        sorted.sort_by(f32::total_cmp);
        let median = (usize::from(self.known) == WINDOWS).then(|| f64::from(sorted[WINDOWS / 2]));
        if f64::from(best?.abs()) < WRONG_S {
            self.since = began;
        }
        median
    }
}
