//! `PUT /v1/sensors/{id}/binding`: binds a device to what it watches, from now or from a past time on.

use std::time::{Duration, Instant};

use axum::response::Response;
use domain::intervals::Span;
use domain::mistake::Subject;
use domain::rebinding::{Asked, BindingRefusal};
use domain::sensor::SensorRow;
use domain::{Decoder, Direction, UtcMicros};
use serde::Serialize;
use serde_json::{Map, Value};
use store::places::{self, BindingChange, BindingRequest};
use utoipa::ToSchema;

use super::sensors::{no_sensor, spelled};
use crate::contract::{parameters, values, words};
use crate::http::answer;
use crate::http::auth::{Asker, Role};
use crate::http::body::Unread;
use crate::http::params::{PathId, RawQuery};
use crate::http::problem::Problem;
use crate::hub::View;

/// This process has read the new places within moments; the answer waits so long, so that whoever asks next sees them.
const READ_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longest heartbeat, seconds: a year.
const MAX_S: u32 = 366 * 86_400;

/// Longest distance that a sensor measures, millimetres.
const MAX_MM: u32 = 100_000;

const FIELDS: [&str; 9] = [
    "bay",
    "site",
    "vehicle",
    "direction",
    "from",
    "decoder",
    "heartbeat_s",
    "stale_after_s",
    "threshold_mm",
];

/// What the device is bound to; without bay, site and vehicle it is bound to nothing.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct BindingIn {
    /// Id of the bay that it watches.
    bay: Option<String>,
    /// Id of the site that it counts for.
    site: Option<String>,
    /// Id of the vehicle that it is in.
    vehicle: Option<String>,
    /// Of a device in a lane of a site: where those go whom it sees pass from left to right. Left out: in.
    #[schema(value_type = Option<words::Direction>)]
    direction: Option<Direction>,
    /// Since when it is so. Left out: from now on; of what it is bound to already, since it is.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Codec of its payload. Left out: as before.
    #[schema(value_type = Option<words::Decoder>)]
    decoder: Option<Decoder>,
    /// The longest silence that it promises, seconds. Left out: as its feed says.
    heartbeat_s: Option<u32>,
    /// After how long without a state it is stale, seconds. Left out: 2.2 heartbeats.
    stale_after_s: Option<u32>,
    /// Occupied below this distance, millimetres: of a decoder whose devices report a distance only, which needs it.
    threshold_mm: Option<u32>,
}

/// What changes.
#[derive(Serialize, ToSchema)]
pub struct BindingChangeOut {
    /// Bindings that end: what the device was bound to, and other devices at the bay.
    ends: Vec<EndedBindingOut>,
    /// How many kept messages are decoded again.
    decoded_again: i64,
    /// The hours whose figures may change, of a vehicle those of its positions; null: none, since nothing changes in the past.
    #[schema(value_type = Option<HoursOut>)]
    hours_changed: Option<HoursOut>,
    /// Number of what decodes them, in the background: `rebinding` of the sensor shows how far it is. Null: there is
    /// nothing to decode, or nothing was changed.
    job: Option<i64>,
}

/// A binding that ends.
#[derive(Serialize, ToSchema)]
pub struct EndedBindingOut {
    /// Id of the device.
    sensor: String,
    /// Id of the bay that it was bound to; null: none.
    bay: Option<String>,
    /// Id of the site; null: none.
    site: Option<String>,
    /// Id of the vehicle; null: none.
    vehicle: Option<String>,
    /// Since when it was bound; null: always.
    bound_from: Option<UtcMicros>,
    /// When that ends. Equal to `bound_from`: it is as if it had never been.
    bound_until: Option<UtcMicros>,
}

/// Whole hours.
#[derive(Serialize, ToSchema)]
pub struct HoursOut {
    /// The beginning of the first one; null: as far back as there are messages.
    from: Option<UtcMicros>,
    /// The end of the last one.
    until: UtcMicros,
}

impl From<BindingChange> for BindingChangeOut {
    fn from(change: BindingChange) -> Self {
        let end = |row: SensorRow| EndedBindingOut {
            sensor: row.id,
            bay: row.bay,
            site: row.site,
            vehicle: row.vehicle,
            bound_from: row.bound_from,
            bound_until: row.bound_until,
        };
        let hours = |span: Span| HoursOut {
            from: Some(span.from).filter(|from| *from >= UtcMicros::EPOCH),
            until: span.until,
        };
        BindingChangeOut {
            ends: change.ends.into_iter().map(end).collect(),
            decoded_again: change.decoded_again,
            hours_changed: change.hours_changed.map(hours),
            job: change.job,
        }
    }
}

/// Binds a device that is known, or that was heard: it becomes a sensor of the feed by which it was heard. From a past
/// time on, what it has sent since is decoded again, and the figures of what it was and is bound to follow. A bay has
/// one device: the binding of another one ends, and the history of the bay goes on.
#[utoipa::path(
    put,
    path = "/v1/sensors/{id}/binding",
    tag = "installers",
    security(("key" = [])),
    params(
        ("id" = inline(values::Id), Path, description = "A DevEUI in any spelling, or the supplier's id."),
        parameters::Trial,
    ),
    request_body(content = BindingIn, content_type = "application/json"),
    responses((status = 200, body = BindingChangeOut)),
)]
pub async fn bind(
    view: View,
    id: PathId,
    asker: Asker,
    query: RawQuery,
    body: Unread,
) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer]).await?;
    let params = query.params(&[parameters::Trial::NAMES])?;
    let is_trial = params.one::<bool>("dry_run", "true, false")?.unwrap_or(false);
    let body = body.read(&caller).await?;
    let towns = caller.municipalities(&view.registry());
    let request = BindingRequest { device: spelled(&id.text()?), towns, ..read(&body)? };
    let pool = asker.pool()?;
    let change = match places::bind(pool, &request, &caller.actor(), view.now, is_trial).await? {
        Ok(change) => change,
        Err(refusal) => return Err(refused(&request, &refusal, view.now)),
    };
    let asked_at = Instant::now();
    while change.generation.is_some_and(|wanted| view.registry().generation() < wanted)
        && asked_at.elapsed() < READ_WITHIN
    {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(answer::private(&BindingChangeOut::from(change)))
}

