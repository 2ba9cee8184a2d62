//! How many messages are usual at a time of the week.
//!
//! Of each hour of the week the counts of the last weeks are kept; their median is what is usual. Half of them may be
//! outages, fairs or floods without moving it far (a breakdown point of one half: Huber and Ronchetti, Robust Statistics,
//! 2nd ed., 1.4), and nothing has to be tuned. While an hour of the week is known from fewer than three weeks, the same hour
//! of other days of its kind counts too (Monday to Friday, Saturday, Sunday), then that of all days, then all hours.
//! Where less than one message an hour comes on average medians are zero, and the mean of all hours counts.
//!
//! Time without messages is judged by the chance that so few come by themselves: a Poisson process whose rate is known
//! with the uncertainty of a Gamma distribution, which together is the negative binomial (Gelman et al., Bayesian Data
//! Analysis, 3rd ed., 2.6). The limit is a silence that comes once in ten years.

use serde::{Deserialize, Serialize};

use crate::health::WeekHour;

/// Hours of a week.
const WEEK: usize = 168;

/// Kinds of days, by hours.
const DAYS: usize = 72;

/// How many counts of each hour are kept.
const DEPTH: usize = 8;

/// So many counts say what is usual.
const ENOUGH: usize = 3;

/// So many hours must be known before anything is said.
const LEAST_HOURS: usize = 24;

/// Shape of the Gamma distribution of rates: its standard deviation is 22 %.
const SHAPE: f64 = 20.0;

/// A silence as long as the limit may come once in so many hours: ten years.
const ONCE_IN_H: f64 = 87_600.0;

/// No count yet.
const NONE: i32 = -1;

/// The counts of past hours, by hour of the week or by hour and kind of day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// [`DEPTH`] for each slot, the newest first.
    counts: Vec<i32>,
}

/// The hour of the week and the hour of the kind of day that an hour belongs to.
const fn slots(at: WeekHour) -> (usize, usize) {
    let (weekday, hour) = (at.weekday as usize % 7, at.hour as usize % 24);
    let kind = match weekday {
        5 => 1,
        6 => 2,
        _ => 0,
    };
    (weekday * 24 + hour, kind * 24 + hour)
}

fn median(mut counts: Vec<i32>) -> Option<f64> {
    if counts.is_empty() {
        return None;
    }
    counts.sort_unstable();
    let upper = f64::from(counts[counts.len() / 2]);
    let lower = f64::from(counts[(counts.len() - 1) / 2]);
    Some((lower + upper) / 2.0)
}

impl Usual {
    /// By hour of the week: for what has a rhythm of its own on each day.
    pub fn of_weeks() -> Self {
        Usual { counts: vec![NONE; WEEK * DEPTH] }
    }

    /// By hour and kind of day: learned sooner, and less than half as large.
    pub fn of_days() -> Self {
        Usual { counts: vec![NONE; DAYS * DEPTH] }
    }

    fn slot(&self, at: WeekHour) -> usize {
        let (of_week, of_days) = slots(at);
        if self.counts.len() == WEEK * DEPTH { of_week } else { of_days }
    }

