//! The graph of cars: a state is a directed edge travelled to its end, so that turns can be banned
//! and take time.
//!
//! A state also remembers what the past forbids: the via ways travelled so far, and whether the car
//! is in its first zone without through traffic, outside, or in its last one.

use rustc_hash::FxHashMap;

use super::cost::{FERRY_BOARDING_MS, U_TURN_MS, turn_ms};
use super::states::{Arc, Built, NONE, Roads, States, is_usable};
use super::{Coord, SIGNALS, Streets};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// In a no-through zone since the start.
    Start,
    Public,
    /// In the no-through zone of the destination.
    End,
}

/// A ban that is under way: its number, and how many of its edges were travelled.
type Progress = Vec<(u32, u32)>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    code: u32,
    phase: Phase,
    progress: Progress,
}

pub(super) fn build(roads: Roads<'_>) -> Built {
    let edge_ms = roads.edge_ms;
    let mut builder = Builder::new(roads);
    for code in (0..edge_ms.len() as u32).filter(|code| edge_ms[*code as usize] != NONE) {
        let phase = if roads.zone[(code >> 1) as usize] { Phase::Start } else { Phase::Public };
        let progress = builder.begun(code);
        builder.entered[code as usize] = builder.states.len() as u32;
        builder.states.push(State { code, phase, progress });
    }
    let mut arcs = Vec::with_capacity(edge_ms.len() * 2);
    let mut done = 0;
    while done < builder.states.len() {
        builder.expand(done as u32, &mut arcs);
        done += 1;
    }
    let Builder { states, entered, further, .. } = builder;
    let codes: Vec<u32> = states.iter().map(|state| state.code).collect();
    let last = states.iter().map(|state| state.phase == Phase::End).collect();
    Built { count: states.len(), states: States::EdgeBased { entered, further, codes, last }, arcs }
}

struct Builder<'a> {
    roads: Roads<'a>,
    /// Directed edges by the junction they leave.
    out: FxHashMap<u32, Vec<u32>>,
    /// Bans by the directed edge they begin with.
    bans: FxHashMap<u32, Vec<u32>>,
    /// Heading at the start and at the end of each directed edge, degrees.
    headings: Vec<[f32; 2]>,
    arms: Vec<u8>,
    states: Vec<State>,
    entered: Vec<u32>,
    known: FxHashMap<State, u32>,
    further: FxHashMap<u32, Vec<u32>>,
}

impl<'a> Builder<'a> {
    fn new(roads: Roads<'a>) -> Self {
        let Roads { streets, edge_ms, .. } = roads;
        let mut out: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut arms = vec![0u8; streets.junctions.len()];
        for code in 0..edge_ms.len() as u32 {
            let tail = streets.ends(code).0;
            if edge_ms[code as usize] != NONE {
                out.entry(tail).or_default().push(code);
            }
            // Of edges beside each other one is an arm.
            let mut beside = streets.beside(code >> 1);
            if beside.find(|edge| is_usable(edge_ms, *edge as usize)) == Some(code >> 1) {
                arms[tail as usize] = arms[tail as usize].saturating_add(1);
            }
        }
        let mut bans: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (number, banned) in streets.banned.iter().enumerate() {
            if let Some(first) = banned.first() {
                bans.entry(*first).or_default().push(number as u32);
            }
        }
        Builder {
            roads,
            headings: headings(streets),
            out,
            bans,
            arms,
            states: Vec::new(),
            entered: vec![NONE; edge_ms.len()],
            known: FxHashMap::default(),
            further: FxHashMap::default(),
        }
    }

    /// Bans that begin with an edge.
    fn begun(&self, code: u32) -> Progress {
        self.bans.get(&code).map_or_else(Vec::new, |bans| bans.iter().map(|ban| (*ban, 1)).collect())
    }

