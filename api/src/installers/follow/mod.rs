//! `GET /v1/sensors/changes`: what devices send, how they are, and how their tests go, as it happens.
//!
//! What is committed names to the [`DeviceHub`] which messages came and which devices were judged. One task reads them from the
//! store, once for all clients, and only while there are some.

mod event;
mod reader;
mod statement;
mod stream;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use domain::address::network_of;

use self::event::DeviceEventData;
use self::stream::{Client, follow};
use super::sensors::{scope, spelled};
use crate::contract::parameters::parameters;
use crate::contract::values;
use crate::http::auth::Asker;
use crate::http::params::RawQuery;
use crate::http::problem::Problem;
use crate::hub::View;
use crate::hub::changes::{Resume, Streams};
use crate::hub::devices::DeviceHub;

parameters! {
    /// Which devices are followed.
    SensorChanges {
        /// Only the device with this id: a DevEUI in any spelling, or the supplier's id; it need not have sent yet.
        id: Option<values::Id>,
    }
}

/// What devices send and how they are, as it happens (`text/event-stream`).
///
/// `event: message` is a message that was stored, as in `/v1/sensors/{id}/messages`, also of devices that no file has; of a native feed
/// it is what was stated, under the id that `/v1/sensors` has for it, with the content in `decoded`.
/// `event: health` is a device in which something was found, or no longer is, as in `/v1/sensors`. `event: check` is a test of
/// a sensor of which a check, the instruction or the state has changed. Each has an `id:`; a client that comes back with
/// `Last-Event-ID` goes on from there. `event: missed` comes where that is too long ago, and where a client is too slow: read the lists
/// again. A comment every 15 s; `retry: 3000`. The stream ends when the key does.
#[utoipa::path(
    get,
    path = "/v1/sensors/changes",
    tag = "installers",
    security(("key" = [])),
    params(SensorChanges, Resume),
    responses(
        (
            status = 200,
            body = DeviceEventData,
            content_type = "text/event-stream",
            description = "A stream of server-sent events. The schema is that of the `data` of one event.",
        ),
        (status = 503, description = "Too many clients follow changes, in all or from one address."),
    ),
)]
pub async fn sensor_changes(
    State(streams): State<Arc<Streams>>,
    State(devices): State<Arc<DeviceHub>>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let towns = scope(&view, &asker).await?;
    let params = query.params(&[SensorChanges::NAMES])?;
    let only = params.text("id").map(spelled);
    let last_event_id = asker.headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let address = asker.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let share = streams.shares.take(network_of(address), asker.is_shared());
    let share = share.ok_or_else(|| Problem::unavailable("Too many clients follow the changes."))?;
    let stop = streams.shutdown.child_token();
    let client = Client::new(devices, view.hub, asker, towns, only, last_event_id, share, stop);
    let headers = [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        // Proxies of the nginx kind would hold events back.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(follow(client).map(Ok::<_, Infallible>))).into_response())
}
