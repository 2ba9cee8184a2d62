use bytes::Bytes;
use domain::observation::VehicleFix;
use domain::{Reason, UtcMicros};
use prost::Message;

use super::decode;
use super::proto::*;
use crate::decode::samples::shared;
use crate::decode::{Content, Decoded, Statement, Subject};

const NOW: u64 = 1_700_000_000;

/// A feed as it is written.
#[derive(Clone, PartialEq, Message)]
struct FeedMessage {
    #[prost(message, optional, tag = "1")]
    header: Option<FeedHeader>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    entity: Vec<Bytes>,
}

fn feed(entities: impl IntoIterator<Item = FeedEntity>) -> Vec<u8> {
    let header = FeedHeader {
        gtfs_realtime_version: Some("2.0".into()),
        incrementality: Some(0),
        timestamp: Some(NOW),
    };
    let entity = entities.into_iter().map(|e| e.encode_to_vec().into()).collect();
    FeedMessage { header: Some(header), entity }.encode_to_vec()
}

fn entity(vehicle: Option<VehiclePosition>, trip_update: Option<TripUpdate>) -> FeedEntity {
    FeedEntity { id: Some("e".into()), is_deleted: None, trip_update, vehicle, alert: None }
}

fn bus(id: &str) -> Option<VehicleDescriptor> {
    Some(VehicleDescriptor { id: Some(id.into()), label: Some("Line 9".into()) })
}

fn trip(id: &str) -> Option<TripDescriptor> {
    Some(TripDescriptor {
        trip_id: Some(id.into()),
        start_date: Some("20261122".into()),
        start_time: None,
        schedule_relationship: None,
        route_id: Some("R9".into()),
        direction_id: None,
    })
}

fn standing(id: &str) -> VehiclePosition {
    let position =
        Position { latitude: Some(51.5), longitude: Some(7.25), bearing: Some(90.0), speed: Some(8.5) };
    VehiclePosition { position: Some(position), vehicle: bus(id), ..VehiclePosition::default() }
}

fn stop(arrival: Option<(i32, i64)>, departure: Option<(i32, i64)>) -> StopTimeUpdate {
    let event = |(delay, in_s): (i32, i64)| StopTimeEvent {
        delay: Some(delay),
        time: Some(NOW as i64 + in_s),
        scheduled_time: None,
    };
    StopTimeUpdate {
        arrival: arrival.map(event),
        departure: departure.map(event),
        ..StopTimeUpdate::default()
    }
}

fn update(id: &str, stops: Vec<StopTimeUpdate>) -> TripUpdate {
    TripUpdate { trip: trip("T1"), vehicle: bus(id), stop_time_update: stops, ..TripUpdate::default() }
}

fn fixes(decoded: &Decoded) -> Vec<(String, VehicleFix)> {
    assert_eq!(decoded.faults.described(), []);
    let fix = |s: &Statement| match (&s.subject, &s.content) {
        (Subject::Vehicle(name), Content::Fix(fix)) => Some((name.to_string(), (**fix).clone())),
        (Subject::Trip, Content::Trip { .. }) => None,
        other => panic!("{other:?}"),
    };
    decoded.statements.iter().filter_map(fix).collect()
}

/// Trips with the times of their updates and of the message, seconds since 1970.
fn trips(decoded: &Decoded) -> Vec<(domain::TripUpdate, Option<i64>, Option<i64>)> {
    let seconds = |at: Option<UtcMicros>| at.map(|at| at.0 / 1_000_000);
    let trip = |s: &Statement| match &s.content {
        Content::Trip { update, message_at, .. } => {
            Some(((**update).clone(), seconds(s.at), seconds(*message_at)))
        }
        _ => None,
    };
    decoded.statements.iter().filter_map(trip).collect()
}

fn delay(stops: Vec<StopTimeUpdate>) -> Option<i32> {
    fixes(&decode(&feed([entity(None, Some(update("7", stops)))])))[0].1.delay_s
}

