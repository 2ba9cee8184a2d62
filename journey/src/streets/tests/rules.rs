//! One rule of traffic each.

use super::super::osm::MemberKind;
use super::super::{Budget, Direction, Mode, Workspace};
use super::{Town, link, reach};

const STREET: &[(&str, &str)] = &[("highway", "residential"), ("maxspeed", "30")];

/// Whether and how far (metres) one gets from near node `a` to near node `b`.
fn metres(town: Town, mode: Mode, a: (i64, i64), b: (i64, i64)) -> Option<f64> {
    let network = town.build();
    let (from, to) = (link(&network, mode, a.0, a.1), link(&network, mode, b.0, b.1));
    reach(&network, mode, from, to).map(|reach| reach.distance_m)
}

/// A block with a short side (0 to 3 along row 0) and a detour (over row 1).
fn block(short: &[(&str, &str)]) -> Town {
    Town::new().way(&[0, 1], STREET).way(&[1, 2], short).way(&[2, 3], STREET).way(&[1, 11, 12, 2], STREET)
}

fn across(short: &[(&str, &str)], mode: Mode) -> f64 {
    metres(block(short), mode, (0, 1), (3, 2)).unwrap()
}

const STRAIGHT_M: f64 = 300.0;

#[test]
fn one_way_streets_bind_vehicles_and_not_walkers() {
    let against: &[(&str, &str)] = &[("highway", "residential"), ("oneway", "-1")];
    assert!(across(against, Mode::Car) > STRAIGHT_M);
    assert!(across(against, Mode::Bike) > STRAIGHT_M);
    assert!(across(against, Mode::Foot) < STRAIGHT_M);
    let along: &[(&str, &str)] = &[("highway", "residential"), ("oneway", "yes")];
    assert!(across(along, Mode::Car) < STRAIGHT_M);
    for opened in [("oneway:bicycle", "no"), ("cycleway", "opposite"), ("cycleway:left", "opposite_lane")] {
        let tags: &[(&str, &str)] = &[("highway", "residential"), ("oneway", "-1"), opened];
        assert!(across(tags, Mode::Bike) < STRAIGHT_M, "{opened:?}");
        assert!(across(tags, Mode::Car) > STRAIGHT_M, "{opened:?}");
    }
    let roundabout: &[(&str, &str)] = &[("highway", "residential"), ("junction", "roundabout")];
    assert!(across(roundabout, Mode::Car) < STRAIGHT_M);
    let network = block(roundabout).build();
    let (from, to) = (link(&network, Mode::Car, 3, 2), link(&network, Mode::Car, 0, 1));
    assert!(reach(&network, Mode::Car, from, to).unwrap().distance_m > STRAIGHT_M);
}

#[test]
fn the_special_access_tag_wins() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Mode, bool);
    let cases: &[Case<'_>] = &[
        (&[("access", "no"), ("foot", "yes")], Mode::Foot, true),
        (&[("access", "no"), ("foot", "yes")], Mode::Car, false),
        (&[("motor_vehicle", "no")], Mode::Car, false),
        (&[("motor_vehicle", "no")], Mode::Bike, true),
        (&[("motor_vehicle", "no"), ("motorcar", "yes")], Mode::Car, true),
        (&[("vehicle", "no"), ("bicycle", "yes")], Mode::Bike, true),
        (&[("vehicle", "private")], Mode::Bike, false),
        (&[("access", "private")], Mode::Foot, false),
        (&[("motor_vehicle", "agricultural;forestry")], Mode::Car, false),
        (&[("motor_vehicle", "destination;delivery")], Mode::Car, false),
        (&[("access", "destination")], Mode::Foot, true),
        (&[("vehicle", "destination")], Mode::Bike, false),
    ];
    for (extra, mode, passes) in cases {
        let tags = [&[("highway", "residential")], *extra].concat();
        assert_eq!(across(&tags, *mode) < STRAIGHT_M, *passes, "{extra:?} {mode:?}");
    }
}

#[test]
fn no_through_streets_are_for_those_who_live_there() {
    let zone: &[(&str, &str)] = &[("highway", "residential"), ("motor_vehicle", "destination")];
    let to_it = metres(block(zone), Mode::Car, (0, 1), (1, 2)).unwrap();
    assert!(to_it < 150.0, "{to_it}");
    let from_it = metres(block(zone), Mode::Car, (1, 2), (3, 2)).unwrap();
    assert!(from_it < 250.0, "{from_it}");
}

