//! Places with a single connection to the network.

use super::super::{Direction, Mode, Network};
use super::{Town, link, reach};
use domain::geo::LatLon;

const STREET: &[(&str, &str)] = &[("highway", "residential"), ("maxspeed", "30")];

/// A public street along row 0 and a side street up to row 3, from whose end `track` leads to a farm in
/// row 9 (node 90), too far away from any street to walk across the fields.
fn farm(track: &[(&str, &str)]) -> Town {
    Town::new()
        .way(&[0, 1, 2, 3, 4, 5], STREET)
        .way(&[0, 10, 20, 30], STREET)
        .way(&[30, 40, 50, 60, 70, 80, 90], track)
}

/// With streets enough in rows 1 to 3 that the track is small beside them.
fn beside_a_town(mut town: Town) -> Town {
    for row in 1..4 {
        let nodes: Vec<i64> = (0..10).map(|x| 10 * row + x).collect();
        town = town.way(&nodes, STREET).way(&[10 * row + 9, 10 * row - 1], STREET);
    }
    for column in 1..9 {
        town = town.way(&[10 + column, 20 + column, 30 + column], STREET);
    }
    town
}

/// Whether one gets from the street to near the farm and back.
fn is_joined(network: &Network, mode: Mode) -> bool {
    let (street, farm) = (link(network, mode, 1, 2), link(network, mode, 90, 80));
    [(street, farm), (farm, street)].iter().all(|(from, to)| reach(network, mode, *from, *to).is_some())
}

#[test]
fn the_track_to_a_farm_leads_to_it_and_away_even_if_it_is_private() {
    for tags in [
        &[("highway", "track")][..],
        &[("highway", "track"), ("access", "private")],
        &[("highway", "service"), ("access", "permit")],
        &[("highway", "unclassified"), ("motor_vehicle", "private"), ("foot", "private")],
        &[("highway", "track"), ("access", "destination")],
        &[("highway", "track"), ("sac_scale", "mountain_hiking")],
    ] {
        let network = farm(tags).build();
        for mode in [Mode::Foot, Mode::Bike, Mode::Car] {
            assert!(is_joined(&network, mode), "{tags:?} {mode:?}");
        }
    }
    for tags in
        [[("highway", "track"), ("access", "no")], [("highway", "path"), ("sac_scale", "alpine_hiking")]]
    {
        let network = farm(&tags).build();
        let point = LatLon { lat: 48.6 + 8.5 * 9e-4, lon: 8.8 };
        assert!(network.snap(Mode::Foot, point, 100.0, 1).is_empty(), "{tags:?}");
    }
}

#[test]
fn nobody_passes_through_what_is_private() {
    // The farm has a public road of its own: the private track is no short cut.
    let private: &[(&str, &str)] = &[("highway", "track"), ("access", "private")];
    let network = farm(private).way(&[90, 91, 92, 93, 94, 95], STREET).way(&[95, 5], STREET).build();
    for mode in [Mode::Foot, Mode::Bike, Mode::Car] {
        let (from, to) = (link(&network, mode, 10, 20), link(&network, mode, 91, 92));
        let found = reach(&network, mode, from, to).expect("the public road leads there");
        assert!(found.distance_m > 1500.0, "{mode:?} {found:?}");
    }
}

#[test]
fn a_public_street_counts_before_a_private_one_that_is_hardly_nearer() {
    let private: &[(&str, &str)] = &[("highway", "service"), ("access", "private")];
    // A drive in row 1, and beyond it up to row 5, beside the street in row 0.
    let network = Town::new().way(&[0, 1, 2, 3], STREET).way(&[1, 11, 21, 31, 41, 51], private).build();
    let beside = |row: f64| {
        let point = LatLon { lat: 48.6 + row * 9e-4, lon: 8.8 + 13.6e-4 };
        network.snap(Mode::Car, point, 500.0, 1)[0]
    };
    assert!(!beside(0.6).private, "a house behind the first one");
    assert!(beside(4.5).private, "a house far up the drive");
}

#[test]
fn a_gate_with_a_key_opens_to_what_has_no_other_way() {
    for gate in [
        &[("barrier", "gate"), ("access", "private")][..],
        &[("barrier", "lift_gate"), ("locked", "yes")],
        &[("barrier", "bollard"), ("access", "private")],
    ] {
        let network = farm(STREET).node(40, gate).build();
        for mode in [Mode::Foot, Mode::Bike, Mode::Car] {
            assert!(is_joined(&network, mode), "{gate:?} {mode:?}");
        }
        // Where there is another connection, the gate is closed.
        let round = farm(STREET).way(&[90, 91, 92, 93, 94, 95], STREET).way(&[95, 5], STREET);
        let network = round.node(40, gate).build();
        let (from, to) = (link(&network, Mode::Car, 30, 20), link(&network, Mode::Car, 50, 60));
        assert!(reach(&network, Mode::Car, from, to).unwrap().distance_m > 1500.0, "{gate:?}");
    }
    let closed = farm(STREET).node(40, &[("barrier", "gate"), ("access", "no")]).build();
    assert!(!is_joined(&closed, Mode::Car));
}

#[test]
fn one_may_leave_where_the_extract_cuts_off_the_way_in_and_come_where_it_cuts_off_the_way_out() {
    let one_way = |oneway| [("highway", "residential"), ("oneway", oneway)];
    for (oneway, leaves) in [("yes", false), ("-1", true)] {
        let network = beside_a_town(farm(&one_way(oneway))).build();
        let point = LatLon { lat: 48.6 + 8.0 * 9e-4, lon: 8.8 };
        for (direction, is_main) in [(Direction::Forward, leaves), (Direction::Backward, !leaves)] {
            let end = network.snap_end(Mode::Car, direction, None, point, 2000.0, 1)[0];
            assert_eq!((end.gap_m < 1.0, end.main), (is_main, true), "{oneway} {direction:?} {end:?}");
        }
        let both = network.snap(Mode::Car, point, 2000.0, 1)[0];
        assert!(both.gap_m > 100.0 && both.main, "{oneway} {both:?}");
    }
}

#[test]
fn what_lies_behind_a_barrier_is_not_where_one_arrives() {
    let gate = &[("barrier", "gate"), ("access", "no")];
    for mode in [Mode::Foot, Mode::Car] {
        let network = beside_a_town(farm(STREET)).node(40, gate).build();
        let point = LatLon { lat: 48.6 + 8.5 * 9e-4, lon: 8.8 };
        let end = network.snap_end(mode, Direction::Backward, None, point, 2000.0, 1)[0];
        assert!(end.gap_m > 100.0 && end.main, "{mode:?} {end:?}");
    }
}
