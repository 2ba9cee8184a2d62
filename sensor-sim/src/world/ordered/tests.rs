use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::StartClock;
use crate::clock::WorldClock;
use crate::county::County;
use crate::orders::Orders;
use crate::world::{VehicleReport, World};

fn world() -> (Arc<County>, World) {
    let county = Arc::new(County::sample(1));
    let start = "2026-11-24T09:14:27Z".parse().unwrap();
    (Arc::clone(&county), World::new(county, 1, WorldClock::new(start, StartClock::BUSY, 1.0)))
}

fn order(world: &mut World, county: &County, now: &str, before: &str) {
    let [now, before] = [now, before].map(|text| Orders::parse(text, county).unwrap());
    now.since(&before).into_iter().for_each(|order| world.order(order));
}

/// Everything that happens in the next `minutes`.
fn events(world: &mut World, minutes: i64) -> Vec<Event> {
    let (first, event) = world.next_event();
    let mut events = vec![event];
    loop {
        let (at, event) = world.next_event();
        events.push(event);
        if at.as_second() > first.as_second() + minutes * 60 {
            return events;
        }
    }
}

/// The vacant spaces of a site after these events, as it reports them.
fn vacant(county: &County, id: &str, events: &[Event]) -> i64 {
    let site = county.sites.iter().position(|s| s.id == id).unwrap();
    let mut bays: HashMap<usize, bool> = HashMap::new();
    let mut count = None;
    for event in events {
        match event {
            Event::Bay { bay, occupied, .. } if county.bays[*bay].site == Some(site) => {
                bays.insert(*bay, *occupied);
            }
            Event::Site { site: s, occupied, .. } | Event::Gate { site: s, occupied, .. } if *s == site => {
                count = Some(i64::from(county.sites[site].capacity) - i64::from(*occupied));
            }
            _ => {}
        }
    }
    count.unwrap_or_else(|| bays.values().filter(|occupied| !**occupied).count() as i64)
}

#[test]
fn a_site_fills_up_stays_full_and_empties_again() {
    let (county, mut world) = world();
    let sites = ["steverstadt-parkhaus-altstadt", "steverstadt-marktplatz", "pr-holtkirchen"];
    let mut seen = events(&mut world, 5);
    assert!(sites.iter().all(|site| vacant(&county, site, &seen) > 0));
    let text = sites.map(|site| format!("fill {site}\n")).concat();
    order(&mut world, &county, &text, "");
    seen.extend(events(&mut world, 1));
    assert!(sites.iter().all(|site| vacant(&county, site, &seen) == 0));
    // Nobody leaves for hours.
    for event in events(&mut world, 180) {
        let Event::Gate { site, passage, .. } = &event else { continue };
        assert!(
            !sites.contains(&county.sites[*site].id.as_str()),
            "{passage:?} at {}",
            county.sites[*site].id
        );
        seen.push(event);
    }
    assert!(sites.iter().all(|site| vacant(&county, site, &seen) == 0));
    order(&mut world, &county, "", &text);
    seen.extend(events(&mut world, 240));
    assert!(sites.iter().all(|site| vacant(&county, site, &seen) > 0));
}

#[test]
fn a_line_runs_late_from_where_it_stands_until_it_no_longer_does() {
    let (county, mut world) = world();
    let of_line = |events: Vec<Event>| -> Vec<VehicleReport> {
        let is_540 = |report: &VehicleReport| county.lines[county.vehicles[report.vehicle].line].id == "540";
        let reports = events.into_iter().filter_map(|event| match event {
            Event::Vehicle(report) => Some(report).filter(is_540),
            _ => None,
        });
        reports.collect()
    };
    let before = of_line(events(&mut world, 20));
    assert!(before.iter().all(|report| report.delay_s < 500));
    order(&mut world, &county, "delay 540=600", "");
    let held = of_line(events(&mut world, 9));
    let mut place: HashMap<usize, (f64, f64)> = HashMap::new();
    for report in held.iter().skip(10) {
        assert!((550..1_100).contains(&report.delay_s), "{report:?}");
        assert_eq!(report.speed_mps, 0.0);
        let here = (report.lat, report.lon);
        assert_eq!(*place.entry(report.vehicle).or_insert(here), here, "it stands still");
    }
    let late = of_line(events(&mut world, 60));
    assert!(late.iter().any(|report| report.speed_mps > 5.0));
    // Beside the order each has its own fortunes, good and bad.
    let delays = late.iter().map(|report| report.delay_s);
    assert!(
        delays.clone().min() > Some(0) && delays.clone().max() < Some(1_800),
        "{:?}",
        (delays.clone().min(), delays.max())
    );
    order(&mut world, &county, "", "delay 540=600");
    let after = of_line(events(&mut world, 30));
    assert!(after.iter().skip(after.len() / 2).all(|report| report.delay_s < 600));
}

