//! ChirpStack's and The Things Stack's messages.

use domain::{BayState, FeedFormat, Reason, UtcMicros};
use serde_json::{Value, json};

use crate::decode::Fault;
use crate::decode::lorawan::server_object::{self, ServerDecoded};
use crate::decode::lorawan::{self, Event, Frame};
use crate::decode::samples::{hex, shared};

const EUI: &str = "0004a30b001c0530";

fn at(text: &str) -> Option<UtcMicros> {
    Some(UtcMicros::parse(text).unwrap())
}

fn decode<'a>(format: FeedFormat, topic: &str, text: &'a str) -> Result<Frame<'a>, Fault> {
    lorawan::decode(format, lorawan::topic(format, topic)?, text)
}

fn chirpstack(event: &str, body: &Value) -> Frame<'static> {
    let topic = format!("application/a/device/{EUI}/event/{event}");
    decode(FeedFormat::Chirpstack, &topic, body.to_string().leak()).unwrap()
}

fn tts(event: &str, body: &Value) -> Frame<'static> {
    let topic = format!("v3/app@tenant/devices/eui-{EUI}/{event}");
    decode(FeedFormat::Tts, &topic, body.to_string().leak()).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn dropped(frame: &Frame<'_>) -> Vec<String> {
    frame.dropped.iter().map(|d| d.field.clone()).collect()
}

fn gateways<'f>(frame: &'f Frame<'_>) -> Vec<&'f str> {
    frame.gateways.iter().map(|reception| reception.gateway.as_str()).collect()
}

#[test]
fn chirpstack_published_events_are_read() {
    for event in ["up", "join", "status", "ack", "log", "location"] {
        let file = if event == "up" { "up_docs" } else { event };
        let Some(payload) = shared(&format!("formats/chirpstack_v4/{file}.json")) else { return };
        let topic = format!("application/a/device/0101010101010101/event/{event}");
        let frame = decode(FeedFormat::Chirpstack, &topic, text(&payload)).unwrap();
        assert_eq!((frame.device.as_str(), frame.event), ("0101010101010101", event));
        assert_eq!(frame.dedup_id.is_some(), event != "log", "{event}");
        assert_eq!(frame.battery_pct, (event == "status").then_some(88.3));
        assert_eq!(frame.log_code.as_deref(), (event == "log").then_some("ERROR UPLINK_MIC"));
    }
}

#[test]
fn chirpstack_bosch_start_up_is_read() {
    let Some(payload) = shared("formats/chirpstack_v4/up_bosch_parking.json") else { return };
    let frame =
        decode(FeedFormat::Chirpstack, "application/a/device/1000000000000001/event/up", text(&payload))
            .unwrap();
    assert_eq!(
        (frame.f_port, frame.f_cnt, frame.data_rate, frame.spreading_factor),
        (Some(3), Some(4), Some(5), Some(7))
    );
    assert_eq!(frame.payload, hex("00000000 99 02 00 d1 00 05 00 00 00 1d 02 02 00"));
    assert_eq!((frame.rssi_dbm, frame.snr_db), (Some(-35.0), Some(11.5)));
    assert_eq!(frame.network_at, at("2023-05-22T07:47:05.404859Z"));
}

#[test]
fn chirpstack_absent_means_default_and_the_topic_names_the_device() {
    let frame = chirpstack("up", &json!({ "deduplicationId": "d", "rxInfo": [{ "rssi": -90 }] }));
    assert_eq!(
        (frame.device.as_str(), frame.f_port, frame.f_cnt, frame.data_rate),
        (EUI, None, Some(0), Some(0))
    );
    assert_eq!((frame.payload.len(), frame.snr_db, frame.network_at), (0, Some(0.0), None));
}

#[test]
fn chirpstack_network_clock_is_the_servers() {
    let rx = json!([{ "gatewayId": "a", "rssi": -90, "snr": 2, "nsTime": "2026-11-22T12:00:00.2Z" },
                    { "gatewayId": "b", "rssi": -70, "snr": 7 }]);
    let frame = chirpstack("up", &json!({ "time": "1980-01-06T00:00:00Z", "rxInfo": rx }));
    assert_eq!(frame.network_at, at("2026-11-22T12:00:00.2Z"));
    assert_eq!((frame.rssi_dbm, frame.snr_db), (Some(-70.0), Some(7.0)));
    assert_eq!(gateways(&frame), ["b", "a"], "the loudest first");
    insta::assert_debug_snapshot!("chirpstack_up", frame);
}

