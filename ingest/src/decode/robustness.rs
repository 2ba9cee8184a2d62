//! No payload and no topic may bring a decoder down: it yields statements and faults, or a fault.

use domain::{Decoder, FeedFormat};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::json::text;
use super::samples::hex;
use super::{gtfs_rt, hfp, lorawan, native};

/// Well-formed messages of every format, for mutation: a random text never gets past the parser.
const MESSAGES: [(&str, &str); 11] = [
    (
        "kv/1/f/bay/17",
        r#"{"at":"2026-11-22T12:00:00Z","state":"occupied","seq":17,"battery_v":3.55,"rssi_dbm":-101}"#,
    ),
    (
        "kv/1/f/site/s",
        r#"{"at":"2026-11-22T12:00:00Z","in":2,"out":1,"status":"open","for":"disabled","source":"gate"}"#,
    ),
    (
        "kv/1/f/vehicle/v",
        r#"{"at":"2026-11-22T12:00:00Z","lat":51.94,"lon":7.17,"trip_id":"t","delay_s":120}"#,
    ),
    (
        "kv/1/f/passengers/v",
        r#"{"at":"2026-11-22T12:00:00Z","doors":[{"door":"1","in":3,"out":1}],"on_board":17}"#,
    ),
    (
        "kv/1/f/batch",
        r#"[{"topic":"bay/17","at":"2026-11-22T12:00:00Z","state":"vacant"},{"topic":"bay\/18"},7]"#,
    ),
    (
        "application/a/device/0101010101010101/event/up",
        r#"{"deduplicationId":"d","time":"2026-11-22T12:00:00Z","fPort":1,"data":"AQ==","rxInfo":[{"rssi":-9}],"object":{"occupied":1}}"#,
    ),
    ("application/a/device/0101010101010101/event/status", r#"{"margin":10,"batteryLevel":88.3}"#),
    (
        "v3/a@t/devices/eui-0101010101010101/up",
        r#"{"uplink_message":{"session_key_id":"s","f_cnt":1,"frm_payload":"AQ==","rx_metadata":[{"rssi":-9,"snr":5}]}}"#,
    ),
    (
        "v3/a/devices/eui-0101010101010101/join",
        r#"{"join_accept":{"session_key_id":"s","received_at":"2026-11-22T12:00:00Z"}}"#,
    ),
    (
        "/hfp/v2/journey/ongoing/vp/bus/0018/01029/5520/1/x/17:35/4150208/5/60;24/28/65/93",
        r#"{"VP":{"dir":"1","tst":"2024-02-13T16:32:59.931Z","lat":60.2,"long":24.8,"dl":-232,"oday":"2024-02-13","start":"17:35","route":"5520","stop":1}}"#,
    ),
    (
        "/hfp/v2/journey/ongoing/apc/bus/0018/01029",
        r#"{"APC":{"tst":1707842100,"vehiclecounts":{"vehicleload":-1,"doorcounts":[{"door":"1","count":[{"in":1,"out":2}]}]}}}"#,
    ),
];

/// Device payloads, a feed of one vehicle and one of one trip, in hex.
const BYTES: [&str; 10] = [
    "240300007503000000000000001d020301",
    "805b0009001400de0a0801",
    "3f01013766002100201c01011566010302015e026700f0010101cafebabe",
    "800032021706b4000001610010fff6fff08b2d00010081",
    "01755c0367010104824408050001",
    "a0fc03ba12345678",
    "be010400010002000300041c200ce40139",
    "0030edec003224450000de",
    "0a090a03322e301000180112140a0161220f120a0d00004e42150000e8403a0153",
    "0a090a03322e301000180112210a01611a1c0a0d0a01741a083230323631313234120908011202083c220173283c",
];

fn decode_all(topic: &str, payload: &[u8]) {
    gtfs_rt::decode(payload);
    for format in [FeedFormat::Chirpstack, FeedFormat::Tts] {
        lorawan::allowed(format, topic, payload, |_| None);
    }
    let Ok(text) = text(payload) else { return };
    native::decode("f", topic, &text);
    hfp::decode(topic, &text);
    for format in [FeedFormat::Chirpstack, FeedFormat::Tts] {
        let frame = lorawan::topic(format, topic).and_then(|topic| lorawan::decode(format, topic, &text));
        if let Ok(frame) = frame {
            let _ = frame.codec.map(lorawan::server_object::read);
            decode_devices(frame.f_port.unwrap_or(0), &frame.payload, None);
        }
    }
}

fn decode_devices(f_port: i32, payload: &[u8], threshold_mm: Option<u32>) {
    for decoder in Decoder::ALL {
        let report = lorawan::decode_device(*decoder, f_port, payload, threshold_mm);
        let kept = lorawan::redact(*decoder, f_port, payload);
        // What is kept must say the same when it is decoded again.
        if let Ok(report) = report {
            assert_eq!(lorawan::decode_device(*decoder, f_port, &kept, threshold_mm), Ok(report));
        }
    }
}

fn mutated(mut bytes: Vec<u8>, changes: &[(Index, u8)], end: Index) -> Vec<u8> {
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes.truncate(end.index(bytes.len()) + 1);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_048, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_messages_are_survived(topic in ".{0,60}", payload in vec(any::<u8>(), 0..300)) {
        decode_all(&topic, &payload);
    }

    #[test]
    fn arbitrary_payloads_on_good_topics_are_survived(
        (topic, _) in select(&MESSAGES[..]),
        payload in vec(any::<u8>(), 0..300),
    ) {
        decode_all(topic, &payload);
    }

    #[test]
    fn mutated_messages_are_survived(
        (topic, payload) in select(&MESSAGES[..]),
        changes in vec((any::<Index>(), any::<u8>()), 0..4),
        end in any::<Index>(),
    ) {
        decode_all(topic, &mutated(payload.as_bytes().to_vec(), &changes, end));
        let cut = String::from_utf8_lossy(&mutated(topic.as_bytes().to_vec(), &changes, end)).into_owned();
        decode_all(&cut, payload.as_bytes());
    }

    #[test]
    fn arbitrary_device_payloads_are_survived(
        f_port in prop_oneof![0..=7, Just(14), Just(190), any::<i32>()],
        payload in vec(any::<u8>(), 0..40),
        threshold_mm in any::<Option<u32>>(),
    ) {
        decode_devices(f_port, &payload, threshold_mm);
    }

    #[test]
    fn mutated_bytes_are_survived(
        sample in select(&BYTES[..]),
        f_port in prop_oneof![0..=5, Just(14), Just(190)],
        changes in vec((any::<Index>(), any::<u8>()), 0..4),
        end in any::<Index>(),
    ) {
        let payload = mutated(hex(sample), &changes, end);
        gtfs_rt::decode(&payload);
        decode_devices(f_port, &payload, Some(1_600));
    }
}
