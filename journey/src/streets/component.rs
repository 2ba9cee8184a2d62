//! Which edges belong to a network that is large enough to be worth starting from.

use super::graph::{Arcs, Graph, Layout, NONE};
use super::{Modes, Streets};

/// A strongly connected part of fewer states is an island (a car park's aisle, a cut-off stub),
/// unless the whole network is smaller. Valhalla asks for 50 reachable edges.
pub(super) const LARGE: u32 = 50;

/// Adds the mode's bit to each edge of a large component.
pub(super) fn mark(streets: &Streets, graph: &Graph, main: &mut [Modes]) {
    let (component, sizes) = strong_components(&graph.forward, graph.states());
    let enough = sizes.iter().copied().max().unwrap_or(0).min(LARGE);
    let large = |state: u32| sizes[component[state as usize] as usize] >= enough;
    for (edge, modes) in main.iter_mut().enumerate() {
        let codes = [2 * edge as u32, 2 * edge as u32 + 1];
        let usable = codes.map(|code| graph.edge_ms[code as usize] != NONE);
        let inside = match &graph.layout {
            Layout::Turns { entered, .. } => {
                (0..2).any(|side| usable[side] && large(entered[codes[side] as usize]))
            }
            Layout::Junctions { zones } => {
                let (from, to) = streets.ends(codes[0]);
                let both = [from, to].map(|junction| {
                    large(junction) || zones.get(&junction).is_some_and(|zone| large(zone.start))
                });
                (usable[0] || usable[1]) && both[0] && both[1]
            }
        };
        if inside {
            *modes |= graph.mode.bit();
        }
    }
}

/// The strongly connected component of each state, and their sizes (Tarjan 1972, without recursion).
fn strong_components(arcs: &Arcs, states: usize) -> (Vec<u32>, Vec<u32>) {
    let mut component = vec![NONE; states];
    let mut order = vec![NONE; states];
    let mut low = vec![NONE; states];
    let (mut stack, mut calls) = (Vec::new(), Vec::new());
    let mut sizes = Vec::new();
    let mut next = 0;
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
            if let Some(arc) = arcs.of(*state).get(*at) {
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
                let number = sizes.len() as u32;
                let mut size = 0;
                while let Some(member) = stack.pop() {
                    component[member as usize] = number;
                    size += 1;
                    if member as usize == here {
                        break;
                    }
                }
                sizes.push(size);
            }
            if let Some((caller, _)) = calls.last() {
                low[*caller as usize] = low[*caller as usize].min(low[here]);
            }
        }
    }
    (component, sizes)
}
