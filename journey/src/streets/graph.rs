//! Search graphs: states and arcs in flat arrays, made from [`Streets`] for one mode.

use rustc_hash::FxHashMap;

use super::states::{Arc, Built, NONE, Roads, States, is_usable};
use super::{KEYED, Mode, Streets, cost, edge_based, node_based};
use crate::rows::Rows;

/// The graph of one mode.
#[derive(Debug)]
pub(super) struct Graph {
    pub mode: Mode,
    pub states: States,
    /// Arcs by the state they leave.
    pub forward: Rows<Arc>,
    /// Arcs, turned round, by the state they come to.
    pub backward: Rows<Arc>,
    /// See [`Roads`].
    pub edge_ms: Vec<u32>,
    pub zone: Vec<bool>,
    pub blocked: Vec<bool>,
    /// For lower bounds, ms per metre.
    pub least_ms_per_m: f64,
}

impl Graph {
    /// The streets as `mode` may use them.
    pub fn new(streets: &Streets, mode: Mode) -> Self {
        let edge_ms = (0..streets.edges.len() as u32 * 2)
            .map(|code| {
                if streets.modes(code) & mode.bit() == 0 {
                    return NONE;
                }
                let length_dm = streets.edges[(code >> 1) as usize].length_dm;
                cost::edge_ms(streets.profile(code >> 1), code & 1 == 1, mode, length_dm)
            })
            .collect::<Vec<u32>>();
        let zone = zones(streets, mode, &edge_ms);
        let blocked = blocked(streets, mode, &edge_ms, &zone);
        let roads = Roads { streets, edge_ms: &edge_ms, zone: &zone, blocked: &blocked };
        let Built { states, count, arcs } = match mode {
            Mode::Car => edge_based::build(roads),
            Mode::Foot | Mode::Bike | Mode::Wheelchair => node_based::build(roads, mode),
        };
        let reversed: Vec<(u32, Arc)> =
            arcs.iter().map(|(tail, arc)| (arc.head, Arc { head: *tail, ..*arc })).collect();
        const MS_PER_S: f64 = 1000.0;
        Graph {
            mode,
            states,
            forward: Rows::grouped(count, &arcs),
            backward: Rows::grouped(count, &reversed),
            edge_ms,
            zone,
            blocked,
            least_ms_per_m: MS_PER_S / cost::fastest_mps(&streets.profiles, mode),
        }
    }

    /// Whether a state is in the zone of the destination, which a path does not leave.
    pub fn is_last(&self, state: u32) -> bool {
        match &self.states {
            States::NodeBased { places, .. } => {
                let zones = self.count() - 2 * places.len();
                state as usize >= zones && (state as usize - zones) % 2 == 1
            }
            States::EdgeBased { last, .. } => last[state as usize],
        }
    }

    /// How many states.
    pub fn count(&self) -> usize {
        self.forward.len()
    }

    /// The state of one who began on a directed edge and has left it.
    pub fn after(&self, streets: &Streets, code: u32) -> u32 {
        match &self.states {
            States::EdgeBased { entered, .. } => entered[code as usize],
            States::NodeBased { zones, .. } => {
                let head = streets.ends(code).1;
                zones.get(&head).filter(|_| self.zone[(code >> 1) as usize]).map_or(head, |zone| zone.start)
            }
        }
    }
}

/// Which edges `mode` may only use to come to or leave a place, not to pass through: those whose tags
/// say so, and whatever is reached through such ones only, however large: the traffic signs stand at the way
/// in. Of all that hangs together in some way, the largest part without such streets is where one
/// passes through.
fn zones(streets: &Streets, mode: Mode, edge_ms: &[u32]) -> Vec<bool> {
    let tagged: Vec<bool> = (0..streets.edges.len() as u32)
        .map(|edge| streets.profile(edge).no_through & mode.bit() != 0)
        .collect();
    let is_keyed = |junction: u32| {
        streets.junction_flags[junction as usize] & (KEYED | mode.bit()) == KEYED | mode.bit()
    };
    if !tagged.contains(&true) && !(0..streets.junctions.len() as u32).any(is_keyed) {
        return tagged;
    }
    // What is no way through at times: what lies beyond must be reached at those times too.
    let at_times: Vec<bool> = match streets.variants.is_empty() {
        true => tagged.clone(),
        false => (0..tagged.len() as u32)
            .map(|edge| streets.beside(edge).any(|edge| tagged[edge as usize]))
            .collect(),
    };
    let edge_ends = |edge: usize| (streets.edges[edge].from, streets.edges[edge].to);
    // The end by which an edge hangs together with others: not a gate.
    let end = |edge: usize| match edge_ends(edge) {
        (from, to) if is_keyed(from) => to,
        (from, _) => from,
    };
    let junctions = streets.junctions.len() as u32;
    // What hangs together without the streets that are no way through, and with them.
    let (mut open, mut whole) = (Groups::new(junctions), Groups::new(junctions));
    for edge in (0..tagged.len()).filter(|edge| is_usable(edge_ms, *edge)) {
        let (from, to) = edge_ends(edge);
        whole.join(from, to);
        if !at_times[edge] && !is_keyed(from) && !is_keyed(to) {
            open.join(from, to);
        }
    }
    let mut lengths: FxHashMap<u32, u64> = FxHashMap::default();
    for edge in (0..tagged.len()).filter(|edge| is_usable(edge_ms, *edge) && !at_times[*edge]) {
        *lengths.entry(open.of(end(edge))).or_default() += u64::from(streets.edges[edge].length_dm);
    }
    // By whole: its largest open part; of equals the first.
    let mut largest: FxHashMap<u32, (u32, u64)> = FxHashMap::default();
    let mut parts: Vec<(u32, u64)> = lengths.into_iter().collect();
    parts.sort_unstable();
    for (part, length) in parts {
        let held = largest.entry(whole.of(part)).or_insert((part, length));
        if held.1 < length {
            *held = (part, length);
        }
    }
    let mut is_enclosed = |edge: usize| {
        let mut is_beyond =
            |junction| largest.get(&whole.of(junction)).is_some_and(|(part, _)| *part != open.of(junction));
        match at_times[edge] {
            true => is_beyond(edge_ends(edge).0) && is_beyond(edge_ends(edge).1),
            false => is_beyond(end(edge)),
        }
    };
    (0..tagged.len()).map(|edge| tagged[edge] || is_usable(edge_ms, edge) && is_enclosed(edge)).collect()
}

/// Junctions where `mode` is stopped: barriers, and gates between two streets that it may pass through.
fn blocked(streets: &Streets, mode: Mode, edge_ms: &[u32], zone: &[bool]) -> Vec<bool> {
    let mut blocked: Vec<bool> = streets.junction_flags.iter().map(|flags| flags & mode.bit() != 0).collect();
    for edge in (0..zone.len()).filter(|edge| zone[*edge] && is_usable(edge_ms, *edge)) {
        let edge = &streets.edges[edge];
        for junction in [edge.from, edge.to].map(|junction| junction as usize) {
            blocked[junction] &= streets.junction_flags[junction] & KEYED == 0;
        }
    }
    blocked
}

/// Disjoint sets of junctions.
struct Groups(Vec<u32>);

impl Groups {
    fn new(members: u32) -> Self {
        Groups((0..members).collect())
    }

    fn of(&mut self, mut member: u32) -> u32 {
        while self.0[member as usize] != member {
            let next = self.0[self.0[member as usize] as usize];
            self.0[member as usize] = next;
            member = next;
        }
        member
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.of(a), self.of(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}
