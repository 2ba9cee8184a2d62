//! One rule of traffic each.

use proptest::prelude::*;

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
        (&[("access", "permit")], Mode::Foot, false),
        (&[("motor_vehicle", "permit")], Mode::Car, false),
        (&[("bicycle", "use_sidepath")], Mode::Bike, false),
        (&[("bicycle", "optional_sidepath")], Mode::Bike, true),
        (&[("foot", "use_sidepath")], Mode::Foot, false),
        (&[("access", "customers")], Mode::Foot, false),
        (&[("access", "customers")], Mode::Car, false),
        (&[("access", "delivery")], Mode::Foot, true),
        (&[("foot", "destination")], Mode::Foot, false),
        (&[("oneway", "reversible")], Mode::Car, false),
        (&[("oneway", "alternating")], Mode::Car, true),
        (&[("oneway:motor_vehicle", "-1")], Mode::Car, false),
        (&[("oneway:motor_vehicle", "-1")], Mode::Bike, true),
        (&[("oneway", "-1"), ("oneway:motorcar", "no")], Mode::Car, true),
        (&[("access:forward", "no")], Mode::Car, false),
        (&[("access:forward", "no"), ("foot", "yes")], Mode::Foot, true),
        (&[("access:backward", "no")], Mode::Car, true),
        (&[("vehicle:forward", "no")], Mode::Bike, false),
        (&[("vehicle:forward", "no"), ("bicycle:forward", "yes")], Mode::Bike, true),
        (&[("vehicle:forward", "yes"), ("motor_vehicle:forward", "no")], Mode::Car, false),
        (&[("motor_vehicle", "no"), ("motor_vehicle:forward", "yes")], Mode::Car, true),
        (&[("oneway", "-1"), ("bicycle:forward", "yes")], Mode::Bike, true),
        (&[("foot:forward", "no")], Mode::Foot, false),
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
fn roads_for_the_fire_brigade_are_none_for_cars() {
    let road: &[(&str, &str)] = &[("highway", "service"), ("service", "emergency_access")];
    assert!(across(road, Mode::Car) > STRAIGHT_M);
    assert!(across(road, Mode::Foot) < STRAIGHT_M);
    let opened = [road, &[("motor_vehicle", "yes")]].concat();
    assert!(across(&opened, Mode::Car) < STRAIGHT_M);
}

#[test]
fn lifts_and_escalators() {
    let lift: &[(&str, &str)] = &[("highway", "elevator")];
    assert!(across(lift, Mode::Wheelchair) < STRAIGHT_M);
    assert!(across(lift, Mode::Foot) < STRAIGHT_M);
    for (conveying, passes) in [("forward", true), ("yes", true), ("backward", false), ("reversible", false)]
    {
        let escalator = [("highway", "steps"), ("conveying", conveying)];
        assert_eq!(across(&escalator, Mode::Foot) < STRAIGHT_M, passes, "{conveying}");
        assert!(across(&escalator, Mode::Wheelchair) > STRAIGHT_M);
    }
    let walkway = [("highway", "footway"), ("conveying", "forward")];
    assert!(across(&walkway, Mode::Wheelchair) > STRAIGHT_M);
}

#[test]
fn steps_are_never_passable_by_wheelchair_whatever_else_they_say() {
    for extra in [
        ("foot", "yes"),
        ("foot", "designated"),
        ("wheelchair", "yes"),
        ("ramp:wheelchair", "yes"),
        ("access", "yes"),
    ] {
        let steps = [("highway", "steps"), extra];
        assert!(across(&steps, Mode::Wheelchair) > STRAIGHT_M, "{extra:?}");
    }
}