#[test]
fn a_position_is_read() {
    let vehicle = VehiclePosition {
        trip: trip("T1"),
        timestamp: Some(NOW - 5),
        stop_id: Some("S4".into()),
        occupancy_percentage: Some(40),
        ..standing("7")
    };
    let decoded = decode(&feed([entity(Some(vehicle), None)]));
    insta::assert_debug_snapshot!(Decoded { alerts: None, ..decoded });
}

#[test]
fn the_bytes_are_the_standards() {
    #[rustfmt::skip]
    let bytes = [
        0x0a, 9, 0x0a, 3, b'2', b'.', b'0', 0x10, 0, 0x18, 1,
        // id "a"; vehicle: position, timestamp, occupancy_status 2, which is no percentage.
        0x12, 25, 0x0a, 1, b'a', 0x22, 20,
        0x12, 10, 0x0d, 0, 0, 0x4e, 0x42, 0x15, 0, 0, 0xe8, 0x40,
        0x28, 0x80, 0xe2, 0xcf, 0xaa, 0x06, 0x48, 2,
    ];
    let decoded = decode(&bytes);
    let (name, fix) = fixes(&decoded).remove(0);
    assert_eq!((name.as_str(), fix.position.map(|p| (p.lat, p.lon))), ("a", Some((51.5, 7.25))));
    assert_eq!(
        (fix.occupancy_pct, decoded.statements[0].at),
        (None, Some(UtcMicros::from_unix_s(NOW as i64)))
    );
}

#[test]
fn a_vehicle_is_its_id_else_its_label_else_its_entity() {
    let named = |id: Option<&str>, label: Option<&str>| {
        let vehicle = Some(VehicleDescriptor { id: id.map(Into::into), label: label.map(Into::into) });
        let decoded = decode(&feed([entity(Some(VehiclePosition { vehicle, ..standing("") }), None)]));
        assert_eq!(decoded.statements[0].at, Some(UtcMicros::from_unix_s(NOW as i64)));
        fixes(&decoded).remove(0).0
    };
    assert_eq!(named(Some("7"), Some("Line 9")), "7");
    assert_eq!(named(Some(""), Some("Line 9")), "Line 9");
    assert_eq!(named(None, None), "e");
}

#[test]
fn a_trips_delay_is_its_own_else_that_of_the_next_stop() {
    let past = stop(Some((10, -300)), Some((20, -270)));
    let here = stop(Some((30, -20)), Some((40, 15)));
    let ahead = stop(Some((50, 300)), None);
    assert_eq!(delay(vec![past.clone(), here, ahead.clone()]), Some(30));
    assert_eq!(delay(vec![past.clone(), ahead.clone()]), Some(50));
    assert_eq!(delay(vec![past.clone()]), Some(10));
    assert_eq!(delay(vec![]), None);
    let timeless = StopTimeUpdate {
        departure: Some(StopTimeEvent { delay: Some(-60), time: None, scheduled_time: None }),
        ..StopTimeUpdate::default()
    };
    assert_eq!(delay(vec![StopTimeUpdate::default(), timeless, ahead.clone()]), Some(-60));
    let own = TripUpdate { delay: Some(120), ..update("7", vec![ahead]) };
    assert_eq!(fixes(&decode(&feed([entity(None, Some(own))])))[0].1.delay_s, Some(120));
}

#[test]
fn positions_and_trips_of_one_feed_become_one_fix() {
    let update = TripUpdate { delay: Some(60), ..update("7", vec![]) };
    let feed = feed([entity(None, Some(update)), entity(Some(standing("7")), None)]);
    let fixes = fixes(&decode(&feed));
    assert_eq!(fixes.len(), 1);
    assert_eq!((fixes[0].1.delay_s, fixes[0].1.trip_id.as_deref()), (Some(60), Some("T1")));
    assert!(fixes[0].1.position.is_some());
}

