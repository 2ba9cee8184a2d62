//! What becomes of messages as suppliers really send them: what is believed of each, or with which
//! words it is not.

use std::collections::BTreeMap;

use crate::county::{CS, EUI, NOW, TTS, VP, now, rejection, take, tts_up, uplink, with};
use domain::{BayState, Reason};
use serde_json::{Value, json};
use store::writer::Batch;

const CODEC: &str = "application/b/device/70b3d57ed0000002/event/up";
const APC: &str = "/hfp/v2/journey/ongoing/apc/bus/0018/01029/1069/1/x/17:35/1362114/5/60;24/19/83/46";

fn up() -> Value {
    json!({ "deduplicationId": "d1", "time": NOW, "fCnt": 7, "fPort": 1, "data": "AQ==" })
}

/// The state that a message gives its bay.
fn state(batch: &Batch) -> Option<BayState> {
    assert!(batch.bays.len() <= 1);
    batch.bays.first().map(|keyed| keyed.observation.state)
}

#[test]
fn bytes_on_port_0_are_the_networks() {
    for port in [json!(0), Value::Null, json!("0"), json!(0.0)] {
        let (batch, received) = take("chirpstack", CS, &with(up(), "/fPort", port.clone()));
        assert_eq!((state(&batch), received.reasons.len()), (None, 0), "{port}");
        let kept = uplink(&batch);
        assert_eq!((kept.outcome.as_str(), kept.payload.as_deref()), ("heard", Some(&[1][..])));
        let (batch, received) = take("tts", TTS, &with(tts_up(), "/uplink_message/f_port", port));
        assert_eq!(
            (state(&batch), received.reasons.len(), uplink(&batch).outcome.as_str()),
            (None, 0, "heard")
        );
    }
    for port in [224, 225, 255] {
        assert_eq!(state(&take("chirpstack", CS, &with(up(), "/fPort", json!(port))).0), None, "{port}");
    }
    // Not even what a codec made of them.
    let body = with(with_object(json!({ "occupied": true })), "/fPort", json!(0));
    assert_eq!(state(&take("decoded", CODEC, &body).0), None);
    let (batch, _) = take("chirpstack", CS, up().to_string().as_bytes());
    assert_eq!(state(&batch), Some(BayState::Occupied));
}

fn with_object(object: Value) -> Value {
    let mut body = up();
    body["object"] = object;
    body
}

