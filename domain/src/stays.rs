//! Stays: from an arrival to the next departure on one bay.

use crate::bay_state::BayState;
use crate::intervals::{BayInterval, Span};
use crate::time::{MICROS_PER_S, UtcMicros};

/// An occupied interval as a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// When the bay was first occupied.
    pub from: UtcMicros,
    /// When it was no longer, or not observed any more.
    pub until: UtcMicros,
    /// It was seen to begin: vacant until then.
    pub arrived: bool,
    /// It was seen to end: vacant from then on.
    pub departed: bool,
}

impl Stay {
    /// How long it was.
    pub fn duration_s(&self) -> f64 {
        self.until.seconds_since(self.from)
    }
}

/// The stays among `intervals` of one bay. The intervals next to the first and last decide whether these begin and end in sight.
pub fn stays(intervals: &[BayInterval]) -> impl Iterator<Item = Stay> + '_ {
    intervals.iter().enumerate().filter(|(_, interval)| interval.state == BayState::Occupied).map(
        |(i, interval)| {
            let is_vacant = |other: &BayInterval| other.state == BayState::Vacant;
            let before = i.checked_sub(1).map(|i| &intervals[i]);
            let after = intervals.get(i + 1);
            Stay {
                from: interval.from,
                until: interval.until,
                arrived: before.is_some_and(|b| is_vacant(b) && b.until == interval.from),
                departed: after.is_some_and(|a| is_vacant(a) && a.from == interval.until),
            }
        },
    )
}

/// Upper ends of the histogram's bins, minutes; the last bin is open.
pub const BINS_MIN: [u32; 7] = [15, 30, 60, 120, 240, 480, 1440];

/// Sums up stays of a group of bays in a period.
#[derive(Debug, Clone, Default)]
pub struct StaySums {
    durations_s: Vec<f32>,
    /// Cut by the period or by unobserved time.
    pub censored: u64,
    /// Shorter than was asked for.
    pub shorter: u64,
    /// Longer than allowed.
    pub overstays: u64,
    /// Arrivals, whether or not the stay ended in sight.
    pub arrivals: u64,
}

/// Figures of stays; `None`: there are none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StayFigures {
    /// Complete stays.
    pub count: u64,
    /// The median of their durations.
    pub median_s: Option<f64>,
    /// The 85th percentile of their durations.
    pub p85_s: Option<f64>,
    /// The 95th percentile of their durations.
    pub p95_s: Option<f64>,
    /// Stays by duration: see [`BINS_MIN`].
    pub histogram: [u64; BINS_MIN.len() + 1],
}

impl StaySums {
    /// Takes in a stay that touches `period`. `overstayed_s` says how much longer than allowed a stay was.
    pub fn add(
        &mut self,
        stay: Stay,
        period: Span,
        min_stay_s: f64,
        is_overstay: impl FnOnce(&Stay) -> bool,
    ) {
        let began_before = stay.from < period.from;
        let is_cut = began_before || stay.until > period.until || !stay.arrived || !stay.departed;
        if is_cut {
            self.censored += 1;
        } else if stay.duration_s() < min_stay_s {
            self.shorter += 1;
            return;
        } else {
            self.durations_s.push(stay.duration_s() as f32);
            self.overstays += u64::from(is_overstay(&stay));
        }
        self.arrivals += u64::from(stay.arrived && !began_before);
    }

    /// Figures of the complete stays. Quantiles are those of the sorted durations (nearest rank).
    pub fn figures(&mut self) -> StayFigures {
        self.durations_s.sort_unstable_by(f32::total_cmp);
        let n = self.durations_s.len();
        let quantile = |part: f64| {
            let rank = ((part * n as f64).ceil() as usize).clamp(1, n.max(1));
            self.durations_s.get(rank - 1).map(|s| f64::from(*s))
        };
        let mut histogram = [0; BINS_MIN.len() + 1];
        for s in &self.durations_s {
            histogram[BINS_MIN.partition_point(|end| f64::from(*s) >= f64::from(*end) * 60.0)] += 1;
        }
        StayFigures {
            count: n as u64,
            median_s: quantile(0.5),
            p85_s: quantile(0.85),
            p95_s: quantile(0.95),
            histogram,
        }
    }
}

/// Stays per bay and day: arrivals by observed bay-time.
pub fn turnover(arrivals: u64, observed_us: i64) -> Option<f64> {
    const DAY_S: f64 = 86_400.0;
    (observed_us > 0).then(|| arrivals as f64 / (observed_us as f64 / MICROS_PER_S as f64 / DAY_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(from: i64, until: i64, state: BayState) -> BayInterval {
        let at = |m: i64| UtcMicros(m * 60 * MICROS_PER_S);
        BayInterval { from: at(from), until: at(until), last_at: at(from), state }
    }

    #[test]
    fn only_what_was_seen_to_begin_and_end_is_measured() {
        use BayState::{Occupied, Vacant};
        let intervals = [
            interval(0, 10, Occupied), // began before anybody looked
            interval(10, 20, Vacant),
            interval(20, 50, Occupied),
            interval(50, 60, Vacant),
            interval(60, 60 + 1, Occupied),
            interval(61, 70, Vacant),
            interval(70, 90, Occupied), // then silence
            interval(200, 230, Occupied),
            interval(230, 240, Vacant),
        ];
        let mut sums = StaySums::default();
        for stay in stays(&intervals) {
            sums.add(stay, Span::EVER, 120.0, |stay| stay.duration_s() > 1_500.0);
        }
        assert_eq!((sums.censored, sums.shorter, sums.overstays, sums.arrivals), (3, 1, 1, 2));
        let figures = sums.figures();
        assert_eq!((figures.count, figures.median_s), (1, Some(1_800.0)));
        assert_eq!(figures.histogram, [0, 0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut sums = StaySums::default();
        for m in 1..=20 {
            let stay =
                Stay { from: UtcMicros(0), until: UtcMicros(m * 60_000_000), arrived: true, departed: true };
            sums.add(stay, Span::EVER, 0.0, |_| false);
        }
        let figures = sums.figures();
        assert_eq!(
            [figures.median_s, figures.p85_s, figures.p95_s],
            [Some(600.0), Some(1_020.0), Some(1_140.0)]
        );
        assert_eq!(turnover(48, 2 * 86_400 * MICROS_PER_S), Some(24.0));
    }
}
