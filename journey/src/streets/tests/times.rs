//! Time-dependent rules.

use domain::geo::LatLon;
use domain::locality::Locality;
use domain::time::UtcMicros;
use proptest::prelude::*;

use super::super::osm::{MemberKind, Tags};
use super::super::{Budget, Direction, Link, Mode, Network, Reach, Times, Workspace};
use super::Town;

const STREET: &[(&str, &str)] = &[("highway", "residential"), ("maxspeed", "30")];
const STRAIGHT_M: f64 = 300.0;

/// A Monday and a Sunday in summer, Berlin time.
const MONDAY: &str = "2026-06-15";
const SUNDAY: &str = "2026-06-14";

/// The street next to a node of the grid, a little off it towards another node, however it hangs together.
fn beside(network: &Network, mode: Mode, node: i64, towards: i64) -> Link {
    let place = |node: i64| (48.6 + (node / 10) as f64 * 9e-4, 8.8 + (node % 10) as f64 * 13.6e-4);
    let ((lat, lon), (to_lat, to_lon)) = (place(node), place(towards));
    let point = LatLon { lat: lat + 0.2 * (to_lat - lat), lon: lon + 0.2 * (to_lon - lon) };
    let near = network.edges_near(mode, point, 5.0);
    near.min_by(|a, b| a.gap_m.total_cmp(&b.gap_m).then(a.edge.cmp(&b.edge))).unwrap()
}

fn at(network: &Network, day: &str, hour: &str, mode: Mode, ends: [(i64, i64); 2]) -> Option<Reach> {
    let times = Times::new(network.streets(), &Locality::new("Europe/Berlin", "08", []));
    let instant = UtcMicros::parse(&format!("{day}T{hour}:00+02:00")).unwrap();
    let closed = times.closed_at(network.streets(), instant);
    let budget = Budget { closed: Some(&closed), ..Budget::NONE };
    let [from, to] = ends.map(|(node, towards)| beside(network, mode, node, towards));
    let mut workspace = Workspace::new();
    let route = network.route(&mut workspace, mode, from, &to, budget).reach(&to);
    // Trees from either end say the same.
    for (direction, origin, other) in [(Direction::Forward, from, to), (Direction::Backward, to, from)] {
        let tree = network.tree(&mut workspace, mode, origin, direction, 86_400.0, budget);
        assert_eq!(tree.duration_s(&other), route.map(|reach| reach.duration_s), "{direction:?}");
        assert_eq!(tree.path(&other).map(|path| path.distance_m), route.map(|reach| reach.distance_m));
    }
    route
}

/// A short side (1 to 2 along row 0) with `tags`, and a detour over row 1.
fn block(tags: &[(&str, &str)]) -> Network {
    Town::new()
        .way(&[0, 1], STREET)
        .way(&[1, 2], tags)
        .way(&[2, 3], STREET)
        .way(&[1, 11, 12, 2], STREET)
        .build()
}

fn is_straight(network: &Network, day: &str, hour: &str, mode: Mode) -> bool {
    at(network, day, hour, mode, [(0, 1), (3, 2)]).unwrap().distance_m < STRAIGHT_M
}

#[test]
fn access_follows_the_clock_of_the_place() {
    let school: &[(&str, &str)] =
        &[("highway", "residential"), ("motor_vehicle:conditional", "no @ (Mo-Fr 07:00-09:00)")];
    let network = block(school);
    for (day, hour, straight) in
        [(MONDAY, "06:59", true), (MONDAY, "07:00", false), (MONDAY, "09:00", true), (SUNDAY, "08:00", true)]
    {
        assert_eq!(is_straight(&network, day, hour, Mode::Car), straight, "{day} {hour}");
        assert!(is_straight(&network, day, hour, Mode::Bike) && is_straight(&network, day, hour, Mode::Foot));
    }
    let market: &[(&str, &str)] = &[
        ("highway", "pedestrian"),
        ("motor_vehicle:conditional", "yes @ (Mo-Sa 06:00-10:00)"),
        ("bicycle:conditional", "yes @ (19:00-10:00)"),
    ];
    let network = block(market);
    for (day, hour, car, bike) in [
        (MONDAY, "08:00", true, true),
        (MONDAY, "12:00", false, false),
        (MONDAY, "20:00", false, true),
        (SUNDAY, "08:00", false, true),
    ] {
        assert_eq!(is_straight(&network, day, hour, Mode::Car), car, "{day} {hour}");
        assert_eq!(is_straight(&network, day, hour, Mode::Bike), bike, "{day} {hour}");
        assert!(is_straight(&network, day, hour, Mode::Foot));
    }
}

