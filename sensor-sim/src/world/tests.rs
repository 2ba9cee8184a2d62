use std::collections::HashMap;

use super::*;
use crate::clock::StartClock;
use crate::demand::Demand;
use crate::encode::native::DoorCount;

fn world(seed: u64) -> (Arc<County>, World) {
    living(County::sample(seed), seed)
}

/// Parking alone: a bus reports more in an hour than a bay in a year.
fn world_without_vehicles(seed: u64) -> (Arc<County>, World) {
    let mut county = County::sample(seed);
    county.vehicles.clear();
    living(county, seed)
}

fn living(county: County, seed: u64) -> (Arc<County>, World) {
    let county = Arc::new(county);
    let start = "2026-11-24T09:14:27Z".parse().unwrap();
    (Arc::clone(&county), World::new(county, seed, WorldClock::new(start, StartClock::BUSY, 1.0)))
}

/// Everything that happens in the first `hours`.
fn events(world: &mut World, hours: i64) -> Vec<(Timestamp, Event)> {
    let until = world.clock.utc(hours * 3_600 * 1_000_000);
    std::iter::from_fn(|| Some(world.next_event())).take_while(|(at, _)| *at < until).collect()
}

#[test]
fn the_same_seed_gives_the_same_life() {
    let [a, b, other] = [1, 1, 2].map(|seed| events(&mut world(seed).1, 1));
    assert_eq!(a, b);
    assert_ne!(a, other);
}

#[test]
fn everything_reports_once_in_the_first_second() {
    let (county, mut world) = world(1);
    let mut bays = vec![0; county.bays.len()];
    let mut sites = vec![0; county.sites.len()];
    let first_second = world.clock.utc(1_000_000);
    for (at, event) in
        std::iter::from_fn(|| Some(world.next_event())).take_while(|(at, _)| *at < first_second)
    {
        assert!(at >= world_start());
        match event {
            Event::Bay { bay, cause, .. } => {
                assert_eq!(cause, Cause::Start);
                bays[bay] += 1;
            }
            Event::Site { site, cause, .. } => {
                assert_eq!(cause, Cause::Start);
                sites[site] += 1;
            }
            Event::Vehicle(_) | Event::Station { .. } | Event::Free { .. } => {}
            other => panic!("too early: {other:?}"),
        }
    }
    assert!(bays.iter().all(|n| *n == 1));
    assert!(county.sites.iter().zip(&sites).all(|(site, n)| *n == usize::from(site.counted.is_some())));
}

fn world_start() -> Timestamp {
    "2026-11-24T09:14:27Z".parse().unwrap()
}

#[test]
fn a_bay_alternates_and_heartbeats_repeat_its_state() {
    let (_, mut world) = world_without_vehicles(1);
    let mut state: HashMap<usize, (Timestamp, bool)> = HashMap::new();
    let mut changes = 0;
    for (at, event) in events(&mut world, 26) {
        let Event::Bay { bay, occupied, cause } = event else { continue };
        let before = state.insert(bay, (at, occupied));
        match cause {
            Cause::Start => assert_eq!(before, None),
            Cause::Change => {
                changes += 1;
                let (earlier, was) = before.unwrap();
                assert!(was != occupied && earlier < at, "bay {bay} at {at}");
            }
            Cause::Heartbeat => assert_eq!(before.unwrap().1, occupied),
        }
    }
    assert!(changes > 5_000, "{changes} changes a day");
}

