//! What frame counters say: lost frames, restarts, two devices of one identity.

use serde::{Deserialize, Serialize};

use super::chance::Cusum;
use super::message::{Event, Message};
use crate::time::UtcMicros;

/// Shares of lost frames: of a network that is well, and of one that is not.
const LOST_WELL: f64 = 0.05;
/// See [`LOST_WELL`]; also the limit that is shown.
pub(super) const LOST_ILL: f64 = 0.25;
/// Frames lost in one gap count as so many at most: a gateway that was off for an afternoon is one event.
const MOST_IN_A_GAP: u32 = 3;
pub(super) const LOSS_LIMIT: f64 = 14.0;

/// Starts in a day: of a device that is well, and of one that is not.
const STARTS_WELL: f64 = 0.25;
const STARTS_ILL: f64 = 3.0;
pub(super) const RESTART_LIMIT: f64 = 9.0;
const ONE_START_S: f64 = 600.0;

/// Counters interleave so often before two devices are assumed.
pub(super) const INTERLEAVED_LIMIT: f32 = 4.0;
/// What is no further ahead of a counter continues it.
const NEAR: u32 = 64;
/// A counter that falls to less than this has begun again.
const BEGUN_AGAIN: u32 = 64;

/// What the counter says of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// After so many lost ones.
    Next { lost: u32 },
    /// The same message again, or the same counter with another time.
    Same,
    /// An older message that comes late.
    Late,
    /// The counter began again, or there is none.
    Unknown,
}

/// The counters of a device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Frames {
    last: Option<u32>,
    last_at: UtcMicros,
    /// The counter that it jumped away from.
    other: Option<u32>,
    has_joined: bool,
    started_at: UtcMicros,
    /// Of the newest frames or so, how many were lost.
    pub(super) lost_share: f32,
    pub(super) loss: Cusum,
    pub(super) restarts: Cusum,
    pub(super) interleaved: f32,
}

impl Frames {
    pub(super) fn place(&mut self, message: &Message, at: UtcMicros) -> Place {
        if message.event == Event::Join {
            self.start(at);
            self.has_joined = true;
            return Place::Unknown;
        }
        let (Event::Up, Some(now)) = (message.event, message.f_cnt) else { return Place::Unknown };
        let Some(last) = self.last else {
            (self.last, self.last_at) = (Some(now), at);
            return Place::Unknown;
        };
        if self.has_joined && now < BEGUN_AGAIN && now < last {
            self.has_joined = false;
            (self.last, self.last_at, self.other) = (Some(now), at, None);
            return Place::Unknown;
        }
        let place = if now == last {
            return Place::Same;
        } else if at < self.last_at {
            return Place::Late;
        } else if now > last && now - last <= NEAR {
            Place::Next { lost: now - last - 1 }
        } else if self.other.is_some_and(|other| now > other && now - other <= NEAR) {
            self.interleaved = (self.interleaved + 1.0).min(2.0 * INTERLEAVED_LIMIT);
            self.other = Some(last);
            Place::Unknown
        } else {
            if now < BEGUN_AGAIN {
                self.start(at);
            }
            self.other = Some(last);
            Place::Unknown
        };
        (self.last, self.last_at) = (Some(now), at);
        if let Place::Next { lost } = place {
            self.count(at, lost);
        }
        place
    }

    fn count(&mut self, at: UtcMicros, lost: u32) {
        let counted = lost.min(MOST_IN_A_GAP);
        for is_lost in (0..=counted).map(|n| n < counted) {
            let ratio = if is_lost {
                (LOST_ILL / LOST_WELL).ln()
            } else {
                ((1.0 - LOST_ILL) / (1.0 - LOST_WELL)).ln()
            };
            self.loss.add(at, ratio, LOSS_LIMIT);
            self.lost_share += (f32::from(u8::from(is_lost)) - self.lost_share) / 40.0;
        }
        self.interleaved = (self.interleaved - 0.02).max(0.0);
    }

    fn start(&mut self, at: UtcMicros) {
        // Its join, the same delivered twice, and the counter that begins again are one start.
        if at.seconds_since(self.started_at) < ONE_START_S {
            return;
        }
        let days = at.seconds_since(self.started_at).clamp(0.0, 1e8) / 86_400.0;
        self.restarts.add(at, -(STARTS_ILL - STARTS_WELL) * days, RESTART_LIMIT);
        self.restarts.add(at, (STARTS_ILL / STARTS_WELL).ln(), RESTART_LIMIT);
        self.started_at = at;
    }

    /// Days without a start speak against restarts.
    pub(super) fn restarted(&self, now: UtcMicros) -> f64 {
        let days = now.seconds_since(self.started_at).max(0.0) / 86_400.0;
        (self.restarts.sum() - (STARTS_ILL - STARTS_WELL) * days).max(0.0)
    }
}
