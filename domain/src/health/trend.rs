//! Slow changes: the mean of each day, and a robust line through some days.

use serde::{Deserialize, Serialize};

use crate::time::UtcMicros;

/// Days that a line goes through.
const DAYS: usize = 8;
const DAY_S: f64 = 86_400.0;

/// Daily means of one quantity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trend {
    /// Days since 1970 with their means, the newest last.
    days: [(f32, f32); DAYS],
    known: u8,
    today: u32,
    n: u16,
    mean: f32,
}

impl Trend {
    pub(super) fn add(&mut self, at: UtcMicros, value: f32) {
        let today = (at.seconds_since(UtcMicros::EPOCH).max(0.0) / DAY_S) as u32;
        if today > self.today {
            self.close();
            self.today = today;
        }
        self.n = self.n.saturating_add(1);
        self.mean += (value - self.mean) / f32::from(self.n);
    }

    fn close(&mut self) {
        if self.n > 0 {
            self.days.rotate_left(1);
            self.days[DAYS - 1] = (self.today as f32, self.mean);
            self.known = (self.known + 1).min(DAYS as u8);
        }
        (self.n, self.mean) = (0, 0.0);
    }

    fn known(&self) -> &[(f32, f32)] {
        &self.days[DAYS - usize::from(self.known)..]
    }

    /// The newest mean.
    pub(super) fn newest(&self) -> Option<f32> {
        if self.n > 0 { Some(self.mean) } else { self.known().last().map(|day| day.1) }
    }

    /// Change per day of the line through the whole days: the median of the slopes between any two of them (Theil 1950, Sen
    /// 1968), which up to a quarter of wild days cannot move. `None`: of fewer than four days, or where it does not
    /// clearly fall or rise (Kendall's tau below a half).
    pub(super) fn per_day(&self) -> Option<f32> {
        let days = self.known();
        if days.len() < 4 {
            return None;
        }
        let mut slopes = [0.0_f32; DAYS * (DAYS - 1) / 2];
        let mut n = 0;
        for (i, early) in days.iter().enumerate() {
            for late in &days[i + 1..] {
                slopes[n] = (late.1 - early.1) / (late.0 - early.0).max(1.0);
                n += 1;
            }
        }
        let slopes = &mut slopes[..n];
        let tau = slopes.iter().map(|slope| slope.signum()).sum::<f32>() / n as f32;
        slopes.sort_by(f32::total_cmp);
        (tau.abs() >= 0.5).then(|| slopes[n / 2])
    }

    /// Change per day since the last day that was within `noise` of the usual one (the median): a fall that is too quick for
    /// [`Trend::per_day`]. `None`: it has not fallen by three times that.
    pub(super) fn falls_per_day(&self, noise: f32) -> Option<f32> {
        let (days, newest) = (self.known(), self.newest()?);
        let mut sorted = self.days.map(|day| day.1);
        let sorted = &mut sorted[DAYS - days.len()..];
        sorted.sort_by(f32::total_cmp);
        let usual = *sorted.get(days.len() / 2)?;
        let (day, value) = days.iter().rfind(|day| day.1 >= usual - noise)?;
        (usual - newest >= 3.0 * noise).then(|| (newest - value) / (self.today as f32 - day).max(0.5))
    }

    /// From the first to the last of the days.
    pub(super) fn fall(&self) -> f32 {
        let days = self.known();
        days.first().zip(days.last()).map_or(0.0, |(first, last)| first.1 - last.1)
    }

    /// Begins again: it was changed by hand.
    pub(super) fn forget(&mut self) {
        *self = Trend::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> Trend {
        let mut trend = Trend::default();
        for (day, value) in values.iter().enumerate() {
            trend.add(UtcMicros::from_unix_s(day as i64 * 86_400), *value);
        }
        trend.close();
        trend
    }

    #[test]
    fn a_wild_day_does_not_bend_the_line() {
        let slope = of(&[3.6, 3.5, 3.4, 3.3, 2.0, 3.1, 3.0]).per_day().unwrap();
        assert!((slope + 0.1).abs() < 0.02, "{slope}");
    }

    #[test]
    fn noise_has_no_direction() {
        assert_eq!(of(&[3.6, 3.62, 3.59, 3.61, 3.6, 3.62, 3.58, 3.6]).per_day(), None);
        assert_eq!(of(&[3.6, 3.5, 3.4]).per_day(), None, "too few days");
    }
}
