//! Counts answers with 403, whatever the route, for the audit.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::auth::Keys;
use crate::http::client::KnownKey;

/// Counts the answer if it is a 403.
pub async fn count(State(keys): State<Keys>, mut request: Request, next: Next) -> Response {
    let known = KnownKey::default();
    request.extensions_mut().insert(known.clone());
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN
        && let Some((key, tried)) = known.get()
    {
        keys.attempts.note_key(tried, key, true, (keys.clock)());
    }
    response
}
