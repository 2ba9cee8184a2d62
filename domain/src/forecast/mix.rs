//! A weighted average of several experts, by their recent errors.

use serde::{Deserialize, Serialize};

/// The number of experts: persistence (the state now), the usual week, the last weeks, all sites' model for the hour,
/// the site's own for any hour, and its own for the hour.
pub(crate) const EXPERTS: usize = 6;

/// Each expert's prediction.
pub(crate) type Predictions = [f64; EXPERTS];

/// The expert that predicts the state now (persistence).
pub(crate) const PERSISTENCE: usize = 0;

/// The learning rate of the errors: about the last hundred forecasts of an hour of the day count.
const RATE: f32 = 0.01;
/// Forecasts after which a site's own experience of the experts weighs as much as all sites'.
const COMMON_WEIGHT: f64 = 100.0;
/// How strongly the better is preferred: one with 10 % more error has about a seventh of the
/// weight.
const SHARPNESS: f64 = 20.0;

/// Exponentially weighted average of experts by their relative absolute error (Vovk 1990;
/// Cesa-Bianchi and Lugosi, *Prediction, Learning, and Games*, ch. 2), with forgetting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mix {
    errors: [f32; EXPERTS],
    learned: u16,
}

impl Default for Mix {
    fn default() -> Self {
        // Before anything is learned the usual week has the largest weight.
        Mix { errors: [0.06, 0.05, 0.05, 0.05, 0.05, 0.06], learned: 0 }
    }
}

impl Mix {
    /// The average of `predictions`; `common` are the errors of the experts over all sites.
    pub(crate) fn combine(&self, predictions: &Predictions, common: &Mix) -> f64 {
        let (best, best_of_all) = (self.best(), common.best());
        let own = f64::from(self.learned) / (f64::from(self.learned) + COMMON_WEIGHT);
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, prediction) in predictions.iter().enumerate() {
            let excess = f64::from(self.errors[i]) / best - 1.0;
            let excess_of_all = f64::from(common.errors[i]) / best_of_all - 1.0;
            let weight = (-SHARPNESS * (own * excess + (1.0 - own) * excess_of_all)).exp();
            sum += weight * prediction;
            total += weight;
        }
        sum / total
    }

    fn best(&self) -> f64 {
        f64::from(self.errors.iter().copied().fold(f32::INFINITY, f32::min)).max(1e-6)
    }

    pub(crate) fn learn(&mut self, predictions: &Predictions, truth: f64) {
        self.learned = self.learned.saturating_add(1);
        let rate = RATE.max(1.0 / f32::from(self.learned));
        for (prediction, error) in predictions.iter().zip(&mut self.errors) {
            *error += rate * ((prediction - truth).abs() as f32 - *error);
        }
    }
}
