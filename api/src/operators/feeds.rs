//! `GET /v1/feeds`: the sources of the data; for operators also how feeds are doing. `GET /v1/feeds/{id}/history`: how one was.

use axum::response::Response;
use domain::feed_health::{FeedReason, FeedState, Quiet};
use domain::live::Coverage;
use domain::registry::Entry;
use domain::{Feed, FeedFormat, FeedId, UtcMicros};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use store::inspect;
use utoipa::ToSchema;

use crate::contract::words::HealthCode;
use crate::contract::words::words;
use crate::contract::{parameters, values, words};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// Figures that nobody has saved for so long say nothing about now, seconds.
const OUTDATED_S: i64 = 60;

/// How far back a history reaches, days: unless it is asked for otherwise, and at most.
const HISTORY_DAYS: f64 = 14.0;
const MAX_HISTORY_DAYS: f64 = 400.0;

words! {
    /// How a feed is.
    FeedStateName = FeedState::ALL.iter().map(|state| state.as_str());
    /// What happened to a field of a feed's messages.
    FieldChangeName = domain::feed_health::FieldChange::ALL.iter().map(|change| change.as_str());
}

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
    /// How many bays and sites it should speak of: those that its sensors are bound to, and those that it has named.
    places_expected: u32,
    /// Of how many of them its statement is fresh.
    places_fresh: u32,
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
    /// Why there is no connection; else what is wrong with fetching what is missing from the network server's storage,
    /// and what to do. Null: nothing.
    error: Option<String>,
    /// Until when the certificates of its connection are valid, the earliest of them; null: there are none, or they are
    /// not known.
    certificate_until: Option<UtcMicros>,
    /// How it is; null: no ingest serves it now.
    #[schema(value_type = Option<FeedStateName>)]
    state: Option<FeedState>,
    /// Since when it is so.
    state_since: Option<UtcMicros>,
    /// How many messages are usual in the hour until now; null: not known yet.
    usual_messages_1h: Option<f64>,
    /// Parts of its topics that are quiet while others speak, longest first.
    #[schema(value_type = Vec<QuietTopic>)]
    quiet: Vec<Quiet>,
    /// What is wrong with it.
    #[schema(value_type = Vec<FeedReasonOut>)]
    reasons: Vec<FeedReason>,
}

/// A part of a feed's topics that is quiet.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct QuietTopic {
    /// The beginning of its topics.
    topic: String,
    /// When its last message came.
    last_message: UtcMicros,
    /// Mean time between its messages, seconds.
    usual_interval_s: f64,
    /// How many messages are missing, against the usual.
    missing: f64,
    /// How many may be missing.
    limit: f64,
}

/// What is wrong with a feed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct FeedReasonOut {
    /// `silent`, `rejected` or `schema_drift`.
    #[schema(value_type = HealthCode)]
    code: String,
    /// Since when it is so.
    since: UtcMicros,
    /// Of `rejected` the share of the last hour's messages; of `schema_drift` the kind of message and the path of the field.
    value: Option<Value>,
    /// Of `rejected` the share at which it begins to count.
    limit: Option<f64>,
    /// What happened to the field.
    #[schema(value_type = Option<FieldChangeName>)]
    change: Option<String>,
    /// The type of its values, as JSON names it; of a changed one the former and the new one.
    types: Option<String>,
    /// The share of messages that has the field, or had it before.
    share: Option<f64>,
}

/// A span in which a feed was so.
#[derive(Serialize, ToSchema)]
pub struct FeedPeriodOut {
    /// How it was.
    #[schema(value_type = FeedStateName)]
    state: String,
    /// Since when.
    from: UtcMicros,
    /// Until when; null: it still is.
    until: Option<UtcMicros>,
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

/// The figures as they were saved, less what they say of a now that is past.
fn status(noted: inspect::FeedStatus, now: UtcMicros) -> FeedStatus {
    let is_outdated = now.age_s(noted.updated_at).abs() > OUTDATED_S;
    let status: FeedStatus = serde_json::from_value(noted.status).unwrap_or_default();
    match is_outdated {
        true => FeedStatus { state: None, state_since: None, ..status },
        false => status,
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
    let coverage = view.hub.read().map.coverage(view.now);
    let out = |f: &&Entry<FeedId, Feed>| {
        let noted = statuses.remove(&f.id);
        let Coverage { expected, fresh } = coverage.get(&f.id).copied().unwrap_or_default();
        FeedOut {
            source: source(&f.def),
            format: f.def.format,
            topic: Some(f.def.topic.clone()).filter(|t| !t.is_empty()),
            broker: f.def.broker.clone(),
            push: f.def.push,
            places_expected: expected,
            places_fresh: fresh,
            updated_at: noted.as_ref().map(|n| n.updated_at),
            status: noted.map(|n| status(n, view.now)).unwrap_or_default(),
        }
    };
    let items: Vec<FeedOut> = feeds.iter().map(out).collect();
    Ok(answer::private(&List { items, cursor }))
}

/// How a feed was: a span for each state, oldest first. Between two spans nothing watched it.
#[utoipa::path(
    get,
    path = "/v1/feeds/{id}/history",
    tag = "operators",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "Id of the feed in feeds.toml."), parameters::History),
    responses((status = 200, body = List<FeedPeriodOut>)),
)]
pub async fn history(view: View, asker: Asker, id: PathId, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Operator]).await?;
    let params = query.params(&[parameters::History::NAMES])?;
    let days = params.number("days", HISTORY_DAYS, 0.1, MAX_HISTORY_DAYS)?;
    let (registry, id) = (view.registry(), id.text()?);
    let scope = caller.municipalities(&registry);
    let feed = registry.feeds().find(|f| f.def.id == id && scope.contains(&f.municipality));
    let feed = feed.ok_or_else(|| {
        Problem::not_found(format!("There is no feed '{id}'."), "/v1/feeds lists the feeds with their ids.")
    })?;
    let since = view.now.plus_s(-(days * 86_400.0) as i64);
    let periods = store::feed_health::history(asker.pool()?, feed.id, since).await?;
    let out =
        |p: store::feed_health::FeedPeriod| FeedPeriodOut { state: p.state, from: p.from, until: p.until };
    Ok(answer::private(&List { items: periods.into_iter().map(out).collect(), cursor: None }))
}
