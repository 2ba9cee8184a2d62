//! Which edges belong to a network that is large enough to be worth starting from.

use super::graph::Graph;
use super::states::{Arc, NONE, States};
use super::{Direction, Modes, Streets};
use crate::rows::Rows;

/// A strongly connected part of so many states is large (a small town) ...
const LARGE: u32 = 2000;
/// ... and so is one that has this share of the largest part: extracts may be small. What is less is
/// an island: a car park's aisle, farm tracks cut off by a river, a stub at the extract's border.
const LARGE_SHARE: u32 = 20;

/// Per edge the modes that can come to it from a large network, and leave it to one.
#[derive(Debug)]
pub(super) struct Main {
    pub comes: Vec<Modes>,
    pub leaves: Vec<Modes>,
}

impl Main {
    pub fn new(edges: usize) -> Self {
        Main { comes: vec![0; edges], leaves: vec![0; edges] }
    }

    /// The modes for which an edge belongs to a large network as far as the end of a way in this
    /// direction needs (`None`: to come and to leave).
    pub fn modes(&self, edge: u32, direction: Option<Direction>) -> Modes {
        let (comes, leaves) = (self.comes[edge as usize], self.leaves[edge as usize]);
        match direction {
            None => comes & leaves,
            Some(Direction::Forward) => leaves,
            Some(Direction::Backward) => comes,
        }
    }
}

/// Adds the mode's bit to each edge that one can come to from a large component, or leave to it.
pub(super) fn mark(streets: &Streets, graph: &Graph, main: &mut Main) {
    let component = strong_components(&graph.forward, graph.count());
    let mut sizes = vec![0u32; component.iter().max().map_or(0, |last| *last as usize + 1)];
    for state in (0..component.len()).filter(|state| is_public(streets, graph, *state)) {
        sizes[component[state] as usize] += 1;
    }
    let enough = sizes.iter().copied().max().unwrap_or(0).div_ceil(LARGE_SHARE).min(LARGE);
    let large: Vec<bool> = component.iter().map(|number| sizes[*number as usize] >= enough).collect();
    let reached = spread(&graph.forward, large.clone());
    let leaves = spread(&graph.backward, large);
    for edge in 0..streets.edges.len() {
        let codes = || {
            [2 * edge as u32, 2 * edge as u32 + 1].into_iter().filter(|c| graph.edge_ms[*c as usize] != NONE)
        };
        // Nobody enters a street past a barrier that stops them at its beginning.
        let mut open = codes().filter(|code| !graph.blocked[streets.ends(*code).0 as usize]);
        if open.any(|code| before(streets, graph, code).any(|state| reached[state as usize])) {
            main.comes[edge] |= graph.mode.bit();
        }
        if codes().any(|code| leaves[graph.after(streets, code) as usize]) {
            main.leaves[edge] |= graph.mode.bit();
        }
    }
}

/// Whether a state is outside of zones, whose size says nothing: from inside one gets nowhere else.
fn is_public(streets: &Streets, graph: &Graph, state: usize) -> bool {
    match &graph.states {
        States::Junctions { .. } => state < streets.junctions.len(),
        States::Turns { codes, .. } => !graph.zone[(codes[state] >> 1) as usize],
    }
}

/// The states from which (junctions) or with which (turns) a directed edge is entered.
fn before<'a>(streets: &Streets, graph: &'a Graph, code: u32) -> impl Iterator<Item = u32> + use<'a> {
    let (first, more, zone) = match &graph.states {
        States::Turns { entered, further, .. } => {
            (entered[code as usize], further.get(&code).map_or(&[][..], Vec::as_slice), None)
        }
        States::Junctions { zones, .. } => {
            let tail = streets.ends(code).0;
            (tail, &[][..], zones.get(&tail))
        }
    };
    [first].into_iter().chain(more.iter().copied()).chain(zone.map(|zone| zone.end))
}

/// All states that can be reached from those that are set.
fn spread(arcs: &Rows<Arc>, mut seen: Vec<bool>) -> Vec<bool> {
    let mut open: Vec<u32> = (0..seen.len() as u32).filter(|state| seen[*state as usize]).collect();
    while let Some(state) = open.pop() {
        for arc in arcs.get(state as usize) {
            if !std::mem::replace(&mut seen[arc.head as usize], true) {
                open.push(arc.head);
            }
        }
    }
    seen
}

/// The strongly connected component of each state (Tarjan 1972, without recursion).
fn strong_components(arcs: &Rows<Arc>, states: usize) -> Vec<u32> {
    let mut component = vec![NONE; states];
    let mut order = vec![NONE; states];
    let mut low = vec![NONE; states];
    let (mut stack, mut calls) = (Vec::new(), Vec::new());
    let (mut next, mut number) = (0, 0);
    for root in 0..states as u32 {
        if order[root as usize] != NONE {
            continue;
        }
        calls.push((root, 0usize));
        while let Some((state, at)) = calls.last_mut() {
            let here = *state as usize;
            if *at == 0 && order[here] == NONE {
                order[here] = next;
                low[here] = next;
                next += 1;
                stack.push(*state);
            }
            if let Some(arc) = arcs.get(*state as usize).get(*at) {
                *at += 1;
                let head = arc.head as usize;
                if order[head] == NONE {
                    calls.push((arc.head, 0));
                } else if component[head] == NONE {
                    low[here] = low[here].min(order[head]);
                }
                continue;
            }
            calls.pop();
            if low[here] == order[here] {
                while let Some(member) = stack.pop() {
                    component[member as usize] = number;
                    if member as usize == here {
                        break;
                    }
                }
                number += 1;
            }
            if let Some((caller, _)) = calls.last() {
                low[*caller as usize] = low[*caller as usize].min(low[here]);
            }
        }
    }
    component
}