/// A large district (`rows` x 10 streets) behind streets for residents, beside a larger one.
#[test]
fn a_district_of_any_size_behind_no_through_streets_can_be_left_and_reached() {
    let grid = |mut town: Town, rows: std::ops::Range<i64>| {
        for row in rows.clone() {
            let nodes: Vec<i64> = (0..10).map(|x| row * 10 + x).collect();
            town = town.way(&nodes, STREET);
        }
        for column in 0..10 {
            let nodes: Vec<i64> = rows.clone().map(|y| y * 10 + column).collect();
            town = town.way(&nodes, STREET);
        }
        town
    };
    let town = || {
        let residents: &[(&str, &str)] = &[("highway", "residential"), ("motor_vehicle", "destination")];
        grid(grid(Town::new(), 0..4), 5..10).way(&[30, 40, 50], residents).way(&[39, 49, 59], residents)
    };
    for (from, to) in [((1, 2), (61, 62)), ((61, 62), (1, 2)), ((1, 2), (28, 29)), ((61, 62), (98, 99))] {
        assert!(metres(town(), Mode::Car, from, to).is_some(), "{from:?} {to:?}");
    }
    // Within the larger district nobody takes the way through the smaller one.
    let residents: &[(&str, &str)] = &[("highway", "residential"), ("motor_vehicle", "destination")];
    let short_cut = Town::new()
        .way(&[50, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 79, 69, 59], STREET)
        .way(&[50, 51], residents)
        .way(&[51, 52, 53, 54, 55, 56, 57, 58], STREET)
        .way(&[58, 59], residents);
    assert!(metres(short_cut, Mode::Car, (50, 60), (59, 69)).unwrap() > 1_300.0);
}

