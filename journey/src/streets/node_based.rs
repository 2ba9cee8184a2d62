//! The graph of pedestrians and cyclists: a state is a junction.
//!
//! Streets without through traffic (for cyclists) are honoured by layers: a way begins in the
//! `start` layer of its zone, goes on in the common layer, and once it enters a zone again stays in
//! the `end` layer.

use rustc_hash::FxHashMap;

use super::class::Class;
use super::cost::{FERRY_BOARDING_MS, crossing_ms};
use super::states::{Arc, Built, NONE, Roads, States, Zone, is_usable};
use super::{Mode, Streets};

pub(super) fn build(roads: Roads<'_>, mode: Mode) -> Built {
    let Roads { streets, edge_ms, zone, blocked } = roads;
    let junctions = streets.junctions.len();
    let (zones, places) = zones(streets, edge_ms, zone);
    let arms = arms(streets);
    let mut list = Vec::with_capacity(edge_ms.len());
    for (code, &ms) in edge_ms.iter().enumerate() {
        let code = code as u32;
        let (tail, head) = streets.ends(code);
        if ms == NONE || blocked[tail as usize] {
            continue;
        }
        let (most_important, count) = arms[tail as usize];
        let ashore = most_important != Class::Ferry;
        let crossing = if mode == Mode::Bike { 0 } else { crossing_ms(most_important, count) };
        let boarding = if ashore && streets.is_ferry(code) { FERRY_BOARDING_MS } else { 0 };
        let ms = ms.saturating_add(crossing).saturating_add(boarding);
        let arc = |head| Arc { head, ms, code };
        if !zone[(code >> 1) as usize] {
            list.push((tail, arc(head)));
        } else if let (Some(from), Some(to)) = (zones.get(&tail), zones.get(&head)) {
            list.push((from.start, arc(to.start)));
            list.push((tail, arc(to.end)));
            list.push((from.end, arc(to.end)));
        }
    }
    for (&junction, zone) in &zones {
        // Leaving the first zone costs nothing; a barrier was tested on the edge before.
        list.push((zone.start, Arc { head: junction, ms: 0, code: NONE }));
    }
    let count = junctions + 2 * zones.len();
    Built { states: States::NodeBased { zones, places }, count, arcs: list }
}

/// The states of junctions at zones, and the junctions in the order of these states.
fn zones(streets: &Streets, edge_ms: &[u32], zone: &[bool]) -> (FxHashMap<u32, Zone>, Vec<u32>) {
    let (mut zones, mut places) = (FxHashMap::default(), Vec::new());
    let mut next = streets.junctions.len() as u32;
    for (number, edge) in streets.edges.iter().enumerate() {
        if !is_usable(edge_ms, number) || !zone[number] {
            continue;
        }
        for junction in [edge.from, edge.to] {
            zones.entry(junction).or_insert_with(|| {
                next += 2;
                places.push(junction);
                Zone { start: next - 2, end: next - 1 }
            });
        }
    }
    (zones, places)
}

/// The most important class of street at each junction, and how many arms it has.
pub(super) fn arms(streets: &Streets) -> Vec<(Class, usize)> {
    let mut arms = vec![(Class::Ferry, 0usize); streets.junctions.len()];
    for (number, edge) in streets.edges.iter().enumerate() {
        if streets.beside(number as u32).start != number as u32 {
            continue;
        }
        let class = streets.profile(number as u32).class;
        for junction in [edge.from, edge.to] {
            let (most, count) = &mut arms[junction as usize];
            *most = (*most).min(class);
            *count += 1;
        }
    }
    arms
}
