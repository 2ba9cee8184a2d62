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
    /// None of `edges` edges.
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
    let component = strong_components(graph);
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
        States::NodeBased { .. } => state < streets.junctions.len(),
        States::EdgeBased { codes, .. } => !graph.zone[(codes[state] >> 1) as usize],
    }
}

/// The states from which (junctions) or with which (turns) a directed edge is entered.
fn before<'a>(streets: &Streets, graph: &'a Graph, code: u32) -> impl Iterator<Item = u32> + use<'a> {
    let (first, more, zone) = match &graph.states {
        States::EdgeBased { entered, further, .. } => {
            (entered[code as usize], further.get(&code).map_or(&[][..], Vec::as_slice), None)
        }
        States::NodeBased { zones, .. } => {
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

/// The strongly connected component of each state (Kosaraju, Sharir 1981): those that lead to a state, of all that are left,
/// when states are taken in the order in which a search in depth finished them last.
fn strong_components(graph: &Graph) -> Vec<u32> {
    let count = graph.count();
    let (mut seen, mut finished, mut calls) = (vec![false; count], Vec::with_capacity(count), Vec::new());
    for root in 0..count as u32 {
        if !std::mem::replace(&mut seen[root as usize], true) {
            calls.push((root, 0));
        }
        while let Some((state, at)) = calls.last_mut() {
            if let Some(arc) = graph.forward.get(*state as usize).get(*at) {
                *at += 1;
                if !std::mem::replace(&mut seen[arc.head as usize], true) {
                    calls.push((arc.head, 0));
                }
            } else {
                finished.push(*state);
                calls.pop();
            }
        }
    }
    let (mut component, mut number, mut open) = (vec![NONE; count], 0, Vec::new());
    for root in finished.into_iter().rev() {
        open.push(root);
        while let Some(state) = open.pop() {
            if component[state as usize] == NONE {
                component[state as usize] = number;
                let arcs = graph.backward.get(state as usize).iter().map(|arc| arc.head);
                open.extend(arcs.filter(|head| component[*head as usize] == NONE));
            }
        }
        number += 1;
    }
    component
}
