//! Turns that are forbidden: left, from a street of houses into a busy road.

use std::ops::Range;

use super::geometry::{cross, sub};
use super::kind::Kind;
use super::net::{Edge, Net};
use crate::random::hash;

/// One crossing in so many has one.
const ONE_IN: u64 = 5;
/// A turn by more than this is one to the left, radians.
const LEFT: Range<f64> = 0.9..2.3;

/// A forbidden turn: from one edge over a point into another.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoLeftTurn {
    pub(super) from: usize,
    pub(super) via: usize,
    pub(super) to: usize,
}

/// The forbidden turns of a net, at most one at each crossing.
pub(super) fn no_left_turns(net: &Net, seed: u64) -> Vec<NoLeftTurn> {
    let is = |edge: &Edge, kinds: Range<Kind>| kinds.contains(&edge.kind) && !edge.oneway;
    let is_forbidden = |turn: &NoLeftTurn| {
        let (from, to) = (&net.edges[turn.from], &net.edges[turn.to]);
        let via = net.points[turn.via];
        let a = sub(via, net.points[from.other(turn.via)]);
        let b = sub(net.points[to.other(turn.via)], via);
        is(from, Kind::Residential..Kind::LivingStreet)
            && is(to, Kind::Primary..Kind::Residential)
            && LEFT.contains(&cross(a, b).atan2(a[0] * b[0] + a[1] * b[1]))
    };
    let at_points = net.at_points().into_iter().enumerate();
    at_points
        .filter(|(via, edges)| {
            edges.len() == 4 && hash(seed, "no left turn", *via as u64).is_multiple_of(ONE_IN)
        })
        .filter_map(|(via, edges)| {
            let pairs = edges.iter().flat_map(|from| edges.iter().map(move |to| (*from, *to)));
            pairs.map(|(from, to)| NoLeftTurn { from, via, to }).find(is_forbidden)
        })
        .collect()
}
