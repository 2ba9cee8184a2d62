//! ChirpStack's and The Things Stack's messages.

use domain::{Reason, UtcMicros};
use serde_json::{Value, json};

use crate::decode::lorawan::{Frame, ServerDecoded, chirpstack, tts};
use crate::decode::samples::{hex, shared};

const EUI: &str = "0004a30b001c0530";

fn at(text: &str) -> Option<UtcMicros> {
    Some(UtcMicros::parse(text).unwrap())
}

fn chirpstack(event: &str, body: &Value) -> Frame {
    let topic = format!("application/a/device/{EUI}/event/{event}");
    chirpstack::decode(&topic, body.to_string().as_bytes()).unwrap()
}

fn tts(event: &str, body: &Value) -> Frame {
    tts::decode(&format!("v3/app@tenant/devices/eui-{EUI}/{event}"), body.to_string().as_bytes()).unwrap()
}

#[test]
fn chirpstack_published_events_are_read() {
    for event in ["up", "join", "status", "ack", "log", "location"] {
        let file = if event == "up" { "up_docs" } else { event };
        let Some(payload) = shared(&format!("formats/chirpstack_v4/{file}.json")) else { return };
        let topic = format!("application/a/device/0101010101010101/event/{event}");
        let frame = chirpstack::decode(&topic, &payload).unwrap();
        assert_eq!((frame.device.as_str(), frame.event), ("0101010101010101", event));
        assert_eq!(frame.dedup_id.is_some(), event != "log", "{event}");
        assert_eq!(frame.battery_pct, (event == "status").then_some(88.3));
        assert_eq!(frame.log_code.as_deref(), (event == "log").then_some("ERROR UPLINK_MIC"));
    }
}

#[test]
fn chirpstack_bosch_start_up_is_read() {
    let Some(payload) = shared("formats/chirpstack_v4/up_bosch_parking.json") else { return };
    let frame = chirpstack::decode("application/a/device/1000000000000001/event/up", &payload).unwrap();
    assert_eq!(
        (frame.f_port, frame.f_cnt, frame.data_rate, frame.spreading_factor),
        (3, 4, Some(5), Some(7))
    );
    assert_eq!(frame.payload, hex("00000000 99 02 00 d1 00 05 00 00 00 1d 02 02 00"));
    assert_eq!((frame.rssi_dbm, frame.snr_db), (Some(-35.0), Some(11.5)));
    assert_eq!(frame.network_at, at("2023-05-22T07:47:05.404859Z"));
}

#[test]
fn chirpstack_absent_means_default_and_the_topic_names_the_device() {
    let frame = chirpstack("up", &json!({ "deduplicationId": "d", "rxInfo": [{ "rssi": -90 }] }));
    assert_eq!((frame.device.as_str(), frame.f_port, frame.f_cnt, frame.data_rate), (EUI, 0, 0, Some(0)));
    assert_eq!((frame.payload.len(), frame.snr_db, frame.network_at), (0, Some(0.0), None));
}