    /// Adds the arcs that leave a state, and the states they lead to.
    fn expand(&mut self, number: u32, list: &mut Vec<(u32, Arc)>) {
        let state = self.states[number as usize].clone();
        let at = self.roads.streets.ends(state.code).1;
        let exits = self.out.get(&at).cloned().unwrap_or_default();
        let blocked = self.roads.blocked[at as usize];
        let back = state.code ^ 1;
        let mut stuck = true;
        // Nor do they turn round on an edge beside their own.
        let own = self.roads.streets.beside(state.code >> 1);
        let is_back = |exit: u32| exit & 1 == back & 1 && own.contains(&(exit >> 1));
        for exit in exits.into_iter().filter(|exit| !is_back(*exit) && !blocked) {
            if let Some(head) = self.enter(&state, exit) {
                // What is closed at times is no way on then.
                stuck &= self.roads.streets.is_variant(exit >> 1);
                let ms = self.arc_ms(state.code, exit, at);
                list.push((number, Arc { head, ms, code: exit }));
            }
        }
        // Cars turn round only where there is no other way on.
        if stuck
            && self.roads.edge_ms[back as usize] != NONE
            && let Some(head) = self.enter(&state, back)
        {
            let ms = self.roads.edge_ms[back as usize].saturating_add(U_TURN_MS);
            list.push((number, Arc { head, ms, code: back }));
        }
    }

    fn arc_ms(&self, from: u32, to: u32, at: u32) -> u32 {
        const DEAD_STRAIGHT_ARMS: u8 = 2;
        let mut angle = f64::from(self.headings[to as usize][0] - self.headings[from as usize][1]);
        angle -= 360.0 * (angle / 360.0).round();
        let signals = self.roads.streets.junction_flags[at as usize] & SIGNALS != 0;
        let turn = turn_ms(angle, self.arms[at as usize] > DEAD_STRAIGHT_ARMS, signals);
        let boards = self.roads.streets.is_ferry(to) && !self.roads.streets.is_ferry(from);
        let ferry = if boards { FERRY_BOARDING_MS } else { 0 };
        self.roads.edge_ms[to as usize].saturating_add(turn).saturating_add(ferry)
    }

    /// The state after `exit`, if it may be taken.
    fn enter(&mut self, state: &State, exit: u32) -> Option<u32> {
        let phase = match (state.phase, self.roads.zone[(exit >> 1) as usize]) {
            (Phase::Start, true) => Phase::Start,
            (Phase::Start | Phase::Public, false) => Phase::Public,
            (Phase::Public | Phase::End, true) => Phase::End,
            (Phase::End, false) => return None,
        };
        let mut progress = Vec::new();
        for &(ban, travelled) in &state.progress {
            let banned = &self.roads.streets.banned[ban as usize];
            if banned.get(travelled as usize) == Some(&exit) {
                if travelled as usize + 1 == banned.len() {
                    return None;
                }
                progress.push((ban, travelled + 1));
            }
        }
        if phase != Phase::End && progress.is_empty() {
            return Some(self.entered[exit as usize]);
        }
        progress.extend(self.begun(exit));
        progress.sort_unstable();
        let next = State { code: exit, phase, progress };
        if let Some(&number) = self.known.get(&next) {
            return Some(number);
        }
        let number = self.states.len() as u32;
        self.states.push(next.clone());
        self.known.insert(next, number);
        self.further.entry(exit).or_default().push(number);
        Some(number)
    }
}

/// Headings of all directed edges where they begin and end, degrees clockwise from north.
pub(super) fn headings(streets: &Streets) -> Vec<[f32; 2]> {
    let mut headings = Vec::with_capacity(streets.edges.len() * 2);
    for edge in 0..streets.edges.len() as u32 {
        let first: Vec<Coord> = streets.points(edge).take(2).collect();
        let last: Vec<Coord> = streets.points(edge).rev().take(2).collect();
        let (start, end) = (heading(first[0], first[1]), heading(last[1], last[0]));
        headings.push([start, end]);
        headings.push([end + 180.0, start + 180.0]);
    }
    headings
}

/// Heading from one place to another, degrees clockwise from north.
pub(super) fn heading(from: Coord, to: Coord) -> f32 {
    let narrowing = from.degrees().lat.to_radians().cos();
    let east = (f64::from(to.lon) - f64::from(from.lon)) * narrowing;
    let north = f64::from(to.lat) - f64::from(from.lat);
    east.atan2(north).to_degrees() as f32
}
