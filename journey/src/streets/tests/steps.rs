//! Instructions at hand-made junctions.

use domain::geo::LatLon;
use domain::guidance::{Bearing, Turn, WayKind};
use domain::lang::Lang;
use proptest::prelude::*;

use super::super::steps::{Step, steps};
use super::super::{Budget, Coord, Link, Mode, Network, Path, Piece, Workspace};
use super::{Town, link};

fn street(name: &str) -> Vec<(&str, &str)> {
    vec![("highway", "residential"), ("maxspeed", "30"), ("name", name)]
}

fn path(network: &Network, mode: Mode, from: Link, to: Link) -> Path {
    let mut workspace = Workspace::new();
    network.route(&mut workspace, mode, from, &to, Budget::NONE).path(&to).expect("there is a way")
}

/// The steps from near node `a` to near node `b`, in short: `LEFT Dorfstraße`, and the whole.
fn way(network: &Network, mode: Mode, a: (i64, i64), b: (i64, i64)) -> Vec<String> {
    way_between(network, mode, link(network, mode, a.0, a.1), link(network, mode, b.0, b.1))
}

/// The street at a row and column of the grid.
fn street_at(network: &Network, mode: Mode, (row, column): (f64, f64)) -> Link {
    let point = LatLon { lat: 48.6 + row * 9e-4, lon: 8.8 + column * 13.6e-4 };
    network.snap(mode, point, 5.0, 1)[0]
}

fn way_between(network: &Network, mode: Mode, from: Link, to: Link) -> Vec<String> {
    let path = path(network, mode, from, to);
    let steps = steps(network, mode, &path.pieces);
    holds_together(&path, &steps);
    steps.iter().map(short).collect()
}

fn short(step: &Step<'_>) -> String {
    let instruction = &step.instruction;
    let exit = instruction.exit.map(|exit| format!(" {exit}")).unwrap_or_default();
    let street = instruction.street.map_or(format!("({})", instruction.way), str::to_owned);
    let push = if instruction.pushes_bicycle { " pushing" } else { "" };
    format!("{}{exit} {street}{push}", instruction.turn)
}

