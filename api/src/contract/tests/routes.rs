//! The routes answer as their document says.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

use super::operations;
use crate::router::document;
use crate::tests::fixture::{Answer, County, contents, read};
use crate::tests::keys::Instance;

/// The parameters that a route's document names in the query.
fn documented(operation: &Value) -> BTreeSet<&str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.filter(|p| p["in"] == "query").filter_map(|p| p["name"].as_str()).collect()
}

/// A path with `id` for each of its parameters.
fn filled(path: &str, id: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

async fn ask(county: &County, method: &str, path: &str, key: Option<&str>) -> Answer {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    read(county.send(request.body(Body::empty()).unwrap()).await).await
}

/// Each route is asked what its document says of it: an unknown parameter is refused with the list of the known ones,
/// an unknown method with those that are known, whoever has no key with 401.
#[tokio::test]
async fn every_route_answers_as_its_document_says() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (key, _) = instance.key("admin", &[], 7, None).await;
    let document = document();
    let mut all = Vec::new();
    operations(&document, |path, method, operation| {
        all.push((path.to_owned(), method.to_uppercase(), operation.clone()));
    });
    for (path, method, operation) in &all {
        let declared = |answer: &Answer| {
            let response = &operation["responses"][answer.status.as_str()];
            assert!(response.is_object(), "{method} {path}: {} is not declared", answer.status);
            let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
            assert!(
                response["content"][kind.as_str()].is_object(),
                "{method} {path}: {} as {kind}",
                answer.status
            );
            for (name, _) in response["headers"].as_object().into_iter().flatten() {
                assert!(!answer.header(name).is_empty(), "{method} {path}: {} without {name}", answer.status);
            }
        };
        let address = filled(path, "nothing");
        if path.starts_with("/v1") || path.starts_with("/open") {
            let answer = ask(&instance.county, method, &format!("{address}?quux=1"), Some(&key)).await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.body);
            declared(&answer);
            let remedy = answer.json()["remedy"].as_str().unwrap_or_default().to_owned();
            let known = remedy.split("Known are: ").nth(1).unwrap_or_default().trim_end_matches('.');
            let known: BTreeSet<&str> = known.split(", ").filter(|name| !name.is_empty()).collect();
            assert_eq!(known, documented(operation), "{path}: its parameters, and those of the document");
        }
        let other = if method == "PATCH" { "PUT" } else { "PATCH" };
        let answer = ask(&instance.county, other, &address, Some(&key)).await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed: BTreeSet<&str> =
            answer.header("allow").split(',').map(str::trim).filter(|m| *m != "HEAD").collect();
        let methods = all.iter().filter(|(other, ..)| other == path).map(|(_, method, _)| method.as_str());
        assert_eq!(allowed, methods.collect(), "{path}");
        declared(&answer);
        let security = operation["security"].as_array();
        let is_closed = security.is_some_and(|all| !all.iter().any(|one| one == &serde_json::json!({})));
        if security.is_some() {
            let answer = ask(&instance.county, method, &address, Some("nonsense")).await;
            assert_eq!(answer.status, 401, "{path}");
            declared(&answer);
        }
        if is_closed {
            assert_eq!(ask(&instance.county, method, &address, None).await.status, 401, "{path}");
        }
        if path.contains('{') {
            for id in ["nothing", "%FF%FE", "a%00b"] {
                let answer = ask(&instance.county, method, &filled(path, id), Some(&key)).await;
                declared(&answer);
                assert!(
                    !answer.status.is_server_error()
                        || path.starts_with("/v1/stops")
                        || path.starts_with("/v1/trips"),
                    "{path}: {}",
                    answer.body
                );
            }
        }
    }
}

/// Whatever has an `ETag` understands `If-None-Match`, and the document says so.
#[tokio::test]
async fn answers_with_a_name_may_be_unchanged() {
    let county = County::new();
    let document = document();
    for (path, address) in [
        ("/v1/sites", "/v1/sites"),
        ("/v1/sites/{id}", "/v1/sites/t-station"),
        ("/v1/bays", "/v1/bays"),
        ("/v1/bays/{id}", "/v1/bays/w-kerb-6"),
        ("/v1/vehicles", "/v1/vehicles"),
        ("/v1/feeds", "/v1/feeds"),
        ("/v1/parking", "/v1/parking?near=51.953,7.991"),
        ("/open/parkapi/v1", "/open/parkapi/v1"),
        ("/open/parkapi/v1/{municipality}", "/open/parkapi/v1/telgte"),
        ("/open/parkapi/v3/parking-sites", "/open/parkapi/v3/parking-sites"),
        ("/open/parkapi/v3/parking-spots", "/open/parkapi/v3/parking-spots"),
    ] {
        let answer = county.get(address).await;
        assert_eq!(answer.status, 200, "{address}");
        let operation = &document["paths"][path]["get"];
        let has_name = !answer.header("etag").is_empty();
        assert_eq!(operation["responses"]["304"].is_object(), has_name, "{path}");
        let asks =
            operation["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == "If-None-Match");
        assert_eq!(asks, has_name, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_problem() {
    let Some(instance) = Instance::with(contents()).await else { return };
    let (key, _) = instance.key("admin", &[], 7, None).await;
    for (key, status) in [(&*key, 413), ("nonsense", 401)] {
        let body = Body::from(vec![b' '; crate::http::body::MAX_BODY_BYTES + 1]);
        let request = Request::post("/v1/rejections/replay").header("authorization", format!("Bearer {key}"));
        let answer = read(instance.county.send(request.body(body).unwrap()).await).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.json()["remedy"].is_string());
    }
}
