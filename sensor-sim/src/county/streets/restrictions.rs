//! Turns that are forbidden: left, from a street of houses into a busy road.

use super::kind::Kind;
use super::net::{Net, turn};
use crate::random::hash;

/// One crossing in so many has one.
const ONE_IN: u64 = 5;
/// A turn by more than this is one to the left, radians.
const LEFT: std::ops::Range<f64> = 0.9..2.3;

/// A forbidden turn: from one edge over a point into another.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoLeftTurn {
    pub(super) from: usize,
    pub(super) via: usize,
    pub(super) to: usize,
}

/// The forbidden turns of a net, at most one at each crossing.
pub(super) fn no_left_turns(net: &Net, seed: u64) -> Vec<NoLeftTurn> {
    let at_points = net.at_points();
    let crossings = (0..net.points.len()).filter(|via| {
        at_points[*via].len() == 4 && hash(seed, "no left turn", *via as u64).is_multiple_of(ONE_IN)
    });
    crossings
        .filter_map(|via| {
            let other_end = |edge: usize| {
                let edge = &net.edges[edge];
                net.points[if edge.from == via { edge.to } else { edge.from }]
            };
            let is = |edge: usize, kinds: &[Kind]| {
                kinds.contains(&net.edges[edge].kind) && !net.edges[edge].oneway
            };
            let pairs =
                at_points[via].iter().flat_map(|from| at_points[via].iter().map(move |to| (*from, *to)));
            let mut forbidden = pairs.filter(|(from, to)| {
                is(*from, &[Kind::Residential])
                    && is(*to, &[Kind::Primary, Kind::Secondary, Kind::Tertiary])
                    && LEFT.contains(&turn(other_end(*from), net.points[via], other_end(*to)))
            });
            forbidden.next().map(|(from, to)| NoLeftTurn { from, via, to })
        })
        .collect()
}
