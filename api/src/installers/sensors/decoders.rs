//! `GET /v1/sensors/{id}/decoders`: by which decoders a device's messages could be read.

use axum::extract::State;
use axum::response::Response;
use domain::Decoder;
use domain::sensor::ReadPayload;
use serde::Serialize;
use serde_json::Value;
use store::inspect;
use utoipa::ToSchema;

use super::{found, no_sensor, scope, spelled};
use crate::contract::{values, words};
use crate::http::answer;
use crate::http::auth::Asker;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::List;
use crate::hub::View;

/// How many of a device's newest messages are tried: some days of one that speaks every hour, and enough that each kind of
/// frame is among them.
const TRIED: usize = 100;

/// A decoder, and what it makes of a device's messages.
#[derive(Serialize, ToSchema)]
pub struct DecoderOut {
    /// Codec of the payload.
    #[schema(value_type = words::Decoder)]
    decoder: Decoder,
    /// How many of the messages it can read.
    accepted: usize,
    /// How many messages were tried: the newest with a payload of the device's own, 100 at most.
    of: usize,
    /// What it reads in the newest one, as `decoded` of `/v1/sensors/{id}/messages`, with battery and temperature; null:
    /// nothing, or there is none.
    #[schema(value_type = Option<Object>)]
    preview: Option<Value>,
    /// Why it cannot read the newest one; null: it can, or there is none.
    refused: Option<String>,
}

/// Every decoder, tried on what the device has sent: those that can read the most first. Several may read the same bytes, and
/// none is chosen: what stands on the device decides.
#[utoipa::path(
    get,
    path = "/v1/sensors/{id}/decoders",
    tag = "installers",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id.")),
    responses((status = 200, body = List<DecoderOut>)),
)]
pub async fn decoders(
    view: View,
    State(read): State<ReadPayload>,
    id: PathId,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let scope = scope(&view, &asker).await?;
    query.params(&[])?;
    let id = spelled(&id.text()?);
    let payloads = inspect::payloads(asker.pool()?, &scope, &id, TRIED).await?;
    if payloads.is_empty() && matches!(found(&asker, &scope, &id).await?, (None, None)) {
        return Err(no_sensor());
    }
    let registry = view.registry();
    let sensor = registry.sensor_by_key(&id).filter(|sensor| scope.contains(&sensor.municipality));
    let binding = sensor.and_then(|s| s.binding_at(view.now).or(s.bindings.last()));
    let threshold_mm = binding.and_then(|b| b.threshold_mm);
    let mut items: Vec<DecoderOut> = Decoder::ALL
        .iter()
        .map(|decoder| {
            let mut readings = payloads.iter().map(|p| read(*decoder, p.f_port, &p.payload, threshold_mm));
            let newest = readings.next();
            let accepted =
                newest.iter().filter(|read| read.is_ok()).count() + readings.filter(Result::is_ok).count();
            let (preview, refused) = match newest {
                Some(Ok(preview)) => (serde_json::from_str(&preview).ok(), None),
                Some(Err(why)) => (None, Some(why)),
                None => (None, None),
            };
            DecoderOut { decoder: *decoder, accepted, of: payloads.len(), preview, refused }
        })
        .collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.accepted));
    Ok(answer::private(&List { items, cursor: None }))
}
