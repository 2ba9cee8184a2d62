//! The recent data and the models of one site.

use serde::{Deserialize, Serialize};

use super::features::{FADES_AFTER_STEPS, Input, Origin, View, prior};
use super::grid::{Slot, Slots};
use super::health::Screen;
use super::mix::{Mix, Predictions};
use super::profile::Profile;
use super::recent::Recent;
use super::rls::Rls;
use super::sharpen::{ChanceFeatures, Sharpener};
use super::spread::{Distribution, Scale, Shape};
use crate::place::Purpose;

/// How far ahead there is a model, in steps: 15, 30, 60, 120 minutes, 4 and 8 hours, a day, a week.
pub const HORIZONS: [i64; 8] = [1, 2, 4, 8, 16, 32, 96, 672];
/// Hours of the day, each with weights of its own.
const HOURS: usize = 24;
/// A site's own model forgets: about the last 3,300 quarter-hours of an hour of the day count,
/// two years.
const OWN_FORGETTING: f64 = 0.9997;
/// All sites' model sees more.
const COMMON_FORGETTING: f64 = 0.99995;
/// The assumed error of a forecast before anything is learned, in shares of the capacity.
const ASSUMED_ERROR: f64 = 0.03;
/// The share from which a site is not practically full; the event of the Brier scores.
pub const NOT_FULL: f64 = 0.05;
/// Shares whose chances are trained: a space or two, not practically full, plenty.
const PRACTICE: [f64; 3] = [0.01, NOT_FULL, 0.15];

/// Models of all sites together, for one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Common {
    hours: Vec<Rls>,
    mixes: Vec<Mix>,
    shape: Shape,
}

fn untrained(horizon: i64) -> Vec<Rls> {
    vec![Rls::new(&prior(horizon), ASSUMED_ERROR); HOURS]
}

impl Common {
    pub(crate) fn new(horizon: i64) -> Self {
        Common { hours: untrained(horizon), mixes: vec![Mix::default(); HOURS], shape: Shape::default() }
    }
}

/// One site's models for one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    horizon: i64,
    /// For any hour: soon learned; and for each hour.
    any_hour: Rls,
    hours: Vec<Rls>,
    mixes: Vec<Mix>,
    scale: Scale,
    shape: Shape,
    sharpener: Sharpener,
    /// Forecasts whose time has not come, by origin modulo the horizon.
    pending: Vec<Option<Box<Pending>>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    prediction: Prediction,
    p_not_full: f64,
    /// For each of [`PRACTICE`], the chance by the distribution of errors.
    plain: [f64; PRACTICE.len()],
}

/// A forecast whose time has come, with the outcome and the baselines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Steps ahead.
    pub horizon: i64,
    /// What came.
    pub truth: Outcome,
    /// What was forecast.
    pub forecast: Outcome,
    /// The persistence baseline: the state at the origin.
    pub persistence: Outcome,
    /// The plain mean of the same quarter-hour in all weeks before.
    pub weekly_mean: Outcome,
}

/// A vacant share, and the chance that at least [`NOT_FULL`] of the capacity is vacant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Vacant, of the capacity: 0 to 1.
    pub share: f64,
    /// The chance, 0 to 1; of what came 0 or 1.
    pub p_not_full: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SiteModel {
    pub(crate) purpose: Purpose,
    pub(crate) capacity: u32,
    pub(crate) screen: Screen,
    pub(crate) recent: Recent,
    pub(crate) profile: Profile,
    heads: Vec<Head>,
}

/// The least number of spaces that is `share` of `capacity`, as a share again, half a space below: a
/// stored share is a little off the count it came from.
fn least_share(share: f64, capacity: u32) -> f64 {
    let capacity = f64::from(capacity.max(1));
    ((share * capacity).ceil().max(1.0) - 0.5) / capacity
}

