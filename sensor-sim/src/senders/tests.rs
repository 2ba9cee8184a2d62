use std::collections::HashMap;

use super::*;
use crate::clock::{StartClock, WorldClock};
use crate::message::Claim;
use crate::world::World;

/// The messages of the first `seconds`.
fn messages(seed: u64, seconds: i64) -> (Arc<County>, Vec<Message>) {
    messages_of(County::sample(seed), seed, seconds)
}

fn messages_of(county: County, seed: u64, seconds: i64) -> (Arc<County>, Vec<Message>) {
    let county = Arc::new(county);
    let start: Timestamp = "2026-11-24T09:14:27Z".parse().unwrap();
    let until = Timestamp::from_second(start.as_second() + seconds).unwrap();
    let mut world = World::new(Arc::clone(&county), seed, WorldClock::new(start, StartClock::BUSY, 1.0));
    let mut senders = Senders::new(Arc::clone(&county), seed);
    let mut messages = Vec::new();
    loop {
        let (at, event) = world.next_event();
        if at >= until {
            messages.extend(senders.flush(until));
            return (county, messages);
        }
        messages.extend(senders.messages(at, at, &event));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let [a, b] = [1, 1].map(|seed| messages(seed, 60).1);
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(&b).all(|(a, b)| (&a.topic, &a.payload) == (&b.topic, &b.payload)));
}

#[test]
fn every_feed_sends_on_its_topic_and_every_place_reports() {
    let (county, messages) = messages(1, 60);
    let mut by_feed: HashMap<&str, usize> = HashMap::new();
    for message in &messages {
        let matching: Vec<&str> = county
            .feeds
            .iter()
            .filter(|f| rumqttc::matches(&message.topic, &f.topic))
            .map(|f| f.id.as_str())
            .collect();
        assert_eq!(matching.len(), 1, "{} matches {matching:?}", message.topic);
        *by_feed.entry(matching[0]).or_default() += 1;
    }
    let silent: Vec<_> = county.feeds.iter().filter(|f| !by_feed.contains_key(f.id.as_str())).collect();
    assert!(silent.is_empty(), "{silent:?}");
    let reporting = |kind: &str| {
        let ids: std::collections::HashSet<&str> = messages
            .iter()
            .flat_map(|m| &m.statements)
            .filter(|s| s.kind == kind)
            .map(|s| s.id.as_str())
            .collect();
        ids.len()
    };
    assert_eq!(reporting("bay"), county.bays.len());
    assert_eq!(reporting("site"), county.sites.iter().filter(|s| s.counted.is_some()).count());
    assert!(reporting("vehicle") >= 25, "{} vehicles", reporting("vehicle"));
}

#[test]
fn payloads_are_what_their_format_says_and_below_its_size() {
    for message in messages(1, 120).1 {
        if message.topic.starts_with("gtfs-rt/") {
            use prost::Message;
            let feed = crate::encode::gtfs_rt::FeedMessage::decode(&message.payload[..]).unwrap();
            // That there are no alerts is a statement.
            assert!(!feed.entity.is_empty() || message.topic.ends_with("/alerts"));
        } else {
            let value: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            let is_batch = message.topic.ends_with("/batch");
            assert_eq!(value.is_array(), is_batch, "{}", message.topic);
            let limit = if is_batch { 1 << 20 } else { 64 << 10 };
            assert!(message.payload.len() < limit, "{} bytes", message.payload.len());
        }
    }
}

#[test]
fn a_native_statement_says_what_its_payload_says() {
    let mut compared = 0;
    for message in messages(1, 60).1.iter().filter(|m| m.topic.contains("/bay/")) {
        let value: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        let [statement] = message.statements.as_slice() else { panic!("one statement a message") };
        let Claim::Bay { state, .. } = &statement.claim else { panic!("{statement:?}") };
        assert_eq!(value["state"], *state);
        assert_eq!(value["at"], statement.at.to_string());
        compared += 1;
    }
    assert!(compared > 50);
}

#[test]
fn a_swapped_device_joins_and_speaks_for_the_bay() {
    let county = Arc::new(County::sample(1));
    let mut senders = Senders::new(Arc::clone(&county), 1);
    let bay = county.bays.iter().position(|b| matches!(b.source, BaySource::Sensor(_))).unwrap();
    let spare = county.sensors.iter().position(|s| s.bay.is_none()).unwrap();
    let at: Timestamp = "2026-11-24T09:14:27Z".parse().unwrap();
    let [join, state] = senders.swap_device(at, bay, spare, true).try_into().unwrap();
    assert!(join.topic.ends_with("/join"), "{}", join.topic);
    assert!(state.topic.contains(&county.sensors[spare].dev_eui));
    assert_eq!(state.statements[0].id, county.bays[bay].id);
    let event = Event::Bay { bay, occupied: false, cause: Cause::Change };
    assert!(senders.messages(at, at, &event)[0].topic.contains(&county.sensors[spare].dev_eui));
}

