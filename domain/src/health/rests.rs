//! Whether a bay changes as it should: stuck, flapping.

use serde::{Deserialize, Serialize};

use super::chance::Cusum;
use super::message::WeekHour;
use super::neighbours::Neighbours;
use super::rhythm::{Rhythm, SPANS, ln_no_change, span};
use super::surroundings::Surroundings;
use crate::closure::Spans;
use crate::time::UtcMicros;

/// Rests of a device that is well that are taken for stuck, a year. A bay with few rests a year is stuck at a higher chance
/// than a busy one, so that each raises as few false alarms: as control charts are compared, by their average run length.
const FALSE_PER_YEAR: f64 = 0.08;
/// However few rests it has, more than one in so many would be a guess.
const MOST_CHANCE: f64 = 1e-4;
const HOURS_A_YEAR: f64 = 8_766.0;
/// A stay is too long only if so many departures were to be expected as well: none are while all shops are closed.
const LEAST_DEPARTURES: f64 = 1.2;

/// Wavering sensors change within this, seconds; their rests are spread evenly over its logarithm.
const WAVER_S: f64 = 120.0;
/// One rest counts for so much at most, and against it.
const MOST_RATIO: f64 = 3.0;
/// Five short rests on end, or more with ordinary ones between.
pub(super) const FLAPPING_LIMIT: f64 = 15.0;

/// The spell that a bay is in, and its rhythm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rests {
    rhythm: Rhythm,
    /// Whether it is occupied; `None`: it never had a state.
    occupied: Option<bool>,
    pub(super) since: UtcMicros,
    /// Until when the spell was followed.
    until: UtcMicros,
    /// Hours of the spell, by span.
    hours: [f32; SPANS],
    /// Changes to be expected in the spell at the pace of the neighbours.
    expected: f64,
    /// How sure that is (see [`super::rhythm::Intensity`]).
    shape: f64,
    /// The same since the last message, were it in the other state: its last change may have been lost.
    unheard: f64,
    /// The logarithm of the chance of the spell at the last message.
    ln_heard: f64,
    /// A frame was lost during the spell: it may have been two.
    is_broken: bool,
    /// Since the last message there was a time in which nobody could have heard it.
    is_dark: bool,
    pub(super) flapping: Cusum,
}

/// What a frame counter says of the time since the last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// All frames were heard.
    All,
    /// Some were not.
    Lost,
    /// It began again, and says nothing.
    Nothing,
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Change {
    pub(super) occupied: bool,
    pub(super) rest_s: f64,
}

impl Rests {
    /// Follows the spell to `now`, without the time in which nobody could have heard of a change. The pace is that of the
    /// neighbours.
    pub(super) fn follow(
        &mut self,
        now: UtcMicros,
        at: WeekHour,
        neighbours: &mut Neighbours,
        unheard: &Spans,
    ) {
        let Some(occupied) = self.occupied.filter(|_| now > self.until) else { return };
        let dark_s = unheard.covered_s(self.until, now);
        let hours = (now.seconds_since(self.until) - dark_s) / 3_600.0;
        self.is_dark |= dark_s > 0.0;
        self.until = now;
        if hours <= 0.0 {
            return;
        }
        let span = span(at);
        self.hours[span] += hours as f32;
        let intensity = self.rhythm.of_bay(&neighbours.usual, usize::from(occupied), span);
        self.shape = intensity.shape;
        let usual = hours * intensity.per_h;
        self.expected += usual * neighbours.pace();
        let other = self.rhythm.of_bay(&neighbours.usual, usize::from(!occupied), span);
        self.unheard += hours * other.per_h * neighbours.pace();
        neighbours.expect(now, usual);
    }

