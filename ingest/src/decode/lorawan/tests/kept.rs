//! What is kept of a rejected message: nothing that we do not read, and it decodes to the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Decoder, FeedFormat};
use serde_json::{Value, json};

use crate::decode::json::text;
use crate::decode::lorawan::{self, Frame, HEAD_BYTES, allowed, decode_device, server_object};
use crate::decode::samples::shared;

const EUI: &str = "0004a30b001c0530";
const NOBODY: fn(&str) -> Option<Decoder> = |_| None;
const ALL_ARE_TEKZIPARKS: fn(&str) -> Option<Decoder> = |_| Some(Decoder::TekziPark);

fn topic(format: FeedFormat, event: &str) -> String {
    topic_of(format, event, EUI)
}

fn topic_of(format: FeedFormat, event: &str, device: &str) -> String {
    match format {
        FeedFormat::Tts => format!("v3/app@tenant/devices/eui-{device}/{event}"),
        _ => format!("application/a/device/{device}/event/{event}"),
    }
}

/// The device that a published message names.
fn device_in(payload: &[u8]) -> String {
    let message: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let stated = [message.pointer("/deviceInfo/devEui"), message.pointer("/end_device_ids/dev_eui")];
    let stated = stated.into_iter().flatten().find_map(|eui| eui.as_str());
    stated.unwrap_or(EUI).to_owned()
}

/// What is read, with what is understood of the codec's object instead of the object.
fn decode(format: FeedFormat, event: &str, payload: &[u8]) -> (Frame<'static>, Option<String>) {
    let topic = topic_of(format, event, &device_in(payload));
    let payload = text(payload).unwrap().into_owned().leak();
    let frame = lorawan::decode(format, lorawan::topic(format, &topic).unwrap(), payload).unwrap();
    let codec = frame.codec.map(server_object::understood);
    (Frame { codec: None, ..frame }, codec)
}

#[test]
fn published_messages_decode_to_the_same_again() {
    let samples = [
        (FeedFormat::Chirpstack, "up", "chirpstack_v4/up_docs"),
        (FeedFormat::Chirpstack, "up", "chirpstack_v4/up_bosch_parking"),
        (FeedFormat::Chirpstack, "join", "chirpstack_v4/join"),
        (FeedFormat::Chirpstack, "status", "chirpstack_v4/status"),
        (FeedFormat::Chirpstack, "log", "chirpstack_v4/log"),
        (FeedFormat::Tts, "up", "tts_v3/up"),
        (FeedFormat::Tts, "join", "tts_v3/join"),
    ];
    for (format, event, file) in samples {
        let Some(raw) = shared(&format!("formats/{file}.json")) else { continue };
        let kept = allowed(format, &topic(format, event), &raw, NOBODY);
        assert!(kept.len() < raw.len(), "{file}");
        assert_eq!(decode(format, event, &kept), decode(format, event, &raw), "{file}");
    }
}

/// Every field that is read, and secrets in every place where there may be some.
fn full(format: FeedFormat, payload: &[u8]) -> Value {
    let data = STANDARD.encode(payload);
    let object = json!({ "occupied": true, "battery_v": 3.5, "status": "SECRET", "owner": "SECRET", "event": { "a": "SECRET" } });
    if format == FeedFormat::Tts {
        return json!({
            "end_device_ids": { "dev_eui": EUI, "device_id": "SECRET", "join_eui": "SECRET" },
            "correlation_ids": ["SECRET"], "received_at": "2026-11-22T12:00:01Z",
            "uplink_message": {
                "session_key_id": "AYb", "f_port": 1, "f_cnt": 7, "frm_payload": data, "decoded_payload": object,
                "rx_metadata": [{ "gateway_ids": { "gateway_id": "gw", "eui": "0016C001F153A14C", "x": "SECRET" },
                    "rssi": -90, "snr": 7.5, "location": { "latitude": 51.9, "who": "SECRET" } }],
                "settings": { "data_rate": { "lora": { "spreading_factor": 9, "x": "SECRET" } }, "time": "SECRET" },
                "received_at": "2026-11-22T12:00:00Z", "last_battery_percentage": { "value": 91.5, "x": "SECRET" },
                "locations": { "user": "SECRET" }, "network_ids": { "x": "SECRET" }
            }
        });
    }
    json!({
        "deduplicationId": "d", "time": "2026-11-22T12:00:00Z", "dr": 3, "fCnt": 7, "fPort": 1, "data": data,
        "deviceInfo": { "devEui": EUI, "deviceName": "SECRET", "tags": { "owner": "SECRET" }, "tenantName": "SECRET" },
        "object": object, "devAddr": "SECRET", "description": "SECRET", "level": "ERROR", "code": "UPLINK_MIC",
        "rxInfo": [{ "gatewayId": "0016c001f153a14c", "nsTime": "2026-11-22T12:00:00.2Z", "rssi": -90, "snr": 7.5,
            "metadata": { "x": "SECRET" }, "location": { "x": "SECRET" } }],
        "txInfo": { "frequency": 868100000, "modulation": { "lora": { "spreadingFactor": 9, "x": "SECRET" } } }
    })
}

