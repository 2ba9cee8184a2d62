//! Keeps what places were over time current (`store::derive`), in whichever process ingests.

use std::time::Duration;

use ingest::Clock;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry as Meters;
use store::StoreError;
use store::changes::{Bell, CHANNEL};
use store::derive::Deriver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long another process's deriver is waited for, and a database that is away.
const RETRY: Duration = Duration::from_secs(5);

/// Statements are taken in a few at a time: many in one transaction cost less.
const GATHER: Duration = Duration::from_millis(1_500);

/// Pause after each step while it catches up, by the time that the step took.
const REST: f64 = 0.25;

/// The same while more is stored than it derives: storing comes first, deriving can be done later.
const REST_UNDER_LOAD: f64 = 4.0;

/// What waits to be derived, for `/metrics`.
pub fn register(meters: &mut Meters) -> Gauge {
    let waiting = Gauge::default();
    let help = "Transactions whose observations are stored and not yet in occupancy and stays";
    meters.register("kv_derive_waiting", help, waiting.clone());
    waiting
}

/// What deriving needs.
pub struct Derivation {
    pub pool: store::Pool,
    /// Of the same database.
    pub url: String,
    pub clock: Clock,
    pub waiting: Gauge,
    /// Whether there is room to store.
    pub may_store: watch::Receiver<bool>,
}

/// Derives until cancelled.
pub async fn run(parts: Derivation, cancel: CancellationToken) {
    let mut failing = false;
    while !cancel.is_cancelled() {
        let began = std::time::Instant::now();
        let followed = tokio::select! {
            () = cancel.cancelled() => return,
            followed = follow(&parts) => followed,
        };
        // Told once for each time that the database is away.
        failing &= began.elapsed() < RETRY;
        if let Err(error) = followed
            && !std::mem::replace(&mut failing, true)
        {
            warn!("occupancy cannot be derived: {error}; trying again");
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Derives what comes; returns when another process does.
async fn follow(parts: &Derivation) -> Result<(), StoreError> {
    let Derivation { pool, url, clock, waiting, may_store } = parts;
    let mut may_store = may_store.clone();
    let Some(mut deriver) = Deriver::connect(url, clock()).await? else { return Ok(()) };
    let mut bell = Bell::new(pool.clone(), CHANNEL);
    let mut lagging: Option<std::time::Instant> = None;
    loop {
        if may_store.wait_for(|may| *may).await.is_err() {
            return Ok(());
        }
        let began = std::time::Instant::now();
        let step = deriver.step(clock()).await?;
        let backlog = store::derive::backlog(pool).await?;
        let rest = if backlog > waiting.set(backlog) { REST_UNDER_LOAD } else { REST };
        if step.is_idle() {
            if let Some(since) = lagging.take().filter(|since| since.elapsed() > 10 * GATHER) {
                info!("occupancy is current again, after {:.0?}", since.elapsed());
            }
            bell.wait().await;
            tokio::time::sleep(GATHER).await;
        } else {
            lagging.get_or_insert(began);
            tokio::time::sleep(began.elapsed().mul_f64(rest)).await;
        }
    }
}
