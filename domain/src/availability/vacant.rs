//! How many spaces will be vacant, with bounds.

use super::queue::{Flow, chance, usual_stay_s};
use super::{Evidence, Supply, blend, forecast, learned};
use crate::bay_state::BayState;
use crate::forecast::{Basis, Chance, Town};
use crate::place::SiteKind;
use crate::time::Times;

/// The vacant spaces to expect of those that everyone may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VacantSpaces {
    /// The chance of one, 0 to 1.
    pub p: f64,
    /// Of so many spaces.
    pub capacity: u32,
    /// Their mean number.
    pub expected: f64,
    /// There are fewer with a chance of 10 %.
    pub low: u32,
    /// There are more with a chance of 10 %.
    pub high: u32,
    /// What all that rests on.
    pub basis: Basis,
}

/// How many spaces of a place will be vacant; arguments as of [`super::predict`]. `None`: nothing is known.
///
/// The numbers of a forecast are brought in line with the chance that holds: a full place is contested, and the drivers
/// that wait there are no part of what was learned.
pub fn predict_vacant(evidence: &Evidence, model: Option<&Town>, times: Times) -> Option<VacantSpaces> {
    let forecast = forecast(evidence, model, times);
    let learned = forecast.as_ref().map(|forecast| learned(evidence, forecast));
    let chance = blend(evidence, learned, times.arrive).chance;
    let Some((forecast, learned)) = forecast.zip(learned) else {
        return chance.map(|chance| around(evidence, chance, times));
    };
    let (reserved, capacity) = (evidence.reserved(), evidence.spaces.capacity);
    let p = chance.map_or(learned.p, |chance| chance.p);
    let is_less = p + 1e-9 < learned.p;
    let low = if is_less && p < 0.9 { 0 } else { forecast.quantile(0.1).saturating_sub(reserved) };
    let high = forecast.quantile(0.9).saturating_sub(reserved);
    let expected = match chance {
        Some(chance) => chance.expected,
        None => (learned.expected - f64::from(reserved)).max(0.0),
    };
    let expected = expected.max(p);
    let (low, high) = (low.min(expected.floor() as u32), high.max(expected.ceil() as u32));
    Some(VacantSpaces { p, capacity, expected, low, high, basis: learned.basis })
}

/// Spaces that have changed hands are vacant independently of each other, the others are as they were.
fn around(evidence: &Evidence, chance: Chance, times: Times) -> VacantSpaces {
    /// Of a normal distribution 10 % lie farther above, and farther below.
    const TENTH: f64 = 1.2816;
    let Chance { p, expected, .. } = chance;
    let capacity = evidence.spaces.capacity;
    let spaces = f64::from(capacity.max(1));
    let ahead_s = times.arrive.seconds_since(times.now).max(0.0);
    let changed = 1.0 - (-ahead_s / usual_stay_s(evidence.kind)).exp();
    let deviation = (changed * expected * (1.0 - expected / spaces).max(0.0)).sqrt();
    let within = |n: f64| n.clamp(0.0, spaces).round() as u32;
    let (low, high) = (within(expected - TENTH * deviation), within(expected + TENTH * deviation));
    VacantSpaces { p, capacity, expected, low, high, basis: Basis::Live }
}

/// Whether one bay will be vacant: what is known of it now fades into the share of its site's spaces that will be vacant
/// (a chain of two states, see `queue.rs`, whose usual share is that of the site). `None`: nothing is known.
pub fn predict_bay(
    state: BayState,
    kind: SiteKind,
    site: Option<VacantSpaces>,
    times: Times,
) -> Option<VacantSpaces> {
    let ahead_s = times.arrive.seconds_since(times.now).max(0.0);
    let state = match state {
        BayState::Vacant => Some(1.0),
        BayState::Occupied => Some(0.0),
        BayState::Unknown => None,
    };
    let learned = site.filter(|site| site.basis != Basis::Live);
    let usual =
        learned.map(|site| (site.expected_to_tenth() / f64::from(site.capacity.max(1))).clamp(0.0, 1.0));
    let (p, basis) = match (usual, state) {
        (Some(usual), Some(state)) => {
            // Leaving at rate 1 / stay, and so that `usual` is vacant in the long run.
            let fade = (-ahead_s / (usual_stay_s(kind) * usual.max(0.01))).exp();
            (usual + (state - usual) * fade, learned?.basis)
        }
        (Some(usual), None) => (usual, Basis::WeeklyProfile),
        (None, Some(state)) => {
            let (vacant, occupied) = if state > 0.5 { (1, 0) } else { (0, 1) };
            let supply = Supply::Bays { vacant, occupied, unknown: 0 };
            let chance = chance(supply, Flow::of(supply, usual_stay_s(kind), 0.0), ahead_s)?;
            (chance.p, Basis::Live)
        }
        (None, None) => return None,
    };
    Some(VacantSpaces {
        p,
        capacity: 1,
        expected: p,
        low: u32::from(p > 0.9),
        high: u32::from(p > 0.1),
        basis,
    })
}

impl VacantSpaces {
    /// The mean number as it is shown.
    pub fn expected_to_tenth(&self) -> f64 {
        (self.expected * 10.0).round() / 10.0
    }
}
