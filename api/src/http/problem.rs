//! Errors as RFC 9457 `application/problem+json`: what is wrong with which field, and the remedy.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Lang;
use domain::geo::{Bbox, LatLon};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::language::InGerman;

/// Longest piece of a caller's input that is echoed, characters.
const MAX_VALUE_CHARS: usize = 200;

/// An error answer. Boxed: it is large, and rare.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<ProblemBody>);

/// An error (RFC 9457). Every `type` is stable: programs may rely on it.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Stable name of the kind of error, e.g. `/problems/bad-parameter`.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of error it is, in words that stay the same.
    title: &'static str,
    /// The status of the answer, again.
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// The parameter or field that is wrong; null: it is not about one.
    field: Option<String>,
    /// Its value as given, shortened to 200 characters; null: it is not about one, or it is missing.
    value: Option<String>,
    /// What would be right, or what to do; null: nothing can be done from outside.
    remedy: Option<String>,
    /// `W,S,E,N` of all data, decimal degrees; with `outside-area` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = [f64; 4], required = false)]
    bounds: Option<[f64; 4]>,
    /// After how many seconds it is worth asking again.
    #[serde(skip)]
    retry_after_s: Option<u64>,
    /// `detail` and `remedy` in German.
    #[serde(skip)]
    german: Option<[String; 2]>,
}

impl Problem {
    fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Problem(Box::new(ProblemBody {
            kind: format!("/problems/{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            ..ProblemBody::default()
        }))
    }

    fn about(mut self, field: &str, value: &str) -> Self {
        self.0.field = Some(field.into());
        self.0.value = Some(shortened(value));
        self
    }

    /// A parameter that cannot be understood.
    pub fn bad_parameter(field: &str, value: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", "A parameter is not as it must be", detail)
            .about(field, value)
    }

    /// A value that is none of `choices`.
    pub fn no_such(field: &str, value: &str, choices: &str) -> Self {
        Self::bad_parameter(field, value, format!("There is no {field} '{value}'."))
            .remedy(format!("One of {choices}."))
    }

    /// A cursor that is not one of ours.
    pub fn bad_cursor(name: &str, value: &str) -> Self {
        Self::bad_parameter(name, value, format!("'{name}' is not one of ours."))
            .remedy("Give the one of the page before, unchanged; leave it out for the first page.")
    }

    /// A parameter that must be given and is not.
    pub fn missing_parameter(field: &str, remedy: impl Into<String>) -> Self {
        let detail = format!("'{field}' is missing.");
        let mut problem =
            Self::new(StatusCode::BAD_REQUEST, "missing-parameter", "A parameter is missing", detail);
        problem.0.field = Some(field.into());
        problem.remedy(remedy)
    }

    /// A period that ends before it begins; `example`: what would be one.
    pub fn empty_period(to: &str, example: &str) -> Self {
        Self::bad_parameter("to", to, "'to' is not after 'from'.")
            .remedy(format!("Give the end of the period, which does not belong to it: {example}."))
    }

