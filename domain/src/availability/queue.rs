//! The chance of a vacant space at the arrival, from the live state and its rate of change alone.
//!
//! - A place whose bays are sensed: each bay is a two-state chain. A vacant one is taken at rate
//!   `l`, an occupied one left at rate `m`; the chance that it is vacant after `t` is
//!   `q + (s - q) exp(-(l + m) t)`, with `q = m / (l + m)` and `s` 1 if it is vacant now, else 0.
//!   At least one of many is vacant with `1 - product(1 - p)`.
//! - A counted place: cars come at rate `L` and each stays `1 / m` on average (M/M/C/C). Of the
//!   `n` cars that are there, each is still there after `t` with `a = exp(-m t)`; those that came
//!   since are Poisson with mean `L / m (1 - a)`. Their sum, cut off at the capacity, is exact for
//!   `t = 0` and, in the limit, Erlang's loss formula; in between it is an approximation. The sum's
//!   distribution is taken as normal, with a continuity correction. Nearly full places change too
//!   quickly for that: for them, if few cars come and go until then, the chain itself is solved
//!   (uniformisation: Jensen 1953).
//!
//! Both depend on the horizon alone: the farther ahead, the closer to the usual state and the wider
//! the interval.

use super::Supply;
use crate::forecast::{Basis, Chance};
use crate::place::SiteKind;

/// How fast a place changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flow {
    /// How long a car stays on average, seconds.
    pub stay_s: f64,
    /// Cars that come, per second.
    pub arrivals_per_s: f64,
}

/// The flow is known to within this factor: one site's rate differs so much between hours of a day.
const FLOW_FACTOR: f64 = 2.0;

/// In a full place the cars that wait, circle or come again are on top of those that usually come:
/// a space that is left is taken so many times as fast as spaces are left.
const CONTESTED: f64 = 6.0;

/// Arrivals and departures until the car comes, up to which the chain is solved.
const MAX_STEPS: f64 = 400.0;
/// States below the capacity that are looked at then: no place empties farther in so few steps.
const MAX_STATES: usize = 160;

/// No chance is reported as certain: what is known is some seconds old even at the gate.
pub(crate) const MOST: f64 = 0.99;

/// From the gate or the first space to driving past spaces, seconds: barrier and ramp.
const ENTER_CAR_PARK_S: f64 = 30.0;
/// As [`ENTER_CAR_PARK_S`], where one turns in from the street.
const ENTER_LOT_S: f64 = 10.0;
/// Driving past one space at 10 km/h and 2.5 m a space, seconds.
const PASS_SPACE_S: f64 = 0.9;
/// As [`PASS_SPACE_S`] at the kerb, where a space is 6 m long.
const PASS_KERB_SPACE_S: f64 = 2.2;
/// The longest that anybody searches in one place, seconds.
const MOST_SEARCH_S: f64 = 600.0;

/// How long a car stays on average where nothing else is known, seconds (after the German handbook
/// of parking EAR 05: short stays at the kerb, a working day at park-and-ride).
pub(super) fn usual_stay_s(kind: SiteKind) -> f64 {
    match kind {
        SiteKind::OnStreet => 3_600.0,
        SiteKind::Lot => 5_400.0,
        SiteKind::CarPark | SiteKind::Underground => 7_200.0,
        SiteKind::ParkAndRide => 28_800.0,
    }
}

impl Flow {
    /// The flow of a place that fills by `filling_per_s` cars a second (negative: it empties): usual departures are
    /// replaced, and the filling comes on top.
    pub(super) fn of(supply: Supply, stay_s: f64, filling_per_s: f64) -> Flow {
        // An empty place gets cars too: some of its spaces in the course of a stay.
        let leaving = f64::from(supply.occupied()).max(f64::from(supply.known()) * 0.1) / stay_s;
        let usual = (leaving + filling_per_s).max(0.0);
        let arrivals_per_s = if supply.vacant() == 0 { usual.max(leaving * CONTESTED) } else { usual };
        Flow { stay_s, arrivals_per_s }
    }
}