#[test]
fn a_street_without_through_traffic_at_night_is_one_by_day() {
    let network =
        block(&[("highway", "residential"), ("vehicle:conditional", "destination @ (22:00-06:00)")]);
    assert!(is_straight(&network, MONDAY, "12:00", Mode::Car));
    assert!(!is_straight(&network, MONDAY, "23:00", Mode::Car));
    // Who lives there comes home at night.
    for hour in ["12:00", "23:00"] {
        assert!(at(&network, MONDAY, hour, Mode::Car, [(0, 1), (2, 1)]).is_some(), "{hour}");
        assert!(at(&network, MONDAY, hour, Mode::Car, [(1, 2), (3, 2)]).is_some(), "{hour}");
    }
}

#[test]
fn directions_and_speeds_follow_the_clock() {
    let tidal: &[(&str, &str)] =
        &[("highway", "residential"), ("oneway:conditional", "-1 @ (06:00-12:00); yes @ (12:00-18:00)")];
    let network = block(tidal);
    for (hour, straight) in [("08:00", false), ("13:00", true), ("20:00", true)] {
        assert_eq!(is_straight(&network, MONDAY, hour, Mode::Car), straight, "{hour}");
        assert!(is_straight(&network, MONDAY, hour, Mode::Foot));
    }
    let calm = [("highway", "secondary"), ("maxspeed", "50"), ("maxspeed:conditional", "30 @ (22:00-06:00)")];
    let network = Town::new().way(&[0, 1, 2, 3], &calm).build();
    let seconds = |hour| at(&network, MONDAY, hour, Mode::Car, [(0, 1), (3, 2)]).unwrap().duration_s;
    let (day, night) = (seconds("12:00"), seconds("23:00"));
    assert!((1.5..1.8).contains(&(night / day)), "{day} {night}");
}

#[test]
fn what_is_no_time_changes_nothing() {
    for text in [
        "no @ (weight>7.5)",
        "no @ wet",
        "no @ delivery",
        "no @ (Mo-Fr 07:00-09:00 AND weight>7.5)",
        "no @ \"on demand\"",
        "no @",
        "no",
        "no @ (Mo-Fr 07:00",
        "@@((",
    ] {
        let network = block(&[("highway", "residential"), ("motor_vehicle:conditional", text)]);
        assert!(is_straight(&network, SUNDAY, "08:00", Mode::Car), "{text}");
        assert!(is_straight(&network, MONDAY, "12:00", Mode::Car), "{text}");
    }
}

#[test]
fn the_last_of_several_that_hold_counts() {
    let text = "no @ (Mo-Fr 07:00-19:00); yes @ (Mo 12:00-13:00); no @ PH";
    let network = block(&[("highway", "residential"), ("motor_vehicle:conditional", text)]);
    for (day, hour, straight) in [
        (MONDAY, "08:00", false),
        (MONDAY, "12:30", true),
        (MONDAY, "20:00", true),
        ("2026-05-01", "20:00", false),
    ] {
        assert_eq!(is_straight(&network, day, hour, Mode::Car), straight, "{day} {hour}");
    }
}

#[test]
fn turns_cost_the_same_beside_a_street_that_changes() {
    // All variants of a piece of street are one arm of a junction, and no way to turn round.
    let changing = [("highway", "residential"), ("maxspeed", "30"), ("maxspeed:conditional", "20 @ (PH)")];
    let (plain, changing) = (block(STREET), block(&changing));
    for mode in Mode::ALL {
        for ends in [[(0, 1), (3, 2)], [(11, 1), (2, 3)], [(11, 12), (0, 1)]] {
            let [a, b] = [&plain, &changing].map(|network| at(network, MONDAY, "12:00", mode, ends));
            assert_eq!(a, b, "{mode:?} {ends:?}");
        }
    }
}

#[test]
fn turns_are_banned_at_their_times() {
    let crossing = |tags: &[(&str, &str)], to| {
        let mut town = Town::new()
            .way(&[10, 11], STREET)
            .way(&[11, 12], STREET)
            .way(&[11, 21], STREET)
            .way(&[12, 22, 21], STREET)
            .restriction("no_left_turn", 1, (MemberKind::Node, &[11]), to);
        town.data.relations[0].tags = Tags::new([("type", "restriction")].iter().chain(tags).copied());
        town.build()
    };
    let is_direct = |network: &Network, day, hour, mode| {
        at(network, day, hour, mode, [(10, 11), (21, 11)]).unwrap().distance_m < 200.0
    };
    for (tags, to, by_day) in [
        (&[("restriction:conditional", "no_left_turn @ (Mo-Fr 07:00-19:00)")][..], 3, false),
        (&[("restriction:conditional", "only_straight_on @ (Mo-Fr 07:00-19:00)")], 2, false),
        (&[("restriction:motorcar:conditional", "no_left_turn @ (Mo - Fr 07:00 - 19:00)")], 3, false),
        (&[("restriction:hgv:conditional", "no_left_turn @ (Mo-Fr 07:00-19:00)")], 3, true),
        (&[("restriction:conditional", "no_left_turn @ (weight>3.5)")], 3, true),
    ] {
        let network = crossing(tags, to);
        assert_eq!(is_direct(&network, MONDAY, "08:00", Mode::Car), by_day, "{tags:?}");
        assert!(is_direct(&network, SUNDAY, "08:00", Mode::Car), "{tags:?}");
        assert!(is_direct(&network, MONDAY, "20:00", Mode::Car), "{tags:?}");
        assert!(is_direct(&network, MONDAY, "08:00", Mode::Bike), "{tags:?}");
    }
    let lifted = [("restriction", "no_left_turn"), ("restriction:conditional", "none @ (Su)")];
    let network = crossing(&lifted, 3);
    assert!(!is_direct(&network, MONDAY, "08:00", Mode::Car));
    assert!(is_direct(&network, SUNDAY, "08:00", Mode::Car));
}