/// The body's fields.
struct Body(Map<String, Value>);

impl Body {
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let wrong = |detail: String| {
            Problem::bad_parameter("body", &String::from_utf8_lossy(bytes), detail)
                .remedy(r#"Send a JSON object such as {"bay": "markt-3", "decoder": "bosch-tps110"}."#)
        };
        let body: Value =
            serde_json::from_slice(bytes).map_err(|e| wrong(format!("The body cannot be read: {e}.")))?;
        let Value::Object(mut fields) = body else { return Err(wrong("The body is no object.".to_owned())) };
        if let Some((name, value)) = fields.iter().find(|(name, _)| !FIELDS.contains(&name.as_str())) {
            let detail = format!("There is no field '{name}' here.");
            return Err(Problem::bad_parameter(name, &value.to_string(), detail)
                .remedy(format!("Known are: {}.", FIELDS.join(", "))));
        }
        fields.retain(|_, value| !value.is_null());
        Ok(Body(fields))
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
        let is_clean = |text: &&str| !text.chars().any(char::is_control);
        text.filter(is_clean).map(Some).ok_or_else(|| {
            Problem::bad_parameter(name, &value.to_string(), format!("'{name}' is not a text with content."))
                .remedy(format!("Write it in quotation marks, or leave '{name}' out."))
        })
    }

    fn word<T: std::str::FromStr>(&self, name: &str, choices: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Problem::no_such(name, text, choices))
    }

    fn number(&self, name: &str, max: u32) -> Result<Option<u32>, Problem> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=max).contains(n));
        number.map(Some).ok_or_else(|| {
            let detail = format!("'{name}' is not a whole number from 1 to {max}.");
            Problem::bad_parameter(name, &value.to_string(), detail)
                .remedy(format!("Give one, or leave '{name}' out."))
        })
    }

    fn instant(&self, name: &str) -> Result<Option<UtcMicros>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        UtcMicros::parse(text).map(Some).map_err(|_| {
            Problem::bad_parameter(name, text, format!("'{name}' is not an instant."))
                .remedy("Write it as RFC 3339 with its zone, e.g. 2026-11-22T12:00:00Z.")
        })
    }
}

/// The request, but for its device and towns.
fn read(bytes: &[u8]) -> Result<BindingRequest, Problem> {
    let body = Body::read(bytes)?;
    let target = |name| body.text(name).map(|id| id.map(str::to_owned));
    let request = BindingRequest {
        bay: target("bay")?,
        site: target("site")?,
        vehicle: target("vehicle")?,
        direction: body.word("direction", &Direction::choices())?,
        from: body.instant("from")?,
        decoder: body.word("decoder", &Decoder::choices())?,
        heartbeat_s: body.number("heartbeat_s", MAX_S)?,
        stale_after_s: body.number("stale_after_s", MAX_S)?,
        threshold_mm: body.number("threshold_mm", MAX_MM)?,
        ..BindingRequest::default()
    };
    let named = [("bay", &request.bay), ("site", &request.site), ("vehicle", &request.vehicle)];
    let named: Vec<_> = named.into_iter().filter_map(|(name, id)| Some((name, id.as_deref()?))).collect();
    if let [(first, _), (second, id), ..] = named[..] {
        let detail = format!("'{first}' and '{second}' are given: a device is bound to one thing at a time.");
        return Err(Problem::bad_parameter(second, id, detail)
            .remedy("Give one of bay, site and vehicle, or none to bind it to nothing."));
    }
    if let (Some(direction), None) = (request.direction, &request.site) {
        return Err(Problem::bad_parameter(
            "direction",
            direction.as_str(),
            "A direction is that of a lane of a site.",
        )
        .remedy("Give the site whose lane it counts, or leave 'direction' out."));
    }
    Ok(request)
}

fn refused(request: &BindingRequest, refusal: &BindingRefusal, now: UtcMicros) -> Problem {
    let named =
        [(Subject::Bay, &request.bay), (Subject::Site, &request.site), (Subject::Vehicle, &request.vehicle)];
    let named = named.into_iter().find_map(|(kind, id)| Some((kind, id.as_deref()?)));
    let (kind, id) = named.unwrap_or((Subject::Bay, ""));
    let from = request.from.map(|from| from.to_string()).unwrap_or_default();
    let problem = match refusal {
        BindingRefusal::NotHeard => no_sensor(),
        BindingRefusal::OfAnotherTown => Problem::bad_parameter("id", &request.device, ""),
        BindingRefusal::NoSuchPlace
        | BindingRefusal::NotOfFeed { .. }
        | BindingRefusal::AfterPlace { .. } => Problem::bad_parameter(kind.as_str(), id, ""),
        BindingRefusal::Ahead | BindingRefusal::BeforePlace { .. } | BindingRefusal::NotKept { .. } => {
            Problem::bad_parameter("from", &from, "")
        }
        BindingRefusal::Misfit(decoder) => Problem::bad_parameter("decoder", decoder.as_str(), ""),
        BindingRefusal::NoThreshold(_) => Problem::missing_parameter("threshold_mm", ""),
        BindingRefusal::NoDecoder => Problem::missing_parameter("decoder", ""),
    };
    problem.in_words(|lang| refusal.words(&Asked { kind, id, device: &request.device, now }, lang))
}
