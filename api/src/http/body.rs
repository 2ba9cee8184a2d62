//! Bodies of requests.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures_util::StreamExt;

use crate::http::auth::Caller;
use crate::http::problem::Problem;

/// The largest body, bytes: some thousand numbers of rejections.
pub const MAX_BODY_BYTES: usize = 64 << 10;

/// How long a body may take to arrive: that is 6.5 kB a second for the largest.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How long a longer one of a feed may take: that is 0.3 MB a second for the largest.
const LONG_BODY_WITHIN: Duration = Duration::from_secs(30);

/// An unread request body. It is read only after authorization, so that nobody without a key can hold a connection by
/// sending slowly.
pub struct Unread(Request);

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        Ok(Unread(request))
    }
}

impl Unread {
    /// The whole body, for an authorized caller.
    ///
    /// # Errors
    /// 400: it did not arrive whole, or in time. 413: it is too large.
    pub async fn read(self, _allowed: &Caller) -> Result<Bytes, Problem> {
        self.whole().await
    }

    /// The body, for a caller who may post: of one with more than `limit` bytes the first of them, and one more.
    ///
    /// # Errors
    /// 400: it did not arrive whole, or in time.
    pub async fn read_up_to(self, limit: usize, _allowed: &Caller) -> Result<Vec<u8>, Problem> {
        let mut chunks = self.0.into_body().into_data_stream();
        let reading = async {
            let mut body = Vec::new();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|_| partial())?;
                let rest = limit + 1 - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(rest)]);
                if body.len() > limit {
                    break;
                }
            }
            Ok(body)
        };
        let within = if limit > MAX_BODY_BYTES { LONG_BODY_WITHIN } else { BODY_WITHIN };
        tokio::time::timeout(within, reading).await.map_err(|_| partial())?
    }

    async fn whole(self) -> Result<Bytes, Problem> {
        let read = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(self.0, &()));
        read.await.map_err(|_| partial())?.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(MAX_BODY_BYTES),
            _ => partial(),
        })
    }
}

fn partial() -> Problem {
    Problem::bad_parameter("body", "", "The body did not arrive whole.").remedy("Send it again.")
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{iter, pending};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let begun = iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let body = axum::body::Body::from_stream(begun.chain(pending()));
        let began = tokio::time::Instant::now();
        let read = Unread(Request::new(body)).whole().await;
        let problem = read.expect_err("a problem");
        assert!(problem.detail().contains("whole") && began.elapsed() == BODY_WITHIN);
    }
}
