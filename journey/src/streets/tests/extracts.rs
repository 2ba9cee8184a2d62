//! Real extracts, where they are at hand.

use std::path::PathBuf;

use super::super::parking::{Purpose, link_osm};
use super::super::{Mode, Network, StreetsError, build, osm};

fn extract(name: &str) -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/osm");
    let path = root.join(name);
    if !path.is_file() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn every_car_park_of_herrenberg_is_linked_or_has_a_reason() {
    let Some(path) = extract("herrenberg.osm.pbf") else { return };
    let mut data = osm::read(&[path]).unwrap();
    let network = Network::new(build(&mut data).unwrap());
    let car_parks: Vec<_> =
        network.streets().parking.iter().filter(|parking| parking.purpose == Purpose::Car).collect();
    assert!(car_parks.len() >= 34, "{}", car_parks.len());
    assert!(car_parks.iter().filter(|parking| parking.park_and_ride).count() >= 4);
    for parking in car_parks {
        match link_osm(&network, parking) {
            Ok(links) => assert!(!links.vehicle.is_empty() && !links.foot.is_empty()),
            Err(why) => {
                println!("{} {:?}: {why}", parking.id, parking.name);
                assert!(!parking.park_and_ride, "{}: {why}", parking.id);
                assert!(
                    why.reason.contains("public")
                        || why.reason.contains("private")
                        || why.reason.contains("no street")
                );
            }
        }
    }
}

#[test]
fn a_cut_extract_is_refused() {
    let Some(path) = extract("boeblingen-minimal.osm.pbf") else { return };
    let whole = std::fs::read(path).unwrap();
    for share in [3, 10, 50, 90, 99] {
        let path =
            std::env::temp_dir().join(format!("kreisverkehr-{}-cut{share}.osm.pbf", std::process::id()));
        std::fs::write(&path, &whole[..whole.len() * share / 100]).unwrap();
        let error = osm::read(std::slice::from_ref(&path)).unwrap_err();
        assert!(
            matches!(error, StreetsError::Damaged { .. } | StreetsError::NotPbf { .. }),
            "{share}: {error}"
        );
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn most_of_a_town_can_be_reached() {
    let Some(path) = extract("herrenberg.osm.pbf") else { return };
    let mut data = osm::read(&[path]).unwrap();
    let network = Network::new(build(&mut data).unwrap());
    let mut workspace = super::Workspace::new();
    let market = domain::geo::LatLon { lat: 48.5965, lon: 8.8700 };
    for (mode, share) in [(Mode::Foot, 0.9), (Mode::Bike, 0.9), (Mode::Car, 0.9)] {
        let from = network.snap(mode, market, 500.0, 1)[0];
        let places: Vec<_> = (network.streets().junctions.iter().step_by(20))
            .filter_map(|place| network.snap(mode, place.degrees(), 100.0, 1).first().copied())
            .filter(|link| link.main)
            .collect();
        let limit_s = 3.0 * 3600.0;
        let budget = super::Budget::NONE;
        let tree =
            network.tree(&mut workspace, mode, from, super::super::Direction::Forward, limit_s, budget);
        let reached = places.iter().filter(|link| tree.duration_s(link).is_some()).count();
        assert!(reached as f64 >= share * places.len() as f64, "{mode:?}: {reached} of {}", places.len());
    }
}

#[test]
fn no_mapped_steps_are_passable_by_wheelchair() {
    for name in ["herrenberg.osm.pbf", "liechtenstein.osm.pbf"] {
        let Some(path) = extract(name) else { return };
        let mut data = osm::read(&[path]).unwrap();
        let streets = build(&mut data).unwrap();
        let steps: Vec<u32> = (0..streets.edges.len() as u32)
            .filter(|edge| streets.profile(*edge).class == super::super::Class::Steps)
            .collect();
        assert!(steps.len() > 50, "{name}: {}", steps.len());
        let wheels = Mode::Wheelchair.bit();
        for edge in steps {
            let profile = streets.profile(edge);
            assert_eq!((profile.forward | profile.backward) & wheels, 0, "{name} {edge}");
        }
    }
}

#[test]
fn steps_of_ways_through_a_town_name_its_streets() {
    let Some(path) = extract("herrenberg.osm.pbf") else { return };
    let mut data = osm::read(&[path]).unwrap();
    let network = Network::new(build(&mut data).unwrap());
    let streets = network.streets();
    let named = (0..streets.edges.len() as u32).filter(|edge| !streets.name(*edge).is_empty()).count();
    let stored: usize = streets.names.len();
    println!("{named} of {} edges have one of {stored} names", streets.edges.len());
    let mut workspace = super::Workspace::new();
    let market = domain::geo::LatLon { lat: 48.5965, lon: 8.8700 };
    for mode in [Mode::Foot, Mode::Bike, Mode::Car] {
        let from = network.snap(mode, market, 500.0, 1)[0];
        let places = streets.junctions.iter().step_by(19);
        let places: Vec<_> = places
            .filter_map(|place| network.snap(mode, place.degrees(), 50.0, 1).first().copied())
            .collect();
        let tree = network.tree(
            &mut workspace,
            mode,
            from,
            super::super::Direction::Forward,
            1_800.0,
            super::Budget::NONE,
        );
        let (mut ways, mut steps, mut km, mut named_dm) = (0, 0, 0.0, 0);
        let mut took = std::time::Duration::ZERO;
        for path in places.iter().filter_map(|link| tree.path(link)) {
            let began = std::time::Instant::now();
            let found = super::super::steps::steps(&network, mode, &path.pieces);
            took += began.elapsed();
            let length_dm: u64 = found.iter().map(|step| step.length_dm).sum();
            assert_eq!(length_dm, (path.distance_m * 10.0).round() as u64);
            if km < 3.0 {
                found.iter().for_each(|s| {
                    println!("  {:6} {}", s.length_dm / 10, s.instruction.sentence(domain::lang::Lang::De));
                });
            }
            let of_named = found.iter().filter(|step| step.instruction.street.is_some());
            named_dm += of_named.map(|step| step.length_dm).sum::<u64>();
            (ways, steps, km) = (ways + 1, steps + found.len(), km + path.distance_m / 1_000.0);
        }
        println!("{mode:?}: {ways} ways, {km:.0} km, {steps} steps, {:?} each", took / ways.max(1));
        // A town's ways have some four to eight steps a kilometre, and streets mostly have names.
        assert!(ways > 50, "{mode:?}: {ways}");
        let per_km = steps as f64 / km;
        assert!((1.0..25.0).contains(&per_km), "{mode:?}: {per_km} steps a kilometre");
        let share = named_dm as f64 / (km * 10_000.0);
        assert!(share > 0.4, "{mode:?}: {share} of the way has a name");
    }
}