#[test]
fn chirpstack_battery_of_zero_is_absent_and_unknown_is_said() {
    assert_eq!(chirpstack("status", &json!({})).battery_pct, Some(0.0));
    assert_eq!(chirpstack("status", &json!({ "batteryLevelUnavailable": true })).battery_pct, None);
    assert_eq!(chirpstack("status", &json!({ "externalPowerSource": true })).battery_pct, None);
    assert_eq!(chirpstack("join", &json!({})).battery_pct, None);
}

#[test]
fn chirpstack_integrations_are_events_too() {
    let body = json!({ "integrationName": "loracloud", "eventType": "DAS_UplinkResponse", "object": {} });
    assert_eq!(chirpstack("integration", &body).event, "integration");
}

fn content(object: &Value) -> Result<Option<ServerDecoded>, Fault> {
    server_object::read(&object.to_string())
}

#[test]
fn codecs_name_the_state_in_many_ways() {
    for (object, state) in [
        (json!({ "occupied": true }), BayState::Occupied),
        (json!({ "occupied": 1 }), BayState::Occupied),
        (json!({ "occupied": 1.0 }), BayState::Occupied),
        (json!({ "occupied": "true" }), BayState::Occupied),
        (json!({ "occupied": " TRUE " }), BayState::Occupied),
        (json!({ "occupied": "1" }), BayState::Occupied),
        (json!({ "is-occupied": "yes" }), BayState::Occupied),
        (json!({ "parkingOccupied": true }), BayState::Occupied),
        (json!({ "parking_status": 1 }), BayState::Occupied),
        (json!({ "parkingStatus": "Occupied" }), BayState::Occupied),
        (json!({ "status": "PARKED" }), BayState::Occupied),
        (json!({ "p_state": "occupied", "map_state": 1 }), BayState::Occupied),
        (json!({ "vacant": false }), BayState::Occupied),
        (json!({ "occupied": false }), BayState::Vacant),
        (json!({ "status": "free" }), BayState::Vacant),
        (json!({ "status": "EMPTY", "humidity": 40 }), BayState::Vacant),
        (json!({ "parking_slot_status_name": "empty" }), BayState::Vacant),
        (json!({ "is_vacant": "true" }), BayState::Vacant),
        (json!({ "alarmPark": false }), BayState::Vacant),
        (json!({ "parkingState": "unknown" }), BayState::Unknown),
        (json!({ "occupied": true, "state": "occupied", "parked": null }), BayState::Occupied),
    ] {
        assert_eq!(content(&object).unwrap().unwrap().state, Some(state), "{object}");
    }
}

#[test]
fn a_codec_that_is_not_understood_is_named() {
    for (object, named) in [
        (json!({ "status": 1 }), "status"),
        (json!({ "status": "ok" }), "status"),
        (json!({ "occupied": 7 }), "occupied"),
        (json!({ "data": { "occupied": true } }), "data"),
        (json!({ "occupied": [true] }), "occupied"),
        (json!({ "voltage": 3.6, "parken": "ja" }), "parken"),
        (json!({ "occupied": true, "status": "free" }), "contradict"),
        (json!([{ "occupied": true }]), "no object"),
        (json!("occupied"), "no object"),
    ] {
        let fault = content(&object).unwrap_err();
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(fault.detail.to_string().contains(named), "{object}: {}", fault.detail);
        assert!(fault.advice(domain::Lang::En).contains("\"occupied\": true"));
    }
    // A frame of the device alone is understood; so is that nothing is stated.
    let health = content(&json!({ "batteryVoltage": 3.5, "temperature": -4 })).unwrap();
    let expected = ServerDecoded { state: None, battery_v: Some(3.5), temperature_c: Some(-4.0) };
    assert_eq!(health, Some(expected));
    assert_eq!(content(&json!({})).unwrap(), None);
    assert_eq!(content(&json!({ "occupied": null })).unwrap(), None);
}