#[test]
fn a_vehicle_is_late_on_the_trip_that_it_is_on() {
    let on = |name: &str, delay: i32, in_s: i64| TripUpdate {
        trip: trip(name),
        ..update("7", vec![stop(Some((delay, in_s)), None)])
    };
    let updates = || [entity(None, Some(on("later", 1, 900))), entity(None, Some(on("now", 2, 60)))];
    assert_eq!(fixes(&decode(&feed(updates())))[0].1.trip_id.as_deref(), Some("now"));

    let on_later = VehiclePosition { trip: trip("later"), ..standing("7") };
    let fix = fixes(&decode(&feed(updates().into_iter().chain([entity(Some(on_later), None)])))).remove(0).1;
    assert_eq!((fix.trip_id.as_deref(), fix.delay_s), (Some("later"), Some(1)));

    let elsewhere = VehiclePosition { trip: trip("other"), ..standing("7") };
    let fix = fixes(&decode(&feed(updates().into_iter().chain([entity(Some(elsewhere), None)])))).remove(0).1;
    assert_eq!((fix.trip_id.as_deref(), fix.delay_s), (Some("other"), None));
}

#[test]
fn a_run_without_an_id_is_named_by_its_route_and_start() {
    let nameless = TripDescriptor {
        trip_id: Some(String::new()),
        start_time: Some("19:08:00".into()),
        direction_id: Some(1),
        ..trip("").unwrap()
    };
    let of = |trip: TripDescriptor| {
        let position = VehiclePosition { trip: Some(trip.clone()), ..standing("7") };
        let update = TripUpdate { trip: Some(trip), vehicle: None, ..update("", vec![]) };
        decode(&feed([entity(Some(position), None), entity(None, Some(update))]))
    };
    let decoded = of(nameless.clone());
    assert_eq!(fixes(&decoded)[0].1.trip_id.as_deref(), Some("R9_1_20261122_19:08"));
    let update = trips(&decoded).remove(0).0;
    assert_eq!((update.trip_id.as_str(), update.direction), ("", Some(1)));
    assert_eq!(update.name(), "R9_1_20261122_19:08");
    let other_way = domain::TripUpdate { direction: Some(0), ..update.clone() };
    assert_ne!((other_way.key(), other_way.digest_of()), (update.key(), update.digest_of()));

    let bare = TripDescriptor { start_date: None, direction_id: Some(2), ..nameless.clone() };
    assert_eq!(fixes(&of(bare))[0].1.trip_id.as_deref(), Some("R9___19:08"));
    // Neither an id nor a route with a start names a run: the vehicle stays, the update is at fault.
    for lacking in [
        TripDescriptor { start_time: None, ..nameless.clone() },
        TripDescriptor { route_id: None, ..nameless.clone() },
        TripDescriptor { route_id: Some("\u{7}".into()), ..nameless },
    ] {
        let decoded = of(lacking);
        assert_eq!(
            decoded.faults.described().iter().map(|f| f.reason).collect::<Vec<_>>(),
            [Reason::Malformed]
        );
        assert!(decoded.faults.described()[0].detail.to_string().contains("trip_id"), "{:?}", decoded.faults);
        assert_eq!(decoded.statements.len(), 1);
    }
}

#[test]
fn an_assigned_platform_is_where_the_vehicle_stops() {
    let stop = |assigned: &str| StopTimeUpdate {
        stop_id: Some("S:1".into()),
        stop_time_properties: Some(StopTimeProperties {
            assigned_stop_id: Some(assigned.into()),
            ..StopTimeProperties::default()
        }),
        ..StopTimeUpdate::default()
    };
    let update = TripUpdate { trip: trip("T1"), ..update("", vec![stop("S:7"), stop("")]) };
    let read = trips(&decode(&feed([entity(None, Some(update))]))).remove(0).0;
    assert_eq!(read.stops.iter().filter_map(|s| s.stop_id.as_deref()).collect::<Vec<_>>(), ["S:7", "S:1"]);
}

