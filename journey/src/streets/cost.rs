//! How long an edge takes. All constants of the speed models are here.

use super::class::{Class, Mode, Surface};
use super::profile::Profile;

/// Walking speed, km/h: Valhalla's default for pedestrians, near the mean of Bohannon's review (2011).
pub(crate) const WALK_KMH: f64 = 5.1;
/// Walking speed over steps, along the ground, km/h: about half of that on the flat (own estimate).
/// Valhalla adds a penalty of 30 s to the cost, and full speed to the duration.
const STEPS_KMH: f64 = 2.5;
/// Wheelchair speed, km/h: Valhalla's default.
const WHEELCHAIR_KMH: f64 = 4.0;
/// Wheelchairs are slower on setts and compacted gravel (own estimate).
const WHEELCHAIR_FAIR_FACTOR: f64 = 0.8;

/// Cycling speed on smooth ground, km/h, stops included. On the move it is 18 (Valhalla's hybrid
/// bicycle); 16.5 makes the median duration equal Valhalla's, whose routes avoid streets with cars.
const BIKE_KMH: f64 = 16.5;
/// Pushing a bicycle, km/h: Valhalla's dismount speed.
const PUSH_BIKE_KMH: f64 = WALK_KMH;
/// Carrying a bicycle over steps, km/h (own estimate).
const CARRY_BIKE_KMH: f64 = 2.0;
/// Share of the cycling speed that is left by surface, after Valhalla's hybrid bicycle.
const fn bike_surface_factor(surface: Surface) -> f64 {
    match surface {
        Surface::Smooth => 1.0,
        Surface::Fair => 0.9,
        Surface::Rough => 0.65,
        Surface::Bad => 0.4,
    }
}
/// Cost factor of a busy street without a cycle lane: people take a detour of so much for a quiet one. It affects the
/// choice of route, not its duration (as Valhalla): people
/// ride fastest on carriageways (Schleinitz et al. 2017, <https://doi.org/10.1016/j.ssci.2015.07.027>).
const fn bike_stress_factor(class: Class) -> f64 {
    match class {
        Class::Trunk => 1.3,
        Class::Primary => 1.15,
        Class::Secondary => 1.08,
        _ => 1.0,
    }
}

/// Share of the permitted or usual speed that cars reach between junctions; delays at junctions come
/// on top. As Valhalla without traffic data.
const CAR_SPEED_FACTOR: f64 = 1.0;
/// Share of it inside roundabouts (Valhalla).
const ROUNDABOUT_FACTOR: f64 = 0.5;
/// Share of it on loose ground (Valhalla).
const CAR_LOOSE_FACTOR: f64 = 0.5;
/// Lowest speed of anything, km/h.
const SLOWEST_KMH: f64 = 1.0;

/// Waiting for a ferry and going aboard, per edge that leaves the shore, ms; half the usual headway
/// of half an hour would be more, but then most walk on at the right time (own estimate).
pub(super) const FERRY_BOARDING_MS: u32 = 300_000;

/// Speed in km/h of `mode` on an edge of this profile, in a direction.
fn kmh(profile: &Profile, reverse: bool, mode: Mode) -> f64 {
    let stated = f64::from(profile.speed_dkmh[usize::from(reverse)]) / 10.0;
    if profile.class == Class::Ferry {
        return stated.max(SLOWEST_KMH);
    }
    let kmh = match mode {
        Mode::Foot if profile.class == Class::Steps => STEPS_KMH,
        Mode::Foot => WALK_KMH,
        Mode::Wheelchair if profile.surface == Surface::Smooth => WHEELCHAIR_KMH,
        Mode::Wheelchair => WHEELCHAIR_KMH * WHEELCHAIR_FAIR_FACTOR,
        Mode::Bike if profile.class == Class::Steps => CARRY_BIKE_KMH,
        Mode::Bike if profile.dismount => PUSH_BIKE_KMH,
        Mode::Bike => BIKE_KMH * bike_surface_factor(profile.surface) / stress_factor(profile, mode),
        Mode::Car => {
            let bend = if profile.roundabout { ROUNDABOUT_FACTOR } else { 1.0 };
            let loose = profile.surface >= Surface::Rough && profile.class != Class::Track;
            let ground = if loose { CAR_LOOSE_FACTOR } else { 1.0 };
            stated * CAR_SPEED_FACTOR * bend * ground
        }
    };
    kmh.max(SLOWEST_KMH)
}

/// Cost factor of a street: its cost as a multiple of its travel time.
fn stress_factor(profile: &Profile, mode: Mode) -> f64 {
    let is_ridden = mode == Mode::Bike
        && !profile.cycle_lane
        && !profile.dismount
        && !matches!(profile.class, Class::Steps | Class::Ferry);
    if is_ridden { bike_stress_factor(profile.class) } else { 1.0 }
}

/// The part of an edge's cost ([`edge_ms`]) that is not travel time.
pub(super) fn felt_share(profile: &Profile, mode: Mode) -> f64 {
    1.0 - 1.0 / stress_factor(profile, mode)
}

/// Cost of `length_dm` of an edge, milliseconds.
pub(super) fn edge_ms(profile: &Profile, reverse: bool, mode: Mode, length_dm: u32) -> u32 {
    const MS_PER_DM_AT_1_KMH: f64 = 360.0;
    (f64::from(length_dm) * MS_PER_DM_AT_1_KMH / kmh(profile, reverse, mode)).round() as u32
}

/// The highest speed of a mode on any of the profiles, metres per second: for lower bounds.
pub(super) fn fastest_mps(profiles: &[Profile], mode: Mode) -> f64 {
    const KMH_PER_MPS: f64 = 3.6;
    let both = profiles.iter().flat_map(|profile| [kmh(profile, false, mode), kmh(profile, true, mode)]);
    both.fold(SLOWEST_KMH, f64::max) / KMH_PER_MPS
}

/// Delay of a car at traffic lights, ms: OSRM's car profile.
const SIGNAL_MS: f64 = 2000.0;
/// The longest delay of a turn, ms: OSRM's car profile.
const TURN_MS: f64 = 7500.0;
/// Right turns are quicker than left ones where people drive on the right: OSRM's car profile.
const TURN_BIAS: f64 = 1.075;
/// Turning round at a dead end, ms: OSRM's car profile.
pub(super) const U_TURN_MS: u32 = 20_000;

/// Delay of a car that turns by `angle_deg` (to the right positive, -180 to 180), ms.
///
/// The sigmoid of OSRM's car profile: nothing straight on, most of [`TURN_MS`] at right angles.
pub(super) fn turn_ms(angle_deg: f64, is_junction: bool, signals: bool) -> u32 {
    let share = angle_deg.abs() / 180.0;
    let bias = if angle_deg >= 0.0 { TURN_BIAS } else { 1.0 / TURN_BIAS };
    let turn = if is_junction { TURN_MS / (1.0 + (-(13.0 / bias * share - 6.5 * bias)).exp()) } else { 0.0 };
    (turn + if signals { SIGNAL_MS } else { 0.0 }).round() as u32
}

/// Crossing a street on foot, ms, by the most important street at a junction of four or more arms:
/// waiting for a gap or for green. Shaped after Valhalla's crossing costs.
pub(super) fn crossing_ms(most_important: Class, arms: usize) -> u32 {
    const MIN_ARMS: usize = 4;
    if arms < MIN_ARMS {
        return 0;
    }
    match most_important {
        Class::Motorway | Class::Trunk | Class::Primary => 3000,
        Class::Secondary => 2000,
        Class::Tertiary => 1000,
        _ => 0,
    }
}
