//! Recursive least squares: an online linear model with slow forgetting.

use serde::{Deserialize, Serialize};

use super::features::{DIM, Features};

/// Entries of a symmetric matrix of [`DIM`] rows.
const PACKED: usize = DIM * (DIM + 1) / 2;
/// How freely the weights may leave their start before anything is learned.
const FREEDOM: f64 = 20.0;
/// Trace beyond which nothing more is forgotten: directions that never occur would only amplify
/// noise.
const MOST_FREE: f64 = 1e5;
/// An error counts as at most this many times the usual one (Huber): a single jump must not
/// bend the model.
const ROBUST: f64 = 3.0;
/// The learning rate of the usual error.
const SCALE_RATE: f64 = 0.01;

/// Weights of [`Features`] by recursive least squares with exponential forgetting and clipped
/// errors.
///
/// With gain `k = P x / (λ + xᵀ P x)`: `w += k e`, `P = (P - k xᵀ P) / λ` (Ljung, *System
/// Identification*, ch. 11; clipping after Huber, *Robust Statistics*, ch. 7).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rls {
    weights: Vec<f64>,
    /// Lower triangle of P, row by row; empty until the first error, for most cells of a young
    /// site are.
    freedom: Vec<f64>,
    usual_error: f64,
}

impl Rls {
    /// Starts from `weights`, with the usual error in shares of the capacity.
    pub(crate) fn new(weights: &Features, usual_error: f64) -> Self {
        Rls { weights: weights.to_vec(), freedom: Vec::new(), usual_error }
    }

    pub(crate) fn predict(&self, x: &Features) -> f64 {
        self.weights.iter().zip(x).map(|(w, x)| w * x).sum()
    }

    /// Learns that `x` led to `target`; the last `1 / (1 - forgetting)` count.
    pub(crate) fn learn(&mut self, x: &Features, target: f64, forgetting: f64) {
        if self.freedom.is_empty() {
            self.freedom = vec![0.0; PACKED];
            (0..DIM).for_each(|i| self.freedom[i * (i + 3) / 2] = FREEDOM);
        }
        let error = target - self.predict(x);
        let clipped = error.clamp(-ROBUST * self.usual_error, ROBUST * self.usual_error);
        // 1.25 makes a mean absolute error a standard deviation (normal distribution).
        let seen = (1.25 * error.abs()).min(2.0 * ROBUST * self.usual_error);
        self.usual_error = (self.usual_error + SCALE_RATE * (seen - self.usual_error)).max(1e-4);

        let px = self.times(x);
        let denominator = forgetting + x.iter().zip(&px).map(|(x, p)| x * p).sum::<f64>();
        let trace: f64 = (0..DIM).map(|i| self.freedom[i * (i + 3) / 2]).sum();
        let grow = if trace < MOST_FREE { 1.0 / forgetting } else { 1.0 };
        let mut row = 0;
        for i in 0..DIM {
            let gain = px[i] / denominator;
            self.weights[i] += gain * clipped;
            for (p, pxj) in self.freedom[row..=row + i].iter_mut().zip(&px) {
                *p = (*p - gain * pxj) * grow;
            }
            row += i + 1;
        }
    }

    fn times(&self, x: &Features) -> Features {
        let mut product = [0.0; DIM];
        let mut row = 0;
        for i in 0..DIM {
            let (above, diagonal) = self.freedom[row..=row + i].split_at(i);
            let mut sum = diagonal[0] * x[i];
            for (j, p) in above.iter().enumerate() {
                sum += p * x[j];
                product[j] += p * x[i];
            }
            product[i] += sum;
            row += i + 1;
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_world_is_learned() {
        let mut rls = Rls::new(&[0.0; DIM], 0.1);
        let truth = |x: &Features| 0.5 * x[0] - 0.3 * x[3] + 0.2 * x[DIM - 1];
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f64 / (1u64 << 24) as f64 - 0.5
        };
        for _ in 0..2000 {
            let x: Features = std::array::from_fn(|_| next());
            rls.learn(&x, truth(&x), 0.9997);
        }
        let x: Features = std::array::from_fn(|_| next());
        assert!((rls.predict(&x) - truth(&x)).abs() < 1e-3);
    }
}