impl SiteModel {
    pub(crate) fn new(purpose: Purpose, capacity: u32, hold_s: i64) -> Self {
        let heads = HORIZONS.map(|horizon| Head {
            horizon,
            any_hour: Rls::new(&prior(horizon), ASSUMED_ERROR),
            hours: untrained(horizon),
            mixes: vec![Mix::default(); HOURS],
            scale: Scale::new(ASSUMED_ERROR),
            shape: Shape::empty(),
            sharpener: Sharpener::default(),
            pending: vec![None; horizon as usize],
        });
        SiteModel {
            purpose,
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
        share >= least_share(NOT_FULL, self.capacity)
    }

    fn outcome(&self, share: f64) -> Outcome {
        Outcome { share, p_not_full: f64::from(u8::from(self.is_not_full(share))) }
    }

    /// Learns from the outcome of `step`: `share`, in the slot `slot`.
    pub(crate) fn resolve(
        &mut self,
        step: i64,
        slot: Slot,
        share: Option<f64>,
        common: &mut [Common],
        scored: &mut impl FnMut(Scored),
    ) {
        let hour = slot.hour();
        for (index, common) in common.iter_mut().enumerate() {
            let Some(head) = self.heads.get_mut(index) else { break };
            let Some(pending) = head.pending[step.rem_euclid(head.horizon) as usize].take() else { continue };
            let Some(share) = share else { continue };
            let Pending { prediction, p_not_full, plain } = *pending;
            for (asked, p) in PRACTICE.map(|asked| least_share(asked, self.capacity)).into_iter().zip(plain) {
                head.sharpener.learn(&prediction.features(asked, p), share >= asked);
            }
            let Prediction { input, predictions, expected, scale } = prediction;
            let x = input.x;
            let now = predictions[super::mix::PERSISTENCE];
            head.any_hour.learn(&x, share - now, COMMON_FORGETTING);
            head.hours[hour].learn(&x, share - now, OWN_FORGETTING);
            common.hours[hour].learn(&x, share - now, COMMON_FORGETTING);
            head.mixes[hour].learn(&predictions, share);
            common.mixes[hour].learn(&predictions, share);
            common.shape.learn(expected, (share - expected) / scale);
            head.shape.learn(expected, (share - expected) / scale);
            head.scale.learn(hour, expected, share - expected);
            let usual = self.profile.at(slot);
            scored(Scored {
                horizon: HORIZONS[index],
                truth: self.outcome(share),
                forecast: Outcome { share: expected, p_not_full },
                persistence: self.outcome(now),
                weekly_mean: usual.map_or(self.outcome(now), |q| Outcome {
                    share: f64::from(q.mean),
                    p_not_full: f64::from(q.not_full),
                }),
            });
        }
    }

    /// Makes the forecasts that are scored when their time comes.
    pub(crate) fn foresee(&mut self, step: i64, slots: &Slots, origin: &Origin, common: &[Common]) {
        for index in 0..self.heads.len() {
            let target = step + self.heads[index].horizon;
            let Some(input) = self.view(slots).input(origin, target as f64) else { continue };
            let prediction = self.predict(index, &input, common);
            let p_not_full = self.at_least(least_share(NOT_FULL, self.capacity), &prediction, index, common);
            let around = self.around(index, prediction.input.hour, prediction.expected, common);
            let plain = PRACTICE.map(|asked| around.at_least(least_share(asked, self.capacity)));
            let head = &mut self.heads[index];
            let place = step.rem_euclid(head.horizon) as usize;
            head.pending[place] = Some(Box::new(Pending { prediction, p_not_full, plain }));
        }
    }

    /// Adds `share` to the usual week.
    pub(crate) fn learn_week(&mut self, slot: Slot, share: f64) {
        let not_full = self.is_not_full(share);
        self.profile.learn(slot, share, not_full);
    }

    /// Errors of one horizon around `expected`, for a target in `hour`.
    pub(crate) fn around<'a>(
        &'a self,
        index: usize,
        hour: usize,
        expected: f64,
        common: &'a [Common],
    ) -> Distribution<'a> {
        let head = &self.heads[index];
        let scale = head.scale.at(hour, expected);
        Distribution { expected, scale, own: &head.shape, common: &common[index].shape }
    }

    /// The chance of at least `share`, 0 to 1, never rising with `share`.
    pub(crate) fn at_least(
        &self,
        share: f64,
        prediction: &Prediction,
        index: usize,
        common: &[Common],
    ) -> f64 {
        let p = self.around(index, prediction.input.hour, prediction.expected, common).at_least(share);
        self.heads[index].sharpener.chance(&prediction.features(share, p))
    }

    /// The prediction of the models of one horizon.
    pub(crate) fn predict(&self, index: usize, input: &Input, common: &[Common]) -> Prediction {
        let head = &self.heads[index];
        let (now, hour) = (input.now, input.hour);
        let keep = (-(head.horizon as f64) / FADES_AFTER_STEPS).exp();
        let fading = input.usual + keep * input.above_usual();
        let lately = input.usual_lately() + keep * input.above_lately;
        let all = now + common[index].hours[hour].predict(&input.x);
        let own = now + head.hours[hour].predict(&input.x);
        let any = now + head.any_hour.predict(&input.x);
        let predictions = [now, fading, lately, all, any, own].map(|prediction| prediction.clamp(0.0, 1.0));
        let expected = head.mixes[hour].combine(&predictions, &common[index].mixes[hour]);
        Prediction { input: input.clone(), predictions, expected, scale: head.scale.at(hour, expected) }
    }
}

/// A prediction for one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prediction {
    input: Input,
    predictions: Predictions,
    pub(crate) expected: f64,
    /// How far off that usually is.
    pub(crate) scale: f64,
}

impl Prediction {
    fn features(&self, asked: f64, p: f64) -> ChanceFeatures<'_> {
        let [_, _, _, common, _, own] = self.predictions;
        ChanceFeatures { p, asked, common, own, scale: self.scale, input: &self.input }
    }
}
