//! How a vehicle moves between two stops, and how many people wait for it.

use crate::clock::{LocalTime, US_PER_S};
use crate::county::{Leg, Line, Mode, distance_m};

/// Speeding up and braking, seconds.
const RAMP_S: f64 = 15.0;

/// How much longer a drive takes among the cars of the hour; trains have their own way.
pub(super) fn traffic(line: &Line, at: LocalTime) -> f64 {
    let is_rush = at.weekday < 5 && ((7.0..9.0).contains(&at.hour) || (15.5..18.0).contains(&at.hour));
    if is_rush && line.mode == Mode::Bus { 1.12 } else { 1.0 }
}

/// How far along a leg (0..1) after `spent` of `whole` microseconds, and the pace there (legs per
/// second): even speed between a ramp at either end.
pub(super) fn progress(spent: i64, whole: i64) -> (f64, f64) {
    let (t, total) = (spent as f64 / US_PER_S as f64, (whole as f64 / US_PER_S as f64).max(1.0));
    let ramp = RAMP_S.min(total / 3.0);
    let cruise = 1.0 / (total - ramp);
    let t = t.clamp(0.0, total);
    if t < ramp {
        (cruise * t * t / (2.0 * ramp), cruise * t / ramp)
    } else if t > total - ramp {
        let left = total - t;
        (1.0 - cruise * left * left / (2.0 * ramp), cruise * left / ramp)
    } else {
        (cruise * (t - ramp / 2.0), cruise)
    }
}

/// Where a vehicle is.
pub(super) struct Place {
    pub(super) lat: f64,
    pub(super) lon: f64,
    pub(super) bearing_deg: f64,
    pub(super) speed_mps: f64,
    /// Metres left on the leg; zero at a stop.
    pub(super) to_next_m: f64,
}

/// The place a share of the way along the leg that leaves the stop at `position`.
pub(super) fn on_leg(line: &Line, direction: usize, position: usize, done: f64) -> Place {
    let leg: &Leg = line.leg(direction, position);
    let along = if direction == 0 { done } else { 1.0 - done };
    let mut left_m = along * leg.length_m;
    let mut piece = 0;
    let last = leg.points.len() - 2;
    let length_of = |piece: usize| distance_m(leg.points[piece], leg.points[piece + 1]);
    while piece < last && left_m > length_of(piece) {
        left_m -= length_of(piece);
        piece += 1;
    }
    let (a, b) = (leg.points[piece], leg.points[piece + 1]);
    let t = (left_m / length_of(piece).max(0.1)).clamp(0.0, 1.0);
    let (ahead, behind) = if direction == 0 { (b, a) } else { (a, b) };
    let east = (ahead[0] - behind[0]) * ahead[1].to_radians().cos();
    let bearing_deg = east.atan2(ahead[1] - behind[1]).to_degrees().rem_euclid(360.0);
    Place {
        lat: a[1] + (b[1] - a[1]) * t,
        lon: a[0] + (b[0] - a[0]) * t,
        bearing_deg,
        speed_mps: 0.0,
        to_next_m: if done == 0.0 { 0.0 } else { (1.0 - done) * leg.length_m },
    }
}

/// People who want to board at a stop.
pub(super) fn boarding_mean(line: &Line, at: LocalTime) -> f64 {
    let rush = |peak: f64| (-((at.hour - peak) / 1.3).powi(2)).exp();
    let by_hour = 0.35 + 1.2 * rush(7.4) + 0.9 * rush(13.2) + 0.8 * rush(16.8);
    let by_day = if at.weekday < 5 { 1.0 } else { 0.5 };
    let by_mode = if line.mode == Mode::Train { 9.0 } else { 2.2 };
    by_mode * by_day * by_hour
}
