//! Lower bounds for A*.

use super::Streets;
use super::graph::Graph;
use super::plane::Plane;
use super::snap::Link;
use super::states::{NONE, States};

/// Beyond this distance the flat lower bound of A* may exceed the true distance; it is then zero.
const FLAT_BOUND_M: f64 = 500_000.0;
/// Keeps the flat lower bound below the true one within [`FLAT_BOUND_M`].
const FLAT_BOUND_FACTOR: f64 = 0.998;

/// Time to a goal as the crow flies at the highest speed.
pub(super) struct LowerBound<'a> {
    streets: &'a Streets,
    graph: &'a Graph,
    plane: Plane,
    goal_lat: f64,
    /// Whether the goal lies in a zone without through traffic.
    in_zone: bool,
}

impl<'a> LowerBound<'a> {
    /// Bounds on the way to `link`.
    pub fn to(streets: &'a Streets, graph: &'a Graph, link: &Link) -> Self {
        let goal = link.at.degrees();
        let in_zone = streets.beside(link.edge).any(|edge| graph.zone.get(edge as usize) == Some(&true));
        LowerBound { streets, graph, plane: Plane::at(goal), goal_lat: goal.lat.abs(), in_zone }
    }

    /// The least time from a state to the goal, [`NONE`] if it does not lead there.
    pub fn ms(&self, state: u32) -> u32 {
        if !self.in_zone && self.graph.is_last(state) {
            return NONE;
        }
        let junction = match &self.graph.states {
            States::NodeBased { places, .. } => {
                match state.checked_sub(self.streets.junctions.len() as u32) {
                    Some(beyond) => places[beyond as usize / 2],
                    None => state,
                }
            }
            States::EdgeBased { codes, .. } => self.streets.ends(codes[state as usize]).1,
        };
        let place = self.streets.junctions[junction as usize];
        let mut at = self.plane.metres(place);
        // Meridians converge: the narrower of the two latitudes keeps the bound below the truth.
        let lat = place.degrees().lat.abs();
        if lat > self.goal_lat {
            at.east *= lat.to_radians().cos() / self.goal_lat.to_radians().cos().max(1e-6);
        }
        let distance_m = at.east.hypot(at.north);
        if distance_m > FLAT_BOUND_M {
            return 0;
        }
        (distance_m * FLAT_BOUND_FACTOR * self.graph.least_ms_per_m) as u32
    }
}
