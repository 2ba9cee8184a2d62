//! Bodies of requests.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

use crate::problem::Problem;

/// The largest body, bytes: some thousand numbers of rejections.
pub const MAX_BODY_BYTES: usize = 64 << 10;

/// How long a body may take to arrive: that is 6.5 kB a second for the largest.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The whole body of a request.
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let partial =
            || Problem::bad_parameter("body", "", "The body did not arrive whole.").remedy("Send it again.");
        let read = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, state));
        let body = read.await.map_err(|_| partial())?;
        body.map(Body).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(MAX_BODY_BYTES),
            _ => partial(),
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream::{iter, pending};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let begun = iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let body = axum::body::Body::from_stream(begun.chain(pending()));
        let began = tokio::time::Instant::now();
        let read = Body::from_request(Request::new(body), &()).await;
        let problem = read.err().expect("a problem");
        assert!(problem.detail().contains("whole") && began.elapsed() == BODY_WITHIN);
    }
}
