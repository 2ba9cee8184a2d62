//! Where links meet the graph: the ends of searches.

use smallvec::SmallVec;

use super::condition::Closed;
use super::graph::Graph;
use super::snap::Link;
use super::states::{NONE, States};
use super::{Streets, code};

/// The graph of one mode at one time: edges that are closed are not travelled.
#[derive(Clone, Copy)]
pub(super) struct OpenGraph<'a> {
    pub streets: &'a Streets,
    pub graph: &'a Graph,
    pub closed: &'a Closed,
}

/// A state next to a link.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub state: u32,
    /// The time between the two.
    pub ms: u32,
    /// The directed edge of the link that is travelled.
    pub code: u32,
}

/// Most links have no more.
type NextStates = SmallVec<[Next; 8]>;

/// A path between two links that passes no state.
pub(super) struct Direct {
    pub ms: u32,
    /// Codes of its first and its last edge.
    pub first: u32,
    pub last: u32,
}

/// A directed edge of a link that may be travelled.
struct Part {
    code: u32,
    /// Time from its beginning to the link, and from there to its end.
    before_ms: u32,
    after_ms: u32,
}

impl<'a> OpenGraph<'a> {
    fn parts(&self, link: &Link) -> impl Iterator<Item = Part> + use<'a> {
        let length_dm = self.streets.edges.get(link.edge as usize).map_or(1, |edge| edge.length_dm);
        // Of edges beside each other that in force; nobody travels on one that is closed.
        let in_force = || self.streets.beside(link.edge).find(|edge| !self.closed.has(*edge));
        let edge = if self.closed.has(link.edge) { in_force() } else { Some(link.edge) };
        let (edge, along) = (edge.unwrap_or(NONE >> 1), link.along_dm.min(length_dm));
        let graph = self.graph;
        [(code(edge, false), along), (code(edge, true), length_dm - along)].into_iter().filter_map(
            move |(code, part_dm)| {
                let full = *graph.edge_ms.get(code as usize)?;
                let before_ms = (u64::from(full) * u64::from(part_dm) / u64::from(length_dm)) as u32;
                (full != NONE).then_some(Part { code, before_ms, after_ms: full - before_ms })
            },
        )
    }

    /// States that are reached first from a link.
    pub fn starts(&self, link: &Link) -> NextStates {
        let mut found = NextStates::new();
        for Part { code, after_ms, .. } in self.parts(link) {
            let state = self.graph.after(self.streets, code);
            match &self.graph.states {
                States::NodeBased { .. } => found.push(Next { state, ms: after_ms, code }),
                States::EdgeBased { .. } => {
                    let arcs = self.graph.forward.get(state as usize).iter();
                    found.extend(arcs.filter(|arc| !self.closed.has(arc.code >> 1)).map(|arc| Next {
                        state: arc.head,
                        ms: after_ms.saturating_add(arc.ms),
                        code,
                    }));
                }
            }
        }
        found
    }

    /// States from which a link is reached next.
    pub fn ends(&self, link: &Link) -> NextStates {
        let mut found = NextStates::new();
        for Part { code, before_ms, after_ms } in self.parts(link) {
            match &self.graph.states {
                States::NodeBased { zones, .. } => {
                    let tail = self.streets.ends(code).0;
                    if self.graph.blocked[tail as usize] {
                        continue;
                    }
                    let zone = zones.get(&tail).filter(|_| self.graph.zone[(code >> 1) as usize]);
                    let states = zone.map(|zone| [zone.start, zone.end]).into_iter().flatten();
                    let states = std::iter::once(tail).chain(states);
                    found.extend(states.map(|state| Next { state, ms: before_ms, code }));
                }
                States::EdgeBased { entered, further, .. } => {
                    let more = further.get(&code).map_or(&[][..], Vec::as_slice);
                    for state in [entered[code as usize]].iter().chain(more) {
                        let arcs = self.graph.backward.get(*state as usize).iter();
                        found.extend(arcs.map(|arc| Next { state: arc.head, ms: arc.ms - after_ms, code }));
                    }
                }
            }
        }
        found
    }

    /// The path between two links that passes no state: along one edge, or by one turn between two edges.
    pub fn direct(&self, from: &Link, to: &Link) -> Option<Direct> {
        let mut best: Option<Direct> = None;
        let mut offer = |ms: u32, first: u32, last: u32| {
            if best.as_ref().is_none_or(|best| ms < best.ms) {
                best = Some(Direct { ms, first, last });
            }
        };
        for first in self.parts(from) {
            for last in self.parts(to) {
                if first.code == last.code && first.before_ms <= last.before_ms {
                    offer(last.before_ms - first.before_ms, first.code, last.code);
                }
                if let States::EdgeBased { entered, codes, .. } = &self.graph.states {
                    let arcs = self.graph.forward.get(entered[first.code as usize] as usize).iter();
                    for arc in arcs.filter(|arc| codes[arc.head as usize] == last.code) {
                        let ms = first.after_ms.saturating_add(arc.ms) - last.after_ms;
                        offer(ms, first.code, last.code);
                    }
                }
            }
        }
        best
    }
}
