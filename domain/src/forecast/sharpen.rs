//! Sharper chances: what the distribution of errors does not know, learned from what happened.

use serde::{Deserialize, Serialize};

use super::features::{DIM, Way};

/// Numbers that fall when more is asked for.
const FALLING: usize = 10;
const HOURS: usize = 24;
const ALL: usize = FALLING + DIM + HOURS;
type Numbers = [f64; ALL];

/// Step of the learning (AdaGrad).
const RATE: f64 = 0.15;
/// Log-odds beyond which a chance is as good as certain: 1 in 3,000.
const CERTAIN: f64 = 8.0;

/// What a chance is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clues<'a> {
    /// Chance by the distribution of errors.
    pub(crate) p: f64,
    /// Vacant share that is asked for.
    pub(crate) asked: f64,
    /// What all sites' model says, and the site's own.
    pub(crate) common: f64,
    pub(crate) own: f64,
    /// Usual error.
    pub(crate) scale: f64,
    pub(crate) way: &'a Way,
}

impl Clues<'_> {
    fn numbers(&self) -> Numbers {
        let scale = self.scale.max(0.005);
        let above = |share: f64, unit: f64| ((share - self.asked) / unit).clamp(-4.0, 4.0) / 4.0;
        let mut numbers = [0.0; ALL];
        numbers[..FALLING].copy_from_slice(&[
            log_odds(self.p),
            above(self.way.now, scale),
            above(self.way.now, 0.02),
            above(self.way.usual, 0.1),
            above(self.common, scale),
            above(self.own, scale),
            above(self.way.echoes[0], 0.05),
            above(self.way.echoes[1], 0.05),
            above(self.way.echoes[2], 0.05),
            above(self.way.echoes[3], 0.05),
        ]);
        for (number, x) in numbers[FALLING..].iter_mut().zip(self.way.x) {
            *number = (x / 0.1_f64).clamp(-4.0, 4.0) / 4.0;
        }
        numbers[FALLING + DIM + self.way.hour % HOURS] = 0.5;
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
/// Singer 2011). The weights of what falls with the number asked for stay at or above 0, so the
/// chance never rises with it.
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

    pub(crate) fn chance(&self, clues: &Clues) -> f64 {
        logistic(self.odds(&clues.numbers()))
    }

    pub(crate) fn learn(&mut self, clues: &Clues, happened: bool) {
        let numbers = clues.numbers();
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
