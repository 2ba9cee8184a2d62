//! `GET /v1/sensors/{id}/messages`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{FeedFormat, Registry, Target, UtcMicros};
use serde::Serialize;
use store::inspect::{self, Message};
use utoipa::ToSchema;

use super::{scope, spelled};
use crate::answer;
use crate::app::Ctx;
use crate::auth::pool;
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::problem::{Problem, ProblemBody};

/// A page of messages, newest first.
#[derive(Serialize, ToSchema)]
pub struct MessageList {
    items: Vec<MessageOut>,
    cursor: Option<String>,
}

/// A message as it was received, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct MessageOut {
    /// The network server's deduplication id.
    id: String,
    /// `up`, `join`, `status`, `ack`, `txack`, `log`, `location`, `integration`; `simulated`: made up in the
    /// server's console; `message`: of a feed that names its places itself
    event: String,
    #[schema(value_type = String, format = DateTime)]
    received_at: UtcMicros,
    #[schema(value_type = Option<String>, format = DateTime)]
    network_at: Option<UtcMicros>,
    f_port: Option<i32>,
    f_cnt: Option<i64>,
    /// The payload.
    hex: Option<String>,
    decoder: Option<String>,
    #[schema(value_type = Option<Object>)]
    decoded: Option<serde_json::Value>,
    /// `stored`, `heard` (it carried no state), `rejected:REASON`; `duplicate`: the message of this id
    /// was delivered again, last at `received_at`, and changed nothing
    outcome: String,
    /// Of a rejected one: the field, its value, and what would be right.
    detail: Option<String>,
    /// Fields of a wrong type or value, without which the message was taken.
    dropped_fields: Vec<String>,
    /// How often it came so.
    times: i32,
    gateways: Vec<String>,
    spreading_factor: Option<i16>,
    rssi_dbm: Option<f32>,
    snr_db: Option<f32>,
    qos: i16,
}

impl From<Message> for MessageOut {
    fn from(m: Message) -> Self {
        MessageOut {
            id: m.dedup_id,
            event: m.event,
            received_at: m.received_at,
            network_at: m.network_at,
            f_port: m.f_port,
            f_cnt: m.f_cnt,
            hex: m.payload.map(|bytes| bytes.iter().map(|b| format!("{b:02x}")).collect()),
            decoder: m.decoder,
            decoded: m.decoded,
            outcome: m.outcome,
            detail: m.detail,
            dropped_fields: m.dropped_fields,
            times: m.times,
            gateways: m.gateways,
            spreading_factor: m.spreading_factor,
            rssi_dbm: m.rssi_dbm,
            snr_db: m.snr_db,
            qos: m.qos,
        }
    }
}

/// The names under which a device speaks: its own, and where its feed names the places itself, theirs.
fn names(id: String, registry: &Registry) -> Vec<String> {
    let sensor = registry.sensor_by_key(&id);
    let names_places =
        |s: &&domain::Sensor| registry.feed(s.feed).is_some_and(|f| f.def.format == FeedFormat::Native);
    let bindings = sensor.filter(names_places).map_or(&[][..], |s| s.bindings.as_slice());
    let places = bindings.iter().filter_map(|b| match b.target? {
        Target::Bay(id) => registry.bay(id).map(|e| e.def.id.clone()),
        Target::Site(id) => registry.site(id).map(|e| e.def.id.clone()),
        Target::Vehicle(id) => registry.vehicle(id).map(|e| e.def.id.clone()),
    });
    let mut names: Vec<String> = places.collect();
    names.push(id);
    names
}

/// What a device sent, newest first, whether it was ever bound or not.
#[utoipa::path(
    get,
    path = "/v1/sensors/{id}/messages",
    tag = "installers",
    security(("key" = [])),
    params(
        ("id" = String, Path, description = "a DevEUI in any spelling, or the supplier's id"),
        ("limit" = Option<u32>, Query, description = "at most 1000, clamped; default 100"),
        ("cursor" = Option<String>, Query, description = "from the page before"),
    ),
    responses(
        (status = 200, body = MessageList),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn messages(
    State(shared): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let scope = scope(&shared, &headers).await?;
    let params = query.params(&["limit", "cursor"])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let cursor = params.cursor()?;
    let before = cursor.as_deref().map(|c| {
        let mut parts = c.splitn(3, ' ');
        let (at, copy) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((UtcMicros(at), parts.next()?, copy))
    });
    let before = match before {
        Some(None) => return Err(Problem::bad_cursor(cursor.as_deref().unwrap_or_default())),
        before => before.flatten(),
    };
    let names = names(spelled(&id), shared.hub.read().map.registry());
    let mut found = inspect::messages(pool(&shared)?, &scope, &names, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let cursor = last.map(|m| cursor_after(&format!("{} {} {}", m.received_at.0, m.copy, m.dedup_id)));
    Ok(answer::private(&MessageList { items: found.into_iter().map(MessageOut::from).collect(), cursor }))
}
