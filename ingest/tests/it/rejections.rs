//! How a rejected message is described: with which words, of whom, and how often.

use crate::county::{CS, EUI, NOW, TTS, VP, now, rejection, take, take_at, tts_up, uplink, with};
use domain::Reason;
use serde_json::{Value, json};

#[test]
fn rejections_say_what_to_do() {
    let ok = format!(r#"{{"topic":"bay/b1","at":"{NOW}","state":"vacant"}}"#);
    let bay = |payload: &str| ("native", "kv/1/native/bay/b1", payload.as_bytes().to_vec());
    let cases = [
        (bay(""), "payload: it is empty", "payload"),
        (
            bay(&format!(r#"{{"at":"{NOW}","state":"occupied","temperature_c":nan}}"#)),
            "temperature_c: nan",
            "null",
        ),
        (bay(&format!(r#"{{"at":"{NOW}","state":"occupied","battery_v":NaN}}"#)), "battery_v: NaN", "null"),
        (bay(&format!("{{'at':'{NOW}','state':'occupied'}}")), "single quotation", "json.dumps"),
        (bay(&format!(r#"{{"at":"{NOW}","state":None}}"#)), "state: None", "Python"),
        (bay(r#"{"at":1795435200,"state":"vacant"}"#), "at: 1795435200", "Unix seconds"),
        (bay(r#"{"at":1795435200000,"state":"vacant"}"#), "at: 1795435200000", "Unix milliseconds"),
        (bay(r#"{"at":"2026-11-22T13:00:00","state":"vacant"}"#), "at: ", "offset"),
        (bay(&format!(r#"{{"at":"{NOW}","sta"#)), "breaks off", "whole message"),
        (bay(&format!("[{ok}]")), "a list", "batch"),
        (
            ("native", "kv/1/native/site/s", format!(r#"{{"at":"{NOW}","occupied":""}}"#).into()),
            "occupied: \"\"",
            "null",
        ),
        (("native", "kv/1/native/batch", ok.clone().into()), "where a list", "brackets"),
        (("native", "kv/1/native/batch", format!("{ok}\n{ok}\n").into()), "second JSON object", "list"),
        (("chirpstack", CS, b"\n$3ac7e3c4\x12\x06\xd3\xd6\xe8".to_vec()), "no text", "json = true"),
        (
            (
                "chirpstack",
                CS,
                br#"{"applicationID":"1","devEUI":"cLPVftAFABE=","fPort":1,"data":"AQ=="}"#.to_vec(),
            ),
            "ChirpStack v3",
            "v4",
        ),
        (
            ("tts", "v3/app@t/devices/dev1/up", with(tts_up(), "/end_device_ids", json!({}))),
            "'dev1'",
            "console",
        ),
        (
            ("tts", TTS, with(tts_up(), "/uplink_message/frm_payload", Value::Null)),
            "empty, on port 1",
            "encryption",
        ),
        (("gtfs", "gtfs", b"{}".to_vec()), "protobuf", "JSON"),
        (("native", "kv/1/native/bay/b9", ok.clone().into()), "'b9' is not in bays.geojson", ""),
    ];
    for ((feed, topic, payload), detail, remedy) in cases {
        let (batch, received) = take(feed, topic, &payload);
        let text = String::from_utf8_lossy(&payload);
        assert_eq!(received.reasons.len(), 1, "{text}");
        let rejection = rejection(&batch);
        assert!(rejection.detail.contains(detail), "{text}: {}", rejection.detail);
        assert!(
            rejection.remedy.as_deref().unwrap_or_default().contains(remedy),
            "{text}: {:?}",
            rejection.remedy
        );
        // No word of the parser's.
        assert!(
            !rejection.detail.contains("expected ") && !rejection.detail.contains("at line"),
            "{}",
            rejection.detail
        );
        assert_eq!(
            rejection.devices.len(),
            usize::from(!topic.ends_with("batch") && feed != "gtfs"),
            "{topic}"
        );
    }
}

#[test]
fn what_cannot_be_read_belongs_to_the_device_of_its_topic() {
    let too_large = vec![b' '; 70_000];
    for (feed, topic, device) in [
        ("chirpstack", CS, EUI),
        ("tts", TTS, "70b3d57ed0000004"),
        ("tts", "v3/app@t/devices/dev1/up", "dev1"),
        ("native", "kv/1/native/bay/b1", "b1"),
        ("native", "kv/1/native/passengers/v", "v"),
        ("hfp", VP, "0018-01029"),
    ] {
        for payload in [&b"{"[..], b"", b"\x00\x01\x02", b"[]", &too_large] {
            let (batch, _) = take(feed, topic, payload);
            assert_eq!(rejection(&batch).devices, [device], "{topic} {payload:?}");
            if matches!(feed, "chirpstack" | "tts") {
                let kept = uplink(&batch);
                assert_eq!((kept.device.as_str(), kept.payload.as_deref()), (device, None));
                assert!(kept.outcome.starts_with("rejected:") && kept.detail.is_some());
            }
        }
    }
}

#[test]
fn one_message_of_many_faults_is_one_rejection() {
    let element = |topic: &str| format!(r#"{{"topic":"{topic}","at":"{NOW}","state":"vacant"}}"#);
    let mut elements: Vec<String> = (0..500).map(|n| element(&format!("bay/x{n}"))).collect();
    elements.extend([element("bay/b1"), r#"{"topic":"bay/b2"}"#.into(), element("door/7"), "17".into()]);
    let payload = format!("[{}]", elements.join(","));
    let (batch, received) = take("native", "kv/1/native/batch", payload.as_bytes());
    assert_eq!((batch.bays.len(), received.reasons.values().sum::<u64>()), (1, 503));
    let kept = rejection(&batch);
    assert_eq!((kept.reason, kept.count, kept.examples.len()), (Reason::UnknownPlace, 503, 10));
    assert_eq!((kept.devices.len(), kept.payload.as_slice()), (501, payload.as_bytes()));
    for reason in [Reason::UnknownPlace, Reason::Malformed, Reason::UnknownTopic] {
        assert!(kept.examples.iter().any(|e| e.reason == reason), "{reason}");
    }
    assert!(kept.detail.starts_with("503 elements"), "{}", kept.detail);
    assert_eq!(kept.repeats, None);
}

#[test]
fn what_a_feed_says_again_and_again_has_one_name_an_hour() {
    // A feed with the position of one vehicle, which nobody knows.
    let feed = b"\x0a\x05\x0a\x032.0\x12\x14\x0a\x01x\x22\x0f\x12\x0a\x0d\0\0NB\x15\0\0\xe8@:\x01S";
    let name = |after_s: i64, payload: &[u8]| {
        let (batch, _) = take_at(now().plus_s(after_s), "gtfs", "gtfs", payload);
        let kept = rejection(&batch);
        assert_eq!((kept.count, kept.payload.as_slice()), (1, payload));
        (kept.reason, kept.repeats)
    };
    let first = name(10, feed);
    assert_eq!(first.0, Reason::UnknownPlace);
    assert!(first.1.is_some());
    assert_eq!(name(25, feed), first);
    assert_ne!(name(3_610, feed), first, "an hour later it is kept once more");
    // What is no feed at all is another matter.
    assert_eq!(name(10, b"{}"), (Reason::Malformed, None));
}

#[test]
fn names_as_long_as_their_message_are_kept_as_names() {
    let long = "x".repeat(50_000);
    let element = format!(r#"{{"topic":"bay/{long}ü","at":"{NOW}","state":"vacant"}}"#);
    let batch = format!("[{}]", vec![element; 15].join(","));
    let alone = format!(r#"{{"at":"{NOW}","state":"vacant"}}"#);
    let topic = format!("kv/1/native/bay/{long}");
    for (topic, payload, count) in
        [("kv/1/native/batch", batch, 15), (&topic, alone, 1), (&topic, "{".into(), 1)]
    {
        let (batch, _) = take("native", topic, payload.as_bytes());
        let kept = rejection(&batch);
        assert_eq!((kept.count, kept.devices.as_slice()), (count, &["x".repeat(128)][..]));
        let described: usize =
            kept.examples.iter().map(|e| e.detail.len() + e.device.as_ref().unwrap().len()).sum();
        assert!(described + kept.detail.len() < 20_000, "{described}");
    }
}
