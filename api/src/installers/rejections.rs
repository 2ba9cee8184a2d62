//! `GET /v1/rejections`: rejected messages and the reasons, `GET /v1/rejections/summary`: how many for which reason; for
//! installers, and for who posts the feed.

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{FeedId, Lang, Reason, Registry, RejectedElement, UtcMicros};
use serde::Serialize;
use store::inspect::{self, Rejected, RejectedFilter, RejectedGroup};
use utoipa::ToSchema;

use crate::contract::{parameters, words};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;
use crate::installers::sensors::spelled;

/// A rejected message, as it was kept.
#[derive(Serialize, ToSchema)]
pub struct RejectionOut {
    /// Number of the rejection.
    id: i64,
    /// Why it was rejected; of several reasons in one message the most frequent.
    #[schema(value_type = words::RejectionReason)]
    reason: String,
    /// Id of the feed; null: not known any more.
    feed: Option<String>,
    /// The device or place that it is about, as the message or its topic names it; null: none, or several.
    device: Option<String>,
    /// The topic it was published to.
    topic: String,
    /// When it was received first.
    received_at: UtcMicros,
    /// The field, its value, and what would be right.
    detail: String,
    /// What to do about it.
    remedy: String,
    /// How many elements of the message were rejected.
    count: i32,
    /// Some of them, when there are several.
    examples: Vec<ExampleOut>,
    /// How many messages it stands for: of a feed that repeats itself one an hour is kept.
    times: i32,
    /// When it was received last.
    last_received_at: UtcMicros,
    /// The payload in Base64: its first 64 KiB; of a too large one its head.
    payload_base64: String,
    /// How many bytes of the payload are kept: those are replayed, however many are shown.
    payload_bytes: i32,
    /// Quality of service by which the broker delivered it: 0, 1 or 2.
    qos: i16,
    /// When it was replayed last; null: never.
    replayed_at: Option<UtcMicros>,
}

/// A rejected element.
#[derive(Serialize, ToSchema)]
pub struct ExampleOut {
    /// Why the element was rejected.
    #[schema(value_type = words::RejectionReason)]
    reason: Reason,
    /// The device or place that it is about; null: none.
    device: Option<String>,
    /// The field, its value, and what would be right.
    detail: String,
}

fn out(r: Rejected, registry: &Registry) -> RejectionOut {
    let of_reason = r.reason.parse().map_or("", |reason: Reason| reason.remedy(Lang::En));
    let example = |e: RejectedElement| ExampleOut { reason: e.reason, device: e.device, detail: e.detail };
    RejectionOut {
        id: r.id,
        feed: registry.feed(r.feed).map(|f| f.def.id.clone()),
        device: <[String; 1]>::try_from(r.devices).ok().map(|[device]| device),
        topic: r.topic,
        received_at: r.received_at,
        detail: r.detail,
        remedy: r.remedy.unwrap_or_else(|| of_reason.to_owned()),
        reason: r.reason,
        count: r.count,
        examples: r.examples.into_iter().map(example).collect(),
        times: r.times,
        last_received_at: r.last_received_at.unwrap_or(r.received_at),
        payload_base64: STANDARD.encode(&r.payload),
        payload_bytes: r.payload_bytes,
        qos: r.qos,
        replayed_at: r.replayed_at,
    }
}

/// The reason of this name.
///
/// # Errors
/// There is none.
pub fn reason_of(text: &str) -> Result<Reason, Problem> {
    text.parse().map_err(|_| Problem::no_such("reason", text, &Reason::choices()))
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

/// Rejected messages, newest first. A page ends early once its payloads are some MiB; `cursor` goes on from there.
#[utoipa::path(
    get,
    path = "/v1/rejections",
    tag = "installers",
    security(("key" = [])),
    params(parameters::Rejections, parameters::Paging),
    responses((status = 200, body = List<RejectionOut>)),
)]
pub async fn rejections(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer, Role::Feed]).await?;
    let params = query.params(&[parameters::Rejections::NAMES, parameters::Paging::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let reason = params.text("reason").map(reason_of).transpose()?;
    let before = params.cursor_of_numbers()?;
    let device = params.text("device").map(spelled);
    let registry = view.registry();
    let feed = params.text("feed").map(|key| feed_of(key, &registry)).transpose()?;
    let feed = caller.narrowed_to(feed)?;
    let scope = caller.municipalities(&registry);
    let filter = RejectedFilter { feed, reason, device: device.as_deref(), before };
    let (found, more) = inspect::rejections(asker.pool()?, &scope, &filter, limit).await?;
    let cursor = found.last().filter(|_| more).map(|r| cursor_after(&r.id.to_string()));
    let items = found.into_iter().map(|r| out(r, &registry)).collect();
    Ok(answer::private(&List { items, cursor }))
}

/// What is kept of a feed's rejections for one reason.
#[derive(Serialize, ToSchema)]
pub struct RejectedGroupOut {
    /// Id of the feed; null: not known any more.
    feed: Option<String>,
    /// Why; of several reasons in one message the most frequent.
    #[schema(value_type = words::RejectionReason)]
    reason: String,
    /// How many messages.
    messages: i64,
    /// How many elements of them.
    elements: i64,
    /// How many of the messages are kept whole, and can be replayed.
    kept: i64,
    /// When the first of them was received.
    first_received_at: UtcMicros,
    /// When the last of them was received.
    last_received_at: UtcMicros,
    /// What is wrong with the newest: the field, its value, and what would be right.
    detail: String,
    /// What to do about it.
    remedy: String,
}

fn group(g: RejectedGroup, registry: &Registry) -> RejectedGroupOut {
    let of_reason = g.reason.parse().map_or("", |reason: Reason| reason.remedy(Lang::En));
    RejectedGroupOut {
        feed: registry.feed(g.feed).map(|f| f.def.id.clone()),
        remedy: g.remedy.unwrap_or_else(|| of_reason.to_owned()),
        reason: g.reason,
        messages: g.messages,
        elements: g.elements,
        kept: g.kept,
        first_received_at: g.first_received_at,
        last_received_at: g.last_received_at,
        detail: g.detail,
    }
}

/// Rejected messages by feed and reason, most messages first: of what `/v1/rejections` lists. Duplicates are counted by
/// `/v1/feeds` only.
#[utoipa::path(
    get,
    path = "/v1/rejections/summary",
    tag = "installers",
    security(("key" = [])),
    params(parameters::OfFeed),
    responses((status = 200, body = List<RejectedGroupOut>)),
)]
pub async fn summary(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer, Role::Operator, Role::Feed]).await?;
    let params = query.params(&[parameters::OfFeed::NAMES])?;
    let registry = view.registry();
    let feed = params.text("feed").map(|key| feed_of(key, &registry)).transpose()?;
    let (feed, scope) = (caller.narrowed_to(feed)?, caller.municipalities(&registry));
    let groups = inspect::rejections_by_reason(asker.pool()?, &scope, feed).await?;
    let items = groups.into_iter().map(|g| group(g, &registry)).collect();
    Ok(answer::private(&List { items, cursor: None }))
}
