//! The recent readings of a site.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::grid::{DAY, WEEK, instant};
use crate::time::UtcMicros;

/// Quarter-hours kept: the features look two weeks and a few hours back.
const KEPT: i64 = 2 * WEEK + 2 * DAY;
/// Readings kept one by one, for the last minutes' trend; more often than twice a minute adds
/// nothing.
const READINGS: usize = 64;

/// Vacant shares: the newest readings, and one value a quarter-hour.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Recent {
    /// Seconds for which a reading holds without a newer one.
    hold_s: i64,
    readings: VecDeque<(UtcMicros, f32)>,
    head: i64,
    quarters: Vec<Cell>,
}

/// A share in 1/65,534, half the memory of a number; the highest value is "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Cell(u16);

impl Cell {
    const NONE: Cell = Cell(u16::MAX);

    fn of(share: Option<f64>) -> Cell {
        share.map_or(Cell::NONE, |s| Cell((s.clamp(0.0, 1.0) * 65_534.0).round() as u16))
    }

    fn share(self) -> Option<f64> {
        (self != Cell::NONE).then(|| f64::from(self.0) / 65_534.0)
    }
}

impl Recent {
    pub(crate) fn new(hold_s: i64) -> Self {
        Recent { hold_s, readings: VecDeque::new(), head: 0, quarters: vec![Cell::NONE; KEPT as usize] }
    }

    /// Takes in a reading; one that is older than the newest is dropped. `None`: the site is
    /// unknown from now on.
    pub(crate) fn observe(&mut self, at: UtcMicros, share: Option<f64>) {
        if self.readings.back().is_some_and(|(newest, _)| *newest > at) {
            return;
        }
        match share {
            Some(share) => self.readings.push_back((at, share as f32)),
            None => self.readings.clear(),
        }
        if self.readings.len() > READINGS {
            self.readings.pop_front();
        }
    }

    /// Whether a reading observed at `observed_at` still holds at `now`.
    pub(crate) fn holds(&self, observed_at: UtcMicros, now: UtcMicros) -> bool {
        now.seconds_since(observed_at) < self.hold_s as f64
    }

    /// The reading that holds at `at`.
    pub(crate) fn reading(&self, at: UtcMicros) -> Option<f64> {
        let (observed_at, share) = self.readings.iter().rev().find(|(observed_at, _)| *observed_at <= at)?;
        self.holds(*observed_at, at).then_some(f64::from(*share))
    }

    /// Closes the quarter-hour `step` (the one after the last) and returns its value.
    pub(crate) fn close(&mut self, step: i64) -> Option<f64> {
        if step - self.head > KEPT || step <= self.head {
            self.quarters.fill(Cell::NONE);
        } else {
            for skipped in self.head + 1..step {
                self.set(skipped, Cell::NONE);
            }
        }
        self.head = step;
        let cell = Cell::of(self.reading(instant(step)));
        self.set(step, cell);
        cell.share()
    }

    fn set(&mut self, step: i64, cell: Cell) {
        self.quarters[step.rem_euclid(KEPT) as usize] = cell;
    }

    /// The value of a quarter-hour that is closed and still kept.
    pub(crate) fn quarter(&self, step: i64) -> Option<f64> {
        let is_kept = step <= self.head && self.head - step < KEPT;
        is_kept.then(|| self.quarters[step.rem_euclid(KEPT) as usize].share()).flatten()
    }
}
