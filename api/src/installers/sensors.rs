//! `GET /v1/sensors`, `/v1/sensors/{id}`, `/v1/sensors/{id}/messages`: for installers.

mod decoders;
mod messages;
mod out;

use axum::response::Response;
use domain::health::Health;
use domain::place::DevEui;
use domain::rejection::Reason;
use domain::{FeedFormat, MunicipalityId, UtcMicros};
use serde::Serialize;
use store::inspect::{self, Device, NativeFilter};
use store::rebindings;
use utoipa::ToSchema;

pub use self::decoders::{__path_decoders, decoders};
pub use self::messages::{__path_messages, messages};
use self::out::{BindingOut, RebindingOut, Rejecting, SensorOut};
use crate::contract::{parameters, values};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// Devices read at once while a filter is applied.
const READ_AT_ONCE: usize = 1_000;

/// Stands between id and kind in a cursor.
const BETWEEN: char = '\u{1f}';

/// One device with its bindings over time.
#[derive(Serialize, ToSchema)]
pub struct SensorDetail {
    #[serde(flatten)]
    sensor: SensorOut,
    /// What it was bound to over time, and is.
    bindings: Vec<BindingOut>,
}

async fn scope(view: &View, asker: &Asker) -> Result<Vec<MunicipalityId>, Problem> {
    let caller = asker.with(&[Role::Installer]).await?;
    Ok(caller.municipalities(view.hub.read().map.registry()))
}

/// The id as stored: a DevEUI may be written in any spelling.
pub(crate) fn spelled(id: &str) -> String {
    id.parse::<DevEui>().map_or_else(|_| id.to_owned(), |eui| eui.to_string())
}

/// A device that is not there, or not for the caller.
pub(crate) fn no_sensor() -> Problem {
    Problem::not_found(
        "There is no sensor with this id.",
        "GET /v1/sensors lists the sensors that this key may see.",
    )
}

/// Whether there is a device or native place of this id in the municipalities of `scope`.
async fn exists(asker: &Asker, scope: &[MunicipalityId], id: &str) -> Result<bool, Problem> {
    let pool = asker.pool()?;
    if !inspect::devices(pool, scope, Some(id), None, 1).await?.is_empty() {
        return Ok(true);
    }
    let only = [id.to_owned()];
    let filter = NativeFilter { only: Some(&only), ..NativeFilter::default() };
    Ok(!inspect::native_places(pool, scope, &filter, 1).await?.is_empty())
}

/// Devices in the order of their ids: those in the files, those that sent and are not (`health=new`), and
/// places that a native feed names itself, without a sensor in the files.
#[utoipa::path(
    get,
    path = "/v1/sensors",
    tag = "installers",
    security(("key" = [])),
    params(parameters::Sensors, parameters::Paging),
    responses((status = 200, body = List<SensorOut>)),
)]
pub async fn sensors(view: View, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let scope = scope(&view, &asker).await?;
    let params = query.params(&[parameters::Sensors::NAMES, parameters::Paging::NAMES])?;
    let wanted: Option<Vec<Health>> = params.list("health", &Health::choices())?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let cursor = params.cursor_of_devices()?;
    let after = cursor.as_deref().map(|c| c.split_once(BETWEEN).unwrap_or((c, "")));
    let mut after = after.map(|(id, kind)| (id.to_owned(), kind.to_owned()));
    let mut items: Vec<SensorOut> = Vec::new();
    loop {
        let page = page(&view, &asker, &scope, after.as_ref()).await?;
        after = page.last;
        items
            .extend(page.items.into_iter().filter(|s| wanted.as_ref().is_none_or(|w| w.contains(&s.health))));
        if after.is_none() || items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    let cursor = last.map(|s| match s.kind.as_str() {
        "sensor" => cursor_after(&s.id),
        kind => cursor_after(&format!("{}{BETWEEN}{kind}", s.id)),
    });
    Ok(answer::private(&List { items, cursor }))
}

/// Some devices and places in the order of their ids.
struct Page {
    items: Vec<SensorOut>,
    /// Where the next page begins; `None`: this is the last one.
    last: Option<(String, String)>,
}

/// The devices and native places after an id and kind. A device comes before a place of the same id.
async fn page(
    view: &View,
    asker: &Asker,
    scope: &[MunicipalityId],
    after: Option<&(String, String)>,
) -> Result<Page, Problem> {
    let pool = asker.pool()?;
    let key = after.map(|(key, _)| key.as_str());
    let devices = inspect::devices(pool, scope, None, key, READ_AT_ONCE).await?;
    let filter = NativeFilter {
        after: after.map(|(key, kind)| (key.as_str(), kind.as_str())),
        ..NativeFilter::default()
    };
    let places = inspect::native_places(pool, scope, &filter, READ_AT_ONCE).await?;
    // Both are read completely up to here.
    let ends = [
        devices.get(READ_AT_ONCE - 1).map(|d| (d.key.clone(), String::new())),
        places.get(READ_AT_ONCE - 1).map(|p| (p.key.clone(), p.kind.clone())),
    ];
    let last = ends.into_iter().flatten().min();
    let rejecting = rejecting(view, asker, scope, &devices).await?;
    let mut items: Vec<((String, String), SensorOut)> = Vec::with_capacity(devices.len() + places.len());
    let keys: Vec<&str> = devices.iter().map(|device| device.key.as_str()).collect();
    let mut rebindings = rebindings::progress(pool, scope, &keys).await?;
    for device in devices {
        let (key, rebinding) = (device.key.clone(), rebindings.remove(&device.key));
        let mut device = out::device(device, &rejecting, view);
        device.rebinding = rebinding.map(RebindingOut::from);
        items.push(((key, String::new()), device));
    }
    for place in places {
        items.push(((place.key.clone(), place.kind.clone()), out::place(place, view)));
    }
    items.retain(|(at, _)| last.as_ref().is_none_or(|last| at <= last));
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), last })
}

