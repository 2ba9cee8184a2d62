//! One site's memory and models.

use serde::{Deserialize, Serialize};

use super::features::{Features, View, prior};
use super::grid::{Slot, Slots};
use super::health::Screen;
use super::mix::{Mix, Opinions};
use super::profile::Profile;
use super::recent::Recent;
use super::rls::Rls;
use super::spread::{Distribution, Scale, Shape};

/// How far ahead there is a model, in steps: 15, 30, 60, 120 minutes, 4 and 8 hours, a day, a week.
pub const HORIZONS: [i64; 8] = [1, 2, 4, 8, 16, 32, 96, 672];
/// Hours of the day, each with weights of its own.
const HOURS: usize = 24;
/// A site's own model forgets: about the last 3,300 quarter-hours of an hour of the day count,
/// two years.
const OWN_FORGETTING: f64 = 0.9997;
/// All sites' model sees more.
const COMMON_FORGETTING: f64 = 0.99995;
/// What a forecast is usually off by before anything is learned, in shares of the capacity.
const ASSUMED_ERROR: f64 = 0.03;
/// The share from which a site is not as good as full; what the Brier scores are about.
pub const NOT_FULL: f64 = 0.05;

/// Models of all sites together, for one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Common {
    hours: Vec<Rls>,
    pub(crate) shape: Shape,
}

fn untrained(horizon: i64) -> Vec<Rls> {
    vec![Rls::new(&prior(horizon), ASSUMED_ERROR); HOURS]
}

impl Common {
    pub(crate) fn new(horizon: i64) -> Self {
        Common { hours: untrained(horizon), shape: Shape::default() }
    }
}

/// One site's models for one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    horizon: i64,
    hours: Vec<Rls>,
    mixes: Vec<Mix>,
    scale: Scale,
    shape: Shape,
    /// Forecasts whose time has not come, by origin modulo the horizon.
    pending: Vec<Option<Box<Pending>>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    x: Features,
    opinions: Opinions,
    expected: f64,
    scale: f64,
    p_not_full: f64,
}

/// A forecast whose time has come, beside what was said without one and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Steps ahead.
    pub horizon: i64,
    pub truth: Outcome,
    pub forecast: Outcome,
    /// What the sign said at the origin.
    pub sign: Outcome,
    /// The plain mean of the same quarter-hour in all weeks before.
    pub weekly_mean: Outcome,
}

/// A vacant share, and the chance that at least [`NOT_FULL`] of the capacity is vacant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    pub share: f64,
    pub p_not_full: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SiteModel {
    pub(crate) capacity: u32,
    pub(crate) screen: Screen,
    pub(crate) recent: Recent,
    pub(crate) profile: Profile,
    heads: Vec<Head>,
}

/// The least count that is [`NOT_FULL`] of `capacity`, as a share, half a space below.
fn not_full_share(capacity: u32) -> f64 {
    let capacity = f64::from(capacity.max(1));
    ((NOT_FULL * capacity).ceil() - 0.5) / capacity
}

impl SiteModel {
    pub(crate) fn new(capacity: u32, hold_s: i64) -> Self {
        let heads = HORIZONS.map(|horizon| Head {
            horizon,
            hours: untrained(horizon),
            mixes: vec![Mix::default(); HOURS],
            scale: Scale::new(ASSUMED_ERROR),
            shape: Shape::empty(),
            pending: vec![None; horizon as usize],
        });
        SiteModel {
            capacity,
            screen: Screen::default(),
            recent: Recent::new(hold_s),
            profile: Profile::default(),
            heads: heads.into(),
        }
    }

    pub(crate) fn view<'a>(&'a self, slots: &'a Slots) -> View<'a> {
        View { recent: &self.recent, profile: &self.profile, slots }
    }

    fn is_not_full(&self, share: f64) -> bool {
        share >= not_full_share(self.capacity)
    }

    fn outcome(&self, share: f64) -> Outcome {
        Outcome { share, p_not_full: f64::from(u8::from(self.is_not_full(share))) }
    }