#[test]
fn radars_report_each_passage_of_their_gates_and_change_nothing_else() {
    let (_, plain) = messages(1, 900);
    let (county, with) = messages_of(County::sample(1).with_lanes(), 1, 900);
    let is_of_lane = |m: &&Message| county.lanes.iter().any(|lane| m.topic.contains(&lane.dev_eui));
    let sum = |messages: Vec<&Message>| {
        let mut by_site: std::collections::BTreeMap<String, (u32, u32)> = Default::default();
        for statement in messages.iter().flat_map(|m| &m.statements) {
            let Claim::Passages { entries, exits, .. } = statement.claim else { continue };
            let of_site = by_site.entry(statement.id.clone()).or_default();
            *of_site = (of_site.0 + entries, of_site.1 + exits);
        }
        by_site
    };
    let lanes: Vec<&Message> = with.iter().filter(is_of_lane).collect();
    let sites: std::collections::BTreeSet<&str> =
        county.lanes.iter().map(|lane| county.sites[lane.site].id.as_str()).collect();
    let mut native = sum(plain.iter().collect());
    native.retain(|id, _| sites.contains(id.as_str()));
    let mut by_lanes = sum(lanes);
    by_lanes.retain(|_, (entries, exits)| *entries + *exits > 0);
    assert_eq!(by_lanes, native);
    assert!(native.values().map(|(entries, exits)| entries + exits).sum::<u32>() > 20, "{native:?}");
    // What others send is the same to the byte, but for the number of their own message at such a site.
    let is_other = |m: &&Message| !m.statements.iter().any(|s| sites.contains(s.id.as_str()));
    let others = |all: &[Message]| -> Vec<_> {
        all.iter().filter(is_other).map(|m| (m.topic.clone(), m.payload.clone())).collect()
    };
    assert_eq!(others(&plain), others(&with));
}

/// Id and, of trip updates, what becomes of the trip.
type Entities = Vec<(String, Option<i32>)>;

#[test]
fn the_control_centre_says_at_once_what_changed_and_withdraws_it() {
    use prost::Message;
    let county = Arc::new(County::sample(1));
    let mut senders = Senders::new(Arc::clone(&county), 1);
    let at = |s: i64| Timestamp::from_second(1_795_000_000 + s).unwrap();
    let trip = county.timetable.trips.iter().position(|trip| trip.id == "T1-0-night-2440").unwrap();
    let (stop, date) = (1, at(0).to_zoned_datetime(crate::clock::zone(county.tz)).date());
    let nothing = Event::Device { sensor: 0, what: DeviceEvent::Status };
    let mut said = |s: i64, event: &Event| -> Vec<(String, Entities)> {
        senders.messages(at(s), at(s), event);
        let messages = senders.messages(at(s + 1), at(s + 1), &nothing);
        let control = messages.iter().filter(|m| m.topic.starts_with("gtfs-rt/control-centre/"));
        let entities = |m: &crate::message::Message| {
            let feed = crate::encode::gtfs_rt::FeedMessage::decode(&m.payload[..]).unwrap();
            let of = |e: crate::encode::gtfs_rt::FeedEntity| {
                (e.id, e.trip_update.and_then(|update| update.trip.schedule_relationship))
            };
            (m.topic.rsplit('/').next().unwrap().to_owned(), feed.entity.into_iter().map(of).collect())
        };
        control.map(entities).collect()
    };
    let run =
        |on| vec![(format!("T1-0-night-2440-{}", date.strftime("%Y%m%d")), Some(if on { 3 } else { 0 }))];
    let works = vec![("works-59991002".to_owned(), None)];
    let alerts = |all: &[(String, Option<i32>)]| ("alerts".to_owned(), all.to_vec());
    let updates = |on| ("trip-updates".to_owned(), run(on));
    let notice = crate::notice::Notice::Works { stop };
    assert_eq!(said(0, &Event::Notice { notice, on: true }), [alerts(&works)]);
    assert_eq!(said(5, &Event::Cancelled { trip, date, on: true }), [alerts(&works), updates(true)]);
    assert_eq!(said(10, &nothing), []);
    assert_eq!(said(20, &Event::Notice { notice, on: false }), [alerts(&[]), updates(true)]);
    assert_eq!(said(25, &Event::Cancelled { trip, date, on: false }), [alerts(&[]), updates(false)]);
}
