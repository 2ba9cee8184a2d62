//! `GET /v1/sensors/{id}/messages`.

use axum::response::Response;
use domain::{FeedFormat, MunicipalityId, Registry, UtcMicros};
use serde::Serialize;
use store::inspect::{self, MessageCursor};
use utoipa::ToSchema;

use super::bound::place_of;
use super::{scope, spelled};
use crate::contract::{parameters, values, words};
use crate::http::answer;
use crate::http::auth::Asker;
use crate::http::params::{DEFAULT_LIMIT, MAX_LIMIT, PathId, RawQuery, cursor_after};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// A message as it was received, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct MessageOut {
    /// The network server's deduplication id.
    id: String,
    /// Kind of event of the network server: `up`, `join`, `status`, `ack`, `txack`, `log`, `location`,
    /// `integration`; `simulated` was made up in its console; `message` is of a feed that names its places itself.
    event: String,
    /// When it was received last.
    received_at: UtcMicros,
    /// When the network server received it; null: it does not say.
    network_at: Option<UtcMicros>,
    /// Port of LoRaWAN; null: none.
    f_port: Option<i32>,
    /// Frame counter of LoRaWAN; null: none.
    f_cnt: Option<i64>,
    /// The payload's bytes, hexadecimal: its first 64 KiB; null: none, or no longer kept.
    hex: Option<String>,
    /// How many bytes the payload has; null: none, or no longer kept.
    payload_bytes: Option<i32>,
    /// The decoder that read it, and its version; null: none.
    decoder: Option<String>,
    /// What the decoder made of it; null: nothing.
    #[schema(value_type = Option<Object>)]
    decoded: Option<serde_json::Value>,
    /// What became of it.
    #[schema(value_type = words::Outcome)]
    outcome: String,
    /// Of a rejected one: the field, its value, and what would be right; else null.
    detail: Option<String>,
    /// Fields of a wrong type or value, without which the message was taken.
    dropped_fields: Vec<String>,
    /// How often it was received.
    times: i32,
    /// Ids of the gateways that received it.
    gateways: Vec<String>,
    /// Spreading factor of LoRa, 7 to 12; null: not known.
    spreading_factor: Option<i16>,
    /// Received signal strength at the best gateway, dBm; null: not known.
    rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio at the best gateway, dB; null: not known.
    snr_db: Option<f32>,
    /// Quality of service by which the broker delivered it: 0, 1 or 2; null: not known, of what a native feed states.
    qos: Option<i16>,
}

/// The ids under which a device's messages are stored: its own, and, where its feed names the places itself, theirs. The
/// bindings of another municipality's device stay hidden, also in what is found.
fn names(id: String, scope: &[MunicipalityId], registry: &Registry) -> Vec<String> {
    let sensor = registry.sensor_by_key(&id).filter(|sensor| scope.contains(&sensor.municipality));
    let names_places =
        |s: &&domain::Sensor| registry.feed(s.feed).is_some_and(|f| f.def.format == FeedFormat::Native);
    let bindings = sensor.filter(names_places).map_or(&[][..], |s| s.bindings.as_slice());
    let places = bindings.iter().filter_map(|b| Some(place_of(b.target?, registry)?.1));
    let mut names: Vec<String> = places.collect();
    names.push(id);
    names
}

/// What a device sent, newest first, whether it was ever bound or not. A page ends early once its payloads are some MiB;
/// `cursor` goes on from there.
#[utoipa::path(
    get,
    path = "/v1/sensors/{id}/messages",
    tag = "installers",
    security(("key" = [])),
    params(
        ("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id."),
        parameters::Paging,
    ),
    responses((status = 200, body = List<MessageOut>)),
)]
pub async fn messages(view: View, id: PathId, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let scope = scope(&view, &asker).await?;
    let params = query.params(&[parameters::Paging::NAMES])?;
    let limit = params.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let cursor = params.cursor_of_devices()?;
    let before = cursor.as_deref().map(|c| {
        let mut parts = c.splitn(3, ' ');
        let (at, copy) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(MessageCursor { received_at: UtcMicros(at), dedup_id: parts.next()?, copy })
    });
    let before = match before {
        Some(None) => return Err(Problem::bad_cursor("cursor", cursor.as_deref().unwrap_or_default())),
        before => before.flatten(),
    };
    let names = names(spelled(&id.text()?), &scope, view.hub.read().map.registry());
    let (found, more) = inspect::messages(asker.pool()?, &scope, &names, before, limit).await?;
    let last = found.last().filter(|_| more);
    let cursor = last.map(|m| cursor_after(&format!("{} {} {}", m.received_at.0, m.copy, m.dedup_id)));
    Ok(answer::private(&List { items: found, cursor }))
}

#[cfg(test)]
mod tests {
    use testing::World;

    use super::*;

    #[test]
    fn only_the_towns_own_sensors_speak_under_the_names_of_their_places() {
        let registry = World::town("n").feed("f").bay("bay-7").sensor("s", "f", "bay-7").registry();
        let town = MunicipalityId(1);
        assert_eq!(names("s".into(), &[town], &registry), ["bay-7", "s"]);
        assert_eq!(names("s".into(), &[MunicipalityId(2)], &registry), ["s"]);
        assert_eq!(names("unknown".into(), &[town], &registry), ["unknown"]);
    }
}