#[test]
fn only_what_is_read_is_kept() {
    for format in [FeedFormat::Chirpstack, FeedFormat::Tts] {
        let raw = full(format, &[0x01]).to_string();
        let kept = allowed(format, &topic(format, "up"), raw.as_bytes(), NOBODY);
        let text = String::from_utf8(kept.clone()).unwrap();
        assert!(!text.contains("SECRET"), "{text}");
        assert_eq!(decode(format, "up", &kept), decode(format, "up", raw.as_bytes()));
    }
}

#[test]
fn beacons_are_masked_and_the_bay_is_not() {
    let provenance = [0xa0, 0x07, 0x01, 0xc5, 0xbe, 0xac, 0xbe, 0xac];
    for format in [FeedFormat::Chirpstack, FeedFormat::Tts] {
        let raw = full(format, &provenance).to_string();
        let kept = allowed(format, &topic(format, "up"), raw.as_bytes(), ALL_ARE_TEKZIPARKS);
        let (frame, _) = decode(format, "up", &kept);
        assert_eq!(frame.payload, provenance[..3]);
        assert_eq!(
            decode_device(Decoder::TekziPark, 1, &frame.payload, None),
            decode_device(Decoder::TekziPark, 1, &provenance, None)
        );
        // A field of the wrong type is no way round: the bytes may be anything.
        let mut odd = full(format, &provenance);
        *odd.pointer_mut(if format == FeedFormat::Tts { "/uplink_message/frm_payload" } else { "/data" })
            .unwrap() = json!("not base64: SECRET");
        let kept = allowed(format, &topic(format, "up"), odd.to_string().as_bytes(), ALL_ARE_TEKZIPARKS);
        assert!(!String::from_utf8(kept).unwrap().contains("SECRET"));
    }
}

#[test]
fn what_is_no_message_is_kept_as_a_head_or_as_its_type() {
    let kept =
        |raw: &[u8]| allowed(FeedFormat::Chirpstack, &topic(FeedFormat::Chirpstack, "up"), raw, NOBODY);
    assert_eq!(kept(b"\x0a\x07protobuf"), b"\x0a\x07protobuf");
    assert_eq!(kept(&[b'x'; 1000]).len(), HEAD_BYTES);
    assert_eq!(kept(b""), b"");
    assert_eq!(kept(br#"["SECRET"]"#), b"[]");
    assert_eq!(kept(br#""SECRET""#), br#""""#);
    assert_eq!(kept(br#"{"rxInfo":{"a":"SECRET"},"fCnt":["SECRET"]}"#), br#"{"fCnt":[],"rxInfo":{}}"#);
}

#[test]
fn what_is_not_utf8_or_nested_without_end_costs_nothing_that_is_needed() {
    let deep = format!("{}{}", "{\"a\":".repeat(500), "1".to_owned() + &"}".repeat(500));
    for format in [FeedFormat::Chirpstack, FeedFormat::Tts] {
        let mut sent = full(format, &[0x01]);
        let info = if format == FeedFormat::Tts { "end_device_ids" } else { "deviceInfo" };
        sent[info]["deviceName"] = json!("Stra~e 7");
        sent["unused"] = json!("DEEP");
        let raw: Vec<u8> = sent.to_string().replace("\"DEEP\"", &deep).into_bytes();
        let raw: Vec<u8> = raw.into_iter().map(|b| if b == b'~' { 0xdf } else { b }).collect();
        let kept = allowed(format, &topic(format, "up"), &raw, NOBODY);
        assert!(kept.len() > HEAD_BYTES);
        assert_eq!(decode(format, "up", &kept), decode(format, "up", &raw));
        assert_eq!(allowed(format, &topic(format, "up"), &kept, NOBODY), kept, "what is kept stays as it is");
    }
}