#[test]
fn a_state_is_not_lost_over_a_field_that_is_not_needed() {
    let deep = format!("{}1{}", "{\"a\":".repeat(300), "}".repeat(300));
    let native = |fields: &str| format!(r#"{{"at":"{NOW}","state":"occupied",{fields}}}"#).into_bytes();
    let chirpstack = |field: &str, value: &str| {
        with(up(), field, json!("@"))
            .iter()
            .map(|b| *b as char)
            .collect::<String>()
            .replace("\"@\"", value)
            .into_bytes()
    };
    let cases: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("native", "kv/1/native/bay/b1", native(r#""battery_v":"3.6""#), "battery_v"),
        ("native", "kv/1/native/bay/b1", native(r#""battery_v":"3,6""#), "battery_v"),
        ("native", "kv/1/native/bay/b1", native(r#""seq":18446744073709551615"#), "seq"),
        ("native", "kv/1/native/bay/b1", native(r#""rssi_dbm":[1]"#), "rssi_dbm"),
        ("native", "kv/1/native/bay/b1", native(r#""temperature_c":6553.5"#), "temperature_c"),
        ("native", "kv/1/native/bay/b1", native(&format!(r#""seq":{deep}"#)), "seq"),
        ("native", "kv/1/native/bay/b1", native(&format!(r#""vendor":{deep}"#)), ""),
        (
            "chirpstack",
            CS,
            chirpstack("/rxInfo", r#"[{"gatewayId":"g","snr":"NaN","rssi":-90}]"#),
            "rxInfo.snr",
        ),
        ("chirpstack", CS, chirpstack("/rxInfo", "null"), ""),
        ("chirpstack", CS, chirpstack("/object", &deep), ""),
        ("chirpstack", CS, chirpstack("/tags", &deep), ""),
        ("chirpstack", CS, chirpstack("/dr", "5.5"), "dr"),
        ("tts", TTS, with(tts_up(), "/uplink_message/settings", json!("fast")), "uplink_message.settings"),
        ("tts", TTS, with(tts_up(), "/uplink_message/rx_metadata", Value::Null), ""),
        ("tts", TTS, with(tts_up(), "/uplink_message/decoded_payload", json!([[[1]]])), ""),
    ];
    for (feed, topic, payload, field) in cases {
        let (batch, received) = take(feed, topic, &payload);
        let text = String::from_utf8_lossy(&payload);
        assert_eq!((state(&batch), received.reasons.len()), (Some(BayState::Occupied), 0), "{text}");
        let dropped: Vec<&str> = received.dropped.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(dropped.join(","), field, "{text}");
        if feed != "native" {
            assert_eq!(uplink(&batch).dropped_fields.join(","), field);
        }
    }
}

#[test]
fn what_stands_around_the_json_is_no_fault() {
    let json = format!(r#"{{"at":"{NOW}","state":"occupied"}}"#);
    for payload in [format!("\u{feff}{json}"), format!("{json}\0"), format!("\n {json}\r\n\0\0")] {
        let (batch, received) = take("native", "kv/1/native/bay/b1", payload.as_bytes());
        assert_eq!((state(&batch), received.reasons.len()), (Some(BayState::Occupied), 0), "{payload:?}");
    }
    let latin: Vec<u8> = format!(r#"{{"at":"{NOW}","state":"occupied","name":"Stra~e"}}"#)
        .bytes()
        .map(|b| if b == b'~' { 0xdf } else { b })
        .collect();
    assert_eq!(state(&take("native", "kv/1/native/bay/b1", &latin).0), Some(BayState::Occupied));
}

#[test]
fn a_clock_that_cannot_be_read_is_like_one_that_is_impossible() {
    for clock in
        [json!(""), json!("soon"), json!([1]), json!("1980-01-06T00:00:00Z"), json!("2099-01-01T00:00:00Z")]
    {
        for (feed, topic, payload) in [
            ("chirpstack", CS, with(up(), "/time", clock.clone())),
            ("tts", TTS, with(tts_up(), "/uplink_message/received_at", clock.clone())),
        ] {
            let (batch, received) = take(feed, topic, &payload);
            assert_eq!((state(&batch), received.reasons.len()), (Some(BayState::Occupied), 0), "{clock}");
            let o = &batch.bays[0].observation;
            assert_eq!((o.observed_at, o.provenance.clock_corrected), (now().plus_s(10), true), "{clock}");
        }
    }
    let strict = "application/c/device/70b3d57ed0000003/event/up";
    let (batch, received) = take("strict", strict, &with(up(), "/time", json!("soon")));
    assert_eq!((state(&batch), received.reasons), (None, [(Reason::Malformed, 1)].into()));
    assert!(rejection(&batch).detail.starts_with("time: \"soon\""), "{:?}", batch.rejections);
}

#[test]
fn a_counter_that_begins_again_is_something_new() {
    let (receipt, topic) = ("receipt", "v3/other@t/devices/eui-70b3d57ed0000005/up");
    let message = |received_at: &str| with(tts_up(), "/uplink_message/received_at", json!(received_at));
    let names = |feed: &str, topic: &str, received_at: &str| {
        let (batch, _) = take(
            feed,
            topic,
            &message(received_at)
                .iter()
                .map(|b| *b as char)
                .collect::<String>()
                .replace(
                    "70B3D57ED0000004",
                    if feed == receipt { "70B3D57ED0000005" } else { "70B3D57ED0000004" },
                )
                .into_bytes(),
        );
        assert_eq!(state(&batch), Some(BayState::Occupied));
        (uplink(&batch).dedup_id.clone(), batch.bays[0].idempotency_key)
    };
    for (feed, topic) in [("tts", TTS), (receipt, topic)] {
        let first = names(feed, topic, "2026-11-22T11:59:00Z");
        let (second, again) = (names(feed, topic, NOW), names(feed, topic, NOW));
        assert_ne!(first.0, second.0);
        assert_eq!(second, again);
        // Where our receipt is the time, its claim decides whether it is a redelivery.
        assert_eq!(first.1.is_some(), feed == receipt);
        assert!(first.1.is_none() || first.1 != second.1);
    }
}

#[test]
fn a_codec_that_is_not_understood_is_no_silence() {
    let of = |object: Value| take("decoded", CODEC, with_object(object).to_string().as_bytes()).0;
    for object in [json!({ "occupied": "true" }), json!({ "status": "PARKED" }), json!({ "occupied": 1.0 })] {
        assert_eq!(state(&of(object.clone())), Some(BayState::Occupied), "{object}");
    }
    for object in [json!({ "data": { "occupied": true } }), json!({ "parken": 1 }), json!("x"), json!([true])]
    {
        let batch = of(object.clone());
        let rejection = rejection(&batch);
        assert_eq!((state(&batch), rejection.reason), (None, Reason::Malformed), "{object}");
        assert!(rejection.detail.contains("codec") && rejection.remedy.is_some(), "{rejection:?}");
        assert_eq!(rejection.devices, ["70b3d57ed0000002"]);
        assert_eq!(uplink(&batch).outcome, "rejected:malformed");
        assert_eq!(uplink(&batch).detail.as_ref(), Some(&rejection.detail));
    }
    // It speaks of the device alone: a sign of life. Nothing is stated: then there is no decoder either.
    assert_eq!(uplink(&of(json!({ "battery_v": 3.5 }))).outcome, "heard");
    assert_eq!(rejection(&of(json!({}))).reason, Reason::UnsupportedDevice);
}

#[test]
fn every_topic_of_a_server_is_known() {
    let signs = [
        "join",
        "down/queued",
        "down/sent",
        "down/ack",
        "down/nack",
        "down/failed",
        "down/invalidated",
        "service/data",
        "location/solved",
    ];
    for event in signs {
        let topic = format!("v3/app@t/devices/eui-70b3d57ed0000004/{event}");
        let (batch, received) = take("tts", &topic, json!({ "received_at": NOW }).to_string().as_bytes());
        assert_eq!((uplink(&batch).outcome.as_str(), received.reasons.len()), ("heard", 0), "{event}");
    }
    for event in ["join", "status", "ack", "txack", "log", "location", "integration"] {
        let topic = format!("application/a/device/{EUI}/event/{event}");
        let (batch, received) = take("chirpstack", &topic, json!({ "time": NOW }).to_string().as_bytes());
        assert_eq!((uplink(&batch).outcome.as_str(), received.reasons.len()), ("heard", 0), "{event}");
    }
    for (feed, topic) in [
        ("tts", "v3/app@t/devices/eui-70b3d57ed0000004/down/push"),
        ("tts", "v3/app@t/devices/eui-70b3d57ed0000004/down/replace"),
        ("chirpstack", "application/a/device/70b3d57ed0000001/command/down"),
    ] {
        let (batch, received) = take(feed, topic, b"{}");
        assert!(batch.is_empty() && received.is_ignored && received.reasons.is_empty(), "{topic}");
    }
}

#[test]
fn passengers_have_bounds_and_what_is_beyond_costs_only_itself() {
    let counts = |feed: &str, topic: &str, payload: &str| {
        let (batch, received) = take(feed, topic, payload.as_bytes());
        let dropped: Vec<String> = received.dropped.into_iter().map(|d| d.field).collect();
        let observation =
            batch.passengers.first().map(|g| (g.observation.on_board, g.observation.doors.len()));
        (observation, dropped.join(","), received.reasons)
    };
    let native = |fields: &str| {
        counts("native", "kv/1/native/passengers/v", &format!(r#"{{"at":"{NOW}","stop_id":"x",{fields}}}"#))
    };
    let door = |n: i32| format!(r#"{{"door":"{n}","in":{n},"out":1}}"#);
    let doors = |list: &[i32]| {
        format!(r#""doors":[{}]"#, list.iter().map(|n| door(*n)).collect::<Vec<_>>().join(","))
    };
    // 40 seats: three times as many are believed.
    assert_eq!(native(&format!("{},\"on_board\":120", doors(&[1]))).0, Some((Some(120), 1)));
    assert_eq!(native(&format!("{},\"on_board\":-1", doors(&[1]))).0, Some((Some(-1), 1)));
    for load in ["121", "65500", "-32768", "17.0e9", "\"17\""] {
        let (kept, dropped, reasons) = native(&format!("{},\"on_board\":{load}", doors(&[1, 250])));
        assert_eq!((kept, dropped.as_str(), reasons.len()), (Some((None, 2)), "on_board", 0), "{load}");
    }
    assert_eq!(native(&format!("{},\"on_board\":9", doors(&[1, 251]))).0, Some((Some(9), 1)));
    assert_eq!(native(&format!("{},\"on_board\":9", doors(&[1, 251]))).1, "doors");
    assert_eq!(native(&doors(&[65_500])).2, [(Reason::Implausible, 1)].into());
    assert_eq!(native("\"on_board\":65500").2, [(Reason::Implausible, 1)].into());
    // Nobody says how many seats this one has.
    let apc = |load: i64| {
        counts(
            "hfp",
            APC,
            &format!(
                r#"{{"APC":{{"tst":"{NOW}","vehiclecounts":{{"vehicleload":{load},"doorcounts":[{{"door":"1","count":[{{"class":"adult","in":1,"out":0}}]}}]}}}}}}"#
            ),
        )
    };
    assert_eq!(apc(400).0, Some((Some(400), 1)));
    assert_eq!((apc(401).0, apc(65_500).1), (Some((None, 1)), "on_board".to_owned()));
    for (payload, field) in [
        (format!(r#"{{"VP":{{"tst":"{NOW}","lat":51.9,"long":7.2,"occu":65500,"dl":-60.0}}}}"#), "occu"),
        (format!(r#"{{"VP":{{"tst":"{NOW}","lat":51.9,"long":7.2,"spd":-1,"dl":-60}}}}"#), "spd"),
    ] {
        let (batch, received) = take("hfp", VP, payload.as_bytes());
        let fix = &batch.vehicles[0].observation.fix;
        assert!(fix.position.is_some() && fix.occupancy_pct.is_none() && fix.delay_s == Some(60));
        assert_eq!(received.dropped[0].field, field);
    }
}

#[test]
fn a_capacity_that_cannot_be_true_costs_only_itself() {
    let site = |fields: &str| {
        let (batch, received) =
            take("native", "kv/1/native/site/s", format!(r#"{{"at":"{NOW}",{fields}}}"#).as_bytes());
        (batch.sites.first().map(|g| g.observation.capacity), received.reasons, received.dropped.len())
    };
    assert_eq!(site(r#""occupied":50.0,"capacity":110"#), (Some(Some(110)), BTreeMap::new(), 0));
    assert_eq!(site(r#""occupied":50,"capacity":1000"#), (Some(None), BTreeMap::new(), 1));
    assert_eq!(site(r#""occupied":500,"capacity":1000"#), (None, [(Reason::Implausible, 1)].into(), 0));
    assert_eq!(site(r#""capacity":1000"#), (None, [(Reason::Implausible, 1)].into(), 0));
    assert_eq!(site(r#""vacant":12,"status":"unknown""#), (Some(None), BTreeMap::new(), 1));
}

#[test]
fn what_the_console_made_up_is_no_state() {
    let mut body = tts_up();
    body["simulated"] = json!(true);
    let (batch, received) = take("tts", TTS, body.to_string().as_bytes());
    assert_eq!((state(&batch), received.reasons.len()), (None, 0));
    assert_eq!((uplink(&batch).event, uplink(&batch).outcome.as_str()), ("simulated", "heard"));
}

#[test]
fn a_message_on_another_devices_topic_stays_with_the_topic() {
    // The feed's other sensor, 70b3d57ed0000006, would be moved by it.
    let topic = "application/a/device/70b3d57ed0000006/event/up";
    let (batch, received) = take("chirpstack", topic, &with(up(), "/deviceInfo", json!({ "devEui": EUI })));
    assert_eq!((state(&batch), received.reasons), (None, [(Reason::Implausible, 1)].into()));
    assert_eq!(
        (uplink(&batch).device.as_str(), uplink(&batch).payload.as_deref()),
        ("70b3d57ed0000006", None)
    );
    let kept = rejection(&batch);
    assert_eq!(kept.devices, ["70b3d57ed0000006"]);
    // Replayed, from what is kept of it, it is not believed either.
    let again = kept.payload.clone();
    let (batch, _) = take("chirpstack", topic, &again);
    assert_eq!((state(&batch), rejection(&batch).reason), (None, Reason::Implausible));
    let other = with(tts_up(), "/end_device_ids/dev_eui", json!("70B3D57ED0000005"));
    let (batch, _) = take("tts", TTS, &other);
    assert_eq!((state(&batch), rejection(&batch).reason), (None, Reason::Implausible));
    let again = rejection(&batch).payload.clone();
    let (batch, _) = take("tts", TTS, &again);
    assert_eq!((state(&batch), rejection(&batch).reason), (None, Reason::Implausible));
}

/// The storage of The Things Stack keeps fewer digits of a time than its MQTT server sends.
#[test]
fn a_message_from_the_storage_has_the_name_that_it_had_live() {
    let name = |at: &str| {
        let body = with(tts_up(), "/uplink_message/received_at", json!(at));
        uplink(&take("tts", TTS, &body).0).dedup_id.clone()
    };
    let live = name("2026-11-22T12:00:00.789585559Z");
    assert_eq!(live, "s:1:2026-11-22T12:00:00.789585Z");
    assert_eq!(name("2026-11-22T12:00:00.789585Z"), live);
    assert_eq!(name("2026-11-22T13:00:00.789585000+01:00"), live);
    assert_ne!(name("2026-11-22T12:00:00.789586Z"), live);
    assert_eq!(name("2026-11-22T12:00:00.500Z"), name("2026-11-22T12:00:00.5Z"));
    assert_eq!(name("yesterday"), "s:1:yesterday");
}