    /// A point where there is nothing at all: `what` is not near it, and `reach` ("Data reaches") only
    /// to `bounds`. Asks whether latitude and longitude are swapped.
    pub fn outside_area(field: &str, point: LatLon, what: &str, reach: &str, bounds: Option<Bbox>) -> Self {
        let LatLon { lat, lon } = point;
        let title = "The point lies outside of all data";
        let detail = format!("There is no {what} near this point.");
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "outside-area", title, detail)
            .about(field, &format!("{lat},{lon}"));
        let Some(b) = bounds else {
            return problem.remedy("There are no places at all yet: import some.");
        };
        problem.0.bounds = Some([b.west, b.south, b.east, b.north]);
        let area = format!(
            "{reach} from latitude {:.4} to {:.4} and from longitude {:.4} to {:.4}",
            b.south, b.north, b.west, b.east
        );
        let swapped = LatLon::new(lon, lat).is_some_and(|p| b.contains(p));
        problem.remedy(if swapped {
            format!("LAT and LON seem to be swapped: write {field}={lon},{lat}. {area}.")
        } else {
            format!("{area}. Are LAT and LON swapped? Latitude comes first.")
        })
    }

    /// Something that is not there, or not for everyone: the answer is the same.
    pub fn not_found(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here", detail).remedy(remedy)
    }

    /// What is asked does not fit what there is.
    pub fn conflict(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It does not fit what there is", detail).remedy(remedy)
    }

    /// A site that is not there, or not for everyone.
    pub fn no_site() -> Self {
        Self::not_found("There is no site with this id.", "GET /v1/sites lists the sites with their ids.")
    }

    /// A bay that is not there, or not for everyone.
    pub fn no_bay() -> Self {
        Self::not_found(
            "There is no bay with this id.",
            "GET /v1/bays lists the bays with their ids; bays that may not be shown are not among them.",
        )
    }

    /// A path that exists, with a method that it does not know.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The method is not allowed here",
            "This address does not know this method.",
        )
        .remedy("Use a method that the API's description (/openapi.json) lists for this address; the answer's Allow names them.")
    }

    /// A key is needed, and none or a wrong one was given.
    pub fn key_needed() -> Self {
        let detail = "This is not for the public: a valid key is needed.";
        Self::new(StatusCode::UNAUTHORIZED, "key-needed", "A key is needed", detail)
            .remedy("Send the key as header 'Authorization: Bearer KEY'.")
    }

    /// The key is not valid, and too many others from the same address were not.
    pub fn too_many_failures(retry_after_s: u64) -> Self {
        let detail = "Too many keys that are not valid were sent from this address.";
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failures", "Too many invalid keys", detail)
            .remedy("Correct the key: a valid one is accepted at once. Others are looked at again after some seconds.");
        problem.0.retry_after_s = Some(retry_after_s);
        problem
    }

    /// The key is right, and not for this.
    pub fn not_allowed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-allowed",
            "This key does not allow that",
            "The key's role or municipality does not cover this.",
        )
        .remedy("Ask the operator for a key of the right role and municipality: `kreisverkehr key create`.")
    }

    /// A body of more than `max` bytes.
    pub fn too_large(max: usize) -> Self {
        let detail = format!("The body is larger than {max} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
            .remedy("Send less at once.")
    }

    /// More than a feed, its town or an address may send.
    pub fn over_quota(retry_after_s: u64) -> Self {
        let detail = "The feed, its municipality or this address sends more than it may.";
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "over-quota", "Too much at once", detail)
            .remedy("Send it again after Retry-After; `limits` of /v1/feeds says how much may come.");
        problem.0.retry_after_s = Some(retry_after_s);
        problem
    }

    /// A body that is packed in an unknown way.
    pub fn unknown_encoding(value: &str) -> Self {
        let title = "The body is packed in a way that is not known";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unknown-encoding",
            title,
            format!("Content-Encoding '{}' is not known.", shortened(value)),
        )
        .about("Content-Encoding", value)
        .remedy("Send the body with Content-Encoding: gzip, or as it is and without the header.")
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        let detail = "The server failed; the fault is in its log.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed", detail)
    }

    /// Whether something does not answer at present.
    pub fn is_unavailable(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    /// It will work again by itself.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let title = "Not available at the moment";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail)
            .remedy("Try again in a few seconds.");
        problem.0.retry_after_s = Some(5);
        problem
    }

    /// Says what is wrong and what to do in the words of each language: English, unless whoever asks prefers German.
    pub fn in_words(mut self, words: impl Fn(Lang) -> [String; 2]) -> Self {
        let [detail, remedy] = words(Lang::En);
        self.0.detail = detail;
        self.0.german = Some(words(Lang::De));
        self.remedy(remedy)
    }

    /// Says what would be right.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// `detail`, for the log.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}...", &value[..end]),
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some([detail, remedy]) = self.0.german.take() {
            (self.0.detail, self.0.remedy) = (detail, Some(remedy));
            let body = serde_json::to_vec(&self).unwrap_or_default();
            response.extensions_mut().insert(InGerman(body));
        }
        response
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        tracing::error!("a request failed: {error}");
        Problem::unavailable("The database does not answer.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shortened_at_a_character() {
        let shown = shortened(&"ä".repeat(500));
        assert_eq!(shown.chars().count(), MAX_VALUE_CHARS + 3);
    }
}