#[test]
fn chirpstack_network_clock_is_the_servers() {
    let rx = json!([{ "gatewayId": "a", "rssi": -90, "snr": 2, "nsTime": "2026-11-22T12:00:00.2Z" },
                    { "gatewayId": "b", "rssi": -70, "snr": 7 }]);
    let frame = chirpstack("up", &json!({ "time": "1980-01-06T00:00:00Z", "rxInfo": rx }));
    assert_eq!(frame.network_at, at("2026-11-22T12:00:00.2Z"));
    assert_eq!((frame.rssi_dbm, frame.snr_db), (Some(-70.0), Some(7.0)));
    assert_eq!(frame.gateways, ["a", "b"]);
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

#[test]
fn codecs_name_the_state_in_many_ways() {
    let occupied = |object: Value| {
        chirpstack("up", &json!({ "object": object })).server_decoded.and_then(|d| d.occupied)
    };
    for object in [
        json!({ "occupied": true }),
        json!({ "occupied": 1 }),
        json!({ "parkingOccupied": true }),
        json!({ "parking_status": 1 }),
        json!({ "parkingStatus": "Occupied" }),
        json!({ "status": "occupied" }),
        json!({ "p_state": "occupied", "map_state": 1 }),
        json!({ "vacant": false }),
    ] {
        assert_eq!(occupied(object.clone()), Some(true), "{object}");
    }
    for object in [
        json!({ "occupied": false }),
        json!({ "status": "free" }),
        json!({ "parking_slot_status_name": "empty" }),
        json!({ "is_vacant": true }),
        json!({ "alarmPark": false }),
    ] {
        assert_eq!(occupied(object.clone()), Some(false), "{object}");
    }
    for object in [
        json!({ "status": 1 }),
        json!({ "status": "ok" }),
        json!({ "occupied": null }),
        json!({ "occupied": 7 }),
        json!({ "occupied": true, "status": "free" }),
        json!({}),
    ] {
        assert_eq!(occupied(object.clone()), None, "{object}");
    }
    let health = chirpstack("up", &json!({ "object": { "batteryVoltage": 3.5, "temperature": -4 } }));
    let expected = ServerDecoded { occupied: None, battery_v: Some(3.5), temperature_c: Some(-4.0) };
    assert_eq!(health.server_decoded, Some(expected));
}

#[test]
fn chirpstack_faults_say_what_is_wrong() {
    let decode = |topic: &str, body: &str| chirpstack::decode(topic, body.as_bytes()).unwrap_err();
    let topic = format!("application/a/device/{EUI}/event/up");
    assert_eq!(decode("application/a/device/x/event/fly", "{}").reason, Reason::UnknownTopic);
    assert_eq!(decode(&format!("{topic}/more"), "{}").reason, Reason::UnknownTopic);
    let fault = decode(&topic, r#"{"deviceInfo":{"devEui":"1.8E+15"}}"#);
    assert!(fault.detail.contains("'1.8E+15'"), "{}", fault.detail);
    assert!(decode(&topic, r#"{"data":"**"}"#).detail.starts_with("data: not base64"));
    assert!(decode(&topic, r#"{"time":"yesterday"}"#).detail.contains("'yesterday'"));
    assert_eq!(decode(&topic, "").detail, "empty payload");
    assert_eq!(decode(&topic, "{\"deduplicationId\":\"a\\u0000\"}").reason, Reason::Malformed);
}

#[test]
fn tts_published_events_are_read() {
    let Some(up) = shared("formats/tts_v3/up.json") else { return };
    let frame = tts::decode("v3/app1/devices/dev1/up", &up).unwrap();
    assert_eq!((frame.device.as_str(), frame.f_port, frame.f_cnt), (EUI, 0, 1));
    assert_eq!(frame.dedup_id.as_deref(), Some("AXA50tHUGUucuzS/bCGMNw==:1"));
    assert_eq!(frame.network_at, at("2020-02-12T15:15:45.789585Z"));
    assert_eq!((frame.rssi_dbm, frame.snr_db, frame.spreading_factor), (Some(-35.0), Some(5.0), Some(7)));
    assert_eq!(
        (frame.gateways.as_slice(), frame.payload),
        (&["9c5c8e00001a05c4".to_owned()][..], hex("8241de"))
    );

    let Some(join) = shared("formats/tts_v3/join.json") else { return };
    let frame = tts::decode("v3/app1@tenant1/devices/dev1/join", &join).unwrap();
    assert_eq!((frame.event, frame.network_at), ("join", at("2020-02-17T07:49:09.736532Z")));
    assert_eq!(frame.dedup_id.as_deref(), Some("AXBSH1Pk6Z0G166RlH16CQ==:join"));
}

#[test]
fn tts_absent_means_default_and_the_best_gateway_is_told() {
    let frame = tts(
        "up",
        &json!({ "end_device_ids": { "dev_eui": "0004A30B001C0530" }, "received_at": "2026-11-22T12:00:01Z",
            "uplink_message": { "session_key_id": "s", "frm_payload": "AQ==",
                "decoded_payload": { "occupied": true }, "last_battery_percentage": { "value": 87.5 },
                "settings": { "data_rate": { "lora": { "spreading_factor": 12 } }, "frequency": "868300000" },
                "rx_metadata": [ { "gateway_ids": { "gateway_id": "roof" }, "rssi": -110, "snr": -7.5 },
                                 { "gateway_ids": { "gateway_id": "gw", "eui": "AA00" }, "channel_rssi": -80 } ] } }),
    );
    assert_eq!((frame.f_port, frame.f_cnt, frame.dedup_id.as_deref()), (0, 0, Some("s:0")));
    // Without the network server's time the application server's is the next best.
    assert_eq!(frame.network_at, at("2026-11-22T12:00:01Z"));
    assert_eq!((frame.rssi_dbm, frame.snr_db), (Some(-80.0), Some(0.0)));
    assert_eq!(frame.gateways, ["roof", "aa00"]);
    assert_eq!((frame.spreading_factor, frame.battery_pct), (Some(12), Some(87.5)));
    assert_eq!(frame.server_decoded.as_ref().and_then(|d| d.occupied), Some(true));
    insta::assert_debug_snapshot!("tts_up", frame);
}

#[test]
fn tts_topics_are_known_with_and_without_a_tenant() {
    for (event, ours) in [
        ("down/queued", "txack"),
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
    for topic in
        ["v3/app/devices/d/down/push", "v3/app/devices/d", "v2/app/devices/d/up", "v3//devices/d/up", ""]
    {
        assert_eq!(tts::decode(topic, b"{}").unwrap_err().reason, Reason::UnknownTopic, "{topic}");
    }
}

#[test]
fn tts_faults_say_what_is_wrong() {
    let decode =
        |topic: &str, body: Value| tts::decode(topic, body.to_string().as_bytes()).unwrap_err().detail;
    assert!(decode("v3/app/devices/bay-7/up", json!({})).contains("'bay-7'"));
    let ids = json!({ "dev_eui": "12" });
    assert!(decode("v3/app/devices/d/up", json!({ "end_device_ids": ids })).contains("'12'"));
    let topic = format!("v3/app/devices/eui-{EUI}/up");
    assert!(decode(&topic, json!({})).starts_with("uplink_message:"));
    assert!(decode(&topic, json!({ "uplink_message": { "frm_payload": "?" } })).contains("frm_payload"));
}
