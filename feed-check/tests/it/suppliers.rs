//! Small messages that went wrong elsewhere, where they lie beside the checkout: what is reported of each helps an installer.

use domain::UtcMicros;
use feed_check::{Check, Message, Options};
use serde_json::Value;

use crate::{assert_german, root};

/// What must stand in the fault, or in the finding, of a case that is not taken as it is.
fn words(id: &str) -> &'static [&'static str] {
    match id {
        "n04" => &["temperature_c: nan", "null"],
        "n07" => &["battery_v: NaN", "null"],
        "n39" => &["second JSON object", "list"],
        "n45" => &["/kv/1/n/bay/n44", "slash"],
        "n50" => &["occupied: \"\"", "null"],
        "c17" => &["ChirpStack v3", "v4"],
        "c18" => &["payload", "json = true"],
        "t02" => &["dev_eui", "console"],
        _ => &[],
    }
}

#[test]
fn what_is_said_of_each_small_message_helps() {
    let folder = root().join("../shared/cases/messages");
    let Ok(index) = std::fs::read(folder.join("cases.json")) else {
        eprintln!("SKIPPED: there are no suppliers' messages at {}", folder.display());
        return;
    };
    let cases: Vec<Value> = serde_json::from_slice(&index).unwrap();
    let now = UtcMicros::parse("2026-11-28T12:00:00Z").unwrap();
    for case in &cases {
        let (id, topic) = (case["id"].as_str().unwrap(), case["topic"].as_str().unwrap());
        let raw = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let payload = filled(raw, now);
        let mut check = Check::new(Options::default());
        check.note(&Message {
            received_at: Some(now),
            topic: Some(topic.to_owned()),
            qos: Some(1),
            retain: false,
            payload,
        });
        let report = check.finish(id);
        let words = words(id);
        assert_eq!(report.faults.is_empty(), words.is_empty(), "{id}: {:?}", report.faults);
        for group in &report.faults {
            let text = format!("{} {}", group.detail, group.remedy);
            assert!(words.iter().all(|word| text.contains(word)), "{id}: {text}");
            assert!(!text.contains("at line"), "{id} quotes the parser: {text}");
            assert!(!group.excerpt.is_empty(), "{id}");
            assert_german(group, id);
        }
    }
    assert!(cases.len() > 30, "{}", cases.len());
}

/// The payload with its placeholders filled in.
fn filled(raw: Vec<u8>, now: UtcMicros) -> Vec<u8> {
    let at = now.to_string();
    let before = now.plus_s(-10).to_string();
    let values = [
        ("@NOW@", at.as_str()),
        ("@NOW-10@", &before),
        ("@LOCAL@", &at[..19]),
        ("@DAY@", &at[..10]),
        ("@UUID@", "00000000-0000-4000-8000-000000000001"),
    ];
    values.iter().fold(raw, |raw, (name, value)| replaced(&raw, name.as_bytes(), value.as_bytes()))
}

fn replaced(raw: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(raw.len()), raw);
    while let Some(at) = rest.windows(name.len()).position(|window| window == name) {
        out.extend([&rest[..at], value].concat());
        rest = &rest[at + name.len()..];
    }
    out.extend(rest);
    out
}
