use domain::observation::{DoorCount, VehicleFix};
use domain::{Reason, UtcMicros};

use super::decode;
use crate::decode::samples::shared;
use crate::decode::{Content, Fault, Statement, Subject};

const VP: &str =
    "/hfp/v2/journey/ongoing/vp/bus/0018/01029/5520/1/Martinlaakso/17:35/4150208/5/60;24/28/65/93";
const APC: &str = "/hfp/v2/journey/ongoing/apc/bus/0018/01029";

fn content(topic: &str, payload: &str) -> Statement {
    let mut decoded = decode(topic, payload);
    assert_eq!(decoded.faults.described(), [], "{topic} {payload}");
    assert_eq!(decoded.statements.len(), 1);
    decoded.statements.remove(0)
}

fn refused(topic: &str, payload: &str) -> Fault {
    let decoded = decode(topic, payload);
    assert_eq!(decoded.statements, []);
    decoded.faults.described()[0].clone()
}

fn fix(statement: Statement) -> VehicleFix {
    match statement.content {
        Content::Fix(fix) => *fix,
        other => panic!("{other:?}"),
    }
}

/// Doors and load of a count.
fn passengers(statement: &Statement) -> (Vec<(String, i32, i32)>, Option<i32>) {
    match &statement.content {
        Content::Passengers { doors, on_board, .. } => {
            (doors.iter().map(|d| (d.door.clone(), d.entries, d.exits)).collect(), *on_board)
        }
        other => panic!("{other:?}"),
    }
}

/// Lines of `time topic payload`.
fn recorded(path: &str) -> Vec<(String, String)> {
    let text = String::from_utf8(shared(path).unwrap_or_default()).unwrap();
    let line = |line: &str| {
        let mut parts = line.splitn(3, ' ').skip(1).map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap())
    };
    text.lines().filter(|l| !l.is_empty()).map(line).collect()
}

#[test]
fn a_position_says_where_when_and_how_late() {
    let payload = r#"{"VP":{"desi":"520","dir":"2","oper":6,"veh":1029,"tst":"2024-02-13T16:32:59.931Z",
        "tsi":1707841979,"spd":12.5,"hdg":333,"lat":60.269247,"long":24.853777,"acc":0.5,"dl":-232,"odo":25030,
        "drst":0,"oday":"2024-02-13","jrn":632,"line":1110,"start":"17:35","loc":"GPS","stop":4150208,
        "route":"5520","occu":40}}"#;
    insta::assert_debug_snapshot!(content(VP, payload));
}

#[test]
fn without_a_satellite_the_trip_goes_on() {
    let statement = content(
        VP,
        r#"{"VP":{"dir":1,"tst":"2024-02-13T16:33:00.931Z","spd":null,"hdg":null,"lat":null,"long":null,
            "dl":-240,"oday":"2024-02-13","start":"17:35","stop":null,"route":"5520","occu":0}}"#,
    );
    assert_eq!(statement.subject, Subject::Vehicle("0018-01029".into()));
    let expected = VehicleFix {
        trip_id: Some("5520_0_20240213_17:35".into()),
        start_date: Some("20240213".into()),
        route_id: Some("5520".into()),
        delay_s: Some(240),
        occupancy_pct: Some(0.0),
        ..VehicleFix::default()
    };
    assert_eq!(fix(statement), expected);
}