#[test]
fn counts_fit_and_add_up() {
    let (county, mut world) = world_without_vehicles(1);
    let mut counts: HashMap<usize, i64> = HashMap::new();
    let mut passages = 0;
    for (at, event) in events(&mut world, 26) {
        match event {
            Event::Site { site, occupied, cause: Cause::Start, .. } => {
                counts.insert(site, i64::from(occupied));
            }
            Event::Site { site, occupied, .. } => assert_eq!(counts[&site], i64::from(occupied)),
            Event::Gate { site, passage, occupied, open, .. } => {
                passages += 1;
                let count = counts.get_mut(&site).unwrap();
                *count += if passage == Passage::In { 1 } else { -1 };
                assert_eq!(*count, i64::from(occupied), "{} at {at}", county.sites[site].id);
                assert!(occupied <= county.sites[site].capacity);
                assert!(open || passage == Passage::Out);
            }
            _ => {}
        }
    }
    assert!(passages > 3_000, "{passages} passages a day");
}

#[test]
fn passengers_add_up_and_vehicles_stay_near_their_line() {
    let (county, mut world) = world(1);
    let mut on_board: HashMap<usize, u32> = HashMap::new();
    let (mut boardings, mut late) = (0, 0);
    let mut positions = 0;
    for (at, event) in events(&mut world, 14) {
        match event {
            Event::Passengers { report, doors } => {
                let sum = |f: fn(&DoorCount) -> u32| doors.iter().map(f).sum::<u32>();
                let (boarded, alighted) = (sum(|d| d.boarded), sum(|d| d.alighted));
                if let Some(before) = on_board.get(&report.vehicle) {
                    assert_eq!(before + boarded - alighted, report.on_board, "vehicle {}", report.vehicle);
                }
                let vehicle = &county.vehicles[report.vehicle];
                assert!(report.on_board <= vehicle.seats + vehicle.standing);
                on_board.insert(report.vehicle, report.on_board);
                boardings += boarded;
            }
            Event::Vehicle(report) => {
                positions += 1;
                late += usize::from(report.delay_s > 60);
                assert!((51.7..52.1).contains(&report.lat) && (6.9..7.6).contains(&report.lon));
                assert!((0.0..45.0).contains(&report.speed_mps), "{report:?}");
                assert!((-600..3_600).contains(&report.delay_s), "{at} {report:?}");
                let line = &county.lines[county.vehicles[report.vehicle].line];
                assert!(report.stop < line.stops.len());
                if report.cause != VehicleCause::Position {
                    let stop = &county.stops[line.stop(report.trip.direction, report.stop)];
                    assert!((stop.lat - report.lat).abs() < 1e-6 && (stop.lon - report.lon).abs() < 1e-6);
                }
            }
            _ => {}
        }
    }
    assert!(boardings > 5_000, "{boardings}");
    assert!(late * 50 > positions && late * 2 < positions, "{late} of {positions} late");
}

#[test]
fn the_first_occupancy_is_that_of_the_hour_and_stays_near_it() {
    let (county, mut world) = world_without_vehicles(1);
    let mut occupied = vec![false; county.bays.len()];
    let mut share_at = |world: &mut World, hours: i64| {
        let until = world.clock.utc(hours * 3_600 * 1_000_000);
        loop {
            let (at, event) = world.next_event();
            if let Event::Bay { bay, occupied: now, .. } = event {
                occupied[bay] = now;
            }
            if at >= until {
                break;
            }
        }
        let kind = |d: Demand| {
            let bays: Vec<usize> =
                (0..county.bays.len()).filter(|b| county.bays[*b].usage.demand == d).collect();
            bays.iter().filter(|b| occupied[**b]).count() as f64 / bays.len() as f64
        };
        (kind(Demand::Centre), kind(Demand::ParkAndRide))
    };
    let (centre, ride) = share_at(&mut world, 1);
    assert!((0.70..0.95).contains(&centre) && (0.80..0.98).contains(&ride), "11:30: {centre} {ride}");
    let (centre, ride) = share_at(&mut world, 17);
    assert!(centre < 0.35 && ride < 0.35, "3:30 in the night: {centre} {ride}");
    let (centre, ride) = share_at(&mut world, 24);
    assert!((0.65..0.95).contains(&centre) && ride > 0.75, "10:30 the next day: {centre} {ride}");
}
