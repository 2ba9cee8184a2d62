//! `GET /v1/sensors`, `/v1/sensors/{id}`, `/v1/sensors/{id}/messages`: for installers.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::place::DevEui;
use domain::sensor_health::{Health, Signs};
use domain::{Binding, MunicipalityId, Reason, Registry, Sensor, Target, UtcMicros};
use serde::Serialize;
use store::inspect::{self, Device, Message};
use utoipa::ToSchema;

use crate::answer;
use crate::app::{Ctx, Shared};
use crate::auth::{Caller, Role, pool};
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, RawQuery, cursor_after};
use crate::problem::{Problem, ProblemBody};

/// Devices read at once while a filter is applied.
const READ_AT_ONCE: usize = 1_000;

/// A page of devices.
#[derive(Serialize, ToSchema)]
pub struct SensorList {
    items: Vec<SensorOut>,
    cursor: Option<String>,
}

/// A device: in the files, or heard, or both.
#[derive(Serialize, ToSchema)]
pub struct SensorOut {
    id: String,
    feed: Option<String>,
    municipality: Option<String>,
    /// `ok`, `watch`, `faulty`, `silent`, `new`
    #[schema(value_type = String, example = "ok")]
    health: Health,
    decoder: Option<&'static str>,
    /// What it is bound to now.
    binding: Option<BindingOut>,
    #[schema(value_type = Option<String>, format = DateTime)]
    first_heard: Option<UtcMicros>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_heard: Option<UtcMicros>,
    age_s: Option<i64>,
    /// How long it may be silent.
    stale_after_s: u32,
    messages: i64,
    last_f_cnt: Option<i64>,
    last_outcome: Option<String>,
    battery_v: Option<f32>,
    battery_pct: Option<f32>,
    temperature_c: Option<f32>,
    rssi_dbm: Option<f32>,
    snr_db: Option<f32>,
}

/// One device with its bindings over time.
#[derive(Serialize, ToSchema)]
pub struct SensorDetail {
    #[serde(flatten)]
    sensor: SensorOut,
    bindings: Vec<BindingOut>,
}

/// What a device is bound to, from when to when.
#[derive(Serialize, ToSchema)]
pub struct BindingOut {
    bay: Option<String>,
    site: Option<String>,
    vehicle: Option<String>,
    #[schema(value_type = Option<String>)]
    direction: Option<domain::Direction>,
    #[schema(value_type = Option<String>, format = DateTime)]
    bound_from: Option<UtcMicros>,
    #[schema(value_type = Option<String>, format = DateTime)]
    bound_until: Option<UtcMicros>,
    heartbeat_s: Option<u32>,
    stale_after_s: Option<u32>,
    threshold_mm: Option<u32>,
}

impl BindingOut {
    fn new(binding: &Binding, registry: &Registry) -> Self {
        let (mut bay, mut site, mut vehicle) = (None, None, None);
        match binding.target {
            Some(Target::Bay(id)) => bay = registry.bay(id).map(|e| e.def.id.clone()),
            Some(Target::Site(id)) => site = registry.site(id).map(|e| e.def.id.clone()),
            Some(Target::Vehicle(id)) => vehicle = registry.vehicle(id).map(|e| e.def.id.clone()),
            None => {}
        }
        BindingOut {
            bay,
            site,
            vehicle,
            direction: binding.direction,
            bound_from: binding.from,
            bound_until: binding.until,
            heartbeat_s: binding.heartbeat_s,
            stale_after_s: binding.stale_after_s,
            threshold_mm: binding.threshold_mm,
        }
    }
}

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
    /// `up`, `join`, `status`, `ack`, `txack`, `log`, `location`
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

