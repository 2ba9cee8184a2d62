//! Tails of distributions, and the cumulative sums that all sequential tests here are.

use serde::{Deserialize, Serialize};

use crate::time::UtcMicros;

/// The logarithm of the chance that a standard normal number exceeds `z`: the continued fraction of Mills' ratio
/// (Abramowitz and Stegun 26.2.14), good to 1 % from 1 on. Below 1 it is no evidence and not more than a half.
pub(super) fn ln_normal_tail(z: f64) -> f64 {
    if z < 1.0 {
        return -(z.max(0.0)) - 0.69;
    }
    let mills = 1.0 / (z + 1.0 / (z + 2.0 / (z + 3.0 / (z + 4.0 / (z + 5.0 / (z + 1.0))))));
    -0.5 * z * z - 0.5 * std::f64::consts::TAU.ln() + mills.ln()
}

/// The logarithm of the chance that a number of Student's distribution exceeds `t`, by way of the normal number of the
/// same chance (Wallace 1959, "Bounds on normal approximations to Student's").
pub(super) fn ln_student_tail(t: f64, freedom: f64) -> f64 {
    let z = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0) * (freedom * (1.0 + t * t / freedom).ln()).sqrt();
    ln_normal_tail(if t < 0.0 { -z } else { z })
}

/// Page's cumulative sum (Page 1954, "Continuous inspection schemes"): log-likelihood ratios add up, never below zero,
/// and where the sum last left zero is the likeliest moment of the change. It does not rise above twice its limit, so
/// that as much evidence against the fault ends it as raised it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cusum {
    sum: f32,
    /// Since 1970, seconds.
    since_s: u32,
}

impl Cusum {
    pub(super) fn add(&mut self, at: UtcMicros, log_ratio: f64, limit: f64) {
        if self.sum <= 0.0 {
            self.since_s = at.age_s(UtcMicros::EPOCH) as u32;
        }
        self.sum = (self.sum + log_ratio as f32).clamp(0.0, 2.0 * limit as f32);
    }

    pub(super) fn sum(&self) -> f64 {
        f64::from(self.sum)
    }

    pub(super) fn since(&self) -> UtcMicros {
        UtcMicros::from_unix_s(i64::from(self.since_s))
    }
}

/// Mean and variance of numbers, one by one (Welford 1962); beyond `most` of them old ones weigh less and less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) n: f32,
    pub(super) mean: f32,
    /// Sum of squared deviations.
    pub(super) squares: f32,
}

impl Moments {
    pub(super) fn add(&mut self, x: f64, most: f32) {
        if self.n >= most {
            let keep = (most - 1.0) / self.n;
            self.n *= keep;
            self.squares *= keep;
        }
        self.n += 1.0;
        let off = x as f32 - self.mean;
        self.mean += off / self.n;
        self.squares += off * (x as f32 - self.mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_tables() {
        for (z, tail) in [(1.2816, 0.1), (2.3263, 0.01), (3.0902, 1e-3), (4.7534, 1e-6)] {
            let off = ln_normal_tail(z) - f64::ln(tail);
            assert!(off.abs() < 0.02, "{z}: {off}");
        }
        // Quantiles of Student's distribution with 10 and 30 degrees of freedom.
        for (t, freedom, tail) in [(2.764, 10.0, 0.01), (4.144, 10.0, 1e-3), (3.385, 30.0, 1e-3)] {
            let off = ln_student_tail(t, freedom) - f64::ln(tail);
            assert!(off.abs() < 0.05, "{t}: {off}");
        }
    }

    #[test]
    fn a_sum_begins_where_it_left_zero() {
        let at = UtcMicros::from_unix_s;
        let mut sum = Cusum::default();
        sum.add(at(1), -3.0, 10.0);
        sum.add(at(2), 2.0, 10.0);
        sum.add(at(3), -1.0, 10.0);
        assert_eq!((sum.sum(), sum.since()), (1.0, at(2)));
        (4..40).for_each(|s| sum.add(at(s), 2.0, 10.0));
        assert_eq!(sum.sum(), 20.0, "as much against it ends it");
    }
}