    /// A message with a state; `vouched`: for what its counter does; `is_believed`: nothing else hides it.
    pub(super) fn state(
        &mut self,
        now: UtcMicros,
        occupied: bool,
        vouched: Vouched,
        around: &mut Surroundings<'_>,
        is_believed: bool,
    ) -> Option<Change> {
        let (at, neighbours) = (around.at, &mut *around.neighbours);
        let was = self.occupied.replace(occupied);
        let Some(was) = was else {
            (self.since, self.until) = (now, now);
            return None;
        };
        // Two changes may hide in a gap in which one was likely enough.
        if vouched != Vouched::All && (self.unheard > 0.2 || self.is_dark) {
            self.is_broken = true;
            if was == occupied && vouched == Vouched::Nothing {
                return None;
            }
            if was == occupied {
                self.begin(now);
                self.is_broken = true;
            }
        }
        (self.unheard, self.is_dark) = (0.0, false);
        if was == occupied {
            self.ln_heard = self.ln_longer(neighbours);
            return None;
        }
        let rest_s = now.seconds_since(self.since).max(1.0);
        let hours = (!self.is_broken).then_some(self.hours);
        if is_believed {
            let state = usize::from(was);
            self.flapping.add(now, self.wavers(was, rest_s, span(at), neighbours), FLAPPING_LIMIT);
            let hours = hours.filter(|_| self.flapping.sum() < FLAPPING_LIMIT / 1.5);
            if let Some(hours) = &hours {
                self.rhythm.learn(state, hours, span(at));
            }
            neighbours.changed(now, state, hours.as_ref(), span(at));
        }
        self.begin(now);
        Some(Change { occupied, rest_s })
    }

    fn begin(&mut self, now: UtcMicros) {
        (self.since, self.until) = (now, now.max(self.until));
        self.hours = [0.0; SPANS];
        (self.expected, self.unheard, self.ln_heard) = (0.0, 0.0, 0.0);
        (self.is_broken, self.is_dark) = (false, false);
    }

    /// Log-likelihood ratio of a rest: of a sensor that wavers against its own rhythm. Both densities are those of the
    /// logarithm of the length.
    fn wavers(&self, was: bool, rest_s: f64, span: usize, neighbours: &Neighbours) -> f64 {
        let own = if was {
            self.rhythm.stay(&neighbours.rhythm).ln_density(rest_s)
        } else {
            let per_h = self.rhythm.of_bay(&neighbours.usual, 0, span).per_h.max(0.01);
            let expected = per_h * rest_s / 3_600.0;
            expected.ln() - expected
        };
        let waver = if rest_s <= WAVER_S { (0.95 / WAVER_S.ln()).ln() } else { f64::ln(0.005) };
        (waver - own.max(-20.0)).clamp(-MOST_RATIO, MOST_RATIO)
    }

    /// Whether the time since the last message has a part in which nobody could have heard of a change.
    pub(super) fn is_dark(&self) -> bool {
        self.is_dark
    }

    /// The logarithm of the chance that a spell is longer than the present one, if every change was heard.
    fn ln_longer(&self, neighbours: &Neighbours) -> f64 {
        let Some(occupied) = self.occupied else { return 0.0 };
        let by_hours = ln_no_change(self.expected, self.shape.max(1.0));
        if !occupied {
            return by_hours;
        }
        if self.expected < LEAST_DEPARTURES {
            return 0.0;
        }
        // Two models of one stay, its length and the hours that it lasts through: where the second finds it rarer, the
        // mean of both (their logarithmic pool, Genest and Zidek 1986).
        let by_length =
            self.rhythm.stay(&neighbours.rhythm).ln_longer(self.until.seconds_since(self.since)).min(0.0);
        by_length + 0.5 * (by_hours - by_length).min(0.0)
    }

    /// The logarithm of the chance of a spell as long as the present one, of a device that is well. Up to its last message
    /// the frame counter vouches for every change; since then its last change may be one of the `lost` share, and it
    /// rests in the other state.
    pub(super) fn ln_chance(&self, neighbours: &Neighbours, lost: f64) -> f64 {
        // Of further changes that many are heard.
        let other = ln_no_change((self.unheard - 1.0).max(0.0) * (1.0 - lost), self.shape.max(1.0));
        let (heard, unheard) = (self.ln_longer(neighbours), self.ln_heard + lost.ln() + other);
        heard.max(unheard) + (-(heard - unheard).abs()).exp().ln_1p()
    }

    /// A rest as rare as this makes the device stuck.
    pub(super) fn stuck_chance(&self, neighbours: &Neighbours) -> f64 {
        let cycle_h: f64 =
            [0, 1].map(|state| self.rhythm.mean_rest_h(&neighbours.rhythm, state)).iter().sum();
        (FALSE_PER_YEAR * cycle_h / (2.0 * HOURS_A_YEAR)).min(MOST_CHANCE)
    }

    /// Of it what is owed to the silence since the last message.
    pub(super) fn ln_unheard(&self, neighbours: &Neighbours, lost: f64) -> f64 {
        self.ln_chance(neighbours, lost) - self.ln_heard
    }
}
