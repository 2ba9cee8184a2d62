//! `GET /v1/sensors`, `/v1/sensors/{id}`, `/v1/sensors/{id}/messages`, `/v1/sensors/{id}/decoders`: for installers.

mod bound;
mod decoders;
mod facts;
mod list;
mod messages;
mod out;
mod search;

use axum::response::Response;
use domain::MunicipalityId;
use domain::place::DevEui;
use serde::Serialize;
use store::inspect::{self, Device, DeviceFilter, DeviceOrder, NativeFilter, NativeOrder, NativePlace};
use utoipa::ToSchema;

pub use self::bound::place_of;
pub use self::decoders::{__path_decoders, decoders};
pub use self::facts::facts;
pub use self::list::{__path_sensors, sensors};
pub use self::messages::{__path_messages, MessageOut, messages};
use self::out::BindingOut;
pub use self::out::{SensorOut, device, place};
pub use self::search::is_called;
use crate::contract::values;
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::hub::View;

/// One device with its bindings over time.
#[derive(Serialize, ToSchema)]
pub struct SensorDetail {
    #[serde(flatten)]
    sensor: SensorOut,
    /// What it was bound to over time, and is.
    bindings: Vec<BindingOut>,
}

pub async fn scope(view: &View, asker: &Asker) -> Result<Vec<MunicipalityId>, Problem> {
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

/// The device of this id, else the native place.
async fn found(
    asker: &Asker,
    scope: &[MunicipalityId],
    id: &str,
) -> Result<(Option<Device>, Option<NativePlace>), Problem> {
    let (pool, only) = (asker.pool()?, [id.to_owned()]);
    let filter = DeviceFilter { only: Some(&only), ..DeviceFilter::default() };
    let device = inspect::devices(pool, scope, &filter, DeviceOrder::ById(None), 1).await?.pop();
    if device.is_some() {
        return Ok((device, None));
    }
    let filter = NativeFilter { only: Some(&only), ..NativeFilter::default() };
    Ok((None, inspect::native_places(pool, scope, &filter, NativeOrder::ById(None), 1).await?.pop()))
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
    let (device, place) = found(&asker, &scope, &spelled(&id.text()?)).await?;
    let facts = facts(&view, asker.pool()?, &scope, device.as_slice(), place.as_slice()).await?;
    let Some(device) = device else {
        let sensor = out::place(place.ok_or_else(no_sensor)?, &facts, &view);
        return Ok(answer::private(&SensorDetail { sensor, bindings: Vec::new() }));
    };
    let registry = view.registry();
    let sensor = device.sensor.and_then(|id| registry.sensor(id));
    let bindings = sensor.map_or(&[][..], |sensor| &sensor.bindings);
    let bindings = bindings.iter().map(|b| BindingOut::new(b, &registry)).collect();
    Ok(answer::private(&SensorDetail { sensor: out::device(device, &facts, &view), bindings }))
}
