//! The features of a forecast: numbers that describe a site at its origin, for a target time.

use super::grid::{DAY, Slots, WEEK, steps};
use super::profile::Profile;
use super::recent::Recent;
use crate::time::UtcMicros;

/// The number of features.
pub(crate) const DIM: usize = 22;

/// The models' input: a forecast's origin and target.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Input {
    pub(crate) x: Features,
    pub(crate) echoes: Echoes,
    /// Vacant share at the origin, and what is usual at the target.
    pub(crate) now: f64,
    pub(crate) usual: f64,
    /// How far the origin is above what was usual in the last weeks.
    pub(crate) above_lately: f64,
    /// Local hour of the target.
    pub(crate) hour: usize,
}

impl Input {
    /// How far the origin is above what is usual.
    pub(crate) fn above_usual(&self) -> f64 {
        self.x[ABOVE_USUAL]
    }

    /// What was usual at the target in the last weeks.
    pub(crate) fn usual_lately(&self) -> f64 {
        self.echoes[0]
    }
}

/// In shares of the capacity; what is not known is 0.
pub(crate) type Features = [f64; DIM];

/// Vacant shares at the target's time of day: the usual one lately, then yesterday, a week and two
/// weeks ago.
pub(crate) type Echoes = [f64; 4];

/// Indices of the features that an untrained model uses (see [`prior`]).
const USUAL_CHANGE: usize = 1;
const ABOVE_USUAL: usize = 3;

/// Steps in which an unusual level fades to 1/e, before anything is learned.
pub(crate) const FADES_AFTER_STEPS: f64 = 32.0;

/// The weights of an untrained model: the usual change of the week, plus the fading of what is
/// unusual now.
pub(crate) fn prior(horizon_steps: i64) -> Features {
    let mut weights = [0.0; DIM];
    weights[USUAL_CHANGE] = 1.0;
    weights[ABOVE_USUAL] = (-(horizon_steps as f64) / FADES_AFTER_STEPS).exp() - 1.0;
    weights
}

/// How far all sites together are from usual now, and how much more than half an hour and an hour ago.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Drift([f64; 3]);

impl Drift {
    pub(crate) fn mean(drifts: impl Iterator<Item = Drift>) -> Drift {
        let (mut sum, mut n) = ([0.0; 3], 0.0_f64);
        for Drift(drift) in drifts {
            sum.iter_mut().zip(drift).for_each(|(sum, drift)| *sum += drift);
            n += 1.0;
        }
        Drift(sum.map(|sum| sum / n.max(1.0)))
    }
}

/// A site's memory, read at times in steps; between two quarter-hours straight lines hold.
pub(crate) struct View<'a> {
    pub(crate) recent: &'a Recent,
    pub(crate) profile: &'a Profile,
    pub(crate) slots: &'a Slots,
}

/// The state of a site at the origin of a forecast.
pub(crate) struct Origin {
    t: f64,
    /// Vacant share now.
    pub(crate) share: f64,
    usual: f64,
    usual_lately: f64,
    usual_by_day: f64,
    near: Features,
}

impl Origin {
    /// When, in steps.
    pub(crate) fn t(&self) -> f64 {
        self.t
    }
}

