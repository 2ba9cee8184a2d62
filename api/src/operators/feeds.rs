//! `GET /v1/feeds`: the sources of the data; for operators also how feeds are doing.

use axum::response::Response;
use domain::registry::Entry;
use domain::{Feed, FeedFormat, FeedId, UtcMicros};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use store::inspect;
use utoipa::ToSchema;

use crate::contract::{parameters, words};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// Feeds, as the caller may see them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the document only")]
enum FeedAnswer {
    /// With an operator's key.
    Operator(List<FeedOut>),
    /// Without one.
    Public(List<FeedSource>),
}

/// What everyone may know of a feed.
#[derive(Serialize, ToSchema)]
pub struct FeedSource {
    /// Id of the feed.
    id: String,
    /// Slug of the municipality that it belongs to.
    municipality: String,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<String>,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<String>,
    /// Whom to write to; null: not known.
    contact: Option<String>,
}

/// A feed as operators see it.
#[derive(Serialize, ToSchema)]
pub struct FeedOut {
    #[serde(flatten)]
    source: FeedSource,
    /// Format of the messages.
    #[schema(value_type = words::FeedFormat)]
    format: FeedFormat,
    /// Topic filter at the broker; null: it has none.
    topic: Option<String>,
    /// Id of the broker in feeds.toml; null: the instance's own.
    broker: Option<String>,
    /// Whether its messages are posted over HTTP instead of coming from a broker.
    push: bool,
    #[serde(flatten)]
    status: FeedStatus,
    /// When the ingest last saved these figures; null: it never served this feed.
    updated_at: Option<UtcMicros>,
}

/// Figures of a feed, as its ingest saves them.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FeedStatus {
    /// Since when the broker is connected; null: it is not.
    connected_since: Option<UtcMicros>,
    /// When the last message came; null: none did.
    last_message_at: Option<UtcMicros>,
    /// Messages in the last hour; null: not known.
    messages_1h: Option<u64>,
    /// Of these, messages that had to wait because the feed or its town was above its quota; null: not known.
    throttled_1h: Option<u64>,
    /// What the feed may send: above it a publisher waits for its acknowledgement; null: not known.
    limits: Option<FeedLimits>,
    /// Messages that were rejected in the last hour, by reason; null: not known.
    rejected_1h: Option<BTreeMap<String, u64>>,
    /// Median time from observation to receipt, seconds; null: not known.
    delay_p50_s: Option<f64>,
    /// Share of messages delivered with QoS 0, for which nothing can be promised, 0 to 1; null: not known.
    qos0_share: Option<f64>,
    /// The last span of which messages may be missing, since nobody kept them for us; null: none is.
    gap: Option<FeedGap>,
    /// What is wrong with fetching what is missing from the network server's storage, and what to do; null: nothing.
    error: Option<String>,
}

/// A span of which messages may be missing.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FeedGap {
    /// When the last message before it was received.
    from: UtcMicros,
    /// When the feed was connected again.
    until: UtcMicros,
}

/// What a feed may send.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FeedLimits {
    /// Messages per second.
    messages_per_s: u32,
    /// Bytes of payload per second.
    bytes_per_s: u32,
    /// Messages per hour of which something was rejected; null: not known.
    rejections_per_h: Option<u32>,
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
    params(parameters::Paging),
    responses((status = 200, body = inline(FeedAnswer))),
)]
pub async fn feeds(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.caller().await?;
    let params = query.params(&[parameters::Paging::NAMES])?;
    let (limit, after) = (params.limit(DEFAULT_LIMIT, MAX_LIMIT)?, params.cursor()?);
    let registry = view.registry();
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
        return Ok(answer::json(&List { items, cursor }));
    };
    let statuses = inspect::feed_statuses(asker.pool()?, &scope).await?;
    let mut statuses: HashMap<FeedId, inspect::FeedStatus> =
        statuses.into_iter().map(|s| (s.feed, s)).collect();
    let out = |f: &&Entry<FeedId, Feed>| {
        let noted = statuses.remove(&f.id);
        FeedOut {
            source: source(&f.def),
            format: f.def.format,
            topic: Some(f.def.topic.clone()).filter(|t| !t.is_empty()),
            broker: f.def.broker.clone(),
            push: f.def.push,
            updated_at: noted.as_ref().map(|n| n.updated_at),
            status: noted.and_then(|n| serde_json::from_value(n.status).ok()).unwrap_or_default(),
        }
    };
    let items: Vec<FeedOut> = feeds.iter().map(out).collect();
    Ok(answer::private(&List { items, cursor }))
}
