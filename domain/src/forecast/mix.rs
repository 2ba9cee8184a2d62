//! Several forecasters at once: who was right lately is listened to.

use serde::{Deserialize, Serialize};

/// How many there are: the sign now, the usual week, the last weeks, all sites' model for the hour,
/// the site's own for any hour, and its own for the hour.
pub(crate) const EXPERTS: usize = 6;

/// What each says.
pub(crate) type Opinions = [f64; EXPERTS];

/// The one that repeats what the sign says now.
pub(crate) const SIGN: usize = 0;

/// How fast the errors follow: about the last hundred forecasts of an hour of the day count.
const RATE: f32 = 0.01;
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
        // Before anything is known the usual week leads.
        Mix { errors: [0.06, 0.05, 0.05, 0.05, 0.05, 0.06], learned: 0 }
    }
}

impl Mix {
    pub(crate) fn combine(&self, opinions: &Opinions) -> f64 {
        let best = f64::from(self.errors.iter().copied().fold(f32::INFINITY, f32::min)).max(1e-6);
        let (mut sum, mut total) = (0.0, 0.0);
        for (opinion, error) in opinions.iter().zip(&self.errors) {
            let weight = (-SHARPNESS * (f64::from(*error) / best - 1.0)).exp();
            sum += weight * opinion;
            total += weight;
        }
        sum / total
    }

    pub(crate) fn learn(&mut self, opinions: &Opinions, truth: f64) {
        self.learned = self.learned.saturating_add(1);
        let rate = RATE.max(1.0 / f32::from(self.learned));
        for (opinion, error) in opinions.iter().zip(&mut self.errors) {
            *error += rate * ((opinion - truth).abs() as f32 - *error);
        }
    }
}
