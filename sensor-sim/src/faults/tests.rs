use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::faulty_world::{DeviceReport, Swap};
use super::*;
use crate::clock::{StartClock, WorldClock};
use crate::county::County;
use crate::message::Message;
use crate::world::{Cause, Event, World};

fn start() -> Timestamp {
    "2026-11-22T03:14:27Z".parse().unwrap()
}

fn steps(faults: &Faults, minutes: i64) -> (Arc<County>, Vec<Step>) {
    let county = Arc::new(County::sample(1));
    let world = World::new(Arc::clone(&county), 1, WorldClock::new(start(), StartClock::BUSY, 1.0));
    let mut faulty_world =
        FaultyWorld::new(world, Arc::clone(&county), faults, 1, Onset::FirstMinute(start()));
    let until = start().as_second() + 60 * minutes;
    let all = std::iter::from_fn(|| Some(faulty_world.next_step())).take_while(|h| h.at.as_second() < until);
    (county, all.collect())
}

#[test]
fn without_faults_everything_is_reported_as_it_is() {
    let (_, all) = steps(&Faults::default(), 5);
    for h in all {
        let report = h.report.unwrap();
        assert_eq!((Some(report.event), report.stamp, report.faults.len()), (h.event, h.at, 0));
        assert_eq!((h.note, h.swap), (None, None));
    }
}

#[test]
fn the_truth_is_the_same_under_any_fault() {
    let faults = Faults {
        stuck: 0.1,
        flapping: 0.1,
        dead: 0.1,
        restamp: 0.1,
        device_swap: 0.1,
        wrong_clock: 0.5,
        ..Faults::default()
    };
    let truth =
        |all: Vec<Step>| -> Vec<_> { all.into_iter().filter_map(|h| h.event.map(|e| (h.at, e))).collect() };
    let plain = truth(steps(&Faults::default(), 10).1);
    let faulty = steps(&faults, 10).1;
    assert!(faulty.windows(2).all(|pair| pair[0].at <= pair[1].at), "time goes back");
    assert_eq!(plain, truth(faulty));
}

#[test]
fn devices_fail_as_configured() {
    let faults = Faults { stuck: 0.2, flapping: 0.2, dead: 0.2, restamp: 0.2, ..Faults::default() };
    let (county, all) = steps(&faults, 30);
    let mut fault_of: HashMap<String, &'static str> = HashMap::new();
    let mut truth: HashMap<usize, bool> = HashMap::new();
    let mut report: HashMap<usize, Vec<(Timestamp, bool)>> = HashMap::new();
    for h in &all {
        if let Some(note) = &h.note {
            fault_of.insert(note.id.clone(), note.fault);
        }
        if let Some(Event::Bay { bay, occupied, .. }) = h.event {
            truth.insert(bay, occupied);
        }
        if let Some(DeviceReport { event: Event::Bay { bay, occupied, .. }, .. }) = h.report {
            report.entry(bay).or_default().push((h.at, occupied));
        }
    }
    for name in ["stuck", "flapping", "dead", "restamp"] {
        let n = fault_of.values().filter(|f| **f == name).count();
        assert!((180..320).contains(&n), "{n} of {} are {name}", county.bays.len());
    }
    for (index, bay) in county.bays.iter().enumerate() {
        let reports = &report[&index];
        match fault_of.get(&bay.id) {
            Some(&"stuck") => assert!(reports.iter().all(|r| r.1 == reports[0].1)),
            Some(&"restamp") => {
                assert!(reports.len() >= 29 && reports.iter().all(|r| r.1 == reports[0].1));
            }
            Some(&"dead") => assert!(reports.iter().all(|r| r.0.as_second() <= start().as_second() + 60)),
            // A change in the last seconds may still waver.
            Some(&"flapping")
                if all.last().unwrap().at.as_second() - reports.last().unwrap().0.as_second() < 20 => {}
            _ => assert_eq!(reports.last().unwrap().1, truth[&index], "{}", bay.id),
        }
    }
}

#[test]
fn a_swap_takes_a_spare_device_of_the_same_feed() {
    let (county, all) = steps(&Faults { device_swap: 0.5, ..Faults::default() }, 2);
    let swaps: Vec<Swap> = all.iter().filter_map(|h| h.swap).collect();
    assert_eq!(swaps.len(), 28, "every spare device of seven towns");
    assert_eq!(swaps.iter().map(|s| s.new).collect::<HashSet<_>>().len(), swaps.len());
    for swap in swaps {
        assert_eq!(county.sensors[swap.old].bay, Some(swap.bay));
        assert_eq!(county.sensors[swap.new].bay, None);
        assert_eq!(county.sensors[swap.new].feed, county.sensors[swap.old].feed);
    }
}

