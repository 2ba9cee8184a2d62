//! Keeps what places were over time current (`store::derive`), in whichever process ingests.

use std::time::Duration;

use ingest::Clock;
use store::StoreError;
use store::changes::{Bell, CHANNEL};
use store::derive::Deriver;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long another process's deriver is waited for, and a database that is away.
const RETRY: Duration = Duration::from_secs(5);

/// Statements are taken in a few at a time: many in one transaction cost less.
const GATHER: Duration = Duration::from_millis(1_500);

/// Of the time that deriving takes while it lags behind, so much is left to storing.
const REST: f64 = 0.25;

/// Derives until cancelled.
pub async fn run(pool: store::Pool, url: String, clock: Clock, cancel: CancellationToken) {
    let mut failing = false;
    while !cancel.is_cancelled() {
        let followed = tokio::select! {
            () = cancel.cancelled() => return,
            followed = follow(&pool, &url, &clock) => followed,
        };
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
async fn follow(pool: &store::Pool, url: &str, clock: &Clock) -> Result<(), StoreError> {
    let Some(mut deriver) = Deriver::connect(url, clock()).await? else { return Ok(()) };
    let mut bell = Bell::new(pool.clone(), CHANNEL);
    let mut lagging: Option<std::time::Instant> = None;
    loop {
        let began = std::time::Instant::now();
        let step = deriver.step(clock()).await?;
        if step.is_idle() {
            if let Some(since) = lagging.take().filter(|since| since.elapsed() > 10 * GATHER) {
                info!("occupancy is current again, after {:.0?}", since.elapsed());
            }
            bell.wait().await;
            tokio::time::sleep(GATHER).await;
        } else {
            lagging.get_or_insert(began);
            tokio::time::sleep(began.elapsed().mul_f64(REST)).await;
        }
    }
}
