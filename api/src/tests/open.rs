//! What everyone may ask: names and shapes of the answers.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fixture::{County, NOW, STALE_AFTER_S};

fn ids(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn parking_lists_vacant_places_by_the_walk() {
    let county = County::new();
    let answer = county.get("/v1/parking?near=51.953,7.991").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    insta::assert_json_snapshot!(answer.json());
}

#[tokio::test]
async fn parking_for_an_audience_adds_its_spaces() {
    let county = County::new();
    let without = county.get("/v1/parking?near=51.953,7.991&kind=bay").await.json();
    assert_eq!(ids(&without), ["w-kerb-5", "w-m-1"]);
    assert_eq!(
        without["left_out"],
        json!({"full": 1, "stale": 1, "closed": 0, "restricted": 1, "no_live_data": 0})
    );
    let disabled = county.get("/v1/parking?near=51.953,7.991&kind=bay&for=disabled,resident").await.json();
    assert_eq!(ids(&disabled), ["w-kerb-5", "w-m-1", "w-m-4"]);
}

#[tokio::test]
async fn parking_includes_what_is_asked_for_and_looks_at_the_arrival() {
    let county = County::new();
    let all = county.get("/v1/parking?near=51.953,7.991&include=full,stale,static").await.json();
    assert_eq!(ids(&all), ["w-kerb-5", "w-garage", "w-market", "w-full", "w-kerb-6", "w-silent"]);
    assert_eq!(
        all["left_out"],
        json!({"full": 0, "stale": 0, "closed": 1, "restricted": 0, "no_live_data": 0})
    );
    let stale = &all["items"][4];
    assert_eq!(
        (&stale["vacant"], &stale["state"], &stale["stale"]),
        (&json!(null), &json!("unknown"), &json!(true))
    );
    let at_night = county.get("/v1/parking?near=51.953,7.991&arrive=2026-11-23T22:30:00Z").await.json();
    assert_eq!(ids(&at_night), ["w-kerb-5", "w-market", "w-night"]);
    assert_eq!(at_night["items"][2]["opening"]["until"], "2026-11-24T05:00:00Z");
}

#[tokio::test]
async fn parking_keeps_to_limit_and_radius() {
    let county = County::new();
    assert_eq!(ids(&county.get("/v1/parking?near=51.953,7.991&limit=1").await.json()), ["w-kerb-5"]);
    assert_eq!(ids(&county.get("/v1/parking?near=51.953,7.991&radius_m=50").await.json()), ["w-kerb-5"]);
}

#[tokio::test]
async fn bays_and_sites_are_listed_with_every_field() {
    let county = County::new();
    insta::assert_json_snapshot!("bays", county.get("/v1/bays?municipality=warendorf&limit=2").await.json());
    insta::assert_json_snapshot!("sites", county.get("/v1/sites?municipality=warendorf").await.json());
    insta::assert_json_snapshot!("vehicles", county.get("/v1/vehicles").await.json());
}

#[tokio::test]
async fn lists_page_by_a_cursor() {
    let county = County::new();
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = county.get(&format!("/v1/bays?limit=2{next}")).await.json();
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["cursor"].as_str() {
            None => break,
            Some(cursor) => next = format!("&cursor={cursor}"),
        }
    }
    assert_eq!(seen, ["t-1", "w-kerb-5", "w-kerb-6", "w-m-1", "w-m-2", "w-m-4"]);
    let around = county.get("/v1/bays?bbox=7.98,51.952,8.0,51.954&limit=5000").await.json();
    assert_eq!(ids(&around), ["w-kerb-5", "w-kerb-6", "w-m-1", "w-m-2", "w-m-4"].map(|s| s).to_vec()[..2]);
}

#[tokio::test]
async fn a_feature_collection_comes_by_format_or_accept() {
    let county = County::new();
    let by_format = county.get("/v1/sites?municipality=telgte&format=geojson").await;
    assert_eq!(by_format.header("content-type"), "application/geo+json");
    let by_accept = county
        .get_with("/v1/sites?municipality=telgte", &[("accept", "application/geo+json, */*;q=0.1")])
        .await;
    assert_eq!(by_format.json(), by_accept.json());
    let feature = &by_format.json()["features"][0];
    assert_eq!(feature["geometry"]["coordinates"], json!([7.785, 51.982]));
    assert_eq!(feature["properties"]["vacant"], 40);
}

#[tokio::test]
async fn one_place_is_found_by_its_id() {
    let county = County::new();
    let bay = county.get("/v1/bays/w-kerb-6").await.json();
    assert_eq!(
        (&bay["state"], &bay["last_state"], &bay["stale"]),
        (&json!("unknown"), &json!("vacant"), &json!(true))
    );
    assert_eq!(county.get("/v1/sites/t-station").await.json()["vacant"], 40);
    assert_eq!(county.get("/v1/sites/t-nowhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let county = County::new();
    let first = county.get("/v1/sites").await;
    let tag = first.header("etag").to_owned();
    let again = county.get_with("/v1/sites", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    county.at(NOW.plus_s(STALE_AFTER_S));
    assert_eq!(county.get_with("/v1/sites", &[("if-none-match", &tag)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn answers_are_compressed_and_open_to_other_pages() {
    let county = County::new();
    let request = axum::http::Request::get("/v1/sites")
        .header("accept-encoding", "gzip")
        .header("origin", "https://example.org")
        .body(axum::body::Body::empty());
    let response = county.send(request.unwrap()).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
}
