use domain::observation::{CountValue, SiteStatus};
use domain::{Audience, BayState, Reason, UtcMicros};

use super::{decode, is_batch};
use crate::decode::{Content, Decoded, Fault, Statement, Subject};

const AT: &str = r#""at":"2026-11-22T12:00:00Z""#;

fn content(topic: &str, payload: &str) -> Statement {
    let mut decoded = decode("f", topic, payload);
    assert_eq!(decoded.faults.described(), [], "{topic} {payload}");
    decoded.statements.remove(0)
}

fn refused(topic: &str, payload: &str) -> Fault {
    let decoded = decode("f", topic, payload);
    assert_eq!(decoded.statements, [], "{topic} {payload}");
    decoded.faults.described()[0].clone()
}

fn count(fields: &str) -> Result<CountValue, Fault> {
    let payload = format!("{{{AT},{fields}}}");
    let mut decoded = decode("f", "kv/1/f/site/s", &payload);
    match decoded.statements.pop() {
        Some(Statement { content: Content::Count { value, .. }, .. }) => Ok(value),
        _ => Err(decoded.faults.described()[0].clone()),
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
        content("kv/1/f/bay/17", bay),
        content("kv/1/f/site/s", site),
        content("kv/1/f/vehicle/v", vehicle),
        content("kv/1/f/passengers/v", passengers),
    ]);
}