/// Completes what the store knows with the files and with live state.
fn out(device: Device, shared: &Shared, now: UtcMicros) -> SensorOut {
    let live = shared.hub.read();
    let registry = live.map.registry();
    let sensor: Option<&Sensor> = registry.sensor_by_key(&device.key).filter(|_| device.is_known);
    let binding = sensor.and_then(|s| s.binding_at(now));
    let target = binding.and_then(|b| b.target);
    // Devices of feeds that name their bays themselves are known by what is said of the bay.
    let of_bay = match target {
        Some(Target::Bay(bay)) => live.map.reading(bay).filter(|r| r.feed == device.feed),
        _ => None,
    };
    let last_heard = device.last_heard.max(of_bay.map(|r| r.observed_at));
    let stale_after_s = match target {
        Some(target) => registry.stale_after_s(device.feed, sensor.map(|s| s.id), target, now),
        None => {
            let heartbeat_s = registry.feed(device.feed).map(|f| f.def.heartbeat_s());
            domain::sensor::stale_after_s(heartbeat_s.unwrap_or(domain::feed::DEFAULT_HEARTBEAT_S))
        }
    };
    let rejected = device.last_outcome.as_deref().and_then(|o| o.strip_prefix("rejected:"));
    let signs = Signs {
        is_known: device.is_known,
        last_heard,
        stale_after_s,
        rejected: rejected.and_then(|r| r.parse::<Reason>().ok()),
        battery_v: device.battery_v,
        battery_pct: device.battery_pct,
        rssi_dbm: device.rssi_dbm,
    };
    SensorOut {
        id: device.key,
        feed: registry.feed(device.feed).map(|f| f.def.id.clone()),
        municipality: registry.municipality(device.municipality).map(|m| m.slug.clone()),
        health: signs.health(now),
        decoder: sensor.and_then(|s| s.decoder).map(|d| d.as_str()),
        binding: binding.map(|b| BindingOut::new(b, registry)),
        first_heard: device.first_heard,
        last_heard,
        age_s: last_heard.map(|at| now.age_s(at)),
        stale_after_s,
        messages: device.messages,
        last_f_cnt: device.last_f_cnt,
        last_outcome: device.last_outcome,
        battery_v: device.battery_v,
        battery_pct: device.battery_pct,
        temperature_c: device.temperature_c,
        rssi_dbm: device.rssi_dbm,
        snr_db: device.snr_db,
    }
}

async fn scope(shared: &Shared, headers: &HeaderMap) -> Result<Vec<MunicipalityId>, Problem> {
    let caller = Caller::with(shared, headers, Role::Installer).await?;
    Ok(caller.municipalities(shared.hub.read().map.registry()))
}

/// A DevEUI in any spelling is the one that is stored.
pub(crate) fn spelled(id: &str) -> String {
    id.parse::<DevEui>().map_or_else(|_| id.to_owned(), |eui| eui.to_string())
}

/// Devices in the order of their ids: those in the files, and those that sent and are not
/// (`health=new`).
#[utoipa::path(
    get,
    path = "/v1/sensors",
    tag = "installers",
    security(("key" = [])),
    params(
        ("health" = Option<String>, Query, description = "ok, watch, faulty, silent, new"),
        ("limit" = Option<u32>, Query, description = "at most 1000, clamped; default 100"),
        ("cursor" = Option<String>, Query, description = "from the page before"),
    ),
    responses(
        (status = 200, body = SensorList),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sensors(State(shared): Ctx, headers: HeaderMap, query: RawQuery) -> Result<Response, Problem> {
    let scope = scope(&shared, &headers).await?;
    let params = query.params(&["health", "limit", "cursor"])?;
    let wanted: Option<Vec<Health>> = params.list("health", &Health::choices())?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let mut after = params.cursor()?;
    let now = shared.now();
    let mut items: Vec<SensorOut> = Vec::new();
    loop {
        let devices = inspect::devices(pool(&shared)?, &scope, None, after.as_deref(), READ_AT_ONCE).await?;
        let is_end = devices.len() < READ_AT_ONCE;
        after = devices.last().map(|d| d.key.clone());
        let found = devices.into_iter().map(|d| out(d, &shared, now));
        items.extend(found.filter(|s| wanted.as_ref().is_none_or(|w| w.contains(&s.health))));
        if is_end || items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let cursor = items.last().filter(|_| more).map(|s| cursor_after(&s.id));
    Ok(answer::private(&SensorList { items, cursor }))
}

/// One device with its bindings over time.
#[utoipa::path(
    get,
    path = "/v1/sensors/{id}",
    tag = "installers",
    security(("key" = [])),
    params(("id" = String, Path, description = "a DevEUI in any spelling, or the supplier's id")),
    responses(
        (status = 200, body = SensorDetail),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sensor(
    State(shared): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let scope = scope(&shared, &headers).await?;
    query.params(&[])?;
    let device = inspect::devices(pool(&shared)?, &scope, Some(&spelled(&id)), None, 1).await?.pop();
    let device = device.ok_or_else(|| {
        Problem::not_found(
            "There is no sensor with this id.",
            "GET /v1/sensors lists the sensors that this key may see.",
        )
    })?;
    let bindings = {
        let live = shared.hub.read();
        let registry = live.map.registry();
        let sensor = registry.sensor_by_key(&device.key).filter(|_| device.is_known);
        sensor.map_or_else(Vec::new, |s| s.bindings.iter().map(|b| BindingOut::new(b, registry)).collect())
    };
    Ok(answer::private(&SensorDetail { sensor: out(device, &shared, shared.now()), bindings }))
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
    let mut found = inspect::messages(pool(&shared)?, &scope, &spelled(&id), before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let cursor = last.map(|m| cursor_after(&format!("{} {} {}", m.received_at.0, m.copy, m.dedup_id)));
    Ok(answer::private(&MessageList { items: found.into_iter().map(MessageOut::from).collect(), cursor }))
}
