//! `GET /v1/changes`: server-sent events.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::Registry;
use futures_util::StreamExt;

use crate::app::Ctx;
use crate::contract::parameters;
use crate::http::client::{Asker, network_of};
use crate::http::params::{Params, RawQuery};
use crate::http::problem::Problem;
use crate::hub::{EventData, Filter, Kind, Start, follow};

const PARAMETERS: &[&str] = &["bbox", "site", "municipality", "kind"];

fn filter(params: &Params<'_>, registry: &Registry) -> Result<Filter, Problem> {
    let mut filter =
        Filter { bbox: params.bbox()?, municipality: params.municipality(registry)?, ..Filter::default() };
    if let Some(kinds) = params.named("kind", &Kind::ALL.map(|kind| (kind.as_str(), kind)))? {
        filter.bays = kinds.contains(&Kind::Bay);
        filter.sites = kinds.contains(&Kind::Site);
        filter.vehicles = kinds.contains(&Kind::Vehicle);
    }
    Ok(filter)
}

/// What changes, as it changes (`text/event-stream`).
///
/// First the whole current state: one or more `event: snapshot` with at most 1,000 `items`, the
/// last one with `"complete": true`. Then `event: change` for each new state (going stale is one,
/// `reason: "stale"`), and `event: removed` `{kind, id}`. Each has an `id:`; a client that comes
/// back with `Last-Event-ID` goes on from there, or gets the snapshot again when that is too long
/// ago. A comment every 15 s; `retry: 3000`. Bays and sites; vehicles only with `kind=vehicle`.
#[utoipa::path(
    get,
    path = "/v1/changes",
    tag = "drivers",
    params(parameters::Within, parameters::Changes, parameters::Resume),
    responses(
        (
            status = 200,
            body = EventData,
            content_type = "text/event-stream",
            description = "A stream of server-sent events. The schema is that of the `data` of one event.",
        ),
        (status = 503, description = "Too many clients follow the changes, in all or from one address."),
    ),
)]
pub async fn changes(State(shared): Ctx, asker: Asker, query: RawQuery) -> Result<Response, Problem> {
    let params = query.params(PARAMETERS)?;
    let filter = {
        let live = shared.hub.read();
        let mut filter = filter(&params, live.map.registry())?;
        if let Some(key) = params.text("site") {
            let site = live.map.site_by_key(key, shared.now());
            let site = site.ok_or_else(|| {
                Problem::bad_parameter("site", key, format!("There is no site '{key}'."))
                    .remedy("Give the id of a site; /v1/sites lists them.")
            })?;
            filter.site = Some(site.id);
        }
        filter
    };
    let last_event_id = asker.headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let start = Start { filter, last_event_id };
    let address = asker.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let is_unlimited = address.is_loopback() || shared.proxies.contains(address);
    let share = shared.streams.take(network_of(address), is_unlimited);
    let share = share.ok_or_else(|| Problem::unavailable("Too many clients follow the changes."))?;
    let stop = shared.shutdown.child_token();
    let stream = follow(shared.hub.clone(), shared.clock.clone(), start, share, stop);
    let mut response = Response::new(Body::from_stream(stream.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx kind would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}