#[test]
fn null_is_absent_everywhere() {
    let names =
        ["time", "dr", "fCnt", "object", "rxInfo", "txInfo", "batteryLevel", "level", "code", "unused"];
    for name in names {
        let with = |value: Option<Value>| {
            let mut body = json!({ "deduplicationId": "d", "fPort": 1, "data": "AQ==" });
            if let Some(value) = value {
                body[name] = value;
            }
            chirpstack("up", &body)
        };
        assert_eq!(with(Some(Value::Null)), with(None), "{name}");
    }
    let rx = json!([{ "gatewayId": null, "nsTime": null, "rssi": -30, "snr": null, "metadata": null }]);
    let frame = chirpstack("up", &json!({ "rxInfo": rx, "txInfo": { "modulation": null } }));
    assert_eq!((frame.rssi_dbm, frame.snr_db, dropped(&frame)), (Some(-30.0), Some(0.0), vec![]));
    let up = json!({ "f_port": null, "settings": null, "rx_metadata": null, "session_key_id": null });
    let frame = tts("up", &json!({ "uplink_message": up, "join_accept": null }));
    assert_eq!((frame.f_port, dropped(&frame)), (None, vec![]));
}

#[test]
fn a_field_of_a_wrong_type_costs_nothing_but_itself() {
    let good = json!({ "deduplicationId": "d", "time": "2026-11-22T12:00:00Z", "fCnt": 7, "fPort": 1, "data": "AQ==",
        "rxInfo": [{ "gatewayId": "a", "rssi": -90, "snr": 2 }], "dr": 3, "txInfo": {} });
    for (field, wrong) in [
        ("deduplicationId", json!({})),
        ("dr", json!("fast")),
        ("dr", json!(70_000)),
        ("fCnt", json!([1])),
        ("rxInfo", json!({ "rssi": 1 })),
        ("txInfo", json!([])),
        ("level", json!(7)),
        ("batteryLevel", json!("NaN")),
        ("code", json!({})),
    ] {
        let mut body = good.clone();
        body[field] = wrong.clone();
        let frame = chirpstack("up", &body);
        assert_eq!((frame.f_port, frame.payload.as_slice()), (Some(1), &[1][..]));
        assert!(frame.network_at.is_some());
        if field != "level" {
            assert_eq!(dropped(&frame), [field], "{wrong}");
        }
    }
    let mut body = good.clone();
    body["rxInfo"] = json!([7, { "rssi": "-90", "snr": "NaN", "gatewayId": 5 }]);
    let frame = chirpstack("up", &body);
    assert_eq!(dropped(&frame), ["rxInfo", "rxInfo.snr"]);
    assert_eq!((frame.rssi_dbm, frame.snr_db, gateways(&frame)), (Some(-90.0), None, vec!["5"]));
    // As proto3 has it: numbers may be texts, and whole ones may have a point.
    body["fPort"] = json!("1");
    body["fCnt"] = json!(7.0);
    let frame = chirpstack("up", &body);
    assert_eq!((frame.f_port, frame.f_cnt), (Some(1), Some(7)));
    let up = json!({ "f_port": 1.0, "f_cnt": "7", "rx_metadata": [{ "rssi": "x", "gateway_ids": 3 }], "settings": 5,
        "last_battery_percentage": { "value": 250 }, "frm_payload": "AQ==" });
    let frame = tts("up", &json!({ "uplink_message": up, "end_device_ids": [] }));
    assert_eq!((frame.f_port, frame.f_cnt, frame.payload.as_slice()), (Some(1), Some(7), &[1][..]));
    let odd = [
        "end_device_ids",
        "uplink_message.settings",
        "last_battery_percentage.value",
        "rx_metadata.rssi",
        "rx_metadata.gateway_ids",
    ];
    assert_eq!(dropped(&frame), odd);
}