#[test]
fn null_is_the_same_as_absent() {
    let bay = content(
        "kv/1/f/bay/17",
        r#"{"at":"2026-11-22T12:00:00Z","state":"vacant","seq":null,"battery_v":null}"#,
    );
    let state = BayState::Vacant;
    assert_eq!(bay.content, Content::Bay { state, battery_v: None, rssi_dbm: None, temperature_c: None });
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
    assert!(count(r#""status":"full""#).unwrap_err().detail.to_string().contains("open, closed"));
    let payload = format!(r#"{{{AT},"vacant":3,"for":"charging","status":"open"}}"#);
    let Content::Count { audience, status, .. } = content("kv/1/f/site/s", &payload).content else {
        panic!()
    };
    assert_eq!((audience, status), (Some(Audience::Charging), Some(SiteStatus::Open)));
}

#[test]
fn each_element_of_a_batch_stands_alone() {
    let payload = r#"[{"topic":"bay/1","at":"2026-11-22T12:00:00Z","state":"vacant"},
        {"topic":"bay/2","at":"2026-11-22T12:00:00Z","state":"gone"}, 7,
        {"topic":"batch","at":"2026-11-22T12:00:00Z"},
        {"topic":"bay\/3","at":"2026-11-22T12:00:00Z","state":"occupied"}]"#;
    let decoded = decode("f", "kv/1/f/batch", payload);
    let bays: Vec<_> = decoded.statements.iter().map(|s| &s.subject).collect();
    assert_eq!(bays, [&Subject::Bay("1".into()), &Subject::Bay("3".into())]);
    let reasons: Vec<_> = decoded.faults.described().iter().map(|f| f.reason).collect();
    assert_eq!(reasons, [Reason::Malformed, Reason::Malformed, Reason::UnknownTopic]);
    assert!(decoded.faults.described().iter().all(|fault| fault.is_element));
    assert_eq!(decoded.faults.described()[0].device.as_deref(), Some("2"));
    assert!(
        decoded.faults.described()[1].detail.to_string().starts_with("element 3: "),
        "{}",
        decoded.faults.described()[1].detail
    );
    assert_eq!(decode("f", "kv/1/f/batch", "[]"), Decoded::default());
    assert!(is_batch("kv/1/f/batch") && !is_batch("kv/1/f/bay/1"));
}

#[test]
fn faults_name_field_value_and_remedy() {
    for topic in ["kv/1/g/bay/1", "kv/1/f/bay/", "kv/1/f/bay", "kv/1/f/lane/1", "kv/2/f/bay/1", ""] {
        let fault = refused(topic, "{}");
        assert_eq!(fault.reason, Reason::UnknownTopic, "{topic}");
        assert!(fault.detail.to_string().contains("kv/1/f/"), "{}", fault.detail);
    }
    for (payload, detail) in [
        (r#"{"state":"vacant"}"#, "at: it is missing; an RFC 3339 time such as"),
        (r#"{"at":"noon","state":"vacant"}"#, "at: \"noon\" is not an RFC 3339 time"),
        (
            r#"{"at":"2026-11-22T12:00:00Z","state":"free"}"#,
            "state: \"free\" is not one of: unknown, vacant, occupied",
        ),
        (r#"{"at":"2026-11-22T12:00:00Z","state":true}"#, "state: true is not one of"),
        (r#"{"at":"2026-11-22T12:00:00Z","state":"vacant","state":"occupied"}"#, "stands there twice"),
        (r#"{"at":"2026-11-22T12:00:00","state":"vacant"}"#, "RFC 3339"),
    ] {
        let fault = refused("kv/1/f/bay/17", payload);
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(fault.detail.to_string().contains(detail), "{payload}: {}", fault.detail);
    }
    for (at, remedy) in [
        ("1795435200", "Unix seconds: write the time out, \"2026-11-23T12:00:00Z\""),
        ("1795435200000", "Unix milliseconds"),
        ("\"1795435200\"", "Unix seconds"),
        ("\"2026-11-22T12:00:00\"", "add Z"),
        ("\"2026-11-22 12:00:00\"", "add Z"),
    ] {
        let fault = refused("kv/1/f/bay/17", &format!(r#"{{"at":{at},"state":"vacant"}}"#));
        assert!(fault.detail.to_string().starts_with("at: "), "{}", fault.detail);
        assert!(
            fault.remedy.is_some_and(|r| r.sentence(domain::Lang::En).contains(remedy)),
            "{at}: {:?}",
            fault.remedy
        );
        assert_eq!(fault.device.as_deref(), Some("17"));
    }
    let empty = refused("kv/1/f/site/s", &format!(r#"{{{AT},"occupied":""}}"#));
    assert_eq!(empty.detail.to_string(), "occupied: \"\" is not a whole number");
    assert!(empty.advice(domain::Lang::En).contains("null"));
    let half = refused("kv/1/f/vehicle/v", r#"{"at":"2026-11-22T12:00:00Z","lat":51.94}"#);
    assert!(half.detail.to_string().contains("together"));
    let swapped = refused("kv/1/f/vehicle/v", r#"{"at":"2026-11-22T12:00:00Z","lat":151.9,"lon":7}"#);
    assert_eq!(swapped.reason, Reason::Implausible);
    let long = format!(r#"{{{AT},"state":"{}"}}"#, "é".repeat(5_000));
    assert!(refused("kv/1/f/bay/17", &long).detail.to_string().len() <= domain::mistake::MAX_DETAIL_BYTES);
}

/// Optional fields, and what is wrong for each of them.
const OPTIONAL: [(&str, &str, &[&str]); 4] = [
    ("kv/1/f/bay/b", r#""state":"vacant""#, &["seq", "battery_v", "rssi_dbm", "temperature_c"]),
    ("kv/1/f/site/s", r#""occupied":3"#, &["seq", "status", "capacity", "source"]),
    (
        "kv/1/f/vehicle/v",
        r#""lat":51.9,"lon":7.2,"trip_id":"t""#,
        &["speed_mps", "bearing_deg", "start_date", "route_id", "stop_id", "delay_s", "occupancy_pct"],
    ),
    (
        "kv/1/f/passengers/v",
        r#""doors":[{"door":"1","in":1}]"#,
        &["seq", "stop_id", "trip_id", "on_board", "source"],
    ),
];

#[test]
fn an_optional_field_of_a_wrong_type_costs_nothing_but_itself() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for (topic, required, optional) in OPTIONAL {
        let without = content(topic, &format!("{{{AT},{required}}}")).content;
        for field in optional {
            for wrong in ["true", "{}", "[1]", r#""a\u0000b""#, "1e999", &deep] {
                let payload = format!(r#"{{{AT},{required},"{field}":{wrong}}}"#);
                let statement = content(topic, &payload);
                assert_eq!(statement.content, without, "{payload}");
                let dropped: Vec<&str> = statement.dropped.iter().map(|d| d.field.as_str()).collect();
                assert_eq!(dropped, [*field], "{payload}");
            }
            let nothing = content(topic, &format!(r#"{{{AT},{required},"{field}":null,"unused":{deep}}}"#));
            assert_eq!((nothing.content, nothing.dropped), (without.clone(), vec![]), "{field}");
        }
    }
}

#[test]
fn what_is_dropped_is_never_what_the_message_is_about() {
    for (topic, fields) in [
        ("kv/1/f/bay/b", r#""state":["vacant"]"#),
        ("kv/1/f/site/s", r#""occupied":"3""#),
        ("kv/1/f/site/s", r#""in":2,"out":"x""#),
        ("kv/1/f/site/s", r#""occupied":3.5"#),
        // Without it the count would be the whole site's.
        ("kv/1/f/site/s", r#""occupied":3,"for":"handicapped""#),
        ("kv/1/f/site/s", r#""status":"unknown""#),
        ("kv/1/f/site/s", r#""capacity":"x""#),
        ("kv/1/f/vehicle/v", r#""lat":"51.9","lon":7.2"#),
        ("kv/1/f/vehicle/v", r#""delay_s":"late""#),
        ("kv/1/f/passengers/v", r#""on_board":"17""#),
        ("kv/1/f/passengers/v", r#""doors":{"door":"1"}"#),
        ("kv/1/f/passengers/v", r#""doors":[{"door":"1","in":"3"}]"#),
    ] {
        let fault = refused(topic, &format!("{{{AT},{fields}}}"));
        assert_eq!(fault.reason, Reason::Malformed, "{fields}");
    }
}

#[test]
fn half_a_position_is_none_and_the_rest_of_the_message_holds() {
    let vehicle = content("kv/1/f/vehicle/v", &format!(r#"{{{AT},"lat":51.9,"lon":null,"delay_s":60}}"#));
    let Content::Fix(fix) = vehicle.content else { panic!() };
    assert_eq!((fix.position, fix.delay_s, vehicle.dropped[0].field.as_str()), (None, Some(60), "lat"));
}

#[test]
fn whole_numbers_and_ids_are_read_as_suppliers_write_them() {
    assert_eq!(count(r#""vacant":39.0"#), Ok(CountValue::Vacant(39)));
    assert_eq!(count(r#""in":2.0,"out":1e0"#), Ok(CountValue::Flow { entries: 2, exits: 1 }));
    let bay =
        content("kv/1/f/bay/17", r#"{"at":"2026-11-22T12:00:00.123456789012Z","state":"vacant","seq":17.0}"#);
    assert_eq!((bay.seq, bay.at), (Some(17), UtcMicros::parse("2026-11-22T12:00:00.123456Z").ok()));
    let large =
        content("kv/1/f/bay/17", &format!(r#"{{{AT},"state":"vacant","seq":18446744073709551615}}"#)).seq;
    assert_eq!(large, None);
    let vehicle = content(
        "kv/1/f/vehicle/v",
        &format!(r#"{{{AT},"delay_s":-60.0,"stop_id":1234,"trip_id":"","start_date":"2026-11-22"}}"#),
    );
    let Content::Fix(fix) = vehicle.content else { panic!() };
    assert_eq!((fix.delay_s, fix.stop_id.as_deref(), fix.trip_id), (Some(-60), Some("1234"), None));
    assert_eq!((fix.start_date.as_deref(), vehicle.dropped), (Some("20261122"), vec![]));
    for day in ["00000101", "20261301", "tomorrow", "99999999"] {
        let vehicle = content("kv/1/f/vehicle/v", &format!(r#"{{{AT},"delay_s":1,"start_date":"{day}"}}"#));
        assert_eq!(vehicle.dropped.len(), 1, "{day}");
    }
}