/// The chance that a car which comes `horizon_s` after the place was last seen finds a vacant space; `low` and `high`
/// for a flow between half and twice the assumed one. `None` when nothing is known.
pub(super) fn chance(supply: Supply, flow: Flow, horizon_s: f64) -> Option<Chance> {
    let horizon_s = horizon_s.max(0.0);
    if supply.known() == 0 {
        return None;
    }
    let of = |factor: f64| {
        let flow = Flow { arrivals_per_s: flow.arrivals_per_s * factor, ..flow };
        match supply {
            Supply::Bays { vacant, occupied, .. } => of_bays(vacant, occupied, flow, horizon_s),
            Supply::Count { vacant, capacity } => of_count(vacant, capacity, flow, horizon_s),
        }
        .clamp(0.0, MOST)
    };
    let (p, a, b) = (of(1.0), of(FLOW_FACTOR), of(1.0 / FLOW_FACTOR));
    let expected = expected_vacant(supply, flow, horizon_s);
    Some(Chance { p, low: a.min(b).min(p), high: a.max(b).max(p), expected, basis: Basis::Live })
}

fn of_bays(vacant: u32, occupied: u32, flow: Flow, t: f64) -> f64 {
    let left = 1.0 / flow.stay_s;
    // All arrivals are shared among the spaces that are vacant now.
    let taken = flow.arrivals_per_s / f64::from(vacant).max(1.0);
    let usual = left / (left + taken);
    let fade = (-(left + taken) * t).exp();
    let from_vacant = usual + (1.0 - usual) * fade;
    let from_occupied = usual * (1.0 - fade);
    let none = (1.0 - from_vacant).powf(f64::from(vacant)) * (1.0 - from_occupied).powf(f64::from(occupied));
    // Nothing is known of a silent space: it never improves the chance.
    1.0 - none
}

fn of_count(vacant: u32, capacity: u32, flow: Flow, t: f64) -> f64 {
    let capacity_f = f64::from(capacity);
    let occupied = f64::from(capacity.saturating_sub(vacant));
    let stay = (-t / flow.stay_s).exp();
    let came = flow.arrivals_per_s * flow.stay_s * (1.0 - stay);
    let mean = occupied * stay + came;
    let variance = occupied * stay * (1.0 - stay) + came;
    if variance < 1e-6 {
        return f64::from(u8::from(mean < capacity_f - 0.5));
    }
    let deviation = variance.sqrt();
    let steps = (flow.arrivals_per_s + capacity_f / flow.stay_s) * t;
    if mean + 3.0 * deviation > capacity_f && steps <= MAX_STEPS {
        return solved(vacant, capacity, flow, t);
    }
    let below = normal_cdf((capacity_f - 0.5 - mean) / deviation);
    let within = normal_cdf((capacity_f + 0.5 - mean) / deviation);
    let p = match within < 1e-9 {
        // Far in the tail the ratio of the two is that of the densities.
        true => (-(mean - capacity_f) / variance).exp(),
        false => below / within,
    };
    // More come than leave, for long: there is a space between a departure and the next arrival.
    let crowded = capacity_f / flow.stay_s / flow.arrivals_per_s;
    if mean > capacity_f { p.min(crowded) } else { p }
}