#[test]
fn a_clock_that_cannot_be_read_is_no_clock() {
    for clock in
        [json!(""), json!("yesterday"), json!([]), json!({}), json!(7), json!("-009999-01-01T00:00:00Z")]
    {
        let frame = chirpstack("up", &json!({ "time": clock, "fPort": 1 }));
        assert_eq!((frame.network_at, dropped(&frame)), (None, vec!["time".to_owned()]), "{clock}");
        assert!(frame.bad_clock.is_some());
        let rx = json!([{ "nsTime": clock }, { "nsTime": "2026-11-22T12:00:00.2Z" }]);
        let frame = chirpstack("up", &json!({ "rxInfo": rx }));
        assert_eq!(
            (frame.network_at, dropped(&frame)),
            (at("2026-11-22T12:00:00.2Z"), vec!["rxInfo.nsTime".to_owned()])
        );
        let up = json!({ "received_at": clock, "f_port": 1 });
        let frame = tts("up", &json!({ "uplink_message": up, "received_at": "2026-11-22T12:00:01Z" }));
        assert_eq!(frame.network_at, at("2026-11-22T12:00:01Z"), "{clock}");
    }
}

#[test]
fn chirpstack_faults_say_what_is_wrong() {
    let decode = |topic: &str, body: &str| decode(FeedFormat::Chirpstack, topic, body).unwrap_err();
    let topic = format!("application/a/device/{EUI}/event/up");
    assert_eq!(decode("application/a/device/x/event/fly", "{}").reason, Reason::UnknownTopic);
    assert_eq!(decode(&format!("{topic}/more"), "{}").reason, Reason::UnknownTopic);
    let fault = decode("application/a/device/bay-7/event/up", r#"{"deviceInfo":{"devEui":"1.8E+15"}}"#);
    assert!(fault.detail.to_string().contains("'1.8E+15'"), "{}", fault.detail);
    assert_eq!(decode(&topic, r#"{"data":"**"}"#).detail.to_string(), "data: \"**\" is not bytes in base64");
    assert_eq!(
        decode(&topic, r#"{"fPort":"one"}"#).detail.to_string(),
        "fPort: \"one\" is not a whole number"
    );
    let old = decode(&topic, r#"{"applicationID":"1","devEUI":"cLPVftAFABE=","fPort":1,"data":"AQ=="}"#);
    assert!(old.detail.to_string().contains("ChirpStack v3") && old.advice(domain::Lang::En).contains("v4"));
}

#[test]
fn tts_published_events_are_read() {
    let Some(up) = shared("formats/tts_v3/up.json") else { return };
    let frame = decode(FeedFormat::Tts, "v3/app1/devices/dev1/up", text(&up)).unwrap();
    assert_eq!((frame.device.as_str(), frame.f_port, frame.f_cnt), (EUI, None, Some(1)));
    assert_eq!(frame.dedup_id.as_deref(), Some("AXA50tHUGUucuzS/bCGMNw==:1:2020-02-12T15:15:45.789585Z"));
    assert_eq!(frame.network_at, at("2020-02-12T15:15:45.789585Z"));
    assert_eq!((frame.rssi_dbm, frame.snr_db, frame.spreading_factor), (Some(-35.0), Some(5.0), Some(7)));
    assert_eq!((gateways(&frame), frame.payload.clone()), (vec!["9c5c8e00001a05c4"], hex("8241de")));

    let Some(join) = shared("formats/tts_v3/join.json") else { return };
    let frame = decode(FeedFormat::Tts, "v3/app1@tenant1/devices/dev1/join", text(&join)).unwrap();
    assert_eq!((frame.event, frame.network_at), ("join", at("2020-02-17T07:49:09.736532Z")));
    assert_eq!(frame.dedup_id.as_deref(), Some("AXBSH1Pk6Z0G166RlH16CQ==:join"));
}

#[test]
fn tts_absent_means_default_and_the_best_gateway_speaks() {
    let frame = tts(
        "up",
        &json!({ "end_device_ids": { "dev_eui": "0004A30B001C0530" }, "received_at": "2026-11-22T12:00:01Z",
            "uplink_message": { "session_key_id": "s", "frm_payload": "AQ==",
                "decoded_payload": { "occupied": true }, "last_battery_percentage": { "value": 87.5 },
                "settings": { "data_rate": { "lora": { "spreading_factor": 12 } }, "frequency": "868300000" },
                "rx_metadata": [ { "gateway_ids": { "gateway_id": "roof" }, "rssi": -110, "snr": -7.5 },
                                 { "gateway_ids": { "gateway_id": "gw", "eui": "AA00" }, "channel_rssi": -80 } ] } }),
    );
    assert_eq!((frame.f_port, frame.f_cnt, frame.dedup_id.as_deref()), (None, Some(0), Some("s:0")));
    // Without the network server's time the application server's is the next best.
    assert_eq!(frame.network_at, at("2026-11-22T12:00:01Z"));
    assert_eq!((frame.rssi_dbm, frame.snr_db), (Some(-80.0), Some(0.0)));
    assert_eq!(gateways(&frame), ["aa00", "roof"]);
    assert_eq!((frame.spreading_factor, frame.battery_pct), (Some(12), Some(87.5)));
    assert_eq!(frame.codec, Some(r#"{"occupied":true}"#));
    insta::assert_debug_snapshot!("tts_up", frame);
}

#[test]
fn tts_topics_are_known_with_and_without_a_tenant() {
    for (event, ours) in [
        ("down/queued", "txack"),
        ("down/invalidated", "txack"),
        ("down/sent", "txack"),
        ("down/ack", "ack"),
        ("down/nack", "ack"),
        ("service/data", "integration"),
        ("location/solved", "location"),
    ] {
        assert_eq!(tts(event, &json!({})).event, ours);
    }
    let failed = tts("down/failed", &json!({ "downlink_failed": { "error": { "name": "too_long" } } }));
    assert_eq!((failed.event, failed.log_code.as_deref()), ("log", Some("ERROR too_long")));
    for topic in ["v3/app/devices/d", "v2/app/devices/d/up", "v3//devices/d/up", "v3/app/devices/d/down", ""]
    {
        assert_eq!(
            lorawan::topic(FeedFormat::Tts, topic).unwrap_err().reason,
            Reason::UnknownTopic,
            "{topic}"
        );
    }
    for topic in
        ["v3/app/devices/d/down/push", "v3/app@t/devices/d/down/replace", "v3/app/devices/d/up/normalized"]
    {
        assert_eq!(lorawan::topic(FeedFormat::Tts, topic).unwrap().event, Event::Ignored, "{topic}");
    }
    let command = format!("application/a/device/{EUI}/command/down");
    assert_eq!(lorawan::topic(FeedFormat::Chirpstack, &command).unwrap().event, Event::Ignored);
}

#[test]
fn tts_faults_say_what_is_wrong() {
    let decode = |topic: &str, body: Value| {
        decode(FeedFormat::Tts, topic, &body.to_string()).unwrap_err().detail.to_string()
    };
    assert!(decode("v3/app/devices/bay-7/up", json!({})).contains("'bay-7'"));
    let ids = json!({ "dev_eui": "12" });
    assert!(decode("v3/app/devices/d/up", json!({ "end_device_ids": ids })).contains("'12'"));
    let topic = format!("v3/app/devices/eui-{EUI}/up");
    assert!(decode(&topic, json!({})).starts_with("uplink_message:"));
    assert!(decode(&topic, json!({ "uplink_message": { "frm_payload": "?" } })).contains("frm_payload"));
}

#[test]
fn a_device_with_fixed_keys_that_counts_from_one_again_says_something_new() {
    let up = |received_at: &str| {
        let up = json!({ "session_key_id": "s", "f_cnt": 1, "f_port": 1, "received_at": received_at });
        tts("up", &json!({ "uplink_message": up })).dedup_id
    };
    assert_eq!(up("2026-11-22T12:00:00Z"), up("2026-11-22T12:00:00Z"));
    assert_ne!(up("2026-11-22T12:00:00Z"), up("2026-11-22T12:00:01Z"));
}

#[test]
fn what_the_console_made_up_is_no_uplink() {
    let up = json!({ "f_port": 1, "frm_payload": "AQ==", "received_at": "0001-01-01T00:00:00Z" });
    assert_eq!(tts("up", &json!({ "uplink_message": up, "simulated": true })).event, "simulated");
    assert_eq!(tts("up", &json!({ "uplink_message": up, "simulated": false })).event, "up");
}
