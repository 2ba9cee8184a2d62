//! The contribution of intervals to the sums of hours.
//!
//! All sums are whole microseconds, so that an interval that is added and later subtracted
//! leaves nothing behind: sums that are updated incrementally equal those computed from scratch.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::bay_intervals::BayInterval;
use super::count_intervals::CountInterval;
use super::timeline::{Span, Timeline};
use crate::bay_state::BayState;
use crate::ids::ScopeId;
use crate::time::{MICROS_PER_S, UtcMicros};

/// Peaks and quantiles are those of the occupancy in steps of five minutes.
pub const SLICE_US: i64 = 300 * MICROS_PER_S;
/// Slices of an hour.
pub const SLICES: usize = 12;
/// Microseconds of an hour.
pub const HOUR_US: i64 = 3_600 * MICROS_PER_S;
/// Quarters of an hour, in which arrivals and departures are counted.
pub const QUARTERS: usize = 4;

const QUARTER_US: i64 = HOUR_US / QUARTERS as i64;

/// One hour of a scope. Of bays, `occupied_us` is space-microseconds; of counted sites too, and
/// `observed_us` is their capacity over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HourSums {
    /// Space-microseconds in which spaces were occupied, by slice.
    pub occupied_us: [i64; SLICES],
    /// Space-microseconds in which the state was known, by slice.
    pub observed_us: [i64; SLICES],
    /// Space-microseconds in which a counted site stated that it was closed.
    pub closed_us: i64,
    /// Cars that came, by quarter.
    pub arrivals: [i32; QUARTERS],
    /// Cars that left, by quarter.
    pub departures: [i32; QUARTERS],
}

impl HourSums {
    /// Whether nothing counts in it.
    pub fn is_zero(&self) -> bool {
        *self == HourSums::default()
    }

    /// Adds the sums of the same hour of others.
    pub fn add(&mut self, other: &HourSums) {
        for i in 0..SLICES {
            self.occupied_us[i] += other.occupied_us[i];
            self.observed_us[i] += other.observed_us[i];
        }
        for i in 0..QUARTERS {
            self.arrivals[i] += other.arrivals[i];
            self.departures[i] += other.departures[i];
        }
        self.closed_us += other.closed_us;
    }

    /// Takes a part of some slices out; of what is counted by the quarter, the part of each quarter in which they lie.
    pub fn take_out(&mut self, part: &HourSums, slices: &[bool; SLICES]) {
        for slice in (0..SLICES).filter(|slice| slices[*slice]) {
            self.occupied_us[slice] -= part.occupied_us[slice];
            self.observed_us[slice] -= part.observed_us[slice];
        }
        for (quarter, slices) in slices.chunks(SLICES / QUARTERS).enumerate() {
            if slices.contains(&true) {
                self.arrivals[quarter] -= part.arrivals[quarter];
                self.departures[quarter] -= part.departures[quarter];
            }
        }
    }
}

/// Changes of hours, by scope and hour (hours since 1970).
#[derive(Debug, Default)]
pub struct Delta(pub FxHashMap<(ScopeId, i64), HourSums>);

/// What one microsecond of an interval adds.
#[derive(Clone, Copy)]
struct Weight {
    occupied: i64,
    observed: i64,
    closed: i64,
}

impl Delta {
    /// Adds (`sign` 1) or takes away (-1) what a bay's `intervals` count for within `span`.
    ///
    /// The interval before one decides whether it began with an arrival: pass that too where it
    /// matters.
    pub fn add_bays(&mut self, intervals: &[BayInterval], timeline: &Timeline, span: Span, sign: i64) {
        for (i, interval) in intervals.iter().enumerate() {
            let occupied = match interval.state {
                BayState::Unknown => continue,
                BayState::Vacant => 0,
                BayState::Occupied => 1,
            };
            let weight = Weight { occupied: sign * occupied, observed: sign, closed: 0 };
            self.add_span(Span { from: interval.from, until: interval.until }.within(span), timeline, weight);
            let Some(before) = i.checked_sub(1).map(|i| &intervals[i]) else { continue };
            if before.until != interval.from || !span.contains(interval.from) {
                continue;
            }
            match (before.state, interval.state) {
                (BayState::Vacant, BayState::Occupied) => {
                    self.add_passages(interval.from, timeline, sign as i32, 0)
                }
                (BayState::Occupied, BayState::Vacant) => {
                    self.add_passages(interval.from, timeline, 0, sign as i32)
                }
                _ => {}
            }
        }
    }

    /// Adds or takes away what a counted site's `intervals` count for within `span`.
    pub fn add_counts(&mut self, intervals: &[CountInterval], timeline: &Timeline, span: Span, sign: i64) {
        for interval in intervals {
            let capacity = i64::from(interval.capacity.max(0));
            let weight = match (interval.is_closed, interval.occupied) {
                (true, _) => Weight { occupied: 0, observed: 0, closed: sign * capacity },
                (false, None) => continue,
                (false, Some(n)) => {
                    let occupied = sign * i64::from(n).clamp(0, capacity);
                    Weight { occupied, observed: sign * capacity, closed: 0 }
                }
            };
            self.add_span(Span { from: interval.from, until: interval.until }.within(span), timeline, weight);
            if span.contains(interval.from) {
                self.add_passages(
                    interval.from,
                    timeline,
                    sign as i32 * interval.entries,
                    sign as i32 * interval.exits,
                );
            }
        }
    }

    fn add_span(&mut self, span: Span, timeline: &Timeline, weight: Weight) {
        if span.is_empty() {
            return;
        }
        let first = timeline.pieces.partition_point(|piece| piece.span.until <= span.from);
        for piece in timeline.pieces[first..].iter().take_while(|piece| piece.span.from < span.until) {
            let span = piece.span.within(span);
            let mut from = span.from.0;
            while from < span.until.0 {
                let hour = from.div_euclid(HOUR_US);
                let until = span.until.0.min((hour + 1) * HOUR_US);
                for scope in &piece.scopes {
                    self.0.entry((*scope, hour)).or_default().add_time(from, until, weight);
                }
                from = until;
            }
        }
    }

    fn add_passages(&mut self, at: UtcMicros, timeline: &Timeline, arrivals: i32, departures: i32) {
        if (arrivals, departures) == (0, 0) {
            return;
        }
        let Some(piece) = timeline.pieces.iter().find(|piece| piece.span.contains(at)) else { return };
        let (hour, quarter) = (at.0.div_euclid(HOUR_US), (at.0.rem_euclid(HOUR_US) / QUARTER_US) as usize);
        for scope in &piece.scopes {
            let sums = self.0.entry((*scope, hour)).or_default();
            sums.arrivals[quarter] += arrivals;
            sums.departures[quarter] += departures;
        }
    }
}

impl HourSums {
    /// Adds `[from, until)`, which lies in one hour.
    fn add_time(&mut self, from: i64, until: i64, weight: Weight) {
        self.closed_us += weight.closed * (until - from);
        if weight.observed == 0 {
            return;
        }
        let begin = from.div_euclid(HOUR_US) * HOUR_US;
        let first = ((from - begin) / SLICE_US) as usize;
        let last = ((until - begin - 1) / SLICE_US) as usize;
        for slice in first..=last {
            let starts = begin + slice as i64 * SLICE_US;
            let us = until.min(starts + SLICE_US) - from.max(starts);
            self.occupied_us[slice] += weight.occupied * us;
            self.observed_us[slice] += weight.observed * us;
        }
    }
}
