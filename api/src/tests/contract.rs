//! What holds for every route: preflights, names of answers, problems with remedies.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use super::fixture::{County, NOW, read};

#[tokio::test]
async fn a_browser_may_ask_with_a_key_from_any_page() {
    let county = County::new();
    for path in
        ["/v1/sites", "/v1/sites/t-station", "/v1/sensors", "/v1/journeys", "/openapi.json", "/nowhere"]
    {
        let preflight = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "https://example.org")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization")
            .body(Body::empty());
        let answer = read(county.send(preflight.unwrap()).await).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.header("access-control-allow-headers").contains("authorization"), "{path}");
    }
    // Errors too: else the page could not say what is wrong.
    let refused = county.get_with("/v1/sensors", &[("origin", "https://example.org")]).await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (StatusCode::UNAUTHORIZED, "*")
    );
}

#[tokio::test]
async fn an_answer_that_is_known_hides_no_fault_of_the_question() {
    let county = County::new();
    for path in [
        "/v1/sites?municipality=nowhere",
        "/v1/bays?municipality=nowhere",
        "/v1/bays?bbox=1,2,3",
        "/v1/sites?limit=0",
        "/open/parkapi/v3/parking-sites?source_uid=nowhere",
        "/open/parkapi/v3/parking-spots?start=nonsense!",
    ] {
        let answer = county.get_with(path, &[("if-none-match", "*")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for path in ["/v1/sites/nowhere", "/v1/bays/nowhere", "/open/parkapi/v1/nowhere"] {
        let answer = county.get_with(path, &[("if-none-match", "*")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_age_that_has_changed_is_sent_again() {
    for path in
        ["/v1/sites", "/v1/sites/t-station", "/v1/bays", "/v1/bays/w-kerb-6", "/v1/sites?format=geojson"]
    {
        let county = County::new();
        let first = county.get(path).await;
        assert_eq!(first.status, StatusCode::OK, "{path}");
        let tag = first.header("etag").to_owned();
        assert_eq!(county.get_with(path, &[("if-none-match", &tag)]).await.status, StatusCode::NOT_MODIFIED);
        county.at(NOW.plus_s(2));
        let later = county.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!(later.status, StatusCode::OK, "{path}");
        assert_ne!(later.body, first.body, "{path}");
    }
}

#[tokio::test]
async fn every_problem_has_a_remedy() {
    let county = County::new();
    let at = NOW.plus_s(600);
    let (of_site, of_bay) =
        (format!("/v1/forecast?site=nowhere&at={at}"), format!("/v1/forecast?bay=nowhere&at={at}"));
    for (path, status) in [
        ("/nowhere", 404),
        ("/v1/sites/nowhere", 404),
        ("/v1/bays/nowhere", 404),
        (of_site.as_str(), 404),
        (of_bay.as_str(), 404),
        ("/open/parkapi/v1/nowhere", 404),
        ("/v1/sensors", 401),
        ("/v1/sites?nonsense=1", 400),
        ("/v1/journeys?from=51.9,7.1&to=51.9,7.2", 503),
    ] {
        let answer = county.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(answer.json()["remedy"].is_string(), "{path}: {}", answer.body);
    }
    let wrong = Request::builder().method(Method::DELETE).uri("/v1/sites").body(Body::empty()).unwrap();
    let answer = read(county.send(wrong).await).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.json()["remedy"].is_string() && answer.header("allow").contains("GET"), "{}", answer.body);
}

#[tokio::test]
async fn a_browser_gets_a_page_where_there_is_nothing() {
    let county = County::new();
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    let headers = [("accept", accept), ("accept-language", "en")];
    let page = county.get_with("/nowhere", &headers).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.contains("There is no such page"));
    let german = county.get_with("/nowhere?lang=de", &headers).await;
    assert!(german.body.contains("Diese Seite gibt es nicht"));
    let program = county.get("/nowhere").await;
    assert_eq!(program.header("content-type"), "application/problem+json");
}