/// The chance that a counted place has a vacant space after `t`: its chain in steps of a Poisson
/// process that is as quick as the quickest state.
fn solved(vacant: u32, capacity: u32, flow: Flow, t: f64) -> f64 {
    let states = MAX_STATES.min(capacity as usize + 1);
    let quickest = flow.arrivals_per_s + f64::from(capacity) / flow.stay_s;
    // By vacant spaces: the last state stands for all that are emptier.
    let mut now = vec![0.0; states];
    now[(vacant as usize).min(states - 1)] = 1.0;
    let mut next = vec![0.0; states];
    let steps = quickest * t;
    let most = (steps + 6.0 * steps.sqrt() + 10.0) as usize;
    let (mut weight, mut total, mut full) = ((-steps).exp(), 0.0, 0.0);
    for step in 0..=most {
        full += weight * now[0];
        total += weight;
        next.fill(0.0);
        for (spaces, p) in now.iter().enumerate() {
            let comes = if spaces > 0 { flow.arrivals_per_s / quickest } else { 0.0 };
            let cars = f64::from(capacity) - spaces as f64;
            let leaves = if spaces + 1 < states { cars / flow.stay_s / quickest } else { 0.0 };
            if spaces > 0 {
                next[spaces - 1] += p * comes;
            }
            if spaces + 1 < states {
                next[spaces + 1] += p * leaves;
            }
            next[spaces] += p * (1.0 - comes - leaves);
        }
        std::mem::swap(&mut now, &mut next);
        weight *= steps / (step + 1) as f64;
    }
    1.0 - full / total.max(f64::MIN_POSITIVE)
}

/// Distribution function of the standard normal: Abramowitz and Stegun 26.2.17, error below 7.5e-8. Not by way of the
/// `erfc` of a library: the last digit of chances would change.
fn normal_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

/// Expected time from the gate to standing in a vacant space, seconds: of `capacity` spaces in random
/// order, `vacant` of them vacant, one passes `(capacity + 1) / (vacant + 1)` (negative
/// hypergeometric distribution).
pub(super) fn search_s(kind: SiteKind, vacant: f64, capacity: u32) -> f64 {
    let (enter, pass) = match kind {
        SiteKind::OnStreet => (0.0, PASS_KERB_SPACE_S),
        SiteKind::CarPark | SiteKind::Underground => (ENTER_CAR_PARK_S, PASS_SPACE_S),
        SiteKind::Lot | SiteKind::ParkAndRide => (ENTER_LOT_S, PASS_SPACE_S),
    };
    let spaces = f64::from(capacity.max(1));
    let passed = (spaces + 1.0) / (vacant.clamp(0.0, spaces) + 1.0);
    (enter + pass * passed).min(MOST_SEARCH_S)
}

