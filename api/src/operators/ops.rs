//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tracing::warn;
use utoipa::ToSchema;

use crate::contract::words;
use crate::http::answer;
use crate::hub::LiveHub;
use crate::operators::unlabelled;

/// How long the result of the last check of the database holds: however often `/readyz` is requested, it is checked once
/// in this time.
const DATABASE_ASKED_EVERY: Duration = Duration::from_secs(1);

/// The state of the operators' routes.
pub(crate) struct Ops {
    /// `None` in a process that only ingests.
    pub hub: Option<Arc<LiveHub>>,
    /// What `/metrics` shows.
    pub metrics: Arc<parking_lot::Mutex<Registry>>,
    /// Whether the disk has room to store more.
    pub may_store: watch::Receiver<bool>,
    /// Whether the instance's own broker is connected; `None` where there is none.
    pub has_broker: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// The first long-lived task that ended without having been stopped.
    pub failed_task: watch::Receiver<Option<&'static str>>,
    /// Whether only operators reach these routes: then metrics name feeds.
    pub is_own: bool,
    /// A connection of its own: others may use all of the pool's.
    pub pool: Option<store::Pool>,
    /// When the database was checked last, and whether it answered. Locked during a check, so that concurrent requests
    /// wait for the same result.
    pub database: Mutex<Option<(Instant, bool)>>,
}

impl Ops {
    async fn has_database(&self, pool: &store::Pool) -> bool {
        let mut known = self.database.lock().await;
        match *known {
            Some((at, answers)) if at.elapsed() < DATABASE_ASKED_EVERY => answers,
            before => {
                let answer = store::pool::ping(pool).await;
                if let (Err(error), None | Some((_, true))) = (&answer, before) {
                    warn!("not ready: the database does not answer: {error}");
                }
                *known = Some((Instant::now(), answer.is_ok()));
                answer.is_ok()
            }
        }
    }
}

/// Whether the process is alive.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the instance can do its work.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// Whether all checks are ok.
    ready: bool,
    /// The conditions of readiness.
    checks: Vec<Check>,
}

/// One condition of readiness.
#[derive(Serialize, ToSchema)]
pub struct Check {
    /// Which condition it is.
    #[schema(value_type = words::CheckName)]
    name: &'static str,
    /// Whether it holds.
    ok: bool,
    /// Why not, and what to do; null: it holds.
    reason: Option<&'static str>,
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operators", responses((status = 200, body = Health)))]
pub async fn healthz() -> Response {
    answer::private(&Health { status: "ok" })
}

/// The instance can do its work: live state is rebuilt, there is room to store, the database
/// answers, and so does the instance's own broker.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operators",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub async fn readyz(State(ops): State<Arc<Ops>>) -> Response {
    let database = match &ops.pool {
        Some(pool) => Some(ops.has_database(pool).await),
        None => None,
    };
    let checks = [
        (
            "disk",
            Some(*ops.may_store.borrow()),
            "Less of the disk is free than --min-free-disk-pct (default 5): nothing is stored or acknowledged until there is room; reading goes on.",
        ),
        (
            "tasks",
            Some(ops.failed_task.borrow().is_none()),
            "A part of the process ended unexpectedly, and the process is about to end: the log says which and why; start it again.",
        ),
        (
            "mqtt",
            ops.has_broker.as_ref().map(|is_connected| is_connected()),
            "The broker of --mqtt-url is not connected: what feeds send waits there, or is lost; the log says why; reading goes on.",
        ),
        (
            "live_state",
            ops.hub.as_ref().map(|hub| hub.is_ready()),
            "Live state is being rebuilt from the store.",
        ),
        (
            "database",
            database,
            "The database does not answer: nothing is stored or acknowledged until it does; live state is shown as last known.",
        ),
    ];
    let check = |(name, ok, reason): (_, Option<bool>, _)| {
        ok.map(|ok| Check { name, ok, reason: (!ok).then_some(reason) })
    };
    let checks: Vec<Check> = checks.into_iter().filter_map(check).collect();
    let ready = checks.iter().all(|c| c.ok);
    let mut response = answer::private(&Readiness { ready, checks });
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Counters for Prometheus. Those of single feeds are summed up, except on an address of the operators' own.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operators",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub async fn metrics(State(ops): State<Arc<Ops>>) -> Response {
    let mut text = String::new();
    if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &ops.metrics.lock()) {
        tracing::error!("metrics cannot be written: {error}");
        return crate::Problem::internal().into_response();
    }
    if !ops.is_own {
        text = unlabelled::without(&text, "feed");
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], text).into_response()
}