#[test]
fn nobody_is_put_onto_a_motorway_or_a_bridge_while_a_street_is_near() {
    for apart in
        [("highway", "motorway"), ("tunnel", "yes"), ("bridge", "yes"), ("layer", "-1"), ("motorroad", "yes")]
    {
        let road = [apart, ("highway", "primary")];
        let town = || {
            Town::new()
                .way(&[10, 11, 12, 13], &road)
                .way(&[0, 1, 2, 3], STREET)
                .way(&[10, 0], STREET)
                .way(&[13, 3], STREET)
        };
        // Twenty metres beside the one, eighty beside the other.
        let point = domain::geo::LatLon { lat: 48.6 + 0.8 * 9e-4, lon: 8.8 + 1.5 * 13.6e-4 };
        let network = town().build();
        let link = network.snap(Mode::Car, point, 500.0, 1)[0];
        assert!(!link.apart && link.gap_m > 50.0, "{apart:?} {link:?}");
        // Where there is nothing else it must do.
        let near = network.snap(Mode::Car, point, 30.0, 1);
        assert!(near.first().is_some_and(|link| link.apart), "{apart:?}");
    }
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
fn a_ferry_is_what_its_relation_says() {
    let mut town = Town::new()
        .way(&[0, 1], STREET)
        .way(&[1, 2], &[("seamark:type", "ferry_route")])
        .way(&[2, 3], &[("seamark:type", "ferry_route")])
        .way(&[3, 4], STREET);
    let member = |id| super::OsmMember { kind: MemberKind::Way, id, role: "".into() };
    let tags = [("type", "route"), ("route", "ferry"), ("duration", "00:12"), ("motor_vehicle", "yes")];
    let members = vec![member(2), member(3)];
    town.data.relations.push(super::OsmRelation { id: 1, members, tags: super::Tags::new(tags) });
    let network = town.build();
    for mode in [Mode::Foot, Mode::Car] {
        let (from, to) = (link(&network, mode, 0, 1), link(&network, mode, 4, 3));
        let reach = reach(&network, mode, from, to).unwrap();
        assert!((700.0..1_400.0).contains(&reach.duration_s), "{mode:?} {reach:?}");
    }
}

#[test]
fn a_restriction_of_motor_vehicles_binds_cars() {
    for (kind, key) in [
        ("restriction:motor_vehicle", "restriction"),
        ("restriction", "restriction:motor_vehicle"),
        ("restriction:motorcar", "restriction:motorcar"),
    ] {
        let mut town = crossing().restriction("no_left_turn", 1, (MemberKind::Node, &[11]), 4);
        town.data.relations[0].tags = super::Tags::new([("type", kind), (key, "no_left_turn")]);
        assert!(metres(town, Mode::Car, (10, 11), (21, 11)).unwrap() > 350.0, "{kind} {key}");
    }
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
fn missing_nodes_are_reported_and_survived() {
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
    let budget = Budget { settled: 1, ..Budget::NONE };
    let tree = network.tree(&mut workspace, Mode::Foot, from, Direction::Forward, 900.0, budget);
    assert!(tree.cut);
    let tree = network.tree(&mut workspace, Mode::Foot, from, Direction::Forward, 900.0, Budget::NONE);
    assert!(!tree.cut && tree.workspace.settled > 1);
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

proptest! {
    /// A grid in which any stretch may be steps with any further tags: of several ways none over steps is
    /// taken, and where every way has steps there is none.
    #[test]
    fn no_way_by_wheelchair_uses_steps(
        stretches in proptest::collection::vec((any::<bool>(), 0..6usize), 24), from in 0..16i64, to in 0..16i64,
    ) {
        const EXTRA: [(&str, &str); 6] = [
            ("foot", "yes"), ("wheelchair", "yes"), ("access", "yes"), ("ramp", "yes"), ("conveying", "yes"),
            ("highway", "steps"),
        ];
        // Corners of a 4 x 4 grid, two columns and rows apart.
        let corner = |n: i64| 20 * (n / 4) + 2 * (n % 4);
        let mut town = Town::new();
        let mut level: Vec<(i64, i64)> = Vec::new();
        let pairs = (0..16i64).flat_map(|n| {
            let right = (n % 4 < 3).then_some((n, n + 1));
            let down = (n < 12).then_some((n, n + 4));
            [right, down].into_iter().flatten()
        });
        for ((a, b), (is_steps, extra)) in pairs.zip(&stretches) {
            let tags: Vec<(&str, &str)> =
                if *is_steps { vec![("highway", "steps"), EXTRA[*extra]] } else { STREET.to_vec() };
            town = town.way(&[corner(a), (corner(a) + corner(b)) / 2, corner(b)], &tags);
            if !is_steps {
                level.push((a, b));
            }
        }
        let mut reached = vec![from];
        while let Some(next) = level.iter().find_map(|(a, b)| match (reached.contains(a), reached.contains(b)) {
            (true, false) => Some(*b),
            (false, true) => Some(*a),
            _ => None,
        }) {
            reached.push(next);
        }
        prop_assume!(level.iter().any(|(a, b)| *a == from || *b == from));
        prop_assume!(level.iter().any(|(a, b)| *a == to || *b == to));
        let network = town.build();
        let place = |n: i64| {
            let node = network.streets().junctions.iter().position(|at| {
                let (x, y) = (corner(n) % 10, corner(n) / 10);
                (at.lat, at.lon) == (486_000_000 + y as i32 * 9000, 88_000_000 + x as i32 * 13_600)
            });
            network.streets().junctions[node.unwrap()].degrees()
        };
        let link = |n| network.snap(Mode::Wheelchair, place(n), 5.0, 1)[0];
        let found = reach(&network, Mode::Wheelchair, link(from), link(to));
        prop_assert_eq!(found.is_some(), reached.contains(&to));
    }
}

#[test]
fn busy_streets_count_for_more_by_bike_and_take_no_longer() {
    let by_bike = |class: &str| {
        let town = Town::new().way(&[0, 1, 2, 3], &[("highway", class), ("surface", "asphalt")]);
        let network = town.build();
        let (from, to) = (link(&network, Mode::Bike, 0, 1), link(&network, Mode::Bike, 3, 2));
        let mut workspace = Workspace::default();
        let tree = network.tree(&mut workspace, Mode::Bike, from, Direction::Forward, 3_600.0, Budget::NONE);
        let path = tree.path(&to).unwrap();
        assert_eq!(tree.reach(&to).unwrap().duration_s, path.duration_s);
        (path.duration_s, tree.duration_s(&to).unwrap())
    };
    let ((quiet, counts), (busy, counts_busy)) = (by_bike("residential"), by_bike("primary"));
    assert_eq!(quiet, counts);
    assert!((busy - quiet).abs() < 0.01, "{busy} {quiet}");
    assert!(counts_busy > 1.1 * counts, "{counts_busy} {counts}");
}
