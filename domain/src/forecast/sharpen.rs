//! Calibration of chances by an online logistic regression on the outcomes.

use serde::{Deserialize, Serialize};

use super::features::{DIM, Input};

/// Features that decrease with the requested share.
const FALLING: usize = 10;
const HOURS: usize = 24;
const ALL: usize = FALLING + DIM + HOURS;
type Numbers = [f64; ALL];

/// Step of the learning (AdaGrad).
const RATE: f64 = 0.15;
/// Log-odds beyond which a chance is as good as certain: 1 in 3,000.
const CERTAIN: f64 = 8.0;

/// The inputs of a chance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChanceFeatures<'a> {
    /// Chance by the distribution of errors.
    pub(crate) p: f64,
    /// Vacant share that is asked for.
    pub(crate) asked: f64,
    /// Predictions of the model of all sites, and of the site's own.
    pub(crate) common: f64,
    pub(crate) own: f64,
    /// Usual error.
    pub(crate) scale: f64,
    pub(crate) input: &'a Input,
}

impl ChanceFeatures<'_> {
    fn numbers(&self) -> Numbers {
        let scale = self.scale.max(0.005);
        let above = |share: f64, unit: f64| ((share - self.asked) / unit).clamp(-4.0, 4.0) / 4.0;
        let mut numbers = [0.0; ALL];
        numbers[..FALLING].copy_from_slice(&[
            log_odds(self.p),
            above(self.input.now, scale),
            above(self.input.now, 0.02),
            above(self.input.usual, 0.1),
            above(self.common, scale),
            above(self.own, scale),
            above(self.input.echoes[0], 0.05),
            above(self.input.echoes[1], 0.05),
            above(self.input.echoes[2], 0.05),
            above(self.input.echoes[3], 0.05),
        ]);
        for (number, x) in numbers[FALLING..].iter_mut().zip(self.input.x) {
            *number = (x / 0.1_f64).clamp(-4.0, 4.0) / 4.0;
        }
        numbers[FALLING + DIM + self.input.hour % HOURS] = 0.5;
        numbers
    }
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln().clamp(-CERTAIN, CERTAIN)
}

fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// Logistic regression by online gradient descent with AdaGrad's step sizes (Duchi, Hazan and
/// Singer 2011). The weights of the decreasing features stay at or above 0, so the
/// chance never rises with the requested share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sharpener {
    weights: Vec<f64>,
    squares: Vec<f64>,
}

impl Default for Sharpener {
    fn default() -> Self {
        let mut weights = vec![0.0; ALL];
        weights[0] = 1.0;
        Sharpener { weights, squares: vec![1e-2; ALL] }
    }
}

impl Sharpener {
    fn odds(&self, numbers: &Numbers) -> f64 {
        self.weights.iter().zip(numbers).map(|(w, x)| w * x).sum()
    }

    pub(crate) fn chance(&self, features: &ChanceFeatures) -> f64 {
        logistic(self.odds(&features.numbers()))
    }

    pub(crate) fn learn(&mut self, features: &ChanceFeatures, happened: bool) {
        let numbers = features.numbers();
        let error = logistic(self.odds(&numbers)) - f64::from(u8::from(happened));
        for (i, x) in numbers.iter().enumerate() {
            let gradient = error * x;
            self.squares[i] += gradient * gradient;
            self.weights[i] -= RATE * gradient / self.squares[i].sqrt();
            if i < FALLING {
                self.weights[i] = self.weights[i].max(0.0);
            }
        }
    }
}