/// What the rejections say about these devices.
async fn rejecting(
    view: &View,
    asker: &Asker,
    scope: &[MunicipalityId],
    devices: &[Device],
) -> Result<Rejecting, Problem> {
    let registry = view.registry();
    let is_refused = |d: &&Device| d.last_outcome.as_deref().is_some_and(|o| o.starts_with("rejected:"));
    let suspects: Vec<(MunicipalityId, &str, UtcMicros)> = devices
        .iter()
        .filter(is_refused)
        .filter_map(|d| Some((d.municipality, d.key.as_str(), out::last_heartbeat(&registry, d, view.now)?)))
        .collect();
    let names_places =
        |d: &&Device| d.is_known && registry.feed(d.feed).is_some_and(|f| f.def.format == FeedFormat::Native);
    let place = |d: &Device| {
        let target = registry.sensor_by_key(&d.key)?.binding_at(view.now)?.target?;
        out::place_of(target, &registry).map(|(_, id)| id)
    };
    let places: Vec<String> = devices.iter().filter(names_places).filter_map(place).collect();
    let mut found = Rejecting::default();
    if !suspects.is_empty() {
        found.devices = inspect::rejecting(asker.pool()?, &suspects, &Reason::OWN_FAULTS).await?;
    }
    if !places.is_empty() {
        let filter = NativeFilter { only: Some(&places), with_sensor: true, after: None };
        let all = inspect::native_places(asker.pool()?, scope, &filter, 4 * places.len()).await?;
        found.places = all.into_iter().map(|p| ((p.kind.clone(), p.key.clone()), p)).collect();
    }
    Ok(found)
}

/// One device with its bindings over time, or one native place.
#[utoipa::path(
    get,
    path = "/v1/sensors/{id}",
    tag = "installers",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id.")),
    responses((status = 200, body = SensorDetail)),
)]
pub async fn sensor(view: View, id: PathId, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let scope = scope(&view, &asker).await?;
    query.params(&[])?;
    let id = spelled(&id.text()?);
    let devices = inspect::devices(asker.pool()?, &scope, Some(&id), None, 1).await?;
    let rejecting = rejecting(&view, &asker, &scope, &devices).await?;
    let Some(device) = devices.into_iter().next() else {
        let filter = NativeFilter { only: Some(&[id]), ..NativeFilter::default() };
        let place = inspect::native_places(asker.pool()?, &scope, &filter, 1).await?.pop();
        let sensor = out::place(place.ok_or_else(no_sensor)?, &view);
        return Ok(answer::private(&SensorDetail { sensor, bindings: Vec::new() }));
    };
    let bindings = {
        let live = view.hub.read();
        let registry = live.map.registry();
        let sensor = registry.sensor_by_key(&device.key).filter(|_| device.is_known);
        sensor.map_or_else(Vec::new, |s| s.bindings.iter().map(|b| BindingOut::new(b, registry)).collect())
    };
    let rebinding = rebindings::progress(asker.pool()?, &scope, &[&device.key]).await?.into_values().next();
    let mut sensor = out::device(device, &rejecting, &view);
    sensor.rebinding = rebinding.map(RebindingOut::from);
    Ok(answer::private(&SensorDetail { sensor, bindings }))
}