#[test]
fn orders_change_nobody_elses_life() {
    let [plain, ordered] = ["", "fill pr-niendorf\ndelay C2=300"].map(|text| {
        let (county, mut world) = world();
        order(&mut world, &county, text, "");
        let events = events(&mut world, 30);
        let of_540 = |e: &Event| match e {
            Event::Vehicle(report) => county.lines[county.vehicles[report.vehicle].line].id == "540",
            Event::Gate { .. } => true,
            _ => false,
        };
        events.into_iter().filter(of_540).collect::<Vec<_>>()
    });
    assert_eq!(plain, ordered);
}

#[test]
fn the_next_run_of_a_line_is_cancelled_and_its_vehicle_is_unseen_until_the_one_after() {
    let (county, mut world) = world();
    events(&mut world, 2);
    order(&mut world, &county, "cancel 541", "");
    let line = county.lines.iter().position(|line| line.id == "541").unwrap();
    let mut runs = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for event in events(&mut world, 150) {
        match event {
            Event::Cancelled { trip, date, on: true } => runs.push((trip, date)),
            Event::Vehicle(r) | Event::Passengers { report: r, .. }
                if county.vehicles[r.vehicle].line == line =>
            {
                seen.insert((r.trip.planned, r.trip.date));
            }
            _ => {}
        }
    }
    let trips = runs.iter().map(|(trip, _)| &county.timetable.trips[*trip]);
    let starts: Vec<(usize, u32)> = trips.map(|trip| (trip.direction, trip.start_s / 60)).collect();
    // It is a quarter past ten by the clock on the wall.
    assert_eq!(starts.len(), 2);
    assert!(
        starts
            .iter()
            .enumerate()
            .all(|(i, (direction, minute))| *direction == i && (615..660).contains(minute)),
        "{starts:?}"
    );
    assert!(runs.iter().all(|run| !seen.contains(run)), "nobody makes it");
    let is_later = |(trip, _): &&(usize, jiff::civil::Date)| county.timetable.trips[*trip].start_s / 60 > 660;
    assert!(seen.iter().filter(is_later).count() >= 4, "{seen:?}");
}

#[test]
fn a_run_that_is_ordered_to_run_after_all_runs() {
    let (county, mut world) = world();
    events(&mut world, 2);
    // It would leave at 11:05.
    order(&mut world, &county, "cancel gtfs:541-0-mo-fr-1105\ndetour T1", "");
    let notices = |events: Vec<Event>| -> Vec<Event> {
        let is_notice = |e: &Event| matches!(e, Event::Cancelled { .. } | Event::Notice { .. });
        events.into_iter().filter(is_notice).collect()
    };
    assert_eq!(notices(events(&mut world, 10)).len(), 2);
    order(&mut world, &county, "", "cancel gtfs:541-0-mo-fr-1105\ndetour T1");
    let after = events(&mut world, 60);
    let trip = county.timetable.trips.iter().position(|trip| trip.id == "541-0-mo-fr-1105").unwrap();
    assert!(
        after.iter().any(|e| matches!(e, Event::Vehicle(r) if r.trip.planned == trip && r.speed_mps > 3.0))
    );
    let off = |e: &Event| matches!(e, Event::Cancelled { on: false, .. } | Event::Notice { on: false, .. });
    assert!(notices(after).iter().all(off));
}
