//! `POST /v1/rejections/replay`: processes rejected messages again after the cause was fixed; for installers, and for who
//! posts the feed. The ingest does it, in this or another process: request and result go through the store.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::{Registry, UtcMicros};
use serde::{Deserialize, Serialize};
use store::replays::{self, ReplayId, ReplayProgress, ReplayRequest, ReplayState};
use utoipa::ToSchema;

use crate::contract::{parameters, values, words};
use crate::http::answer;
use crate::http::auth::{Asker, Caller, Role};
use crate::http::body::Unread;
use crate::http::params::{Params, PathId, RawQuery};
use crate::http::problem::Problem;
use crate::hub::View;
use crate::hub::changes::Streams;
use crate::installers::rejections::{feed_of, reason_of};

/// How long the answer waits for the result; a longer replay goes on without it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running ingest takes up a request within a second; after this time without one, none runs.
const UNTAKEN: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which messages; all that is given must hold, and something must be given.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayIn {
    /// Only those of the feed with this id.
    feed: Option<String>,
    /// Only those for this reason.
    #[schema(value_type = Option<words::RejectionReason>)]
    reason: Option<String>,
    /// Only those with these numbers.
    ids: Option<Vec<i64>>,
    /// Only those received before this instant.
    #[schema(format = DateTime)]
    before: Option<String>,
}

/// Outcome of a replay.
#[derive(Serialize, ToSchema)]
pub struct ReplayOut {
    /// Number of the replay: `/v1/rejections/replay/{id}` says how far it is.
    id: i64,
    /// Whether nothing was to be changed.
    dry_run: bool,
    /// Whether it is finished.
    done: bool,
    /// How many messages were processed again so far.
    replayed: i64,
    /// Accepted now, and removed from the rejections; of a trial those that would be.
    stored: i64,
    /// Rejected again: they stay, with the new reason.
    rejected: i64,
    /// Not replayed: too large ones, of which only the head is kept, and what is beyond 10,000.
    left: i64,
    /// How many are rejected again, by reason.
    reasons: BTreeMap<String, i64>,
    /// What the accepted messages are about, most statements first; at most 100 places.
    places: Vec<ReplayedPlaceOut>,
}

/// A place that accepted messages are about.
#[derive(Serialize, ToSchema)]
pub struct ReplayedPlaceOut {
    /// What it is.
    #[schema(value_type = words::ReplayedKind)]
    kind: String,
    /// Id of the place.
    id: String,
    /// How many statements about it, duplicates too.
    statements: i64,
}

fn out(id: ReplayId, state: ReplayState) -> ReplayOut {
    let ReplayProgress { replayed, stored, rejected, left, reasons, places } = state.progress;
    let place =
        |p: replays::ReplayedPlace| ReplayedPlaceOut { kind: p.kind, id: p.id, statements: p.statements };
    ReplayOut {
        id: id.0,
        dry_run: state.request.is_trial,
        done: state.is_done,
        replayed,
        stored,
        rejected,
        left,
        reasons,
        places: places.into_iter().map(place).collect(),
    }
}

/// Processes rejected messages again, as of the time of their first receipt: give the filter in the body or in the
/// query. Those that are accepted now are stored and removed from the rejections. 202: it takes longer, and goes on;
/// the numbers are those so far.
#[utoipa::path(
    post,
    path = "/v1/rejections/replay",
    tag = "installers",
    security(("key" = [])),
    params(parameters::Replay),
    request_body(content = Option<ReplayIn>, content_type = "application/json"),
    responses(
        (status = 200, body = ReplayOut),
        (status = 202, body = ReplayOut, description = "It takes longer, and goes on; the numbers are those so far."),
    ),
)]
pub async fn replay(
    view: View,
    State(streams): State<Arc<Streams>>,
    asker: Asker,
    query: RawQuery,
    body: Unread,
) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer, Role::Feed]).await?;
    let params = query.params(&[parameters::Replay::NAMES])?;
    let is_trial = params.one::<bool>("dry_run", "true, false")?.unwrap_or(false);
    let body = body.read(&caller).await?;
    let registry = view.registry();
    let mut request = read(&params, &body, &registry)?;
    request.feed = caller.narrowed_to(request.feed)?;
    request.municipalities = caller.municipalities(&registry);
    request.is_trial = is_trial;
    let pool = asker.pool()?;
    let id = replays::ask(pool, &request, &caller.actor()).await?;
    let asked_at = Instant::now();
    loop {
        let state = replays::state(pool, id).await?;
        let state = state.ok_or_else(|| Problem::unavailable("The replay was taken back."))?;
        let (is_done, is_taken) = (state.is_done, state.is_taken);
        if is_done || asked_at.elapsed() >= PATIENCE {
            let mut response = answer::private(&out(id, state));
            if !is_done {
                *response.status_mut() = StatusCode::ACCEPTED;
            }
            return Ok(response);
        }
        if !is_taken && asked_at.elapsed() >= UNTAKEN && replays::withdraw(pool, id, &caller.actor()).await? {
            return Err(Problem::unavailable("Nobody takes the replay up: no ingest runs on this database."));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = streams.shutdown.cancelled() => {
                return Err(Problem::unavailable("The server stops; the replay goes on."));
            }
        }
    }
}

