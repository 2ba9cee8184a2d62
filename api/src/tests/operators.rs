//! Health, metrics, documentation.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use super::fixture::{Answer, County, read};
use crate::{openapi_json, ops_router, public_router};

#[tokio::test]
async fn not_ready_says_why() {
    let county = County::new();
    assert_eq!(county.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(county.get("/readyz").await.status, StatusCode::OK);
    county.hub.set_ready(false);
    let answer = county.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(check(&answer, "live_state")["reason"], "Live state is being rebuilt from the store.");
}

/// The condition of this name.
fn check(answer: &Answer, name: &str) -> serde_json::Value {
    let checks = answer.json()["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|c| c["name"] == name).unwrap()
}

#[tokio::test]
async fn a_task_that_has_ended_is_not_ready() {
    let mut county = County::new();
    assert_eq!(check(&county.get("/readyz").await, "tasks")["ok"], true);
    county.app.failed_task = tokio::sync::watch::channel(Some("the ingest")).1;
    let router = public_router(&county.app);
    let answer =
        read(router.oneshot(Request::get("/readyz").body(Body::empty()).unwrap()).await.unwrap()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(check(&answer, "tasks")["ok"], false);
}

/// Something that takes connections and never answers.
#[tokio::test]
async fn a_silent_database_is_not_ready_and_is_asked_once() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://kv@{}/kv", silent.local_addr().unwrap());
    let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(store::pool::options(&url).unwrap());
    let county = County::from_registry(Arc::default(), Some(pool));
    let asked_at = std::time::Instant::now();
    let answers = futures_util::future::join_all((0..50).map(|_| county.get("/readyz"))).await;
    // All within the one question's time.
    assert!(asked_at.elapsed() < std::time::Duration::from_millis(3_500), "{:?}", asked_at.elapsed());
    for answer in answers {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let check = check(&answer, "database");
        assert_eq!((check["name"].as_str(), check["ok"].as_bool()), (Some("database"), Some(false)));
        assert!(check["reason"].as_str().unwrap().starts_with("The database does not answer"));
    }
    let accepting = async {
        silent.accept().await.unwrap();
        silent.accept().await.unwrap();
    };
    let second = tokio::time::timeout(std::time::Duration::from_millis(100), accepting).await;
    assert!(second.is_err(), "it was asked more than once");
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let county = County::new();
    county.get("/v1/sites/t-station").await;
    let metrics = county.get("/metrics").await;
    let line = "kv_http_requests_total{route=\"/v1/sites/{id}\",status=\"200\"} 1";
    assert!(metrics.body.contains(line), "{}", metrics.body);
}

#[tokio::test]
async fn the_document_lists_every_route_and_the_page_shows_it() {
    let document = openapi_json().unwrap();
    let county = County::new();
    let page = county.get("/docs").await.body;
    for path in ["/v1/parking", "/v1/changes", "/v1/bays/{id}", "/v1/vehicles", "/readyz"] {
        assert!(document.contains(&format!("\"{path}\"")), "{path}");
        assert!(page.contains(path), "{path}");
    }
    assert!(page.contains("on_street, lot, car_park"), "closed lists are shown");
    insta::assert_snapshot!("openapi", document);
}

#[test]
fn operating_says_of_every_path_who_may_ask_and_every_list_of_days_is_whole() {
    let operating = include_str!("../../../docs/OPERATING.md");
    let (_, table) = operating.split_once("\n## Keys\n").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let document: serde_json::Value = serde_json::from_str(&openapi_json().unwrap()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_named = ["`", "`GET ", "`POST ", "`PUT "]
            .iter()
            .any(|before| table.contains(&format!("{before}{path}`")));
        assert!(is_named, "{path} is not in OPERATING's table of keys");
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        // Of a history it is how many.
        let kinds = parameters.filter(|p| p["name"] == "days" && p["schema"]["type"] != "number");
        for days in kinds {
            let listed: Vec<&str> = days["schema"]["items"]["enum"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|d| d.as_str())
                .collect();
            assert_eq!(listed.join(", "), domain::day_kind::DayKind::choices(), "{path}");
        }
    }
}

#[tokio::test]
async fn two_ports_part_the_public_from_operators() {
    let county = County::new();
    let get = async |router: axum::Router, path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        read(router.oneshot(request).await.unwrap()).await
    };
    let ask = async |router: axum::Router, path: &str| get(router, path).await.status;
    assert_eq!(ask(public_router(&county.app), "/metrics").await, StatusCode::NOT_FOUND);
    assert_eq!(ask(public_router(&county.app), "/readyz").await, StatusCode::OK);
    assert_eq!(ask(ops_router(&county.app), "/metrics").await, StatusCode::OK);
    assert_eq!(ask(ops_router(&county.app), "/v1/sites").await, StatusCode::NOT_FOUND);
    // What is on the other port is not pointed to.
    for path in ["/", "/sign/telgte", "/sign/atlantis", "/docs", "/nowhere", "/robots.txt", "/v1/sites/none"]
    {
        let answer = get(public_router(&county.app), path).await.body;
        assert!(!answer.contains("/docs") && !answer.contains("openapi.json"), "{path}: {answer}");
    }
    assert!(county.get("/").await.body.contains("href=\"/docs\""));
    assert!(county.get("/nowhere").await.body.contains("/docs lists"));
}