impl View<'_> {
    fn between(&self, t: f64, at_step: impl Fn(i64) -> Option<f64>) -> Option<f64> {
        let step = t.floor();
        let part = t - step;
        let before = at_step(step as i64)?;
        if part < 1e-6 { Some(before) } else { Some(before + part * (at_step(step as i64 + 1)? - before)) }
    }

    /// The slow profile's value.
    pub(crate) fn usual(&self, t: f64) -> Option<f64> {
        self.between(t, |step| Some(f64::from(self.profile.at(self.slots.slot(step))?.slow)))
    }

    fn usual_lately(&self, t: f64) -> Option<f64> {
        self.between(t, |step| Some(f64::from(self.profile.at(self.slots.slot(step))?.fast)))
    }

    fn usual_by_day(&self, t: f64) -> Option<f64> {
        self.between(t, |step| Some(f64::from(self.profile.day(self.slots.slot(step))?.slow)))
    }

    fn share(&self, t: f64) -> Option<f64> {
        self.between(t, |step| self.recent.quarter(step))
    }

    fn above_usual(&self, t: f64) -> Option<f64> {
        Some(self.share(t)? - self.usual(t)?)
    }

    /// This site's part of the common drift at `now`, where its share is `share`.
    pub(crate) fn drift(&self, now: UtcMicros, share: f64) -> Option<Drift> {
        let t = steps(now);
        let above_usual = share - self.usual(t)?;
        let since = |ago: f64| self.above_usual(t - ago).map_or(0.0, |then| above_usual - then);
        Some(Drift([above_usual, since(2.0), since(4.0)]))
    }

    /// The features at `now` that do not depend on the target; `None` where the week is not known.
    pub(crate) fn origin(&self, now: UtcMicros, share: f64, drift: Drift) -> Option<Origin> {
        let t = steps(now);
        let usual = self.usual(t)?;
        let above = share - usual;
        let since = |ago_s: i64| {
            let then = UtcMicros(now.0).plus_s(-ago_s);
            self.recent.reading(then).map_or(0.0, |then| share - then)
        };
        let above_since = |ago: f64| self.above_usual(t - ago).map_or(0.0, |then| above - then);
        let usual_by_day = self.usual_by_day(t)?;
        let mut near = [0.0; DIM];
        near[0] = 0.1;
        near[ABOVE_USUAL] = above;
        near[5] = since(300);
        near[6] = since(600);
        near[7] = above_since(1.0);
        near[8] = above_since(2.0);
        near[9] = above_since(4.0);
        near[14] = self.above_usual(t - 4.0).zip(self.above_usual(t - 8.0)).map_or(0.0, |(a, b)| a - b);
        [near[17], near[15], near[16]] = drift.0;
        near[21] = share - usual_by_day;
        near[18] = share.min(0.1) - 0.05;
        Some(Origin { t, share, usual, usual_lately: self.usual_lately(t)?, usual_by_day, near })
    }

    /// The input for the time `target`, in steps; only data before `origin` is
    /// used. `None` where the week is not known.
    pub(crate) fn input(&self, origin: &Origin, target: f64) -> Option<Input> {
        let usual = self.usual(target)?;
        let (day, week) = (whole(DAY, origin, target), whole(WEEK, origin, target));
        let echoes = [
            self.usual_lately(target),
            self.share(target - day),
            self.share(target - week),
            self.share(target - week - WEEK as f64),
        ];
        Some(Input {
            x: self.features(origin, target, usual)?,
            echoes: echoes.map(|share| share.unwrap_or(usual)),
            now: origin.share,
            usual,
            above_lately: origin.share - origin.usual_lately,
            hour: self.slots.slot(target.floor() as i64).hour(),
        })
    }

    fn features(&self, origin: &Origin, target: f64, usual: f64) -> Option<Features> {
        let Origin { t, .. } = *origin;
        let usual_change = usual - origin.usual;
        let (day, week) = (whole(DAY, origin, target), whole(WEEK, origin, target));
        let change =
            |then: f64, read: &dyn Fn(f64) -> Option<f64>| Some(read(target - then)? - read(t - then)?);
        let mut x = origin.near;
        x[USUAL_CHANGE] = usual_change;
        x[2] = self.usual_lately(target)? - origin.usual_lately;
        x[4] = usual - 0.5;
        x[10] = change(day, &|t| self.above_usual(t)).unwrap_or(0.0);
        x[11] = change(week, &|t| self.share(t)).map_or(0.0, |c| c - usual_change);
        x[12] = change(week + WEEK as f64, &|t| self.share(t)).map_or(0.0, |c| c - usual_change);
        x[13] = self.above_usual(target - day).unwrap_or(0.0);
        x[20] = self.usual_by_day(target)? - origin.usual_by_day;
        x[19] = origin.near[ABOVE_USUAL] * usual;
        Some(x)
    }
}

/// The fewest whole days or weeks (`unit`) by which the target must be moved to be known.
fn whole(unit: i64, origin: &Origin, target: f64) -> f64 {
    ((target - origin.t) / unit as f64).ceil().max(1.0) * unit as f64
}