/// What is true of all steps: they are as long as the way, and begin on it one after the other.
fn holds_together(path: &Path, steps: &[Step<'_>]) {
    let length_dm: u64 = steps.iter().map(|step| step.length_dm).sum();
    assert_eq!(length_dm, (path.distance_m * 10.0).round() as u64);
    assert_eq!(steps[0].instruction.turn, Turn::Depart);
    assert_eq!(Some(&steps[0].at.degrees()), path.points.first());
    let mut rest = path.points.iter();
    for step in steps {
        assert!(rest.any(|point| *point == step.at.degrees()), "{:?} is not on the way", short(step));
        rest = rest.as_slice().iter();
    }
}

/// Crossing at node 11 of Hauptstraße (10-11-12) and Querstraße (1-11-21).
fn crossing() -> Town {
    Town::new().way(&[10, 11, 12], &street("Hauptstraße")).way(&[1, 11, 21], &street("Querstraße"))
}

#[test]
fn turns_are_named_and_straight_on_is_no_step() {
    let network = crossing().build();
    for mode in Mode::ALL {
        let of = |a, b| way(&network, mode, a, b);
        assert_eq!(of((10, 11), (21, 11)), ["DEPART Hauptstraße", "LEFT Querstraße"]);
        assert_eq!(of((10, 11), (1, 11)), ["DEPART Hauptstraße", "RIGHT Querstraße"]);
        assert_eq!(of((10, 11), (12, 11)), ["DEPART Hauptstraße"]);
        assert_eq!(of((1, 11), (10, 11)), ["DEPART Querstraße", "LEFT Hauptstraße"]);
    }
    let from = link(&network, Mode::Foot, 1, 11);
    let path = path(&network, Mode::Foot, from, link(&network, Mode::Foot, 10, 11));
    let steps = steps(&network, Mode::Foot, &path.pieces);
    assert_eq!(
        steps.iter().map(|s| s.instruction.bearing).collect::<Vec<_>>(),
        [Bearing::North, Bearing::West]
    );
    // The grid is 100 m wide; both ends are 20 m from their nodes.
    assert!(steps.iter().all(|step| (790..=815).contains(&step.length_dm)), "{steps:?}");
    let sentences: Vec<_> = steps.iter().map(|s| s.instruction.sentence(Lang::De)).collect();
    assert_eq!(sentences, ["Richtung Norden auf Querstraße.", "Links abbiegen auf Hauptstraße."]);
}

#[test]
fn both_ends_on_one_street_make_one_step() {
    let network = crossing().build();
    let from = link(&network, Mode::Car, 10, 11);
    let to = Link { along_dm: from.along_dm + 300, ..from };
    let path = path(&network, Mode::Car, from, to);
    let steps = steps(&network, Mode::Car, &path.pieces);
    assert_eq!((steps.len(), steps[0].length_dm), (1, 300));
    assert_eq!(short(&steps[0]), "DEPART Hauptstraße");
}

#[test]
fn a_bend_is_a_step_where_others_go_on() {
    // A street that bends by 90 degrees at node 11.
    let bend = || Town::new().way(&[10, 11, 21], &street("Ringstraße"));
    assert_eq!(way(&bend().build(), Mode::Foot, (10, 11), (21, 11)), ["DEPART Ringstraße"]);
    // Even where a junction without a choice is, and the ways are two.
    let parts = Town::new().way(&[10, 11], &street("Ringstraße")).way(&[11, 21], &street("Ringstraße"));
    assert_eq!(way(&parts.build(), Mode::Foot, (10, 11), (21, 11)), ["DEPART Ringstraße"]);
    let with_branch = bend().way(&[11, 12], &street("Nebenweg")).build();
    assert_eq!(way(&with_branch, Mode::Foot, (10, 11), (21, 11)), ["DEPART Ringstraße", "LEFT Ringstraße"]);
    assert_eq!(way(&with_branch, Mode::Foot, (10, 11), (12, 11)), ["DEPART Ringstraße", "CONTINUE Nebenweg"]);
    // A slight bend, with a street to the side.
    let mut slight = Town::new();
    let at = slight.data.nodes[&12];
    slight.data.nodes.insert(12, Coord { lat: at.lat + 3_000, ..at });
    let slight = slight.way(&[10, 11, 12], &street("Ringstraße")).way(&[11, 1], &street("Nebenweg")).build();
    assert_eq!(way(&slight, Mode::Foot, (10, 11), (12, 11)), ["DEPART Ringstraße"]);
}

#[test]
fn another_name_without_a_choice_is_news_and_no_turn() {
    let town = Town::new().way(&[10, 11], &street("Dorfstraße")).way(&[11, 21], &street("Talstraße"));
    assert_eq!(
        way(&town.build(), Mode::Car, (10, 11), (21, 11)),
        ["DEPART Dorfstraße", "CONTINUE Talstraße"]
    );
    let number: &[_] = &[("highway", "secondary"), ("ref", "L 580;K 4")];
    let town = Town::new().way(&[10, 11], &street("Dorfstraße")).way(&[11, 12], number);
    assert_eq!(
        way(&town.build(), Mode::Car, (10, 11), (12, 11)),
        ["DEPART Dorfstraße", "CONTINUE L 580 / K 4"]
    );
}

/// A roundabout with the corners 11, 12, 22, 21, driven counterclockwise, and an arm at each.
fn roundabout(oneway: &str) -> Town {
    let circle = &[("highway", "tertiary"), ("junction", "roundabout"), ("oneway", oneway)];
    Town::new()
        .way(&[11, 12, 22, 21, 11], circle)
        .way(&[10, 11], &street("West"))
        .way(&[12, 2], &street("Süd"))
        .way(&[22, 23], &street("Ost"))
        .way(&[21, 31], &street("Nord"))
}

#[test]
fn exits_of_roundabouts_are_counted() {
    let network = roundabout("yes").build();
    for (to, name, exit) in [((2, 12), "Süd", 1), ((23, 22), "Ost", 2), ((31, 21), "Nord", 3)] {
        let expected = ["DEPART West".to_owned(), format!("CIRCLE_COUNTERCLOCKWISE {exit} {name}")];
        assert_eq!(way(&network, Mode::Car, (10, 11), to), expected);
    }
    assert_eq!(
        way(&network, Mode::Car, (10, 11), (22, 12)).last().unwrap(),
        "CIRCLE_COUNTERCLOCKWISE (street)"
    );
    // On foot the other way round.
    assert_eq!(way(&network, Mode::Foot, (10, 11), (31, 21)), ["DEPART West", "CIRCLE_CLOCKWISE 1 Nord"]);
}

#[test]
fn people_on_foot_walk_against_one_way_streets() {
    let oneway = [street("Hauptstraße"), vec![("oneway", "yes")]].concat();
    let network = Town::new().way(&[12, 11, 10], &oneway).way(&[1, 11, 21], &street("Querstraße")).build();
    assert_eq!(way(&network, Mode::Foot, (10, 11), (21, 11)), ["DEPART Hauptstraße", "LEFT Querstraße"]);
    let path =
        path(&network, Mode::Foot, link(&network, Mode::Foot, 10, 11), link(&network, Mode::Foot, 21, 11));
    assert_eq!(steps(&network, Mode::Foot, &path.pieces)[0].instruction.bearing, Bearing::East);
    // By car nobody comes that way: a street that ends at a T is a turn, though there is no other way on.
    let t = Town::new().way(&[12, 11], &oneway).way(&[11, 10], &oneway).way(&[1, 11], &street("Querstraße"));
    assert_eq!(way(&t.build(), Mode::Car, (1, 11), (10, 11)), ["DEPART Querstraße", "LEFT Hauptstraße"]);
}

/// Allee on two carriageways 20 m apart, along rows 1 (east) and 1.2 (west), crossed by Querstraße in column 3.
fn dual_carriageway(connection: &[(&str, &str)]) -> Network {
    let mut town = Town::new();
    for x in 0..10 {
        let at = town.data.nodes[&(10 + x)];
        town.data.nodes.insert(20 + x, Coord { lat: at.lat + 1_800, ..at });
    }
    let oneway = [street("Allee"), vec![("oneway", "yes")]].concat();
    town.way(&[10, 13, 16], &oneway)
        .way(&[26, 23, 20], &oneway)
        .way(&[3, 13], &street("Querstraße"))
        .way(&[13, 23], connection)
        .way(&[23, 33], &street("Querstraße"))
        .build()
}

#[test]
fn a_dual_carriageway_is_one_street() {
    let unnamed = [("highway", "residential")];
    for connection in [street("Querstraße"), street("Allee"), unnamed.to_vec()] {
        let network = dual_carriageway(&connection);
        let at = |place| street_at(&network, Mode::Car, place);
        let of = |a, b| way_between(&network, Mode::Car, at(a), at(b));
        let (south, north, east) = ((0.5, 3.0), (2.5, 3.0), (1.0, 5.0));
        let (west_out, west_in) = ((1.2, 1.0), (1.0, 1.0));
        assert_eq!(of(west_in, east), ["DEPART Allee"], "{connection:?}");
        assert_eq!(of(south, north), ["DEPART Querstraße"], "{connection:?}");
        assert_eq!(of(south, west_out), ["DEPART Querstraße", "LEFT Allee"], "{connection:?}");
        assert_eq!(of(south, east), ["DEPART Querstraße", "RIGHT Allee"], "{connection:?}");
        assert_eq!(of(west_in, west_out), ["DEPART Allee", "UTURN Allee"], "{connection:?}");
        assert_eq!(of(west_in, north), ["DEPART Allee", "LEFT Querstraße"], "{connection:?}");
    }
}

#[test]
fn paths_without_a_name_have_steps_where_one_may_go_wrong() {
    let tags: &[_] = &[("highway", "path")];
    // Straight over a crossing of paths, then right.
    let network =
        Town::new().way(&[10, 11, 12, 13], tags).way(&[1, 11, 21], tags).way(&[2, 12, 22], tags).build();
    assert_eq!(way(&network, Mode::Foot, (10, 11), (2, 12)), ["DEPART (path)", "RIGHT (path)"]);
    // From path to footway nothing changes.
    let footway: &[_] = &[("highway", "footway")];
    let network = Town::new().way(&[10, 11], tags).way(&[11, 12], footway).way(&[1, 11, 21], tags).build();
    assert_eq!(way(&network, Mode::Foot, (10, 11), (12, 11)), ["DEPART (path)"]);
    // A fork whose branches are both nearly straight on.
    let mut fork = Town::new();
    for (node, lat) in [(12, 1_200), (2, 9_000 - 1_200)] {
        let at = fork.data.nodes[&node];
        fork.data.nodes.insert(node, Coord { lat: at.lat + lat, ..at });
    }
    let fork = fork.way(&[10, 11], tags).way(&[11, 12], tags).way(&[11, 2], tags).build();
    let at = |place| street_at(&fork, Mode::Foot, place);
    for (branch, turn) in [((1.13, 1.98), "SLIGHTLY_LEFT"), ((0.87, 1.98), "SLIGHTLY_RIGHT")] {
        let steps = way_between(&fork, Mode::Foot, at((1.0, 0.2)), at(branch));
        assert_eq!(steps, ["DEPART (path)".to_owned(), format!("{turn} (path)")]);
    }
}

#[test]
fn stairs_ferries_and_pushing_are_named_even_without_a_choice() {
    let stairs: &[_] = &[("highway", "steps")];
    let path: &[_] = &[("highway", "path"), ("bicycle", "yes")];
    let network = Town::new().way(&[10, 11], path).way(&[11, 12], stairs).way(&[12, 13], path).build();
    let expected = ["DEPART (path)", "CONTINUE (stairs)", "CONTINUE (path)"];
    assert_eq!(way(&network, Mode::Foot, (10, 11), (13, 12)), expected);
    let market = [street("Markt"), vec![("bicycle", "dismount")]].concat();
    let network = Town::new().way(&[10, 11], &street("Markt")).way(&[11, 12], &market).build();
    assert_eq!(way(&network, Mode::Foot, (10, 11), (12, 11)), ["DEPART Markt"]);
    assert_eq!(way(&network, Mode::Bike, (10, 11), (12, 11)), ["DEPART Markt", "CONTINUE Markt pushing"]);
    let ferry: &[_] = &[("route", "ferry"), ("name", "Fähre Insel"), ("foot", "yes"), ("duration", "00:05")];
    let network =
        Town::new().way(&[10, 11], &street("Ufer")).way(&[11, 12], ferry).way(&[12, 13], &street("Insel"));
    let expected = ["DEPART Ufer", "CONTINUE Fähre Insel", "CONTINUE Insel"];
    assert_eq!(way(&network.build(), Mode::Foot, (10, 11), (13, 12)), expected);
}

#[test]
fn cars_turn_round_where_a_street_ends() {
    let network = Town::new().way(&[10, 11], &street("Sackgasse")).build();
    let (from, to) = (link(&network, Mode::Car, 10, 11), link(&network, Mode::Car, 11, 10));
    let pieces = [
        Piece { edge: from.edge, from_dm: from.along_dm, to_dm: 0 },
        Piece { edge: from.edge, from_dm: 0, to_dm: to.along_dm },
    ];
    let steps = steps(&network, Mode::Car, &pieces);
    assert_eq!(steps.iter().map(short).collect::<Vec<_>>(), ["DEPART Sackgasse", "UTURN Sackgasse"]);
    assert_eq!(steps[1].instruction.way, WayKind::Street);
}

/// Towns of some ways over the grid, a few with names.
fn towns() -> impl Strategy<Value = Town> {
    let hop = (0i64..5, 0i64..5, any::<bool>(), 0usize..4);
    proptest::collection::vec(hop, 20..60).prop_map(|mut hops| {
        // No two ways between the same places: turning into the other one is neither left nor right.
        hops.sort_unstable();
        hops.dedup_by_key(|(x, y, is_east, _)| (*x, *y, *is_east));
        const NAMES: [&[(&str, &str)]; 4] = [
            &[("highway", "residential"), ("name", "A-Straße")],
            &[("highway", "residential"), ("name", "B-Straße")],
            &[("highway", "path")],
            &[("highway", "residential"), ("name", "A-Straße"), ("oneway", "yes")],
        ];
        let mut town = Town::new();
        // Streets that are not at right angles.
        for (node, at) in &mut town.data.nodes {
            at.lat += (node * 7919 % 4001) as i32 - 2_000;
            at.lon += (node * 104_729 % 4001) as i32 - 2_000;
        }
        hops.into_iter().fold(town, |town, (x, y, is_east, name)| {
            let from = 10 * y + x;
            town.way(&[from, if is_east { from + 1 } else { from + 10 }], NAMES[name])
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn steps_add_up_lie_on_the_way_and_are_mirrored_on_the_way_back(
        town in towns(),
        (from, to) in ((0usize..60, 0.0..1.0f64), (0usize..60, 0.0..1.0f64)),
    ) {
        let network = town.build();
        let end = |(edge, share): (usize, f64)| {
            let edge = edge % network.streets().edges.len();
            let length_dm = network.streets().edges[edge].length_dm;
            let along_dm = (share * f64::from(length_dm)) as u32;
            let at = network.streets().course(edge as u32, along_dm, along_dm)[0];
            Link { edge: edge as u32, along_dm, gap_m: 0.0, at, main: true, private: false, apart: false }
        };
        for mode in [Mode::Foot, Mode::Bike, Mode::Car] {
            let mut workspace = Workspace::new();
            let (from, to) = (end(from), end(to));
            let tree = network.route(&mut workspace, mode, from, &to, Budget::NONE);
            let Some(path) = tree.path(&to).filter(|path| path.distance_m > 0.0) else { continue };
            let there = steps(&network, mode, &path.pieces);
            holds_together(&path, &there);
            if mode != Mode::Foot {
                continue;
            }
            let back: Vec<Piece> = path.pieces.iter().rev()
                .map(|piece| Piece { from_dm: piece.to_dm, to_dm: piece.from_dm, ..*piece })
                .collect();
            let back = steps(&network, mode, &back);
            prop_assert_eq!(
                back.iter().map(|step| step.length_dm).sum::<u64>(),
                there.iter().map(|step| step.length_dm).sum::<u64>()
            );
            // Where both ways turn, they turn to opposite sides; what is but a fork or a merge may differ.
            let slight = [Turn::SlightlyLeft, Turn::Continue, Turn::SlightlyRight];
            for step in &there[1..] {
                for twin in back[1..].iter().filter(|twin| twin.at == step.at) {
                    let (turn, twin) = (step.instruction.turn, twin.instruction.turn);
                    let both_slight = slight.contains(&turn) && slight.contains(&twin);
                    prop_assert!(both_slight || turn == twin.mirrored(), "{turn} and {twin}");
                }
            }
        }
    }
}