#[test]
fn a_street_behind_a_no_through_street_can_be_reached() {
    let mut town = Town::new()
        .way(&[0, 1], &[("highway", "residential"), ("access", "destination")])
        .way(&[1, 2], STREET);
    // A town large enough for the inner street to be a pocket.
    for row in 1..9 {
        let nodes: Vec<i64> = (0..10).map(|x| row * 10 + x).collect();
        town = town.way(&nodes, STREET);
    }
    for column in 0..10 {
        let nodes: Vec<i64> = (1..9).map(|y| y * 10 + column).collect();
        town = town.way(&nodes, STREET);
    }
    assert!(metres(town.way(&[10, 0], STREET), Mode::Car, (10, 11), (2, 1)).is_some());
}

#[test]
fn barriers_stop_whom_they_stop() {
    let town = |tags: &[(&str, &str)]| {
        Town::new().way(&[0, 1, 2], STREET).way(&[0, 10, 11, 12, 2], STREET).node(1, tags)
    };
    let short = |tags: &[(&str, &str)], mode| metres(town(tags), mode, (0, 1), (2, 1)).unwrap() < 200.0;
    assert!(!short(&[("barrier", "bollard")], Mode::Car));
    assert!(short(&[("barrier", "bollard")], Mode::Bike));
    assert!(short(&[("barrier", "gate")], Mode::Car));
    assert!(!short(&[("barrier", "gate"), ("access", "private")], Mode::Car));
    assert!(!short(&[("barrier", "gate"), ("access", "no"), ("foot", "yes")], Mode::Bike));
    assert!(short(&[("barrier", "gate"), ("access", "no"), ("foot", "yes")], Mode::Foot));
    assert!(!short(&[("barrier", "stile")], Mode::Wheelchair));
    assert!(!short(&[("barrier", "kerb"), ("kerb", "raised")], Mode::Wheelchair));
    assert!(short(&[("barrier", "kerb"), ("kerb", "raised")], Mode::Foot));
}

#[test]
fn wheelchairs_take_no_steps() {
    let steps: &[(&str, &str)] = &[("highway", "steps")];
    assert!(across(steps, Mode::Foot) < STRAIGHT_M);
    assert!(across(steps, Mode::Wheelchair) > STRAIGHT_M);
    let barred: &[(&str, &str)] = &[("highway", "footway"), ("wheelchair", "no")];
    assert!(across(barred, Mode::Wheelchair) > STRAIGHT_M);
    let sandy: &[(&str, &str)] = &[("highway", "footway"), ("surface", "sand")];
    assert!(across(sandy, Mode::Wheelchair) > STRAIGHT_M);
}

/// A crossing at node 11 (ways 1: west, 2: east, 3: south, 4: north), and a loop round the block
/// from the east to the north.
fn crossing() -> Town {
    Town::new()
        .way(&[10, 11], STREET)
        .way(&[11, 12], STREET)
        .way(&[1, 11], STREET)
        .way(&[11, 21], STREET)
        .way(&[12, 22, 21], STREET)
        .way(&[21, 31], STREET)
}

#[test]
fn turn_restrictions_bind_cars() {
    let direct = metres(crossing(), Mode::Car, (10, 11), (21, 11)).unwrap();
    assert!(direct < 200.0, "{direct}");
    let banned = || crossing().restriction("no_left_turn", 1, (MemberKind::Node, &[11]), 4);
    let round = metres(banned(), Mode::Car, (10, 11), (21, 11)).unwrap();
    assert!(round > 350.0, "{round}");
    let bike = metres(banned(), Mode::Bike, (10, 11), (21, 11)).unwrap();
    assert!(bike < 200.0, "{bike}");
    let only = crossing().restriction("only_straight_on", 1, (MemberKind::Node, &[11]), 2);
    assert!(metres(only, Mode::Car, (10, 11), (21, 11)).unwrap() > 350.0);
}

