//! A counted site: vehicles in and out, never more than fit.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::bays::{next_arrival, peak_per_h};
use crate::clock::{LocalClock, WorldClock, us};
use crate::county::{Counted, GATES, Site};
use crate::demand::Usage;
use crate::random::{binomial, stream};

/// The true count of one site and its own randomness.
#[derive(Debug)]
pub(super) struct SiteProcess {
    rng: ChaCha8Rng,
    usage: Usage,
    capacity: u32,
    /// Hours of the day in which vehicles may enter, Monday to Saturday.
    open: Option<(u8, u8)>,
    pub(super) occupied: u32,
}

impl SiteProcess {
    /// Site number `index` as it stands at the start, and when those who are inside will leave.
    pub(super) fn start(
        seed: u64,
        index: usize,
        site: &Site,
        counted: &Counted,
        clock: &WorldClock,
    ) -> (Self, Vec<i64>) {
        let (capacity, usage, open) = (site.capacity, counted.usage, site.open);
        let mut rng = stream(seed, "counted", index as u64);
        let occupied = binomial(&mut rng, capacity, usage.occupancy(clock.local(0)));
        let exits = (0..occupied).map(|_| us(usage.residual_stay_s(&mut rng) + 1.5)).collect();
        (Self { rng, usage, capacity, open, occupied }, exits)
    }

    /// When the next vehicle will come.
    pub(super) fn next_entry(&mut self, now: i64, clock: &WorldClock) -> i64 {
        let (usage, capacity) = (self.usage, f64::from(self.capacity));
        let rate = |at| usage.arrivals_per_h(at) * capacity;
        next_arrival(&mut self.rng, now, clock, peak_per_h(rate), rate)
    }

    /// A vehicle comes: its gate and when it will leave, or `None` when it is turned away.
    pub(super) fn enter(&mut self, now: i64, clock: &WorldClock) -> Option<(u8, i64)> {
        if self.occupied >= self.capacity || !self.is_open(now, clock) {
            return None;
        }
        self.occupied += 1;
        Some((self.gate(), now + us(self.stay_s())))
    }

    /// A vehicle leaves; returns its gate.
    pub(super) fn leave(&mut self) -> u8 {
        self.occupied = self.occupied.saturating_sub(1);
        self.gate()
    }

    /// How long a vehicle stays, seconds.
    pub(super) fn stay_s(&mut self) -> f64 {
        self.usage.stay_s(&mut self.rng)
    }

    /// Vehicles take all that is vacant; how long each of them stays, seconds.
    pub(super) fn fill(&mut self) -> Vec<f64> {
        let coming = self.capacity.saturating_sub(self.occupied);
        self.occupied = self.occupied.max(self.capacity);
        (0..coming).map(|_| self.stay_s()).collect()
    }

    /// Whether vehicles may enter now (they may always leave).
    pub(super) fn is_open(&self, now: i64, clock: &WorldClock) -> bool {
        let Some((from, until)) = self.open else { return true };
        let at = clock.local(now);
        at.weekday != 6 && (f64::from(from)..f64::from(until)).contains(&at.hour)
    }

    /// A share of the first second, and of the first pause between reports.
    pub(super) fn share(&mut self) -> f64 {
        self.rng.random()
    }

    fn gate(&mut self) -> u8 {
        self.rng.random_range(1..=GATES)
    }
}
