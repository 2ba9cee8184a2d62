//! The cost of the risk of finding no vacant space.
//!
//! The value of trying lot i first is `p_i T_i + (1 - p_i)` times the best continuation from there
//! (Hickert, Li, He, Wu 2026, arXiv:2601.00521). A continuation drives to another lot, of which the
//! same holds; after the second the driver is taken to find a space at once but far away.

use domain::availability::Availability;
use domain::geo::LatLon;

/// Assumed chance of a lot of which nothing is known.
pub(super) const UNKNOWN_P: f64 = 0.5;

/// Cost of having failed twice, seconds: a search in another part of town.
const FAILED_TWICE_S: f64 = 900.0;

/// Streets are longer than the straight line by this factor.
const DETOUR: f64 = 1.4;
/// Speed between lots in town, m/s (25 km/h).
const BETWEEN_MPS: f64 = 25.0 / 3.6;
/// Leaving a lot again, seconds.
const TURN_AWAY_S: f64 = 45.0;

/// Most alternatives of an answer.
const MAX_ALTERNATIVES: usize = 3;

/// A lot as one that may be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub id: usize,
    pub at: LatLon,
    pub availability: Availability,
    /// From standing in its space to the destination, seconds.
    pub onward_s: f64,
}

/// A further lot if there is no space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// The lot's id.
    pub lot: usize,
    /// What to expect of it.
    pub availability: Availability,
    /// The drive there, seconds.
    pub drive_s: f64,
}

impl Candidate {
    /// Chance of a vacant space.
    pub fn p(&self) -> f64 {
        self.availability.p().unwrap_or(UNKNOWN_P)
    }

    /// From the arrival at its gate: found here, or given up.
    fn value(&self, otherwise_s: f64) -> f64 {
        self.availability.search_s + self.p() * self.onward_s + (1.0 - self.p()) * otherwise_s
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
            (value, Alternative { lot: other.id, availability: other.availability, drive_s })
        })
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    let otherwise_s = others.first().map_or(here.onward_s + FAILED_TWICE_S, |(value, _)| *value);
    others.truncate(MAX_ALTERNATIVES);
    (here.value(otherwise_s), others.into_iter().map(|(_, alternative)| alternative).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(id: usize, east: f64, p: Option<f64>, onward_s: f64) -> Candidate {
        let at = LatLon { lat: 52.0, lon: 7.0 + east };
        Candidate { id, at, availability: super::super::tests::availability(p, 30.0), onward_s }
    }

    #[test]
    fn a_certain_lot_costs_its_search_and_walk() {
        let lots = [lot(7, 0.0, Some(1.0), 200.0), lot(8, 0.01, Some(0.1), 10.0)];
        let (expected_s, alternatives) = expected(&lots, 0);
        assert_eq!(expected_s, 230.0);
        assert_eq!(alternatives[0].lot, 8);
    }

    #[test]
    fn an_uncertain_lot_is_worth_less_the_farther_its_alternative_is() {
        let near = [lot(1, 0.0, Some(0.3), 60.0), lot(2, 0.002, Some(0.95), 120.0)];
        let far = [lot(1, 0.0, Some(0.3), 60.0), lot(2, 0.05, Some(0.95), 120.0)];
        let alone = [lot(1, 0.0, Some(0.3), 60.0)];
        let [near, far, alone] = [&near[..], &far, &alone].map(|lots| expected(lots, 0).0);
        assert!(near < far && far < alone, "{near} {far} {alone}");
        // p T + (1 - p) (drive + p' T' + (1 - p') (T' + failed)), by hand.
        let drive = LatLon { lat: 52.0, lon: 7.0 }.distance_m(LatLon { lat: 52.0, lon: 7.002 }) * 1.4
            / (25.0 / 3.6)
            + 45.0;
        let second = drive + 30.0 + 0.95 * 120.0 + 0.05 * (120.0 + 900.0);
        assert!((near - (30.0 + 0.3 * 60.0 + 0.7 * second)).abs() < 1e-9);
    }

    #[test]
    fn the_best_alternative_comes_first() {
        let lots = [
            lot(1, 0.0, Some(0.5), 0.0),
            lot(2, 0.02, Some(0.9), 60.0),
            lot(3, 0.003, Some(0.9), 60.0),
            lot(4, 0.003, None, 60.0),
        ];
        let order: Vec<usize> = expected(&lots, 0).1.iter().map(|a| a.lot).collect();
        assert_eq!(order, [3, 2, 4]);
    }
}
