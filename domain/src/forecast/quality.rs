//! How good forecasts were: mean absolute errors, Brier scores, calibration.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::site::{Outcome, Scored};

/// Sums of the errors of one forecasting method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// Of the vacant share.
    pub absolute: f64,
    /// Of the chance of at least 5 % vacant.
    pub squared_chance: f64,
}

impl Errors {
    fn add(&mut self, prediction: Outcome, truth: Outcome) {
        self.absolute += (prediction.share - truth.share).abs();
        self.squared_chance += (prediction.p_not_full - truth.p_not_full).powi(2);
    }
}

/// Errors of the forecast and of the two baselines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Forecasts whose time has come.
    pub n: u64,
    /// The forecast that was made.
    pub forecast: Errors,
    /// The persistence baseline: the state at the origin.
    pub persistence: Errors,
    /// The mean of the same quarter-hour in all weeks before.
    pub weekly_mean: Errors,
}

impl AddAssign for Errors {
    fn add_assign(&mut self, other: Errors) {
        self.absolute += other.absolute;
        self.squared_chance += other.squared_chance;
    }
}

impl AddAssign for Quality {
    fn add_assign(&mut self, other: Quality) {
        self.n += other.n;
        self.forecast += other.forecast;
        self.persistence += other.persistence;
        self.weekly_mean += other.weekly_mean;
    }
}

impl Quality {
    /// Adds a forecast whose time has come.
    pub fn add(&mut self, scored: &Scored) {
        self.n += 1;
        self.forecast.add(scored.forecast, scored.truth);
        self.persistence.add(scored.persistence, scored.truth);
        self.weekly_mean.add(scored.weekly_mean, scored.truth);
    }

    /// Mean absolute error of one of the [`Errors`], in % of the capacity; `None` without any.
    pub fn mae_pct(&self, errors: &Errors) -> Option<f64> {
        (self.n > 0).then(|| 100.0 * errors.absolute / self.n as f64)
    }

    /// Brier score of "at least 5 % vacant" (Brier 1950): mean squared difference between the
    /// chance and what happened, 0 is perfect; `None` without any.
    pub fn brier(&self, errors: &Errors) -> Option<f64> {
        (self.n > 0).then(|| errors.squared_chance / self.n as f64)
    }
}

/// Predicted chances against what happened, in tenths (Murphy and Winkler 1977).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Each: how many, sum of the chances, how many times it happened.
    bins: [(u64, f64, u64); 10],
}

impl Calibration {
    /// Adds a forecast whose time has come.
    pub fn add(&mut self, scored: &Scored) {
        let p = scored.forecast.p_not_full;
        let (n, chances, happened) = &mut self.bins[((p * 10.0) as usize).min(9)];
        *n += 1;
        *chances += p;
        *happened += u64::from(scored.truth.p_not_full > 0.5);
    }

    /// For each tenth that has any: how many, the mean chance, the share that happened.
    pub fn points(&self) -> impl Iterator<Item = (u64, f64, f64)> {
        let has_any = self.bins.iter().filter(|(n, ..)| *n > 0);
        has_any.map(|&(n, chances, happened)| (n, chances / n as f64, happened as f64 / n as f64))
    }
}

impl AddAssign for Calibration {
    fn add_assign(&mut self, other: Calibration) {
        for (bin, more) in self.bins.iter_mut().zip(other.bins) {
            *bin = (bin.0 + more.0, bin.1 + more.1, bin.2 + more.2);
        }
    }
}