#[test]
fn wrong_clocks_are_known_and_constant() {
    let (county, all) = steps(&Faults { wrong_clock: 0.3, ..Faults::default() }, 3);
    let off: HashMap<&str, Option<i64>> =
        all.iter().filter_map(|h| h.note.as_ref()).map(|n| (n.id.as_str(), n.clock_off_s)).collect();
    assert!((250..500).contains(&off.len()), "{}", off.len());
    for h in &all {
        let Some(DeviceReport { stamp, event: Event::Bay { bay, cause: Cause::Start, .. }, faults, .. }) =
            &h.report
        else {
            continue;
        };
        match off.get(county.bays[*bay].id.as_str()) {
            None => assert_eq!((*stamp, faults.len()), (h.at, 0)),
            Some(None) => assert!(stamp.as_second() < 60),
            Some(Some(s)) => assert_eq!(stamp.as_second() - h.at.as_second(), *s),
        }
    }
}

fn message(n: i64) -> Message {
    Message {
        topic: format!("t/{n}"),
        payload: bytes::Bytes::new(),
        intended_utc: Timestamp::from_second(n).unwrap(),
        statements: Vec::new(),
    }
}

#[test]
fn the_wire_keeps_its_rates() {
    let faults = Faults { loss: 0.1, double: 0.2, reorder: 0.3, delay_s: 2.0, ..Faults::default() };
    let mut wire = Wire::new(faults, 1);
    let (mut lost, mut copies, mut overtaken) = (0, 0, 0);
    for n in 0..10_000 {
        for sending in wire.send(message(n), Vec::new()) {
            let has = |name| usize::from(sending.faults.contains(&name));
            lost += has("loss");
            copies += has("double");
            overtaken += has("reorder") * (1 - has("double"));
            if let Some(at) = sending.at {
                let late_s = at.as_second() - n;
                assert!((0..=9).contains(&late_s), "{late_s}");
            }
        }
    }
    assert!((900..1_100).contains(&lost), "{lost}");
    assert!((1_650..1_950).contains(&copies), "{copies}");
    assert!((2_550..2_850).contains(&overtaken), "{overtaken}");
}

#[test]
fn impossible_rates_are_refused_by_name() {
    let error = Faults { loss: 1.5, ..Faults::default() }.check().unwrap_err().to_string();
    assert!(error.contains("'loss' is 1.5"), "{error}");
    assert!(Faults { stuck: 0.6, dead: 0.6, ..Faults::default() }.check().is_err());
    assert!(Faults { delay_s: f64::NAN, ..Faults::default() }.check().is_err());
    assert!(Faults { loss: 1.0, stuck: 1.0, ..Faults::default() }.check().is_ok());
}

/// What all messages of three minutes amount to.
fn fingerprint(faults: &Faults) -> u64 {
    let (county, all) = steps(faults, 3);
    let mut senders = crate::senders::Senders::new(county, 1);
    let mut wire = Wire::new(*faults, 1);
    let mut print = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            print = (print ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for step in all {
        add(serde_json::to_string(&step.note).unwrap().as_bytes());
        let swapped = step.swap.map(|s| senders.swap_device(step.at, s.bay, s.new, s.occupied));
        let reported = step.report.map(|r| senders.messages(step.at, r.stamp, &r.event));
        for message in swapped.into_iter().chain(reported).flatten() {
            for sending in wire.send(message, Vec::new()) {
                add(sending.message.topic.as_bytes());
                add(&sending.message.payload);
                add(format!("{:?} {:?}", sending.at, sending.faults).as_bytes());
            }
        }
    }
    print
}

#[test]
fn what_is_sent_stays_the_same_byte_for_byte() {
    let old = Faults {
        loss: 0.1,
        double: 0.1,
        reorder: 0.1,
        delay_s: 2.0,
        wrong_clock: 0.1,
        stuck: 0.1,
        flapping: 0.1,
        dead: 0.1,
        low_battery: 0.1,
        restamp: 0.1,
        device_swap: 0.1,
        ..Faults::default()
    };
    assert_eq!(
        [fingerprint(&Faults::default()), fingerprint(&old)],
        [1_663_663_154_540_506_850, 8_633_194_975_589_072_227]
    );
}
