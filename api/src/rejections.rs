//! `GET /v1/rejections`: what was not believed, and why; for installers.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{FeedId, Reason, Registry, UtcMicros};
use serde::Serialize;
use store::inspect::{self, Rejected};
use utoipa::ToSchema;

use crate::answer;
use crate::app::Ctx;
use crate::auth::{Caller, Role, pool};
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::problem::{Problem, ProblemBody};

/// A page of rejections, newest first.
#[derive(Serialize, ToSchema)]
pub struct RejectionList {
    items: Vec<RejectionOut>,
    cursor: Option<String>,
}

/// A message that was not believed, as it was kept.
#[derive(Serialize, ToSchema)]
pub struct RejectionOut {
    id: i64,
    /// One of a closed list: see the `reason` parameter.
    reason: String,
    feed: Option<String>,
    topic: String,
    #[schema(value_type = String, format = DateTime)]
    received_at: UtcMicros,
    /// The field, its value, and what would be right.
    detail: String,
    /// Of a too large one the head.
    payload_base64: String,
    qos: i16,
    #[schema(value_type = Option<String>, format = DateTime)]
    replayed_at: Option<UtcMicros>,
}

fn out(r: Rejected, registry: &Registry) -> RejectionOut {
    RejectionOut {
        id: r.id,
        reason: r.reason,
        feed: registry.feed(r.feed).map(|f| f.def.id.clone()),
        topic: r.topic,
        received_at: r.received_at,
        detail: r.detail,
        payload_base64: STANDARD.encode(&r.payload),
        qos: r.qos,
        replayed_at: r.replayed_at,
    }
}

/// The reason of this name.
///
/// # Errors
/// There is none.
pub fn reason_of(text: &str) -> Result<Reason, Problem> {
    text.parse::<Reason>().map_err(|e| {
        Problem::bad_parameter("reason", text, format!("There is no reason '{text}'."))
            .remedy(format!("One of {}.", e.choices))
    })
}

/// The feed of this id.
///
/// # Errors
/// There is none.
pub fn feed_of(key: &str, registry: &Registry) -> Result<FeedId, Problem> {
    registry.feeds().find(|f| f.def.id == key).map(|f| f.id).ok_or_else(|| {
        Problem::bad_parameter("feed", key, format!("There is no feed '{key}'."))
            .remedy("Give the id of a feed; /v1/feeds lists them.")
    })
}

/// Rejected messages, newest first.
#[utoipa::path(
    get,
    path = "/v1/rejections",
    tag = "installers",
    security(("key" = [])),
    params(
        ("feed" = Option<String>, Query, description = "id"),
        ("reason" = Option<String>, Query, description = "malformed, unknown_topic, unknown_sensor, unbound_sensor, \
            unknown_place, clock_ahead, too_old, implausible, unsupported_device, too_large"),
        ("limit" = Option<u32>, Query, description = "at most 1000, clamped; default 100"),
        ("cursor" = Option<String>, Query, description = "from the page before"),
    ),
    responses(
        (status = 200, body = RejectionList),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn rejections(
    State(shared): Ctx,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let caller = Caller::with(&shared, &headers, Role::Installer).await?;
    let params = query.params(&["feed", "reason", "limit", "cursor"])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let reason = params.text("reason").map(reason_of).transpose()?;
    let cursor = params.cursor()?;
    let before = cursor.as_deref().map(|c| c.parse::<i64>().map_err(|_| Problem::bad_cursor(c)));
    let before = before.transpose()?;
    let registry = shared.hub.read().map.registry().clone();
    let feed = params.text("feed").map(|key| feed_of(key, &registry)).transpose()?;
    let scope = caller.municipalities(&registry);
    let mut found = inspect::rejections(pool(&shared)?, &scope, feed, reason, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let cursor = found.last().filter(|_| more).map(|r| cursor_after(&r.id.to_string()));
    let items = found.into_iter().map(|r| out(r, &registry)).collect();
    Ok(answer::private(&RejectionList { items, cursor }))
}
