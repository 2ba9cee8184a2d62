//! Numbers that come one by one, of which a bounded part is kept.

/// Numbers kept; then every second one is forgotten, and only every second one that follows is kept.
const MOST: usize = 8_192;

/// Smallest, largest, and quantiles of what was seen. Quantiles rest on an even part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    kept: Vec<f64>,
    every: u64,
    count: u64,
    least: f64,
    most: f64,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { kept: Vec::new(), every: 1, count: 0, least: f64::INFINITY, most: f64::NEG_INFINITY }
    }
}

impl Sample {
    /// Adds a number.
    pub fn push(&mut self, value: f64) {
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
        if self.count.is_multiple_of(self.every) {
            self.kept.push(value);
        }
        self.count += 1;
        if self.kept.len() >= MOST {
            let mut nth = 0;
            self.kept.retain(|_| {
                nth += 1;
                nth % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest and the largest; `None`: there was none.
    pub fn range(&self) -> Option<(f64, f64)> {
        (self.count > 0).then_some((self.least, self.most))
    }

    /// The number below which this share lies (nearest rank); `None`: there was none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.kept.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
        sorted.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_many_numbers_are_those_of_all() {
        let mut sample = Sample::default();
        assert_eq!((sample.range(), sample.quantile(0.5)), (None, None));
        let n = 1_000_000_u32;
        (0..n).for_each(|i| sample.push(f64::from(i.wrapping_mul(7_919) % n)));
        assert!(sample.kept.len() < MOST);
        assert_eq!((sample.count(), sample.range()), (u64::from(n), Some((0.0, f64::from(n - 1)))));
        for share in [0.05, 0.5, 0.95] {
            let quantile = sample.quantile(share).unwrap() / f64::from(n);
            assert!((quantile - share).abs() < 0.01, "{share}: {quantile}");
        }
    }
}