#[test]
fn a_deadrun_has_no_trip() {
    let topic = "/hfp/v2/deadrun/upcoming/da/bus/18/1029/////";
    let statement =
        content(topic, r#"{"DA":{"tst":"2024-02-13T16:33:00Z","lat":60.1,"long":24.9,"route":""}}"#);
    assert_eq!(statement.subject, Subject::Vehicle("0018-01029".into()));
    let fix = fix(statement);
    assert!(fix.position.is_some() && fix.trip_id.is_none() && fix.route_id.is_none());
    assert_eq!((fix.delay_s, fix.occupancy_pct), (None, None));
}

#[test]
fn a_strange_day_or_direction_costs_the_trip_not_the_position() {
    for strange in [r#""dir":"3","oday":"2024-02-13""#, r#""dir":"1","oday":"13.2.2024""#] {
        let payload = format!(
            r#"{{"VP":{{"tst":"2024-02-13T16:33:00Z","lat":60.1,"long":24.9,"route":"5520","start":"17:35",{strange}}}}}"#
        );
        let fix = fix(content(VP, &payload));
        assert!(fix.position.is_some() && fix.trip_id.is_none(), "{strange}");
    }
}

#[test]
fn recorded_events_are_read() {
    let lines = [
        recorded("formats/hfp/hfp_dump_excerpt.txt"),
        recorded("data/realtime/hsl_hfp_2024-02-28_four_messages.txt"),
    ];
    for (topic, payload) in lines.iter().flatten() {
        let statement = content(topic, payload);
        let vehicle = if topic.contains("/0018/") { "0018-01029" } else { "0012-01825" };
        assert_eq!(statement.subject, Subject::Vehicle(vehicle.into()));
        assert!(statement.at.is_some());
        let fix = fix(statement);
        assert_eq!(fix.position.is_some(), !payload.contains(r#""lat":null"#), "{payload}");
        assert!(fix.delay_s.is_some_and(|d| d > 0) && fix.trip_id.is_some(), "{payload}");
    }
    if let Some(payload) = shared("formats/hfp/vp_docs_real.json") {
        let topic = "/hfp/v2/journey/ongoing/vp/bus/0012/01306/2550/1/x/11:57/1/0/60;24/18/82/35";
        let fix = fix(content(topic, std::str::from_utf8(&payload).unwrap()));
        assert_eq!((fix.speed_mps, fix.bearing_deg, fix.delay_s), (Some(12.29), Some(47.0), Some(2)));
    }
    if let Some(topics) = shared("formats/hfp/topic_docs_example.txt") {
        let topic = std::str::from_utf8(&topics).unwrap().lines().next().unwrap().to_owned();
        let statement = content(&topic, r#"{"VP":{"tst":"2024-02-13T16:33:00Z"}}"#);
        assert_eq!(statement.subject, Subject::Vehicle("0055-01216".into()));
    }
}

#[test]
fn counts_of_all_classes_are_summed_by_door() {
    let payload = r#"{"APC":{"tst":"2023-09-22T10:57:08.647Z","stop":"1234567","lat":24.9,"long":1e9,"vehiclecounts":{
        "countquality":"regular","vehicleload":-1,"extensions":"whatever the vendor writes","doorcounts":[
        {"door":"1","count":[{"class":"adult","in":3,"out":0}]},
        {"door":2,"count":[{"class":"adult","in":0,"out":2},{"class":"pram","in":1}]}]}}}"#;
    let statement = content(APC, payload);
    let doors = vec![("1".into(), 3, 0), ("2".into(), 1, 2)];
    assert_eq!(passengers(&statement), (doors, Some(-1)));
    assert!(!format!("{statement:?}").contains("vendor"));
    insta::assert_debug_snapshot!("passengers", statement);
}

#[test]
fn recorded_counts_are_read_in_both_spellings() {
    let partial = recorded("formats/apc/hsl_partial_apc_dump.txt");
    let Some(full) = shared("formats/apc/hsl_full_apc_expected.json") else { return };
    let full = std::str::from_utf8(&full).unwrap();
    let (topic, payload) = &partial[0];
    assert!(topic.contains("/apc-partial/"));
    let (partial, full) = (content(topic, payload), content(APC, full));
    assert_eq!((&partial.subject, partial.at), (&full.subject, full.at));
    assert_eq!(full.at, Some(UtcMicros::from_unix_s(1_707_842_100)));
    let doors = vec![("1".into(), 0, 0), ("2".into(), 0, 0), ("3".into(), 0, 8)];
    assert_eq!(passengers(&partial), (doors, Some(-1)));
    assert_eq!(passengers(&full), passengers(&partial));
    let Content::Passengers { stop_id, trip_id, .. } = full.content else { panic!("{full:?}") };
    assert_eq!((stop_id.as_deref(), trip_id.as_deref()), (Some("4170293"), Some("5520_0_20240213_17:35")));
}

#[test]
fn waltti_counts_are_read() {
    let (Some(plain), Some(hsl)) =
        (shared("formats/apc/waltti_example-message.json"), shared("formats/apc/waltti_hsl-example.json"))
    else {
        return;
    };
    let plain = content(APC, std::str::from_utf8(&plain).unwrap());
    assert_eq!(passengers(&plain), (vec![("1".into(), 3, 0), ("2".into(), 1, 2)], None));
    let hsl = content(APC, std::str::from_utf8(&hsl).unwrap());
    let Content::Passengers { stop_id, doors, on_board, source, .. } = hsl.content else { panic!("{hsl:?}") };
    assert_eq!(doors, [DoorCount { door: "door1".into(), entries: 2, exits: 3 }]);
    assert_eq!((stop_id.as_deref(), on_board, source), (Some("1234567"), Some(7), None));
}

#[test]
fn faults_say_what_is_wrong() {
    for topic in [
        "/hfp/v1/journey/ongoing/vp/bus/0018/01029",
        "/hfp/v2/journey/ongoing/xx/bus/0018/01029",
        "/hfp/v2/journey/ongoing/vp/bus/0018",
        "/hfp/v2/journey/ongoing/vp/bus/0018/bus-7",
        "/hfp/v2/journey/ongoing/vp/bus/00018/01029",
        "/hfp/v2/holiday/ongoing/vp/bus/0018/01029",
        "",
    ] {
        assert_eq!(refused(topic, "{}").reason, Reason::UnknownTopic, "{topic}");
    }
    for (payload, detail) in [
        ("{", "payload: the JSON breaks off"),
        ("[]", "payload: a list"),
        (r#"{"VP":[]}"#, "VP: a list"),
        (r#"{"VP":{"tst":"2024-02-13T16:33:00Z","spd":nan}}"#, "VP.spd: nan"),
        (r#"{"ARR":{"tst":"2024-02-13T16:33:00Z"}}"#, "VP: "),
        (r#"{"VP":{}}"#, "tst: it is missing"),
        (r#"{"VP":{"tst":"soon"}}"#, "tst: \"soon\""),
        (r#"{"VP":{"tst":"2024-02-13T16:33:00Z"}} {}"#, "payload: a second"),
    ] {
        let fault = refused(VP, payload);
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(fault.detail.to_string().starts_with(detail), "{payload}: {}", fault.detail);
    }
    let nowhere = refused(VP, r#"{"VP":{"tst":"2024-02-13T16:33:00Z","lat":95.0,"long":24.9}}"#);
    assert_eq!(nowhere.reason, Reason::Implausible);
    let empty = refused(APC, r#"{"APC":{"tst":"2024-02-13T16:33:00Z"}}"#);
    assert!(empty.detail.to_string().starts_with("vehiclecounts:"));
    let crowd = r#"{"APC":{"tst":"2024-02-13T16:33:00Z","vehiclecounts":{"doorcounts":[{"door":"1",
        "count":[{"in":9223372036854775807},{"in":9223372036854775807}]}]}}}"#;
    assert_eq!(refused(APC, crowd).reason, Reason::Implausible);
}

#[test]
fn a_field_of_a_wrong_type_costs_nothing_but_itself() {
    let fields = ["spd", "hdg", "dl", "occu", "oday", "stop", "route", "start", "dir", "lat", "acc"];
    for field in fields {
        for wrong in ["{}", "[[[[1]]]]", "true", r#""NaN""#] {
            let payload = format!(
                r#"{{"VP":{{"tst":"2024-02-13T16:33:00Z","lat":60.1,"long":24.9,"{field}":{wrong}}}}}"#
            );
            let payload = if field == "lat" { payload.replacen(r#""lat":60.1,"#, "", 1) } else { payload };
            assert!(content(VP, &payload).at.is_some(), "{payload}");
        }
    }
    let odd = content(
        VP,
        r#"{"VP":{"tst":"2024-02-13T16:33:00Z","lat":"60.1","long":24.9,"dl":-60.0,"occu":900,"spd":"x","stop":12.0}}"#,
    );
    let dropped: Vec<&str> = odd.dropped.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(dropped, ["spd", "occu"]);
    let fix = fix(odd);
    assert_eq!((fix.delay_s, fix.stop_id.as_deref(), fix.occupancy_pct), (Some(60), Some("12"), None));
    assert!(fix.position.is_some());
}

#[test]
fn the_vehicle_is_the_topics_whatever_the_message_says() {
    let topic = "/hfp/v2/journey/ongoing/vp/bus/0018/01029/1069/1/x/17:35/1362114/5/60;24/19/83/46";
    for veh in ["1029", "1030", "\"1030\"", "-1", "null", "[]"] {
        let text = format!(
            r#"{{"VP":{{"tst":"2026-11-22T12:00:00Z","oper":6,"veh":{veh},"lat":60.2,"long":24.8}}}}"#
        );
        let decoded = decode(topic, &text);
        assert_eq!((decoded.faults.count(), decoded.statements.len()), (0, 1), "{veh}");
        assert_eq!(decoded.statements[0].subject.place(), Some("0018-01029"), "{veh}");
    }
}
