//! Bodies of requests.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

use crate::problem::Problem;

/// The largest body, bytes: some thousand numbers of rejections.
pub const MAX_BODY_BYTES: usize = 64 << 10;

/// The whole body of a request.
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Body).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(MAX_BODY_BYTES),
            _ => {
                Problem::bad_parameter("body", "", "The body did not arrive whole.").remedy("Send it again.")
            }
        })
    }
}
