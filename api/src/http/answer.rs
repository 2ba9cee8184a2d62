//! Answers: JSON, entity tags, formats.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::UtcMicros;
use serde::Serialize;

use crate::http::params::Params;
use crate::http::problem::Problem;

domain::wire_enum! {
    /// How a list is written.
    Format { Json = "json", GeoJson = "geojson" }
}

impl Format {
    /// As `format=` says, else as `Accept` says.
    ///
    /// # Errors
    /// `format=` is neither `json` nor `geojson`.
    pub fn of(params: &Params<'_>, headers: &HeaderMap) -> Result<Self, Problem> {
        let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let wants = accept.split(',').any(|a| a.trim().starts_with("application/geo+json"));
        let accepted = if wants { Format::GeoJson } else { Format::Json };
        Ok(params.one("format", &Format::choices())?.unwrap_or(accepted))
    }

    const fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::GeoJson => "application/geo+json",
        }
    }
}

/// Writes `body` as JSON of the given format.
pub fn write(format: Format, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => ([(header::CONTENT_TYPE, format.media_type())], body).into_response(),
        Err(error) => {
            tracing::error!("an answer cannot be written: {error}");
            Problem::internal().into_response()
        }
    }
}

/// Writes `body` as JSON.
pub fn json(body: &impl Serialize) -> Response {
    write(Format::Json, body)
}

/// Writes `body` as JSON that no cache may keep.
pub fn private(body: &impl Serialize) -> Response {
    cached(body, "no-store")
}

/// Writes `body` as JSON of live state: see [`LIVE`].
pub fn live(body: &impl Serialize) -> Response {
    cached(body, LIVE)
}

/// Writes `body` as JSON with this `Cache-Control`.
pub fn cached(body: &impl Serialize, cache: &'static str) -> Response {
    ([(header::CACHE_CONTROL, cache)], json(body)).into_response()
}

/// The weak `ETag` of an answer, so that it is not sent again while nothing has changed. Weak, since compression
/// changes the bytes.
#[derive(Debug)]
pub struct Tag(String);

impl Tag {
    /// `version` changes whenever the answer may; `variant` distinguishes answers of one address.
    pub fn new(version: &str, variant: &str) -> Self {
        Tag(format!("W/\"{version}{variant}\""))
    }

    /// For an answer with ages in it: they grow, so the tag holds for a second.
    pub fn aging(version: &str, variant: &str, now: UtcMicros) -> Self {
        Tag::new(version, &format!("{variant}-{}", now.0.div_euclid(domain::time::MICROS_PER_S)))
    }

    /// A 304 if the caller has this answer already.
    pub fn known(&self, headers: &HeaderMap) -> Option<Response> {
        let given = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = bare(&self.0);
        let matches = given.split(',').any(|tag| tag.trim() == "*" || bare(tag) == own);
        matches.then(|| self.on(StatusCode::NOT_MODIFIED.into_response(), LIVE))
    }

    /// The answer with its tag.
    pub fn on(&self, mut response: Response, cache: &'static str) -> Response {
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            headers.insert(header::ETAG, value);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.append(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}

/// What a route with a [`Tag`] may answer, for the document.
#[derive(utoipa::IntoResponses)]
#[response(status = 304, description = "Nothing has changed since the answer named by `If-None-Match`.")]
pub struct Unchanged;

/// Live answers: may be stored, must be revalidated.
pub const LIVE: &str = "public, no-cache";
