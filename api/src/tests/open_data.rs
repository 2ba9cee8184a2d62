//! Open data: the shapes that others read, compared with what they publish themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::Value;

use super::fixture::County;

/// A published sample; `None`, with a SKIPPED line, where the samples are not at hand.
fn sample(name: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/formats").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("a sample is JSON")),
        Err(error) => {
            eprintln!("SKIPPED: no published sample at {}: {error}", path.display());
            None
        }
    }
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
    let Some(published) = sample("otp/parkapi_v1_herrenberg.json") else { return };
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
    let Some(published) = sample("parkapi_v3_out/admin_parking-site-list.json") else { return };
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
    assert_same_kinds(&items(&sites, "items"), &items(&published, "items"), &at_least);
}

#[tokio::test]
async fn parkapi_v3_spots_are_like_the_published_ones_and_public() {
    let county = County::new();
    let spots = county.get("/open/parkapi/v3/parking-spots?source_uid=warendorf").await.json();
    insta::assert_json_snapshot!("parkapi_v3_spots", spots);
    let ids: Vec<&str> =
        spots["items"].as_array().unwrap().iter().map(|s| s["uid"].as_str().unwrap()).collect();
    assert_eq!(ids, ["w-kerb-5", "w-kerb-6", "w-m-1", "w-m-2", "w-m-4"]);
    let Some(mut published) = sample("parkapi_v3_out/admin_parking-spot.json") else { return };
    // Numbers are sent in as text, and given out as numbers.
    for name in ["lat", "lon"] {
        published[name] = published[name].as_str().unwrap().parse::<f64>().unwrap().into();
    }
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
