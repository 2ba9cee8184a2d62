//! What the bays of one site know together: the usual rhythm, and how busy it is at the moment.

use serde::{Deserialize, Serialize};

use super::rhythm::{Intensities, Rhythm, SPANS};
use crate::time::UtcMicros;

/// Changes are forgotten with this time constant, hours: short enough to follow a holiday's morning.
const MEMORY_H: f64 = 3.0;
/// Changes that the assumption of a usual day is worth.
const PRIOR_CHANGES: f64 = 3.0;
/// The least and the most that the present changes the usual pace by.
const LEAST_PACE: f64 = 0.05;
const MOST_PACE: f64 = 1.5;

/// The bays of a site (of bays without a site: those of a town). 1,100 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    pub(super) rhythm: Rhythm,
    pub(super) usual: Intensities,
    /// Changes of late, and how many were to be expected.
    changes: f64,
    expected: f64,
    at: UtcMicros,
}

impl Default for Neighbours {
    fn default() -> Self {
        let rhythm = Rhythm::default();
        Neighbours { usual: rhythm.of_site(), rhythm, changes: 0.0, expected: 0.0, at: UtcMicros::EPOCH }
    }
}

impl Neighbours {
    fn forget(&mut self, now: UtcMicros) {
        let hours = now.seconds_since(self.at).max(0.0) / 3_600.0;
        let keep = (-hours / MEMORY_H).exp();
        self.changes *= keep;
        self.expected *= keep;
        self.at = self.at.max(now);
    }

    /// One of them changed after a spell of so many hours by span, as which they would learn it; `None`: the spell is not
    /// to be believed.
    pub(super) fn changed(
        &mut self,
        now: UtcMicros,
        state: usize,
        hours: Option<&[f32; SPANS]>,
        span: usize,
    ) {
        self.forget(now);
        self.changes += 1.0;
        if let Some(hours) = hours {
            self.rhythm.learn(state, hours, span);
            self.usual = self.rhythm.of_site();
        }
    }

    /// So many changes of one of them were to be expected since its last message.
    pub(super) fn expect(&mut self, now: UtcMicros, changes: f64) {
        self.forget(now);
        self.expected += changes;
    }

    /// How busy it is against the usual: 1 is as usual, 0.1 a quiet holiday.
    pub(super) fn pace(&self) -> f64 {
        ((PRIOR_CHANGES + self.changes) / (PRIOR_CHANGES + self.expected)).clamp(LEAST_PACE, MOST_PACE)
    }
}
