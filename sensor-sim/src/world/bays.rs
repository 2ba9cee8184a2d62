//! A bay: vacant until an arrival, occupied until the stay is over.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::clock::{LocalClock, LocalTime, us};
use crate::demand::Usage;
use crate::random::{exponential, stream};

/// No gap is shorter: one car leaves before the next one enters, seconds.
const LEAST_GAP_S: f64 = 25.0;
/// Nothing changes before everything has reported how it stands, seconds.
const QUIET_START_S: f64 = 1.5;
/// Where the search for the next arrival gives up: the rate is zero all week.
const NEVER_S: f64 = 30.0 * 86_400.0;

/// The true state of one bay and its own randomness.
#[derive(Debug)]
pub(crate) struct BayProcess {
    rng: ChaCha8Rng,
    usage: Usage,
    /// The most arrivals per hour in a week.
    peak: f64,
    pub(crate) occupied: bool,
    /// Raised by every report, so that an overtaken heartbeat is known as such.
    pub(crate) reports: u32,
}

impl BayProcess {
    /// A bay at the start, and when it will first change.
    pub(crate) fn start(seed: u64, index: usize, usage: Usage, clock: &impl LocalClock) -> (Self, i64) {
        let mut rng = stream(seed, "bay", index as u64);
        let occupied = rng.random_bool(usage.occupancy(clock.local(0)));
        let peak = peak_per_h(|at| usage.arrivals_per_vacant_h(at));
        let mut bay = Self { rng, usage, peak, occupied, reports: 0 };
        let first_change = if occupied {
            us(usage.residual_stay_s(&mut bay.rng).max(QUIET_START_S))
        } else {
            bay.next_arrival(us(QUIET_START_S), clock)
        };
        (bay, first_change)
    }

    /// Changes the state; returns when it will change again.
    pub(crate) fn change(&mut self, now: i64, clock: &impl LocalClock) -> i64 {
        self.occupied = !self.occupied;
        if self.occupied { now + us(self.stay_s()) } else { self.next_arrival(now + us(LEAST_GAP_S), clock) }
    }

    /// How long a vehicle stays, seconds.
    pub(crate) fn stay_s(&mut self) -> f64 {
        self.usage.stay_s(&mut self.rng)
    }

    /// A share of the first second, and of the first heartbeat.
    pub(crate) fn share(&mut self) -> f64 {
        self.rng.random()
    }

    fn next_arrival(&mut self, from: i64, clock: &impl LocalClock) -> i64 {
        let usage = self.usage;
        next_arrival(&mut self.rng, from, clock, self.peak, |at| usage.arrivals_per_vacant_h(at))
    }
}

/// The highest rate of a week, with some room for what lies between the half hours.
pub(crate) fn peak_per_h(rate_per_h: impl Fn(LocalTime) -> f64) -> f64 {
    let half_hours = 0..7 * 24 * 2;
    let times = half_hours.map(|n| LocalTime { weekday: (n / 48) as u8, hour: f64::from(n % 48) / 2.0 });
    times.map(rate_per_h).fold(0.0, f64::max).max(1e-6) * 1.2
}

/// The next event of a Poisson process whose rate (per hour) changes with the hour of the week and
/// stays below `peak`, by thinning (Lewis and Shedler 1979).
pub(crate) fn next_arrival(
    rng: &mut impl Rng,
    from: i64,
    clock: &impl LocalClock,
    peak: f64,
    rate_per_h: impl Fn(LocalTime) -> f64,
) -> i64 {
    let mut at = from;
    while at < from + us(NEVER_S) {
        at += us(exponential(rng, peak) * 3_600.0);
        if rng.random::<f64>() * peak < rate_per_h(clock.local(at)) {
            return at;
        }
    }
    at
}
