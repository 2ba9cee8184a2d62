//! Trees and A* against a plain search that keeps its whole past.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::osm::MemberKind;
use super::super::states::NONE;
use super::super::{
    Budget, Direction, Link, Mode, Network, SIGNALS, Workspace, cost, edge_based, node_based,
};
use super::Town;

/// Bans in these towns are no longer than this.
const MEMORY: usize = 4;

#[derive(Debug, Clone)]
struct TownPlan {
    ways: Vec<(usize, usize, usize)>,
    bans: Vec<(bool, usize, Option<usize>, usize)>,
    barriers: Vec<(usize, usize)>,
}

/// Nine places in a square, any of them joined.
const PLACES: [i64; 9] = [0, 1, 2, 10, 11, 12, 20, 21, 22];

const KINDS: [&[(&str, &str)]; 8] = [
    &[("highway", "residential")],
    &[("highway", "secondary"), ("maxspeed", "50")],
    &[("highway", "residential"), ("oneway", "yes")],
    &[("highway", "residential"), ("vehicle", "destination")],
    &[("highway", "footway")],
    &[("highway", "track"), ("oneway", "-1")],
    &[("highway", "living_street"), ("access", "destination")],
    &[("highway", "service"), ("access", "private")],
];

const BARRIERS: [&[(&str, &str)]; 4] = [
    &[("barrier", "bollard")],
    &[("barrier", "stile")],
    &[("highway", "traffic_signals")],
    &[("barrier", "gate"), ("access", "private")],
];

fn plans() -> impl Strategy<Value = TownPlan> {
    let way = (0..PLACES.len(), 0..PLACES.len(), 0..KINDS.len());
    let ban = (any::<bool>(), 0..14usize, proptest::option::of(0..14usize), 0..14usize);
    let barrier = (0..PLACES.len(), 0..BARRIERS.len());
    (
        proptest::collection::vec(way, 4..14),
        proptest::collection::vec(ban, 0..6),
        proptest::collection::vec(barrier, 0..2),
    )
        .prop_map(|(ways, bans, barriers)| TownPlan { ways, bans, barriers })
}

fn network(plan: &TownPlan) -> Option<Network> {
    let mut town = Town::new();
    for &(from, to, kind) in plan.ways.iter().filter(|way| way.0 != way.1) {
        town = town.way(&[PLACES[from], PLACES[to]], KINDS[kind]);
    }
    for &(place, kind) in &plan.barriers {
        town = town.node(PLACES[place], BARRIERS[kind]);
    }
    let count = town.data.ways.len();
    for &(only, from, via, to) in &plan.bans {
        let kind = if only { "only_left_turn" } else { "no_left_turn" };
        let (Some(from), Some(to)) = (town.data.ways.get(from).cloned(), town.data.ways.get(to).cloned())
        else {
            continue;
        };
        town = match via.filter(|via| *via < count) {
            Some(via) => town.restriction(kind, from.id, (MemberKind::Way, &[via as i64 + 1]), to.id),
            None => match from.nodes.iter().find(|node| to.nodes.contains(node)) {
                Some(&node) => town.restriction(kind, from.id, (MemberKind::Node, &[node]), to.id),
                None => town,
            },
        };
    }
    (count > 0).then(|| town.build())
}

/// 0: in the first zone, 1: outside, 2: in the last zone.
fn next_phase(phase: u8, zone: bool) -> Option<u8> {
    match (phase, zone) {
        (0, true) => Some(0),
        (0 | 1, false) => Some(1),
        (1 | 2, true) => Some(2),
        _ => None,
    }
}

