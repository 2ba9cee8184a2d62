//! The states and arcs of search graphs.

use rustc_hash::FxHashMap;

use super::Streets;

/// No state.
pub(super) const NONE: u32 = u32::MAX;

/// A step of a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    pub head: u32,
    pub ms: u32,
    /// The directed edge that is travelled ([`NONE`]: none, the step is a change of state only).
    pub code: u32,
}

/// The meaning of states.
#[derive(Debug)]
pub(super) enum States {
    /// Being at a junction. Junctions at streets without through traffic have two states more.
    NodeBased {
        zones: FxHashMap<u32, Zone>,
        /// The junction of each two states that follow those of the junctions themselves.
        places: Vec<u32>,
    },
    /// Having travelled a directed edge to its end.
    EdgeBased {
        /// By code: the state of coming from anywhere.
        entered: Vec<u32>,
        /// Further states of the same code: after a via way, or inside the last no-through zone.
        further: FxHashMap<u32, Vec<u32>>,
        /// The directed edge of each state.
        codes: Vec<u32>,
        /// Whether each state is inside the last no-through zone, which nobody leaves.
        last: Vec<bool>,
    },
}

/// States of a junction inside a zone without through traffic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zone {
    /// Still in the zone where the way began.
    pub start: u32,
    /// In the zone where it will end.
    pub end: u32,
}

/// What the graph of one mode is made from.
#[derive(Clone, Copy)]
pub(super) struct Roads<'a> {
    pub streets: &'a Streets,
    /// Travel time of each directed edge, ms; [`NONE`] where the mode may not go.
    pub edge_ms: &'a [u32],
    /// Edges that the mode may not pass through.
    pub zone: &'a [bool],
    /// Junctions that stop the mode: one can get there and no further.
    pub blocked: &'a [bool],
}

/// The states of a graph, their number, and the arcs by the state they leave.
pub(super) struct Built {
    pub states: States,
    pub count: usize,
    pub arcs: Vec<(u32, Arc)>,
}

/// Whether an edge may be travelled in any direction.
pub(super) fn is_usable(edge_ms: &[u32], edge: usize) -> bool {
    edge_ms[2 * edge] != NONE || edge_ms[2 * edge + 1] != NONE
}