#[test]
fn runs_that_stand_in_no_timetable_keep_what_they_say() {
    let event = |time, scheduled_time, delay| Some(StopTimeEvent { delay, time, scheduled_time });
    let stop = StopTimeUpdate {
        stop_id: Some("S".into()),
        arrival: event(None, Some(1_700_000_000), Some(60)),
        departure: event(Some(1_700_000_120), None, Some(30)),
        stop_time_properties: Some(StopTimeProperties {
            pickup_type: Some(2),
            drop_off_type: Some(9),
            ..StopTimeProperties::default()
        }),
        ..StopTimeUpdate::default()
    };
    let read = |relationship| {
        let properties = TripProperties {
            trip_id: Some("copy".into()),
            start_date: Some("20261123".into()),
            start_time: Some("25:00:00".into()),
            trip_headsign: Some("Hbf".into()),
        };
        let trip = TripDescriptor { schedule_relationship: Some(relationship), ..trip("T1").unwrap() };
        let update = TripUpdate {
            trip: Some(trip),
            vehicle: None,
            trip_properties: Some(properties),
            ..update("", vec![stop.clone()])
        };
        trips(&decode(&feed([entity(None, Some(update))]))).remove(0).0
    };
    use domain::trip_update::{PlannedStop, StopEvent, TripRelationship};
    let kinds = [1, 2, 3, 5, 6, 7, 8, 99].map(|code| read(code).relationship);
    use TripRelationship::{Added, Cancelled, Deleted, Duplicated, Other, Replaced};
    assert_eq!(kinds, [Added, Other, Cancelled, Replaced, Duplicated, Deleted, Added, Other]);
    let new = read(8);
    assert_eq!(new.stops[0].arrival, Some(StopEvent::At(1_700_000_060)));
    assert_eq!(new.stops[0].departure, Some(StopEvent::At(1_700_000_120)));
    let planned = PlannedStop {
        arrival: Some(1_700_000_000),
        departure: Some(1_700_000_090),
        pickup: Some(2),
        drop_off: None,
    };
    assert_eq!(new.stops[0].planned.as_deref(), Some(&planned));
    assert_eq!(new.properties.as_ref().and_then(|p| p.headsign.as_deref()), Some("Hbf"));
    assert_eq!(new.key().trip_id, "T1");
    let copy = read(6);
    let key = copy.key();
    assert_eq!((&*key.trip_id, &*key.start_date, &*key.start_time), ("copy", "20261123", "25:00:00"));
    assert_eq!(copy.stops[0].planned, None, "its plan is that of its trip");
    let digests: std::collections::BTreeSet<_> = [1, 2, 3, 5, 6, 7].map(|code| read(code).digest_of()).into();
    assert_eq!(digests.len(), 6);
}

#[test]
fn what_says_nothing_about_a_vehicle_yields_nothing() {
    let nameless = TripUpdate { vehicle: None, ..update("", vec![]) };
    let mut cancelled = update("7", vec![]);
    cancelled.trip.as_mut().unwrap().schedule_relationship = Some(3);
    let deleted = FeedEntity { is_deleted: Some(true), ..entity(Some(standing("8")), None) };
    let feed =
        feed([entity(None, Some(nameless)), entity(None, Some(cancelled)), deleted, entity(None, None)]);
    assert_eq!(fixes(&decode(&feed)), []);
}

#[test]
fn a_broken_entity_costs_no_other() {
    let mut astray = standing("7");
    astray.position.as_mut().unwrap().latitude = Some(951.0);
    let good = entity(Some(standing("8")), None);
    let mut message = FeedMessage::decode(&feed([entity(Some(astray), None), good])[..]).unwrap();
    message.entity.push(Bytes::from_static(&[0x22, 0x7f]));
    let decoded = decode(&message.encode_to_vec());
    assert_eq!(decoded.statements.len(), 1);
    assert_eq!(
        decoded.faults.described().iter().map(|f| f.reason).collect::<Vec<_>>(),
        [Reason::Implausible, Reason::Malformed]
    );
    assert!(decoded.faults.described().iter().all(|f| f.is_element));
    assert_eq!(decoded.faults.described()[0].device.as_deref(), Some("7"));
}