/// The duration from one link to another in ms, by a search over all pasts.
fn plain(network: &Network, mode: Mode, from: &Link, to: &Link) -> Option<u32> {
    let streets = network.streets();
    let graph = network.graph(mode);
    let headings = edge_based::headings(streets);
    let arms = node_based::arms(streets);
    let codes: Vec<u32> =
        (0..streets.edges.len() as u32 * 2).filter(|code| graph.edge_ms[*code as usize] != NONE).collect();
    let full = |code: u32| graph.edge_ms[code as usize];
    let part = |code: u32, link: &Link| {
        let length = streets.edges[link.edge as usize].length_dm;
        let along = if code & 1 == 0 { link.along_dm } else { length - link.along_dm };
        (u64::from(full(code)) * u64::from(along) / u64::from(length)) as u32
    };
    let zone = |code: u32| graph.zone[(code >> 1) as usize];
    let car_arms = |junction: u32| {
        let edges: BTreeSet<(u32, bool)> = (codes.iter().map(|code| code & !1))
            .flat_map(|code| [(code, false), (code | 1, true)])
            .filter(|(code, _)| streets.ends(*code).0 == junction)
            .collect();
        edges.len()
    };
    let turn = |a: u32, b: u32, at: u32| -> u32 {
        if mode != Mode::Car {
            let (most, count) = arms[at as usize];
            return if mode == Mode::Bike { 0 } else { cost::crossing_ms(most, count) };
        }
        if b == a ^ 1 {
            return cost::U_TURN_MS;
        }
        let mut angle = f64::from(headings[b as usize][0] - headings[a as usize][1]);
        angle -= 360.0 * (angle / 360.0).round();
        let signals = streets.junction_flags[at as usize] & SIGNALS != 0;
        cost::turn_ms(angle, car_arms(at) > 2, signals)
    };
    let mut best: Option<u32> = None;
    let mut take = |ms: u32| best = Some(best.map_or(ms, |best| best.min(ms)));
    let mut open: BTreeMap<u32, Vec<(Vec<u32>, u8)>> = BTreeMap::new();
    for &code in codes.iter().filter(|code| **code >> 1 == from.edge) {
        if from.edge == to.edge && part(code, from) <= part(code, to) {
            take(part(code, to) - part(code, from));
        }
        open.entry(full(code) - part(code, from))
            .or_default()
            .push((vec![code], if zone(code) { 0 } else { 1 }));
    }
    let mut done = BTreeSet::new();
    while let Some((ms, states)) = open.pop_first() {
        for (past, phase) in states {
            let last = *past.last().unwrap();
            if !done.insert((past.clone(), phase)) {
                continue;
            }
            let at = streets.ends(last).1;
            let back = last ^ 1;
            let blocked = graph.blocked[at as usize];
            let follow = |exit: u32| -> Option<(Vec<u32>, u8)> {
                let mut next = past.clone();
                next.push(exit);
                if mode == Mode::Car && streets.banned.iter().any(|banned| next.ends_with(banned)) {
                    return None;
                }
                let phase = next_phase(phase, zone(exit))?;
                let keep = if mode == Mode::Car { MEMORY } else { 1 };
                Some((next.split_off(next.len().saturating_sub(keep)), phase))
            };
            let leaving = codes.iter().copied().filter(|code| streets.ends(*code).0 == at);
            let mut exits: Vec<(u32, (Vec<u32>, u8))> = leaving
                .filter(|exit| !blocked && (*exit != back || mode != Mode::Car))
                .filter_map(|exit| Some((exit, follow(exit)?)))
                .collect();
            if mode == Mode::Car && exits.is_empty() && full(back) != NONE {
                exits.extend(follow(back).map(|next| (back, next)));
            }
            for (exit, next) in exits {
                let turn = turn(last, exit, at);
                if exit >> 1 == to.edge {
                    // Walkers who stop half way have not crossed.
                    let delay = if mode == Mode::Car { turn } else { 0 };
                    take(ms + delay + part(exit, to));
                }
                open.entry(ms + turn + full(exit)).or_default().push(next);
            }
        }
    }
    best
}

fn check(plan: &TownPlan, mode: Mode, picks: &[(usize, u32)]) {
    let Some(network) = network(plan) else { return };
    let streets = network.streets();
    let links: Vec<Link> = picks
        .iter()
        .map(|&(pick, tenth)| {
            let edge = (pick % streets.edges.len()) as u32;
            let along_dm = streets.edges[edge as usize].length_dm * tenth / 10;
            let at = streets.points(edge).next().unwrap();
            Link { edge, along_dm, gap_m: 0.0, at, main: true, private: false, apart: false }
        })
        .collect();
    let mut workspace = Workspace::new();
    for from in &links {
        for to in &links {
            // The lower bound needs the true position of the goal.
            let mut to = *to;
            let ends: Vec<_> = streets.points(to.edge).collect();
            let share = f64::from(to.along_dm) / f64::from(streets.edges[to.edge as usize].length_dm);
            let mix = |a: i32, b: i32| (f64::from(a) + share * f64::from(b - a)).round() as i32;
            to.at = super::Coord { lat: mix(ends[0].lat, ends[1].lat), lon: mix(ends[0].lon, ends[1].lon) };
            let expected = plain(&network, mode, from, &to).map(|ms| f64::from(ms) / 1000.0);
            let route = network.route(&mut workspace, mode, *from, &to, Budget::NONE);
            assert_eq!(route.duration_s(&to), expected, "A* {mode:?} {from:?} {to:?}");
            if let (Some(reach), Some(path)) = (route.reach(&to), route.path(&to)) {
                assert_eq!(reach.distance_m, path.distance_m);
            }
            for (direction, root, leaf) in [(Direction::Forward, *from, to), (Direction::Backward, to, *from)]
            {
                let tree = network.tree(&mut workspace, mode, root, direction, 1e6, Budget::NONE);
                assert_eq!(tree.duration_s(&leaf), expected, "{direction:?} {mode:?} {from:?} {to:?}");
                if let (Some(found), Some(seconds)) = (tree.reach(&leaf), expected) {
                    let limited = network.tree(&mut workspace, mode, root, direction, seconds, Budget::NONE);
                    assert_eq!(limited.duration_s(&leaf), expected);
                    assert!(found.distance_m >= 0.0);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn cars_drive_as_a_plain_search_says(plan in plans(), picks in proptest::collection::vec((0..20usize, 0..=10u32), 2..4)) {
        check(&plan, Mode::Car, &picks);
    }

    #[test]
    fn others_move_as_a_plain_search_says(plan in plans(), picks in proptest::collection::vec((0..20usize, 0..=10u32), 2..4)) {
        for mode in [Mode::Foot, Mode::Bike, Mode::Wheelchair] {
            check(&plan, mode, &picks);
        }
    }
}
