//! `GET /v1/changes`: server-sent events.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Registry;
use domain::time::Clock;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use crate::contract::parameters::{self, parameters};
use crate::contract::values::{self, choices, values};
use crate::http::auth::Asker;
use crate::http::params::{Params, RawQuery};
use crate::http::problem::Problem;
use crate::http::shares::Shares;
use crate::hub::event::{ChangeData, Removed};
use crate::hub::snapshot::SnapshotPage;
use crate::hub::{Filter, Kind, Start, View, follow};
use domain::address::network_of;

values! {
    /// Bays, sites, vehicles.
    ThingKinds = choices(Kind::ALL.iter().map(|kind| kind.as_str())).default(Some(json!(["bay", "site"])));
}

parameters! {
    /// What is followed.
    Changes {
        /// Only this site and its bays.
        site: Option<values::Id>,
        /// What is followed, separated by commas.
        kind: Option<ThingKinds>,
    }
}

/// Where a stream of events goes on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the document only")]
pub struct Resume {
    /// `id` of the last event that was received: the stream goes on after it, or begins with a snapshot when that is too
    /// long ago.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

/// How many clients may follow the changes at once.
#[derive(Debug, Clone, Copy)]
pub struct StreamBounds {
    pub in_all: usize,
    /// From one address; clients on this machine and trusted proxies may take all.
    pub per_address: usize,
}

impl StreamBounds {
    /// Bounds for a server with so many connections: three quarters of them, and a quarter of that from one address.
    pub fn of(connections: usize) -> Self {
        let in_all = (connections * 3 / 4).max(1);
        StreamBounds { in_all, per_address: (in_all / 4).max(1) }
    }
}

/// The clients that follow the changes.
pub struct Streams {
    pub shares: Shares<IpAddr>,
    pub clock: Clock,
    /// Ends the streams, so that a graceful shutdown does not wait for them.
    pub shutdown: CancellationToken,
}

/// The `data` of an event: of `snapshot`, of `change`, of `removed`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the document only")]
pub enum EventData<'a> {
    Snapshot(SnapshotPage<'a>),
    Change(ChangeData<'a>),
    Removed(Removed<'a>),
}

fn filter(params: &Params<'_>, registry: &Registry) -> Result<Filter, Problem> {
    let mut filter =
        Filter { bbox: params.bbox()?, municipality: params.municipality(registry)?, ..Filter::default() };
    if let Some(kinds) = params.list("kind", &Kind::choices())? {
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
    params(parameters::Within, Changes, Resume),
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
pub async fn changes(
    State(streams): State<Arc<Streams>>,
    view: View,
    asker: Asker,
    query: RawQuery,
) -> Result<Response, Problem> {
    let params = query.params(&[parameters::Within::NAMES, Changes::NAMES])?;
    let filter = {
        let live = view.hub.read();
        let mut filter = filter(&params, live.map.registry())?;
        if let Some(key) = params.text("site") {
            let site = live.map.site_by_key(key, view.now);
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
    let share = streams.shares.take(network_of(address), asker.is_shared());
    let share = share.ok_or_else(|| Problem::unavailable("Too many clients follow the changes."))?;
    let stop = streams.shutdown.child_token();
    let stream = follow(view.hub, streams.clock.clone(), start, share, stop);
    let headers = [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        // Proxies of the nginx kind would hold events back.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(stream.map(Ok::<_, Infallible>))).into_response())
}