#[test]
fn what_is_no_feed_is_malformed() {
    for payload in [&b""[..], b"{}", b"\x12\x00", b"\xff\xff\xff"] {
        let decoded = decode(payload);
        assert_eq!((decoded.statements.len(), decoded.faults.count()), (0, 1), "{payload:?}");
        assert_eq!(decoded.faults.described()[0].reason, Reason::Malformed);
    }
    assert!(decode(b"{\"header\":{}}").faults.described()[0].advice(domain::Lang::En).contains("JSON"));
    assert!(decode(b"<html>").faults.described()[0].advice(domain::Lang::En).contains("web page"));
    assert_eq!(Decoded { alerts: None, ..decode(&feed([])) }, Decoded::default());
}

#[test]
fn real_feeds_are_read() {
    if let Some(bytes) = shared("data/gtfs/king-county-metro-vehiclepositions-1.pbf") {
        let fixes = fixes(&decode(&bytes));
        assert_eq!(fixes.len(), 627);
        assert!(fixes.iter().all(|(name, fix)| !name.is_empty() && fix.position.is_some()));
    }
    if let Some(bytes) = shared("data/reference/rt_poa.pb") {
        // Trip updates without vehicles: nothing is stated about any, and nothing is wrong.
        let decoded = decode(&bytes);
        assert_eq!(fixes(&decoded), []);
        let trips = trips(&decoded);
        assert_eq!(trips.len(), 1_496);
        assert!(trips.iter().all(|(update, at, message_at)| {
            update.has_content() && at.is_some() && message_at.is_some()
        }));
    }
}

#[test]
fn an_update_is_kept_with_its_time_and_the_messages() {
    let own = TripUpdate { timestamp: Some(NOW - 90), delay: Some(60), ..update("7", vec![]) };
    let headers = TripUpdate { trip: trip("T2"), vehicle: None, ..update("", vec![]) };
    let nameless = TripUpdate {
        trip: Some(TripDescriptor { trip_id: None, ..trip("").unwrap() }),
        ..update("", vec![])
    };
    let entities = [own, headers, nameless].map(|update| entity(None, Some(update)));
    let decoded = decode(&feed(entities));
    assert_eq!(decoded.faults.count(), 1, "the one that names no run");
    let (trips, now) = (trips(&decoded), NOW as i64);
    assert_eq!(trips.len(), 2);
    assert_eq!((trips[0].0.delay_s, trips[0].1, trips[0].2), (Some(60), Some(now - 90), Some(now)));
    assert_eq!((trips[1].0.trip_id.as_str(), trips[1].1), ("T2", Some(now)));
}

#[test]
fn an_update_with_a_strange_id_is_a_fault() {
    let strange = StopTimeUpdate { stop_id: Some("a\0b".into()), ..StopTimeUpdate::default() };
    let decoded =
        decode(&feed([entity(None, Some(TripUpdate { vehicle: None, ..update("", vec![strange]) }))]));
    assert_eq!((decoded.statements.len(), decoded.faults.described()[0].reason), (0, Reason::Malformed));
}

#[test]
fn what_cannot_be_true_of_a_vehicle_costs_nothing_but_itself() {
    let mut odd = standing("7");
    odd.occupancy_percentage = Some(65_500);
    odd.stop_id = Some("a\0b".into());
    let position = odd.position.as_mut().unwrap();
    (position.bearing, position.speed) = (Some(f32::NAN), Some(655.35));
    odd.trip = Some(TripDescriptor { start_date: Some("00000101".into()), ..trip("T1").unwrap() });
    let decoded = decode(&feed([entity(Some(odd), None)]));
    let [(_, fix)] = &fixes(&decoded)[..] else { panic!("{decoded:?}") };
    assert!(fix.position.is_some() && fix.trip_id.as_deref() == Some("T1"));
    assert_eq!((fix.occupancy_pct, fix.bearing_deg, fix.speed_mps), (None, None, None));
    assert_eq!((&fix.stop_id, &fix.start_date), (&None, &None));
    let dropped: Vec<&str> = decoded.statements[0].dropped.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(dropped, ["stop_id", "occupancy_percentage", "start_date", "bearing", "speed"]);
}