/// From where to where, which rule, from which hour on and how many hours.
type Way = (usize, usize, usize, u32, u32);

const PLACES: [i64; 9] = [0, 1, 2, 10, 11, 12, 20, 21, 22];
const RULES: [(&str, &str); 6] = [
    ("motor_vehicle", "no"),
    ("bicycle", "no"),
    ("oneway", "yes"),
    ("maxspeed", "20"),
    ("vehicle", "destination"),
    ("access", "private"),
];

/// Corners that are joined always, so that there is a street to begin and end at.
const ANCHORS: [(i64, i64); 4] = [(55, 56), (57, 58), (75, 76), (77, 78)];

/// A town where rules hold at times, and one where those hold always that hold at half past `hour`.
fn twins(ways: &[Way], hour: u32) -> [Network; 2] {
    let towns = ways.iter().filter(|way| way.0 != way.1).fold(
        [Town::new(), Town::new()],
        |[changing, fixed], &(a, b, rule, begin, length)| {
            let (key, value) = RULES[rule];
            let end = (begin + length) % 24;
            let (timed, text) =
                (format!("{key}:conditional"), format!("{value} @ ({begin:02}:00-{end:02}:00)"));
            let mut tags = STREET.to_vec();
            if (hour + 24 - begin) % 24 < length {
                tags.retain(|(known, _)| *known != key);
                tags.push((key, value));
            }
            let nodes = [PLACES[a], PLACES[b]];
            [changing.way(&nodes, &[STREET, &[(&*timed, &*text)]].concat()), fixed.way(&nodes, &tags)]
        },
    );
    towns.map(|town| {
        let anchors = ANCHORS.into_iter().zip([0, 2, 20, 22]);
        anchors.fold(town, |town, ((begin, end), place)| town.way(&[begin, end, place], STREET)).build()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is no way through at times, or private, can be left and come to at each hour.
    #[test]
    fn nobody_is_cut_off_by_what_is_no_way_through_at_times(
        ways in proptest::collection::vec((0..9usize, 0..9usize, 3..6usize, 0..24u32, 1..24u32), 4..12),
        hour in 0..24u32,
        (from, to) in (0..4usize, 0..4usize),
    ) {
        let [changing, fixed] = twins(&ways, hour);
        for mode in Mode::ALL {
            let ends = [ANCHORS[from], ANCHORS[to]];
            let [a, b] = [&changing, &fixed].map(|network| at(network, MONDAY, &format!("{hour:02}:30"), mode, ends));
            prop_assert!(a.is_some() || b.is_none(), "{:?}", mode);
        }
    }

    /// At any hour paths are those of a town whose tags have unconditionally what holds then.
    #[test]
    fn at_each_hour_ways_are_those_of_the_tags_that_hold(
        ways in proptest::collection::vec((0..9usize, 0..9usize, 0..4usize, 0..24u32, 1..24u32), 4..12),
        hour in 0..24u32,
        (from, to) in (0..4usize, 0..4usize),
    ) {
        let [changing, fixed] = twins(&ways, hour);
        for mode in Mode::ALL {
            let ends = [ANCHORS[from], ANCHORS[to]];
            let [a, b] = [&changing, &fixed].map(|network| at(network, MONDAY, &format!("{hour:02}:30"), mode, ends));
            let [a, b] = [a, b].map(|reach| reach.map(|reach| reach.duration_s));
            if mode != Mode::Car {
                prop_assert_eq!(a, b, "{:?}", mode);
            } else if let Some(b) = b {
                // A closed street is still an arm of its junctions, where one turns more slowly.
                prop_assert!(a.is_some_and(|a| (b..b + 60.0).contains(&(a + 0.01))), "{:?} {:?}", a, b);
            }
        }
    }
}
