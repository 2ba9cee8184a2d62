//! Counts answers with 403, whatever the route, for the audit.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use store::keys::StoredKey;

use crate::app::Ctx;
use crate::http::client::Tried;

/// The valid key of a request and what it tried, once it was looked up.
#[derive(Debug, Clone, Default)]
pub struct KnownKey(Arc<OnceLock<(StoredKey, Tried)>>);

impl KnownKey {
    /// Notes the key of the request.
    pub fn set(&self, key: &StoredKey, tried: &Tried) {
        self.0.get_or_init(|| (key.clone(), tried.clone()));
    }
}

/// Counts the answer if it is a 403.
pub async fn count(State(shared): Ctx, mut request: Request, next: Next) -> Response {
    let known = KnownKey::default();
    request.extensions_mut().insert(known.clone());
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN
        && let Some((key, tried)) = known.0.get()
    {
        shared.attempts.note_key(tried, key, true, shared.now());
    }
    response
}