#[test]
fn trip_updates_are_read_as_they_stand() {
    use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripRelationship};

    let event = |delay, time| Some(StopTimeEvent { delay, time, scheduled_time: None });
    let stops = vec![
        StopTimeUpdate {
            stop_sequence: Some(3),
            arrival: event(Some(60), None),
            ..StopTimeUpdate::default()
        },
        // Of a time and a delay the time holds.
        StopTimeUpdate { departure: event(Some(60), Some(1_700_000_100)), ..StopTimeUpdate::default() },
        StopTimeUpdate {
            stop_id: Some("s".into()),
            schedule_relationship: Some(1),
            ..StopTimeUpdate::default()
        },
    ];
    let update =
        TripUpdate { trip: trip("t"), stop_time_update: stops, delay: Some(7), ..TripUpdate::default() };
    let cancelled = TripDescriptor { schedule_relationship: Some(3), ..trip("u").unwrap() };
    let cancelled = TripUpdate { trip: Some(cancelled), ..TripUpdate::default() };
    let entities = [
        entity(None, Some(update)),
        entity(None, Some(cancelled)),
        entity(None, Some(TripUpdate::default())),
        entity(Some(standing("v")), None),
    ];
    let read = super::trip_updates(&feed(entities)).unwrap();
    assert_eq!((read.updates.len(), read.unread), (2, 1));
    let first = &read.updates[0];
    assert_eq!((first.trip_id.as_str(), first.delay_s), ("t", Some(7)));
    assert_eq!((first.start_date.as_deref(), first.route_id.as_deref()), (Some("20261122"), Some("R9")));
    let expected = [
        StopUpdate { stop_sequence: Some(3), arrival: Some(StopEvent::Delay(60)), ..StopUpdate::default() },
        StopUpdate { departure: Some(StopEvent::At(1_700_000_100)), ..StopUpdate::default() },
        StopUpdate {
            stop_id: Some("s".into()),
            relationship: StopRelationship::Skipped,
            ..StopUpdate::default()
        },
    ];
    assert_eq!(first.stops, expected);
    assert_eq!(read.updates[1].relationship, TripRelationship::Cancelled);
    assert!(super::trip_updates(b"no feed at all").is_err());
}

/// Stop, seconds from now, delay of each stop that lies behind.
fn passed(update: TripUpdate) -> Vec<(String, i64, i32)> {
    let decoded = decode(&feed([entity(None, Some(update))]));
    let of = |s: &Statement| match &s.content {
        Content::Trip { passed, .. } => Some(passed.clone()),
        _ => None,
    };
    let passed = decoded.statements.iter().find_map(of).unwrap();
    let passage =
        |p: domain::trip_update::Passed| (p.stop_id, p.passed_at.0 / 1_000_000 - NOW as i64, p.delay_s);
    passed.into_iter().map(passage).collect()
}

#[test]
fn what_lies_behind_is_a_passage_and_what_is_to_come_is_none() {
    let at = |id: &str, stop: StopTimeUpdate| StopTimeUpdate { stop_id: Some(id.into()), ..stop };
    let stops = vec![
        at("left", stop(Some((50, -90)), Some((70, -60)))),
        at("standing", stop(Some((80, -10)), Some((60, 20)))),
        at("ahead", stop(Some((90, 300)), None)),
        at("ended", stop(Some((-30, -5)), None)),
        at("skipped", StopTimeUpdate { schedule_relationship: Some(1), ..stop(None, Some((0, -50))) }),
        stop(None, Some((0, -50))),
    ];
    let all = update("7", stops.clone());
    assert_eq!(passed(all.clone()), [("left".into(), -60, 70), ("ended".into(), -5, -30)]);
    let sooner = TripUpdate { timestamp: Some(NOW - 30), ..all.clone() };
    assert_eq!(passed(sooner), [("left".into(), -60, 70)], "by the update's own time");
    let mut cancelled = all;
    cancelled.trip.as_mut().unwrap().schedule_relationship = Some(3);
    assert_eq!(passed(cancelled), []);
}
