//! Bad questions: what is wrong, where, and what would be right.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::fixture::{County, read};

#[tokio::test]
async fn bad_parameters_are_400_and_name_field_and_remedy() {
    let county = County::new();
    for (path, field) in [
        ("/v1/parking", "near"),
        ("/v1/parking?near=51.953", "near"),
        ("/v1/parking?near=51,953,7,991", "near"),
        ("/v1/parking?near=NaN,7.9", "near"),
        ("/v1/parking?near=51.953,7.991&radius=5", "radius"),
        ("/v1/parking?near=51.953,7.991&radius_m=far", "radius_m"),
        ("/v1/parking?near=51.953,7.991&limit=0", "limit"),
        ("/v1/parking?near=51.953,7.991&arrive=tomorrow", "arrive"),
        ("/v1/parking?near=51.953,7.991&for=dragons", "for"),
        ("/v1/parking?near=51.953,7.991&kind=vehicle", "kind"),
        ("/v1/parking?near=51.953,7.991&include=all", "include"),
        ("/v1/bays?bbox=8,52,7,51", "bbox"),
        ("/v1/bays?municipality=atlantis", "municipality"),
        ("/v1/bays?municipality=", "municipality"),
        ("/v1/bays?municipality=%0a", "municipality"),
        ("/v1/sites?municipality=%20", "municipality"),
        ("/v1/parking?near=51.953,7.991&for=", "for"),
        ("/v1/bays?cursor=!!", "cursor"),
        ("/open/parkapi/v3/parking-sites?source_uid=", "source_uid"),
        ("/open/parkapi/v3/parking-spots?start=TRUE", "start"),
        ("/open/parkapi/v3/parking-spots?start=%09", "start"),
        ("/v1/sites?format=xml", "format"),
        ("/v1/sites/t-station?verbose=1", "verbose"),
        ("/v1/changes?site=t-nowhere", "site"),
        ("/v1/changes?kind=tram", "kind"),
        ("/v1/vehicles?limit=-1", "limit"),
    ] {
        let answer = county.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(problem["field"], field, "{path}");
        assert!(problem["remedy"].is_string(), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_swapped_point_is_refused_with_the_bounds() {
    let county = County::new();
    let answer = county.get("/v1/parking?near=7.991,51.953").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    insta::assert_json_snapshot!(answer.json());
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let county = County::new();
    let missing = county.get("/v1/nothing").await;
    assert_eq!(
        (missing.status, &missing.json()["type"]),
        (StatusCode::NOT_FOUND, &json!("/problems/not-found"))
    );
    let request = Request::delete("/v1/sites").body(Body::empty()).unwrap();
    let answer = read(county.send(request).await).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.json()["type"], "/problems/method-not-allowed");
}