/// How far a replay is.
#[utoipa::path(
    get,
    path = "/v1/rejections/replay/{id}",
    tag = "installers",
    security(("key" = [])),
    params(("id" = inline(values::Id), Path, description = "`id` of the answer to the replay.")),
    responses((status = 200, body = ReplayOut)),
)]
pub async fn progress(view: View, asker: Asker, id: PathId, query: RawQuery) -> Result<Response, Problem> {
    let caller = asker.with(&[Role::Installer, Role::Feed]).await?;
    query.params(&[])?;
    let number: Option<i64> = id.text()?.parse().ok();
    let found = match number.map(ReplayId) {
        Some(id) => replays::state(asker.pool()?, id).await?.map(|state| (id, state)),
        None => None,
    };
    let found = found.filter(|(_, state)| may_see(&caller, &state.request, &view.registry()));
    let (id, state) = found.ok_or_else(|| {
        Problem::not_found(
            "There is no replay with this number.",
            "Take the id that POST /v1/rejections/replay answered.",
        )
    })?;
    Ok(answer::private(&out(id, state)))
}

/// Whether all that a replay is about is the caller's.
fn may_see(caller: &Caller, request: &ReplayRequest, registry: &Registry) -> bool {
    let towns = caller.municipalities(registry);
    let is_of_feed = caller.narrowed_to(request.feed).is_ok_and(|feed| feed == request.feed);
    is_of_feed && request.municipalities.iter().all(|town| towns.contains(town))
}

/// The filter, from the body or the query.
fn read(params: &Params<'_>, body: &[u8], registry: &Registry) -> Result<ReplayRequest, Problem> {
    let from_body = if body.trim_ascii().is_empty() {
        ReplayIn::default()
    } else {
        serde_json::from_slice(body).map_err(|e| {
            Problem::bad_parameter(
                "body",
                &String::from_utf8_lossy(body),
                format!("The body cannot be read: {e}."),
            )
            .remedy(r#"Send JSON such as {"feed": "musterdorf-lora", "reason": "unknown_sensor"}."#)
        })?
    };
    let in_body = [
        ("feed", from_body.feed.is_some()),
        ("reason", from_body.reason.is_some()),
        ("ids", from_body.ids.is_some()),
        ("before", from_body.before.is_some()),
    ];
    for (name, _) in in_body.iter().filter(|(_, is_given)| *is_given) {
        if let Some(value) = params.text(name) {
            return Err(Problem::bad_parameter(
                name,
                value,
                format!("'{name}' is given in the body as well."),
            )
            .remedy("Give it once: in the body, or in the query."));
        }
    }
    let either = |name: &'static str, of_body: Option<String>| {
        of_body.map(Cow::Owned).or_else(|| params.text(name).map(Cow::Borrowed))
    };
    let before = match either("before", from_body.before) {
        None => None,
        Some(text) => Some(UtcMicros::parse(&text).map_err(|_| {
            Problem::bad_parameter("before", &text, "'before' is not an instant.")
                .remedy("Write it as RFC 3339, e.g. 2026-11-22T12:00:00Z.")
        })?),
    };
    let ids = match (from_body.ids, params.text("ids")) {
        (None, Some(text)) => {
            let ids: Result<Vec<i64>, _> = text.split(',').map(|id| id.trim().parse()).collect();
            Some(ids.map_err(|_| {
                Problem::bad_parameter("ids", text, "'ids' are not numbers.")
                    .remedy("Give numbers of /v1/rejections, separated by commas.")
            })?)
        }
        (ids, _) => ids,
    };
    let request = ReplayRequest {
        municipalities: Vec::new(),
        feed: either("feed", from_body.feed).map(|key| feed_of(&key, registry)).transpose()?,
        reason: either("reason", from_body.reason).map(|text| reason_of(&text)).transpose()?,
        ids,
        before,
        is_trial: false,
    };
    if request == ReplayRequest::default() {
        return Err(Problem::missing_parameter(
            "feed",
            "Give a feed, a reason, ids or a time: which messages?",
        ));
    }
    Ok(request)
}