/// Vacant spaces expected at the arrival.
fn expected_vacant(supply: Supply, flow: Flow, horizon_s: f64) -> f64 {
    let stay = (-horizon_s / flow.stay_s).exp();
    let occupied = f64::from(supply.occupied()) * stay + flow.arrivals_per_s * flow.stay_s * (1.0 - stay);
    let known = f64::from(supply.known());
    (known - occupied).clamp(0.0, known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(vacant: u32, capacity: u32) -> Supply {
        Supply::Count { vacant, capacity }
    }

    fn still(supply: Supply) -> Flow {
        Flow::of(supply, 3_600.0, 0.0)
    }

    #[test]
    fn what_is_seen_now_holds_now() {
        for (supply, p) in [
            (count(0, 50), 0.0),
            (count(1, 50), MOST),
            (Supply::Bays { vacant: 0, occupied: 9, unknown: 0 }, 0.0),
            (Supply::Bays { vacant: 1, occupied: 8, unknown: 0 }, MOST),
        ] {
            assert_eq!(chance(supply, still(supply), 0.0).unwrap().p, p, "{supply:?}");
        }
        assert_eq!(
            chance(
                Supply::Bays { vacant: 0, occupied: 0, unknown: 4 },
                Flow { stay_s: 1.0, arrivals_per_s: 0.0 },
                0.0
            ),
            None
        );
    }

    #[test]
    fn the_limit_is_erlangs_loss_formula() {
        // 20 spaces, 15 cars offered: loss by the recursion B(c) = a B / (c + a B).
        let (offered, spaces) = (15.0, 20u32);
        let loss = (1..=spaces).fold(1.0, |b, c| offered * b / (f64::from(c) + offered * b));
        let flow = Flow { stay_s: 600.0, arrivals_per_s: offered / 600.0 };
        for vacant in [0, 10, 20] {
            let p = chance(count(vacant, spaces), flow, 1e6).unwrap().p;
            assert!((p - (1.0 - loss)).abs() < 0.01, "{p} {loss}");
        }
    }

    /// Shares of a simulated M/M/C/C with a vacant space after `t`.
    fn simulated(vacant: u32, capacity: u32, flow: Flow, t: f64) -> f64 {
        let mut seed = 1u64;
        let mut uniform = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        };
        let runs = 4_000;
        let found = (0..runs).filter(|_| {
            let (mut cars, mut now) = (capacity - vacant, 0.0);
            loop {
                let leave = f64::from(cars) / flow.stay_s;
                now -= uniform().ln() / (leave + flow.arrivals_per_s);
                if now > t {
                    return cars < capacity;
                }
                if uniform() * (leave + flow.arrivals_per_s) < leave {
                    cars -= 1;
                } else {
                    cars = (cars + 1).min(capacity);
                }
            }
        });
        found.count() as f64 / f64::from(runs)
    }

    #[test]
    fn a_counted_place_behaves_like_its_simulation() {
        for (vacant, capacity, per_hour, minutes) in [
            (3, 40, 30.0, 10.0),
            (0, 40, 30.0, 20.0),
            (12, 100, 90.0, 15.0),
            (1, 10, 12.0, 5.0),
            (60, 100, 40.0, 60.0),
        ] {
            let flow = Flow { stay_s: 5_400.0, arrivals_per_s: per_hour / 3_600.0 };
            let (total, seen) = (
                chance(count(vacant, capacity), flow, minutes * 60.0).unwrap().p,
                simulated(vacant, capacity, flow, minutes * 60.0),
            );
            assert!((total - seen).abs() < 0.04, "{vacant}/{capacity}: computed {total}, simulated {seen}");
        }
    }

    #[test]
    fn a_full_place_is_not_worth_the_drive() {
        for minutes in [2.0, 5.0, 15.0, 60.0] {
            for supply in [count(0, 48), count(0, 300), Supply::Bays { vacant: 0, occupied: 48, unknown: 2 }]
            {
                let flow = Flow::of(supply, usual_stay_s(SiteKind::Lot), 0.0);
                let p = chance(supply, flow, minutes * 60.0).unwrap().p;
                assert!(p < 0.2, "{supply:?} after {minutes} min: {p}");
            }
        }
    }

    #[test]
    fn a_full_house_takes_longer_to_search() {
        let empty = search_s(SiteKind::CarPark, 100.0, 100);
        let full = search_s(SiteKind::CarPark, 1.0, 100);
        assert!(empty < 32.0 && full > 70.0, "{empty} {full}");
    }

    proptest! {
        #[test]
        fn chances_are_chances(vacant in 0u32..200, more in 0u32..200, unknown in 0u32..9, stay in 60.0..40_000.0f64,
                               filling in -0.2..0.2f64, t in 0.0..1e6f64) {
            for supply in [count(vacant, vacant + more), Supply::Bays { vacant, occupied: more, unknown }] {
                let Some(c) = chance(supply, Flow::of(supply, stay, filling), t) else {
                    prop_assert_eq!(vacant + more, 0);
                    continue;
                };
                prop_assert!(0.0 <= c.low && c.low <= c.p && c.p <= c.high && c.high <= 1.0, "{:?}", c);
            }
        }

        #[test]
        fn one_more_vacant_space_is_never_worse(vacant in 0u32..100, capacity in 101u32..200, t in 0.0..7_200.0f64) {
            let flow = Flow { stay_s: 3_600.0, arrivals_per_s: 0.02 };
            let p = |vacant| chance(count(vacant, capacity), flow, t).unwrap().p;
            prop_assert!(p(vacant + 1) >= p(vacant) - 1e-6);
        }
    }
}
