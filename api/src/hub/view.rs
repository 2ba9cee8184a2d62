//! What a request sees.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use domain::time::Clock;
use domain::{Registry, UtcMicros};

use crate::hub::LiveHub;

/// Live state, and the time at which a request looks at it.
pub struct View {
    pub hub: Arc<LiveHub>,
    pub now: UtcMicros,
}

impl<S: Sync> FromRequestParts<S> for View
where
    Arc<LiveHub>: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(View { hub: FromRef::from_ref(state), now: Clock::from_ref(state)() })
    }
}

impl View {
    /// The places as they are now.
    pub fn registry(&self) -> Arc<Registry> {
        self.hub.read().map.registry().clone()
    }
}
