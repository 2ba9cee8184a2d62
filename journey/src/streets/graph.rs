//! Search graphs: states and arcs in flat arrays, made from [`Streets`] for one mode.

use rustc_hash::FxHashMap;

use super::{KEYED, Mode, Streets};

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

/// Arcs by the state they leave.
#[derive(Debug, Default)]
pub(super) struct Arcs {
    first: Vec<u32>,
    arcs: Vec<Arc>,
}

impl Arcs {
    /// Orders arcs `(tail, arc)` by tail.
    pub fn new(states: usize, list: &[(u32, Arc)]) -> Self {
        let mut first = vec![0u32; states + 1];
        for (tail, _) in list {
            first[*tail as usize + 1] += 1;
        }
        for state in 0..states {
            first[state + 1] += first[state];
        }
        let mut next = first.clone();
        let mut arcs = vec![Arc { head: 0, ms: 0, code: NONE }; list.len()];
        for (tail, arc) in list {
            let slot = &mut next[*tail as usize];
            arcs[*slot as usize] = *arc;
            *slot += 1;
        }
        Arcs { first, arcs }
    }

    #[inline]
    pub fn of(&self, state: u32) -> &[Arc] {
        &self.arcs[self.first[state as usize] as usize..self.first[state as usize + 1] as usize]
    }
}

/// The meaning of states.
#[derive(Debug)]
pub(super) enum States {
    /// Being at a junction. Junctions at streets without through traffic have two states more.
    Junctions {
        zones: FxHashMap<u32, Zone>,
        /// The junction of each two states that follow those of the junctions themselves.
        places: Vec<u32>,
    },
    /// Having travelled a directed edge to its end.
    Turns {
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
pub(super) struct Roads<'a> {
    pub streets: &'a Streets,
    /// See [`Graph`].
    pub edge_ms: &'a [u32],
    pub zone: &'a [bool],
    pub blocked: &'a [bool],
}

/// The graph of one mode.
#[derive(Debug)]
pub(super) struct Graph {
    pub mode: Mode,
    pub states: States,
    pub forward: Arcs,
    pub backward: Arcs,
    /// Travel time of each directed edge, ms; [`NONE`] where the mode may not go.
    pub edge_ms: Vec<u32>,
    /// Edges that the mode may not pass through, see [`zones`].
    pub zone: Vec<bool>,
    /// Junctions that stop the mode: one can get there and no further.
    pub blocked: Vec<bool>,
    /// For lower bounds, ms per metre.
    pub least_ms_per_m: f64,
}

impl Graph {
    pub fn new(streets: &Streets, mode: Mode) -> Self {
        let edge_ms = (0..streets.edges.len() as u32 * 2)
            .map(|code| {
                if streets.modes(code) & mode.bit() == 0 {
                    return NONE;
                }
                let profile = streets.profile(code >> 1);
                let length_dm = streets.edges[(code >> 1) as usize].length_dm;
                super::cost::edge_ms(profile, code & 1 == 1, mode, length_dm)
            })
            .collect::<Vec<u32>>();
        let zone = zones(streets, mode, &edge_ms);
        let blocked = blocked(streets, mode, &edge_ms, &zone);
        let roads = Roads { streets, edge_ms: &edge_ms, zone: &zone, blocked: &blocked };
        let (states, count, list) = match mode {
            Mode::Car => super::turns::build(&roads),
            Mode::Foot | Mode::Bike | Mode::Wheelchair => super::walk::build(&roads, mode),
        };
        let reversed: Vec<(u32, Arc)> =
            list.iter().map(|(tail, arc)| (arc.head, Arc { head: *tail, ..*arc })).collect();
        const MS_PER_S: f64 = 1000.0;
        Graph {
            mode,
            states,
            forward: Arcs::new(count, &list),
            backward: Arcs::new(count, &reversed),
            edge_ms,
            zone,
            blocked,
            least_ms_per_m: MS_PER_S / super::cost::fastest_mps(&streets.profiles, mode),
        }
    }

    /// Whether a state is in the zone of the destination, which a path does not leave.
    pub fn is_last(&self, state: u32) -> bool {
        match &self.states {
            States::Junctions { places, .. } => {
                let zones = self.states() - 2 * places.len();
                state as usize >= zones && (state as usize - zones) % 2 == 1
            }
            States::Turns { last, .. } => last[state as usize],
        }
    }

    pub fn states(&self) -> usize {
        self.forward.first.len() - 1
    }
}

/// Which edges `mode` may only use to come to or leave a place, not to pass through: those whose tags
/// say so, and whatever is reached through such ones only, however large: the signs stand at the way
/// in. Of all that hangs together in some way, the largest part without such streets is where one
/// passes through.
pub(super) fn zones(streets: &Streets, mode: Mode, edge_ms: &[u32]) -> Vec<bool> {
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
    let usable = |edge: usize| edge_ms[2 * edge] != NONE || edge_ms[2 * edge + 1] != NONE;
    let edge_ends = |edge: usize| (streets.edges[edge].from, streets.edges[edge].to);
    // The end by which an edge hangs together with others: not a gate.
    let end = |edge: usize| match edge_ends(edge) {
        (from, to) if is_keyed(from) => to,
        (from, _) => from,
    };
    let junctions = streets.junctions.len() as u32;
    // What hangs together without the streets that are no way through, and with them.
    let (mut open, mut whole) = (Groups::new(junctions), Groups::new(junctions));
    for edge in (0..tagged.len()).filter(|edge| usable(*edge)) {
        let (from, to) = edge_ends(edge);
        whole.join(from, to);
        if !at_times[edge] && !is_keyed(from) && !is_keyed(to) {
            open.join(from, to);
        }
    }
    let mut lengths: FxHashMap<u32, u64> = FxHashMap::default();
    for edge in (0..tagged.len()).filter(|edge| usable(*edge) && !at_times[*edge]) {
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
    (0..tagged.len()).map(|edge| tagged[edge] || usable(edge) && is_enclosed(edge)).collect()
}

/// Junctions where `mode` is stopped: barriers, and gates between two streets that it may pass through.
fn blocked(streets: &Streets, mode: Mode, edge_ms: &[u32], zone: &[bool]) -> Vec<bool> {
    let mut blocked: Vec<bool> = streets.junction_flags.iter().map(|flags| flags & mode.bit() != 0).collect();
    let usable = |edge: usize| edge_ms[2 * edge] != NONE || edge_ms[2 * edge + 1] != NONE;
    for edge in (0..zone.len()).filter(|edge| zone[*edge] && usable(*edge)) {
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
