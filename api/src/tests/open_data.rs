//! Open data: the shapes that others read, compared with what they publish.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fixture::County;

/// A city, with the fields of OpenTripPlanner's sample of ParkAPI v1 and values of our own.
fn published_v1() -> Value {
    json!({
        "data_source": "https://parken.example.org", "last_downloaded": "2026-11-23T12:00:00",
        "last_updated": "2026-11-23T11:58:00",
        "lots": [{
            "id": "1", "name": "Am Tor", "address": "Torweg 1", "url": "https://parken.example.org/1",
            "lot_type": "Parkplatz", "coords": {"lat": 51.9, "lng": 7.9}, "state": "open", "forecast": false, "total": 40,
            "free": 7, "id:disabled": "1-d", "total:disabled": 2, "free:disabled": 1, "opening_hours": "24/7",
            "fee_hours": "Mo-Fr 08:00-18:00", "notes": {"de": "An Markttagen gesperrt"},
        }],
    })
}

/// The same of the sites of ParkAPI v3, whose samples of requests have positions as text, and answers as numbers.
fn published_v3_site() -> Value {
    json!({
        "uid": "1", "name": "Am Tor", "operator_name": "Stadt", "address": "Torweg 1", "lat": 51.9, "lon": 7.9,
        "type": "OFF_STREET_PARKING_GROUND", "capacity": 40, "opening_hours": "24/7", "has_realtime_data": true,
        "realtime_opening_status": "OPEN", "realtime_capacity": 40, "realtime_free_capacity": 7,
        "realtime_data_updated_at": "2026-11-23T12:00:00Z", "static_data_updated_at": "2026-11-01T00:00:00Z",
    })
}

/// The same of its spots.
fn published_v3_spot() -> Value {
    json!({
        "uid": "1", "name": "Torweg", "address": "Torweg 1", "lat": 51.9, "lon": 7.9, "purpose": "CAR", "type": "ON_STREET",
        "restricted_to": [{"type": "DISABLED"}], "has_realtime_data": true, "realtime_status": "AVAILABLE",
        "realtime_data_updated_at": "2026-11-23T12:00:00Z", "static_data_updated_at": "2026-11-01T00:00:00Z",
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Of each field the kinds of value it has in some objects.
fn shape<'a>(objects: impl IntoIterator<Item = &'a Value>) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut shape: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for object in objects {
        for (name, value) in object.as_object().expect("an object") {
            shape.entry(name.clone()).or_default().insert(kind(value));
        }
    }
    shape
}

/// Every field of ours that the sample has too is of a kind that it has there.
fn assert_same_kinds(ours: &[Value], theirs: &[Value], at_least: &[&str]) {
    let (ours, theirs) = (shape(ours), shape(theirs));
    for (name, kinds) in &ours {
        assert!(!kinds.contains("null"), "{name} is null; it must be absent");
        if let Some(theirs) = theirs.get(name) {
            assert!(kinds.is_subset(theirs), "{name}: {kinds:?}, published as {theirs:?}");
        }
    }
    for name in at_least {
        assert!(ours.contains_key(*name) && theirs.contains_key(*name), "{name}");
    }
}

fn items(value: &Value, name: &str) -> Vec<Value> {
    value[name].as_array().expect("a list").clone()
}

#[tokio::test]
async fn parkapi_v1_has_the_names_and_kinds_that_opentripplanner_reads() {
    let county = County::new();
    let city = county.get("/open/parkapi/v1/warendorf").await.json();
    insta::assert_json_snapshot!("parkapi_v1", city);
    let published = published_v1();
    assert_same_kinds(
        std::slice::from_ref(&city),
        std::slice::from_ref(&published),
        &["data_source", "last_updated", "last_downloaded", "lots"],
    );
    let at_least = [
        "id",
        "name",
        "lot_type",
        "address",
        "coords",
        "state",
        "forecast",
        "total",
        "free",
        "total:disabled",
        "notes",
        "opening_hours",
    ];
    assert_same_kinds(&items(&city, "lots"), &items(&published, "lots"), &at_least);
    let coords = |v: &Value| items(v, "lots").iter().map(|l| l["coords"].clone()).collect::<Vec<_>>();
    assert_same_kinds(&coords(&city), &coords(&published), &["lat", "lng"]);
}

#[tokio::test]
async fn parkapi_v1_knows_its_cities_only() {
    let county = County::new();
    let index = county.get("/open/parkapi/v1").await.json();
    assert_eq!(index["cities"]["Telgte"], "telgte");
    assert_eq!(county.get("/open/parkapi/v1/atlantis").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn parkapi_v3_sites_are_like_the_published_ones() {
    let county = County::new();
    let sites = county.get("/open/parkapi/v3/parking-sites").await.json();
    insta::assert_json_snapshot!("parkapi_v3_sites", sites);
    let at_least = [
        "uid",
        "name",
        "type",
        "lat",
        "lon",
        "capacity",
        "opening_hours",
        "has_realtime_data",
        "realtime_opening_status",
        "realtime_capacity",
        "realtime_free_capacity",
        "realtime_data_updated_at",
        "static_data_updated_at",
    ];
    assert_same_kinds(&items(&sites, "items"), &[published_v3_site()], &at_least);
}

#[tokio::test]
async fn parkapi_v3_spots_are_like_the_published_ones_and_public() {
    let county = County::new();
    let spots = county.get("/open/parkapi/v3/parking-spots?source_uid=warendorf").await.json();
    insta::assert_json_snapshot!("parkapi_v3_spots", spots);
    let ids: Vec<&str> =
        spots["items"].as_array().unwrap().iter().map(|s| s["uid"].as_str().unwrap()).collect();
    assert_eq!(ids, ["w-kerb-5", "w-kerb-6", "w-m-1", "w-m-2", "w-m-4"]);
    let published = published_v3_spot();
    let at_least = [
        "uid",
        "lat",
        "lon",
        "purpose",
        "type",
        "name",
        "restricted_to",
        "has_realtime_data",
        "realtime_status",
        "static_data_updated_at",
        "realtime_data_updated_at",
    ];
    assert_same_kinds(&items(&spots, "items"), std::slice::from_ref(&published), &at_least);
    let restricted = |v: &Value| items(v, "restricted_to");
    let of_ours = spots["items"].as_array().unwrap().iter().flat_map(restricted).collect::<Vec<_>>();
    assert_same_kinds(&of_ours, &restricted(&published), &["type"]);
}

#[tokio::test]
async fn parkapi_v3_pages_by_the_next_path() {
    let county = County::new();
    let (mut next, mut seen) = (Some("/open/parkapi/v3/parking-spots?limit=4".to_owned()), Vec::new());
    while let Some(path) = next {
        let page = county.get(&path).await.json();
        assert_eq!(page["total_count"], 6);
        seen.extend(items(&page, "items").into_iter().map(|s| s["uid"].as_str().unwrap().to_owned()));
        next = page["next_path"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["t-1", "w-kerb-5", "w-kerb-6", "w-m-1", "w-m-2", "w-m-4"]);
}