    fn known(&self, slot: usize) -> impl Iterator<Item = i32> + '_ {
        let of_slot = self.counts.get(slot * DEPTH..(slot + 1) * DEPTH).unwrap_or_default();
        of_slot.iter().copied().filter(|count| *count != NONE)
    }

    /// Learns that so many messages came in an hour.
    pub fn learn(&mut self, at: WeekHour, messages: u32) {
        let slot = self.slot(at);
        if let Some(of_slot) = self.counts.get_mut(slot * DEPTH..(slot + 1) * DEPTH) {
            of_slot.rotate_right(1);
            of_slot[0] = i32::try_from(messages).unwrap_or(i32::MAX);
        }
    }

    /// How many messages an hour are usual then; `None`: too little is known.
    pub fn per_h(&self, at: WeekHour) -> Option<f64> {
        if !self.is_known() {
            return None;
        }
        let mean = self.mean_per_h();
        if mean < 1.0 {
            return Some(mean);
        }
        let hour = usize::from(at.hour % 24);
        let days = self.counts.len() / DEPTH / 24;
        let of_days = |days: &[usize]| -> Vec<i32> {
            days.iter().flat_map(|day| self.known(day * 24 + hour)).collect()
        };
        let own = self.slot(at) / 24;
        let kind: Vec<usize> = if days == 7 && own < 5 { (0..5).collect() } else { vec![own] };
        let every: Vec<usize> = (0..days).collect();
        let enough = |days: &[usize], enough| Some(of_days(days)).filter(|counts| counts.len() >= enough);
        enough(&[own], ENOUGH)
            .or_else(|| enough(&kind, ENOUGH))
            .or_else(|| enough(&every, 1))
            .and_then(median)
            .or_else(|| median(self.counts.iter().copied().filter(|count| *count != NONE).collect()))
    }

    /// Whether enough is known to say anything.
    pub fn is_known(&self) -> bool {
        self.counts.iter().filter(|count| **count != NONE).count() >= LEAST_HOURS
    }

    /// How many messages an hour are usual on average; 0: nothing is known.
    pub fn mean_per_h(&self) -> f64 {
        let known = self.counts.iter().filter(|count| **count != NONE);
        let (sum, hours) = known.fold((0.0, 0.0), |(sum, hours), n| (sum + f64::from(*n), hours + 1.0));
        if hours > 0.0 { sum / hours } else { 0.0 }
    }

    /// Whether it is what one of these functions makes, and not of another version.
    pub(super) fn has_shape_of(&self, other: &Usual) -> bool {
        self.counts.len() == other.counts.len()
    }
}

/// How many messages may be missing at this rate before it is no chance any more: see the module's description.
pub fn most_missing(per_h: f64) -> f64 {
    let spells = (ONCE_IN_H * per_h).max(100.0);
    SHAPE * ((spells.ln() / SHAPE).exp() - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(weekday: u8, hour: u8) -> WeekHour {
        WeekHour { weekday, hour }
    }

    #[test]
    fn outages_and_floods_of_some_weeks_do_not_move_what_is_usual() {
        let mut usual = Usual::of_weeks();
        for week in 0..8 {
            for weekday in 0..7 {
                for hour in 0..24 {
                    let count = match (week, weekday, hour) {
                        (2, ..) => 0,
                        (4, ..) => 1_000_000,
                        (_, 5.., _) => 20,
                        (_, _, 6..) => 600,
                        _ => 40,
                    };
                    usual.learn(at(weekday, hour), count);
                }
            }
        }
        assert_eq!(usual.per_h(at(0, 9)), Some(600.0));
        assert_eq!(usual.per_h(at(0, 3)), Some(40.0));
        assert_eq!(usual.per_h(at(6, 9)), Some(20.0));
    }

    #[test]
    fn what_is_not_known_yet_is_taken_from_days_of_its_kind() {
        let mut usual = Usual::of_weeks();
        assert_eq!(usual.per_h(at(0, 9)), None);
        // Three working days.
        for weekday in 0..3 {
            for hour in 0..24 {
                usual.learn(at(weekday, hour), if hour < 6 { 0 } else { 100 });
            }
        }
        assert_eq!(usual.per_h(at(4, 9)), Some(100.0));
        assert_eq!(usual.per_h(at(4, 3)), Some(0.0), "the night is quiet");
        // No Saturday was seen: any day is better than nothing.
        assert_eq!(usual.per_h(at(5, 9)), Some(100.0));
    }

    #[test]
    fn rare_messages_have_a_mean() {
        let mut usual = Usual::of_days();
        for day in 0..8 {
            for hour in 0..24 {
                usual.learn(at(day % 7, hour), u32::from(hour == 6));
            }
        }
        let per_h = usual.per_h(at(0, 14)).unwrap();
        assert!((per_h - 1.0 / 24.0).abs() < 1e-9);
        // A daily message may be missing for ten days.
        assert!((8.0..14.0).contains(&most_missing(per_h)), "{}", most_missing(per_h));
    }

    #[test]
    fn a_silence_as_long_as_the_limit_comes_once_in_ten_years() {
        for per_h in [1.0, 12.0, 180.0, 3_600.0] {
            let missing = most_missing(per_h);
            let chance = (1.0 + missing / SHAPE).powf(-SHAPE);
            assert!((chance * per_h * ONCE_IN_H - 1.0).abs() < 1e-6, "{per_h}");
            // Never more than twice what a known rate would need.
            assert!(missing > (per_h * ONCE_IN_H).ln() && missing < 2.0 * (per_h * ONCE_IN_H).ln());
        }
    }
}
