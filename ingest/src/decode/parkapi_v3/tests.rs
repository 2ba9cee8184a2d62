//! The examples of ParkAPI's own tests (ParkenDD/park-api-v3, `tests/request_input/admin_rest_api`, MIT), shortened to what a
//! field means, and what clients may get wrong.

use super::*;

const SITE: &str = r#"{"uid": "12717250", "lat": "54.03005", "lon": "5.12696", "name": "Parkhaus Hofdiener",
    "operator_name": "PBW", "address": "Schellingstraße", "opening_hours": "24/7", "capacity": 158,
    "has_realtime_data": true, "type": "ON_STREET", "realtime_opening_status": "OPEN", "realtime_capacity": 158,
    "realtime_free_capacity": 15, "static_data_updated_at": "2023-12-12T13:27:54+01:00",
    "realtime_data_updated_at": "2025-06-24T13:54:45+02:00", "restrictions": [{"max_stay": "PT2H"},
    {"type": "DISABLED", "max_stay": "PT12H", "capacity": 11, "realtime_capacity": 10, "realtime_free_capacity": 2}]}"#;

const SPOT: &str = r#"{"uid": "demo-parking-spot", "lat": "49.48538098889669", "lon": "8.462879182254758",
    "purpose": "CAR", "type": "ON_STREET", "name": "A1 4", "has_realtime_data": true, "realtime_status": "TAKEN",
    "static_data_updated_at": "2025-05-20T13:55:33+02:00", "realtime_data_updated_at": "2025-05-20T13:55:33+02:00"}"#;

fn at(text: &str) -> Option<UtcMicros> {
    Some(UtcMicros::parse(text).unwrap())
}

fn count_of(statement: &Statement) -> (CountValue, Option<Audience>, Option<SiteStatus>, Option<i32>) {
    let Content::Count { value, audience, status, capacity, .. } = statement.content else {
        panic!("{statement:?}")
    };
    (value, audience, status, capacity)
}

fn reasons(text: &str) -> Vec<(Reason, String)> {
    let described = decode(text).faults.described().to_vec();
    described.into_iter().map(|fault| (fault.reason, fault.detail.to_string())).collect()
}

#[test]
fn a_site_is_its_count_its_status_and_its_audiences() {
    let decoded = decode(SITE);
    assert!(decoded.faults.is_empty());
    let [whole, disabled] = &decoded.statements[..] else { panic!("{decoded:?}") };
    assert_eq!(whole.subject, Subject::Site("12717250".into()));
    assert_eq!((whole.at, disabled.at), (at("2025-06-24T11:54:45Z"), at("2025-06-24T11:54:45Z")));
    assert_eq!(count_of(whole), (CountValue::Vacant(15), None, Some(SiteStatus::Open), Some(158)));
    assert_eq!(count_of(disabled), (CountValue::Vacant(2), Some(Audience::Disabled), None, Some(10)));
    let ignored = ["address", "capacity", "has_realtime_data", "lat", "lon", "name", "opening_hours"];
    assert_eq!(decoded.ignored_fields[..7], ignored);
}

#[test]
fn audiences_may_stand_in_fields_of_their_own_and_numbers_as_texts() {
    let text = r#"{"original_uid": 7, "realtime_free_capacity": "0", "realtime_free_capacity_woman": "4",
        "realtime_capacity_woman": 6, "realtime_free_capacity_bus": 1, "realtime_data_updated_at": "2025-06-24T11:54:45"}"#;
    let decoded = decode(text);
    let [whole, women] = &decoded.statements[..] else { panic!("{decoded:?}") };
    assert_eq!((&whole.subject, whole.at), (&Subject::Site("7".into()), at("2025-06-24T11:54:45Z")));
    assert_eq!(count_of(whole), (CountValue::Vacant(0), None, None, None));
    assert_eq!(count_of(women), (CountValue::Vacant(4), Some(Audience::Women), None, Some(6)));
    assert_eq!(whole.dropped[0].field, "realtime_free_capacity_bus");
}

#[test]
fn a_spot_is_a_bay() {
    for (word, state) in
        [("TAKEN", BayState::Occupied), ("AVAILABLE", BayState::Vacant), ("UNKNOWN", BayState::Unknown)]
    {
        let decoded = decode(&SPOT.replace("TAKEN", word));
        let [spot] = &decoded.statements[..] else { panic!("{decoded:?}") };
        assert_eq!(spot.subject, Subject::Bay("demo-parking-spot".into()));
        assert!(matches!(spot.content, Content::Bay { state: s, .. } if s == state), "{spot:?}");
    }
}

#[test]
fn each_element_of_a_list_stands_alone() {
    let nameless = SITE.replace("\"uid\"", "\"uidx\"");
    for text in
        [format!(r#"{{"items": [{SITE}, {nameless}, {SPOT}]}}"#), format!("[{SITE}, {nameless}, {SPOT}]")]
    {
        let decoded = decode(&text);
        assert_eq!(decoded.statements.len(), 3, "{text}");
        let [fault] = decoded.faults.described() else { panic!("{decoded:?}") };
        assert!(
            fault.is_element && fault.detail.to_string().starts_with("element 2: uid: it is missing"),
            "{fault:?}"
        );
    }
}

#[test]
fn what_only_describes_a_place_says_nothing() {
    let of_place = r#"{"uid": "a", "name": "Bülow Carre", "lat": 54.03151, "capacity": 108, "has_realtime_data": false,
        "realtime_opening_status": "UNKNOWN", "realtime_free_capacity": null, "static_data_updated_at": "2025-06-18T13:43:51+02:00"}"#;
    let decoded = decode(of_place);
    assert!(decoded.statements.is_empty() && decoded.faults.is_empty(), "{decoded:?}");
    assert!(decoded.ignored_fields.contains(&"capacity"));
}

#[test]
fn faults_name_the_field_the_value_and_what_would_be_right() {
    let uid = r#""uid":"a""#;
    let when = r#""realtime_data_updated_at":"2025-06-24T11:54:45Z""#;
    for (text, detail) in [
        (format!(r#"{{{uid},"realtime_free_capacity":3}}"#), "realtime_data_updated_at: it is missing"),
        (
            format!(r#"{{{uid},{when},"realtime_free_capacity":"many"}}"#),
            "realtime_free_capacity: \"many\" is not",
        ),
        (format!(r#"{{{uid},{when},"realtime_status":"FREE"}}"#), "one of: AVAILABLE, TAKEN, UNKNOWN"),
        (format!(r#"{{{uid},{when},"realtime_status":"TAKEN","realtime_capacity":3}}"#), "one is a spot's"),
        (r#"{"items": 5}"#.to_owned(), "items: 5 is not a list"),
        ("no".to_owned(), "payload"),
    ] {
        let [(reason, found)] = &reasons(&text)[..] else { panic!("{text}") };
        assert!(*reason == Reason::Malformed && found.contains(detail), "{text}: {found}");
    }
    let negative = format!(r#"{{{uid},{when},"realtime_free_capacity":-1}}"#);
    assert_eq!(reasons(&negative)[0].0, Reason::Implausible);
}
