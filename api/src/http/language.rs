//! The language that whoever asks prefers.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use domain::Lang;

/// The same answer in German, as bytes of its body.
#[derive(Clone)]
pub struct InGerman(pub Vec<u8>);

/// What `Accept-Language` prefers of the two; `None`: neither.
pub fn accepted(headers: &HeaderMap) -> Option<Lang> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let weight = |item: &str| {
        let q = item.split(';').nth(1).and_then(|q| q.trim().strip_prefix("q="));
        q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0))
    };
    let mut best: Option<(f32, Lang)> = None;
    for item in accepted.split(',') {
        let code = item.split([';', '-']).next().unwrap_or_default().trim();
        if let Ok(lang) = code.parse()
            && best.is_none_or(|(w, _)| weight(item) > w)
        {
            best = Some((weight(item), lang));
        }
    }
    best.map(|(_, lang)| lang)
}

/// Answers in German where the answer has it and whoever asks prefers it; English is the default of the API.
pub async fn negotiate(request: Request, next: Next) -> Response {
    let wants_german = accepted(request.headers()) == Some(Lang::De);
    let mut response = next.run(request).await;
    let Some(InGerman(body)) = response.extensions_mut().remove() else { return response };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    if wants_german {
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("de"));
        headers.remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use domain::acceptance::Refusal;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::http::problem::Problem;

    async fn asked(language: Option<&str>) -> (HeaderMap, Value) {
        let refuse =
            || async { Problem::conflict("", "").in_words(|lang| Refusal::StillRuns.words("a", lang)) };
        let router: Router = Router::new().route("/", get(refuse)).layer(from_fn(negotiate));
        let mut request = Request::get("/");
        if let Some(language) = language {
            request = request.header(header::ACCEPT_LANGUAGE, language);
        }
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn refusals_are_german_for_those_who_prefer_it_and_english_for_all_others() {
        for language in [None, Some("en"), Some("fr"), Some("de;q=0.5, en")] {
            let (headers, body) = asked(language).await;
            assert_eq!(body["detail"], "The test still runs.", "{language:?}");
            assert_eq!(body["remedy"], "Sign when it has ended, or end it with DELETE.");
            assert!(headers[header::VARY] == "accept-language" && !headers.contains_key("content-language"));
        }
        let (headers, body) = asked(Some("de-DE,de;q=0.9,en;q=0.8")).await;
        assert_eq!(body["detail"], "Der Test läuft noch.");
        assert_eq!(body["remedy"], "Abzeichnen, wenn er zu Ende ist, oder ihn mit DELETE beenden.");
        assert_eq!((body["status"].as_u64(), body["type"].as_str()), (Some(409), Some("/problems/conflict")));
        assert_eq!(headers[header::CONTENT_LANGUAGE], "de");
    }
}
