//! Work that goes on for as long as the process does, also after an outage of the database.

use std::time::{Duration, Instant};

use store::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Pause before the next attempt while another process does the work or the database is away.
const RETRY: Duration = Duration::from_secs(5);

/// Runs `work` again and again until cancelled. `fault` is logged with the error, once per outage of the database.
pub async fn until_cancelled<F: Future<Output = Result<(), StoreError>>>(
    fault: &str,
    cancel: &CancellationToken,
    work: impl Fn() -> F,
) {
    let mut failing = false;
    while !cancel.is_cancelled() {
        let began = Instant::now();
        let done = tokio::select! {
            () = cancel.cancelled() => return,
            done = work() => done,
        };
        failing &= began.elapsed() < RETRY;
        if let Err(error) = done
            && !std::mem::replace(&mut failing, true)
        {
            warn!("{fault}: {error}; trying again");
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}
