use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::StartClock;
use crate::clock::WorldClock;
use crate::county::County;
use crate::orders::Order;

/// Shared vehicles alone, from Monday at midnight on.
fn world(seed: u64) -> (Arc<County>, World) {
    let mut county = County::sample(seed);
    (county.bays, county.sensors, county.sites) = (Vec::new(), Vec::new(), Vec::new());
    county.vehicles.clear();
    let county = Arc::new(county);
    let start = "2026-11-23T00:00:00Z".parse().unwrap();
    let clock: StartClock = "mon 00:00".parse().unwrap();
    (Arc::clone(&county), World::new(county, seed, WorldClock::new(start, clock, 1.0)))
}

/// What happens in the first `hours`, each at its hour.
fn events(world: &mut World, hours: i64) -> Vec<(f64, Event)> {
    let start = world.clock.utc(0);
    let hour = |at: jiff::Timestamp| at.duration_since(start).as_secs_f64() / 3_600.0;
    let all = std::iter::from_fn(|| Some(world.next_event())).map(|(at, event)| (hour(at), event));
    all.take_while(|(at, _)| *at < hours as f64).collect()
}

#[test]
fn stations_change_one_vehicle_at_a_time_and_never_hold_more_than_docks() {
    let (county, mut world) = world(1);
    let mut before: HashMap<usize, Counts> = HashMap::new();
    let mut changes = 0;
    for (at, event) in events(&mut world, 7 * 24) {
        let Event::Station { station, vehicles, cause } = event else { continue };
        assert!(vehicles.iter().sum::<u32>() <= county.rentals.stations[station].capacity, "{at} {station}");
        match before.insert(station, vehicles) {
            None => assert_eq!((cause, vehicles), (Cause::Start, county.rentals.stations[station].first)),
            Some(before) => {
                let moved: u32 = before.iter().zip(vehicles).map(|(a, b)| a.abs_diff(b)).sum();
                assert_eq!((cause, moved), (Cause::Change, 1), "{at} {station}");
                changes += 1;
            }
        }
    }
    assert_eq!(before.len(), county.rentals.stations.len());
    assert!((1_000..20_000).contains(&changes), "{changes} in a week");
}

#[test]
fn mornings_empty_where_people_live_and_evenings_fill_it() {
    let (county, mut world) = world(1);
    let homes = |station: &usize| county.rentals.stations[*station].role == Role::Home;
    let mut stand: HashMap<usize, u32> = HashMap::new();
    let (mut morning, mut night) = (Vec::new(), Vec::new());
    for (at, event) in events(&mut world, 5 * 24) {
        let Event::Station { station, vehicles, .. } = event else { continue };
        stand.insert(station, vehicles.iter().sum());
        let at_home = f64::from(stand.iter().filter(|(s, _)| homes(s)).map(|(_, n)| n).sum::<u32>());
        match at % 24.0 {
            9.5..11.0 => morning.push(at_home),
            20.0..23.0 => night.push(at_home),
            _ => {}
        }
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    assert!(mean(&morning) + 4.0 < mean(&night), "{} by day, {} at night", mean(&morning), mean(&night));
}

#[test]
fn the_same_seed_gives_the_same_rides_and_scooters_stand_where_they_may() {
    let [a, b, other] = [1, 1, 2].map(|seed| events(&mut world(seed).1, 30));
    assert_eq!(a, b);
    assert_ne!(a, other);
    let (county, _) = world(1);
    let mut rides = 0;
    for (_, event) in &a {
        let Event::Free { place: Some(place), .. } = event else { continue };
        rides = rides.max(place.rides);
        assert!((LOW_RANGE_M..=FULL_RANGE_M).contains(&place.range_m), "{place:?}");
        for area in &county.rentals.areas {
            let crate::county::Geometry::Polygon(ring) = area.outline() else { panic!("an area") };
            let [south_west, north_east] = [ring[0], ring[2]];
            let is_inside = [place.lon, place.lat]
                .iter()
                .enumerate()
                .all(|(i, v)| (south_west[i]..north_east[i]).contains(v));
            assert!(!is_inside, "{place:?} in {}", area.name);
        }
    }
    assert!(rides > 3, "{rides}");
}

#[test]
fn a_station_is_emptied_stays_so_and_gets_back_what_was_taken() {
    let (_, mut world) = world(1);
    let counts = |events: Vec<(f64, Event)>| -> Vec<u32> {
        let of_first = |(_, event)| match event {
            Event::Station { station: 0, vehicles, .. } => Some(vehicles.iter().sum()),
            _ => None,
        };
        events.into_iter().filter_map(of_first).collect()
    };
    let before = counts(events(&mut world, 7));
    assert!(*before.last().unwrap() > 0);
    world.order(Order::Station { station: 0, level: Some(Level::Empty) });
    assert_eq!(counts(events(&mut world, 12)), [0], "and nothing else, all morning");
    world.order(Order::Station { station: 0, level: None });
    let after = counts(events(&mut world, 13));
    assert!(after[0] > 4, "{after:?}");
    world.order(Order::Station { station: 0, level: Some(Level::Full) });
    let full = counts(events(&mut world, 20));
    assert!(full.len() <= 1, "{full:?}");
    assert_eq!(after.iter().chain(&full).next_back(), Some(&12));
}
