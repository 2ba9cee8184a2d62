//! What the risk of finding no space costs.
//!
//! The value of trying lot i first is `p_i T_i + (1 - p_i)` times the best continuation from there
//! (Hickert, Li, He, Wu 2026, arXiv:2601.00521). A continuation drives to another lot, of which the
//! same holds; after the second the driver is taken to find a space at once but far away.

use domain::geo::LatLon;

use super::Prospect;

/// The chance of a lot of which nothing is known: it counts as neither.
pub const UNKNOWN_P: f64 = 0.5;

/// What it costs to have failed twice, seconds: to look in another quarter.
const FAILED_TWICE_S: f64 = 900.0;

/// Streets are longer than the straight line by this factor.
const DETOUR: f64 = 1.4;
/// Speed between lots in town, m/s (25 km/h).
const BETWEEN_MPS: f64 = 25.0 / 3.6;
/// Getting out of a lot and on the way again, seconds.
const TURN_AWAY_S: f64 = 45.0;

/// So many alternatives are told.
const MAX_ALTERNATIVES: usize = 3;

/// A lot as one that may be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub id: usize,
    pub at: LatLon,
    pub prospect: Prospect,
    /// From standing in its space to the destination, seconds.
    pub onward_s: f64,
}

/// Where to go if there is no space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    pub lot: usize,
    pub prospect: Prospect,
    /// The drive there, seconds.
    pub drive_s: f64,
}

impl Candidate {
    fn p(&self) -> f64 {
        self.prospect.p.unwrap_or(UNKNOWN_P)
    }

    /// From the arrival at its gate: found here, or given up.
    fn value(&self, otherwise_s: f64) -> f64 {
        self.prospect.search_s + self.p() * self.onward_s + (1.0 - self.p()) * otherwise_s
    }
}

/// Expected seconds from the gate of `options[first]` to the destination, and where to go on
/// otherwise, the best first.
pub(super) fn expected(options: &[Candidate], first: usize) -> (f64, Vec<Alternative>) {
    let here = &options[first];
    let mut others: Vec<(f64, Alternative)> = (options.iter().enumerate())
        .filter(|(number, _)| *number != first)
        .map(|(_, other)| {
            let drive_s = here.at.distance_m(other.at) * DETOUR / BETWEEN_MPS + TURN_AWAY_S;
            let value = drive_s + other.value(other.onward_s + FAILED_TWICE_S);
            (value, Alternative { lot: other.id, prospect: other.prospect, drive_s })
        })
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    let otherwise_s = others.first().map_or(here.onward_s + FAILED_TWICE_S, |(value, _)| *value);
    others.truncate(MAX_ALTERNATIVES);
    (here.value(otherwise_s), others.into_iter().map(|(_, alternative)| alternative).collect())
}