    /// Learns from what `step` brought: `share`, in the slot `slot`.
    pub(crate) fn resolve(
        &mut self,
        step: i64,
        slot: Slot,
        share: Option<f64>,
        common: &mut [Common],
        scored: &mut impl FnMut(Scored),
    ) {
        let hour = slot.hour();
        for index in 0..self.heads.len() {
            let head = &mut self.heads[index];
            let Some(pending) = head.pending[step.rem_euclid(head.horizon) as usize].take() else { continue };
            let Some(share) = share else { continue };
            let Pending { x, opinions, expected, scale, p_not_full } = *pending;
            let now = opinions[super::mix::SIGN];
            head.hours[hour].learn(&x, share - now, OWN_FORGETTING);
            common[index].hours[hour].learn(&x, share - now, COMMON_FORGETTING);
            head.mixes[hour].learn(&opinions, share);
            common[index].shape.learn(expected, (share - expected) / scale);
            head.shape.learn(expected, (share - expected) / scale);
            head.scale.learn(hour, expected, share - expected);
            let usual = self.profile.at(slot);
            scored(Scored {
                horizon: self.heads[index].horizon,
                truth: self.outcome(share),
                forecast: Outcome { share: expected, p_not_full },
                sign: self.outcome(now),
                weekly_mean: usual.map_or(self.outcome(now), |q| Outcome {
                    share: f64::from(q.mean),
                    p_not_full: f64::from(q.not_full),
                }),
            });
        }
    }

    /// Makes the forecasts that will be learned from.
    pub(crate) fn foresee(
        &mut self,
        step: i64,
        slots: &Slots,
        origin: &super::features::Origin,
        common: &[Common],
    ) {
        for index in 0..self.heads.len() {
            let target = step + self.heads[index].horizon;
            let Some(x) = self.view(slots).features(origin, target as f64) else { continue };
            let usual = self.view(slots).usual(target as f64).unwrap_or(origin.share);
            let hour = slots.slot(target).hour();
            let said = self.say(index, hour, &x, origin.share, usual, common);
            let p_not_full = self.distribution(&said, index, common).at_least(not_full_share(self.capacity));
            let Said { opinions, expected, scale } = said;
            let head = &mut self.heads[index];
            let place = step.rem_euclid(head.horizon) as usize;
            head.pending[place] = Some(Box::new(Pending { x, opinions, expected, scale, p_not_full }));
        }
    }

    /// Takes `share` into what is usual for `slot`.
    pub(crate) fn learn_week(&mut self, slot: Slot, share: f64) {
        let not_full = self.is_not_full(share);
        self.profile.learn(slot, share, not_full);
    }

    /// What was said, as a distribution with the shape of the horizon's errors.
    pub(crate) fn distribution<'a>(
        &'a self,
        said: &Said,
        index: usize,
        common: &'a [Common],
    ) -> Distribution<'a> {
        let (own, common) = (&self.heads[index].shape, &common[index].shape);
        Distribution { expected: said.expected, scale: said.scale, own, common }
    }

    /// The usual error of one horizon.
    pub(crate) fn scale(&self, index: usize, hour: usize, expected: f64) -> f64 {
        self.heads[index].scale.at(hour, expected)
    }

    /// What the models of one horizon say for a target in `hour`.
    pub(crate) fn say(
        &self,
        index: usize,
        hour: usize,
        x: &Features,
        now: f64,
        usual: f64,
        common: &[Common],
    ) -> Said {
        let head = &self.heads[index];
        let keep = (-(head.horizon as f64) / super::features::FADES_AFTER_STEPS).exp();
        let fading = usual + keep * x[super::features::ABOVE_USUAL];
        let opinions =
            [now, fading, now + common[index].hours[hour].predict(x), now + head.hours[hour].predict(x)]
                .map(|opinion| opinion.clamp(0.0, 1.0));
        let expected = head.mixes[hour].combine(&opinions);
        Said { opinions, expected, scale: head.scale.at(hour, expected) }
    }
}

/// What was said for one horizon.
pub(crate) struct Said {
    pub(crate) opinions: Opinions,
    pub(crate) expected: f64,
    pub(crate) scale: f64,
}