#[test]
fn a_restriction_over_a_way_binds_the_whole_sequence() {
    // West, then east, then round the block: banned in this order only.
    let town = || {
        crossing().restriction("no_left_turn", 1, (MemberKind::Node, &[11]), 4).restriction(
            "no_left_turn",
            1,
            (MemberKind::Way, &[2]),
            5,
        )
    };
    let from_west = metres(town(), Mode::Car, (10, 11), (22, 12));
    let from_south = metres(town(), Mode::Car, (1, 11), (22, 12));
    assert!(from_south.unwrap() < 350.0);
    assert!(from_west.is_none_or(|metres| metres > 350.0), "{from_west:?}");
}

#[test]
fn an_exception_for_cars_lifts_a_restriction() {
    let mut town = crossing().restriction("no_left_turn", 1, (MemberKind::Node, &[11]), 4);
    let tags = [("type", "restriction"), ("restriction", "no_left_turn"), ("except", "bus;motorcar")];
    town.data.relations[0].tags = super::Tags::new(tags);
    assert!(metres(town, Mode::Car, (10, 11), (21, 11)).unwrap() < 200.0);
}

#[test]
fn a_ferry_takes_its_time() {
    let town = Town::new()
        .way(&[0, 1], STREET)
        .way(&[1, 2, 3], &[("route", "ferry"), ("duration", "00:12")])
        .way(&[3, 4], STREET);
    let network = town.build();
    let (from, to) = (link(&network, Mode::Foot, 0, 1), link(&network, Mode::Foot, 4, 3));
    let reach = reach(&network, Mode::Foot, from, to).unwrap();
    assert!((1100.0..1250.0).contains(&reach.duration_s), "{reach:?}");
}

#[test]
fn an_island_is_not_snapped_to() {
    let mut town = Town::new().way(&[95, 96], &[("highway", "service"), ("service", "parking_aisle")]);
    for row in 0..8 {
        let nodes: Vec<i64> = (0..10).map(|x| row * 10 + x).collect();
        town = town.way(&nodes, STREET);
    }
    for column in 0..10 {
        let nodes: Vec<i64> = (0..8).map(|y| y * 10 + column).collect();
        town = town.way(&nodes, STREET);
    }
    let network = town.build();
    let beside_island = domain::geo::LatLon { lat: 48.6 + 8.9 * 9e-4, lon: 8.8 + 5.5 * 13.6e-4 };
    for mode in Mode::ALL {
        let links = network.snap(mode, beside_island, 500.0, 3);
        assert!(links[0].main && links[0].gap_m > 100.0, "{mode:?} {links:?}");
        let alone = network.snap(mode, beside_island, 50.0, 3);
        assert!(!alone.is_empty() && !alone[0].main, "{mode:?}");
    }
}

#[test]
fn missing_nodes_are_told_and_survived() {
    let mut town = Town::new().way(&[0, 1, 999, 2, 3], STREET).way(&[998, 997], STREET).way(&[5], STREET);
    let streets = super::build(&mut town.data).unwrap();
    assert_eq!(streets.edges.len(), 2);
    assert!(town.data.problems[0].contains("2 ways lack"), "{:?}", town.data.problems);
}

#[test]
fn a_search_says_when_it_was_cut() {
    let network = block(STREET).build();
    let from = link(&network, Mode::Foot, 0, 1);
    let mut workspace = Workspace::new();
    let budget = Budget { settled: 1, stop: None };
    let tree = network.tree(&mut workspace, Mode::Foot, from, Direction::Forward, 900.0, budget);
    assert!(tree.cut);
    let tree = network.tree(&mut workspace, Mode::Foot, from, Direction::Forward, 900.0, Budget::NONE);
    assert!(!tree.cut && tree.settled() > 1);
}

#[test]
fn a_path_runs_from_place_to_place() {
    let network = block(STREET).build();
    let (from, to) = (link(&network, Mode::Foot, 0, 1), link(&network, Mode::Foot, 3, 2));
    let mut workspace = Workspace::new();
    for direction in [Direction::Forward, Direction::Backward] {
        let (root, leaf) = if direction == Direction::Forward { (from, to) } else { (to, from) };
        let tree = network.tree(&mut workspace, Mode::Foot, root, direction, 900.0, Budget::NONE);
        let path = tree.path(&leaf).unwrap();
        let length: f64 = path.points.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum();
        assert!((length - path.distance_m).abs() < 1.0, "{length} {path:?}");
        assert!(path.points[0].distance_m(from.at.degrees()) < 1.0);
        assert!(path.points.last().unwrap().distance_m(to.at.degrees()) < 1.0);
    }
}
