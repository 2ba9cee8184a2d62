//! `GET /v1/feeds`: where the data comes from; for operators also how it flows.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::registry::Entry;
use domain::{Feed, FeedId, UtcMicros};
use serde::{Deserialize, Serialize};
use store::inspect;
use utoipa::ToSchema;

use crate::answer;
use crate::app::Ctx;
use crate::auth::{Caller, Role, pool};
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::problem::{Problem, ProblemBody};

/// A page of feeds.
#[derive(Serialize, ToSchema)]
pub struct FeedList<F> {
    items: Vec<F>,
    cursor: Option<String>,
}

/// What everyone may know of a feed.
#[derive(Serialize, ToSchema)]
pub struct FeedSource {
    id: String,
    municipality: String,
    licence: Option<String>,
    attribution: Option<String>,
    contact: Option<String>,
}

/// A feed as operators see it.
#[derive(Serialize, ToSchema)]
pub struct FeedOut {
    #[serde(flatten)]
    source: FeedSource,
    format: &'static str,
    topic: Option<String>,
    /// null: the instance's own.
    broker: Option<String>,
    #[serde(flatten)]
    status: FeedStatus,
    /// When the ingest last wrote this down; null: it never served this feed.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<UtcMicros>,
}

/// How a feed is doing, as its ingest writes it down.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FeedStatus {
    #[schema(value_type = Option<String>, format = DateTime)]
    connected_since: Option<UtcMicros>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_message_at: Option<UtcMicros>,
    messages_1h: Option<u64>,
    /// By reason.
    rejected_1h: Option<BTreeMap<String, u64>>,
    delay_p50_s: Option<f64>,
    qos0_share: Option<f64>,
}

fn source(feed: &Feed) -> FeedSource {
    FeedSource {
        id: feed.id.clone(),
        municipality: feed.municipality.clone(),
        licence: feed.licence.clone(),
        attribution: feed.attribution.clone(),
        contact: feed.contact.clone(),
    }
}

/// Where the data comes from, with licence and attribution. With an operator's key: the feeds of
/// its municipalities, and how they are doing.
#[utoipa::path(
    get,
    path = "/v1/feeds",
    tag = "operators",
    security((), ("key" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "at most 1000, clamped; default 100"),
        ("cursor" = Option<String>, Query, description = "from the page before"),
    ),
    responses(
        (status = 200, content((FeedList<FeedOut> = "application/json"))),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn feeds(State(shared): Ctx, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    let caller = Caller::of(&shared, &headers).await?;
    let params = query.params(&["limit", "cursor"])?;
    let (limit, after) = (params.limit(DEFAULT_LIMIT, MAX_LIMIT)?, params.cursor()?);
    let registry = shared.hub.read().map.registry().clone();
    let operator = caller.filter(|c| c.is(Role::Operator));
    let scope = operator.map(|c| c.municipalities(&registry));
    let mut feeds: Vec<&Entry<FeedId, Feed>> = registry
        .feeds()
        .filter(|f| scope.as_ref().is_none_or(|s| s.contains(&f.municipality)))
        .filter(|f| after.as_deref().is_none_or(|after| f.def.id.as_str() > after))
        .collect();
    feeds.sort_unstable_by(|a, b| a.def.id.cmp(&b.def.id));
    let more = feeds.len() > limit;
    feeds.truncate(limit);
    let cursor = feeds.last().filter(|_| more).map(|f| cursor_after(&f.def.id));
    let Some(scope) = scope else {
        let items: Vec<FeedSource> = feeds.iter().map(|f| source(&f.def)).collect();
        return Ok(answer::json(&FeedList { items, cursor }));
    };
    let statuses = inspect::feed_statuses(pool(&shared)?, &scope).await?;
    let mut statuses: HashMap<FeedId, inspect::FeedStatus> =
        statuses.into_iter().map(|s| (s.feed, s)).collect();
    let out = |f: &&Entry<FeedId, Feed>| {
        let noted = statuses.remove(&f.id);
        FeedOut {
            source: source(&f.def),
            format: f.def.format.as_str(),
            topic: Some(f.def.topic.clone()).filter(|t| !t.is_empty()),
            broker: f.def.broker.clone(),
            updated_at: noted.as_ref().map(|n| n.updated_at),
            status: noted.and_then(|n| serde_json::from_value(n.status).ok()).unwrap_or_default(),
        }
    };
    let items: Vec<FeedOut> = feeds.iter().map(out).collect();
    Ok(answer::private(&FeedList { items, cursor }))
}
