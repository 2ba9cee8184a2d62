//! Style and script of the pages, built into the executable.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use xxhash_rust::xxh3::xxh3_64;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/live.js");
const ICON: &str = include_str!("assets/icon.svg");

/// The routes of the assets.
pub fn routes() -> Router {
    let serve = |text: &'static str, kind: &'static str| {
        get(move |headers: HeaderMap| async move { asset(&headers, text, kind) })
    };
    Router::new()
        .route("/assets/style.css", serve(STYLE, "text/css; charset=utf-8"))
        .route("/assets/live.js", serve(SCRIPT, "text/javascript; charset=utf-8"))
        .route("/assets/icon.svg", serve(ICON, "image/svg+xml"))
}

/// What every page has in its head.
pub fn style() -> Markup {
    html! {
        link rel="stylesheet" href="/assets/style.css";
        link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
    }
}

/// What a page that keeps itself current has in its head.
pub fn script() -> Markup {
    html! { script type="module" src="/assets/live.js" {} }
}

fn asset(headers: &HeaderMap, text: &'static str, kind: &'static str) -> Response {
    let tag = format!("\"{:016x}\"", xxh3_64(text.as_bytes()));
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let (status, body) = if is_known { (StatusCode::NOT_MODIFIED, "") } else { (StatusCode::OK, text) };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, no-cache"), (header::ETAG, &tag)];
    (status, headers, body).into_response()
}
