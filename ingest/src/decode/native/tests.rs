use domain::observation::{CountValue, SiteStatus};
use domain::{Audience, BayState, Reason, UtcMicros};

use super::{decode, is_batch};
use crate::decode::{Decoded, Fault, Said, Statement, Subject};

const AT: &str = r#""at":"2026-11-22T12:00:00Z""#;

fn said<'a>(topic: &'a str, payload: &'a str) -> Statement<'a> {
    let mut decoded = decode("f", topic, payload.as_bytes());
    assert_eq!(decoded.faults, [], "{topic} {payload}");
    decoded.statements.remove(0)
}

fn refused(topic: &str, payload: &str) -> Fault {
    let mut decoded = decode("f", topic, payload.as_bytes());
    assert_eq!(decoded.statements, [], "{topic} {payload}");
    decoded.faults.remove(0)
}

fn count(fields: &str) -> Result<CountValue, Fault> {
    let payload = format!("{{{AT},{fields}}}");
    let mut decoded = decode("f", "kv/1/f/site/s", payload.as_bytes());
    match decoded.statements.pop() {
        Some(Statement { said: Said::Count { value, .. }, .. }) => Ok(value),
        _ => Err(decoded.faults.remove(0)),
    }
}

#[test]
fn a_message_of_each_kind_is_read() {
    let bay = r#"{"at":"2026-11-22T12:00:00Z","state":"occupied","seq":17,"battery_v":3.55,"rssi_dbm":-101,
        "temperature_c":4.5,"of another version":[1]}"#;
    let site = r#"{"at":"2026-11-22T12:00:00Z","occupied":132,"status":"open","capacity":150,"for":"disabled",
        "source":"gate-2","seq":9}"#;
    let vehicle = r#"{"at":"2026-11-22T12:00:00Z","lat":51.94,"lon":7.17,"speed_mps":8.1,"bearing_deg":90,
        "trip_id":"t","start_date":"20261122","route_id":"r","stop_id":"s","delay_s":120,"occupancy_pct":40}"#;
    let passengers = r#"{"at":"2026-11-22T12:00:00Z","stop_id":"s","trip_id":"t","doors":[{"door":"1","in":3,"out":1}],
        "on_board":17,"source":"unit-1","seq":4}"#;
    insta::assert_debug_snapshot!([
        said("kv/1/f/bay/17", bay),
        said("kv/1/f/site/s", site),
        said("kv/1/f/vehicle/v", vehicle),
        said("kv/1/f/passengers/v", passengers),
    ]);
}

#[test]
fn null_is_the_same_as_absent() {
    let bay = said(
        "kv/1/f/bay/17",
        r#"{"at":"2026-11-22T12:00:00Z","state":"vacant","seq":null,"battery_v":null}"#,
    );
    let state = BayState::Vacant;
    assert_eq!(bay.said, Said::Bay { state, battery_v: None, rssi_dbm: None, temperature_c: None });
    assert_eq!((bay.seq, bay.at), (None, Some(UtcMicros::parse("2026-11-22T12:00:00Z").unwrap())));
    assert_eq!(count(r#""vacant":0,"occupied":null"#), Ok(CountValue::Vacant(0)));
}

#[test]
fn a_count_is_one_of_three() {
    assert_eq!(count(r#""occupied":0"#), Ok(CountValue::Occupied(0)));
    assert_eq!(count(r#""vacant":18"#), Ok(CountValue::Vacant(18)));
    assert_eq!(count(r#""out":1"#), Ok(CountValue::Flow { entries: 0, exits: 1 }));
    assert_eq!(count(r#""status":"closed""#), Ok(CountValue::None));
    assert_eq!(count(r#""occupied":1,"vacant":1"#).unwrap_err().reason, Reason::Malformed);
    assert_eq!(count(r#""seq":1"#).unwrap_err().reason, Reason::Malformed);
    assert_eq!(count(r#""occupied":-1"#).unwrap_err().reason, Reason::Implausible);
    assert_eq!(count(r#""in":5000000000"#).unwrap_err().reason, Reason::Implausible);
    assert!(count(r#""status":"full""#).unwrap_err().detail.contains("open, closed"));
    let payload = format!(r#"{{{AT},"vacant":3,"for":"charging","status":"open"}}"#);
    let Said::Count { audience, status, .. } = said("kv/1/f/site/s", &payload).said else { panic!() };
    assert_eq!((audience, status), (Some(Audience::Charging), Some(SiteStatus::Open)));
}

#[test]
fn each_element_of_a_batch_stands_alone() {
    let payload = r#"[{"topic":"bay/1","at":"2026-11-22T12:00:00Z","state":"vacant"},
        {"topic":"bay/2","at":"2026-11-22T12:00:00Z","state":"gone"}, 7,
        {"topic":"batch","at":"2026-11-22T12:00:00Z"},
        {"topic":"bay\/3","at":"2026-11-22T12:00:00Z","state":"occupied"}]"#;
    let decoded = decode("f", "kv/1/f/batch", payload.as_bytes());
    let bays: Vec<_> = decoded.statements.iter().map(|s| &s.subject).collect();
    assert_eq!(bays, [&Subject::Bay("1".into()), &Subject::Bay("3".into())]);
    let reasons: Vec<_> = decoded.faults.iter().map(|f| f.reason).collect();
    assert_eq!(reasons, [Reason::Malformed, Reason::Malformed, Reason::UnknownTopic]);
    assert_eq!(decoded.faults[1].element.as_deref(), Some(&b"7"[..]));
    assert_eq!(decode("f", "kv/1/f/batch", b"[]"), Decoded::default());
    assert!(is_batch("kv/1/f/batch") && !is_batch("kv/1/f/bay/1"));
}

#[test]
fn faults_name_field_value_and_remedy() {
    for topic in ["kv/1/g/bay/1", "kv/1/f/bay/", "kv/1/f/bay", "kv/1/f/lane/1", "kv/2/f/bay/1", ""] {
        let fault = refused(topic, "{}");
        assert_eq!(fault.reason, Reason::UnknownTopic, "{topic}");
        assert!(fault.detail.contains("kv/1/f/"), "{}", fault.detail);
    }
    for (payload, detail) in [
        ("", "empty payload"),
        (r#"{"state":"vacant"}"#, "`at`"),
        (r#"{"at":"noon","state":"vacant"}"#, "at: 'noon' is not an RFC 3339 time"),
        (
            r#"{"at":"2026-11-22T12:00:00Z","state":"free"}"#,
            "state: 'free' is not one of: unknown, vacant, occupied",
        ),
        (
            r#"{"at":"2026-11-22T12:00:00Z","state":"vacant","battery_v":1e300}"#,
            "battery_v: the number is too large",
        ),
        (r#"{"at":"2026-11-22T12:00:00","state":"vacant"}"#, "RFC 3339"),
    ] {
        let fault = refused("kv/1/f/bay/17", payload);
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(fault.detail.contains(detail), "{payload}: {}", fault.detail);
    }
    let half = refused("kv/1/f/vehicle/v", r#"{"at":"2026-11-22T12:00:00Z","lat":51.94}"#);
    assert!(half.detail.contains("together"));
    let swapped = refused("kv/1/f/vehicle/v", r#"{"at":"2026-11-22T12:00:00Z","lat":151.9,"lon":7}"#);
    assert_eq!(swapped.reason, Reason::Implausible);
    let long = format!(r#"{{{AT},"state":"{}"}}"#, "é".repeat(5_000));
    assert!(refused("kv/1/f/bay/17", &long).detail.len() <= crate::decode::MAX_DETAIL_BYTES);
}
