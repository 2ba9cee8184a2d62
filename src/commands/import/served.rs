//! Waits until an import is in effect: a message that is published right after must not be lost for want of a
//! subscription.

use std::time::{Duration, Instant};

use anyhow::Result;
use store::Pool;
use store::changes::Notifier;
use store::ingest_process::{self, CHANNEL};

/// A broker that does not answer a connection within the library's 5 s counts as unreachable, so this is
/// only reached when something else is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Resolves when every running ingest serves the latest import, and each broker has granted or refused
/// the subscriptions, or cannot be reached. Returns the exceptions as sentences.
///
/// # Errors
/// The database is not available.
pub async fn wait(pool: &Pool) -> Result<Vec<String>> {
    let began = Instant::now();
    let mut notifier = Notifier::new(pool.clone(), CHANNEL);
    loop {
        let progress = ingest_process::progress(pool).await?;
        let lacking = progress.lacking.iter().map(|(broker, reason)| {
            let name = format!("broker '{broker}': ");
            // Of a login that cannot be used the reason says whose it is.
            let reason = reason.strip_prefix(&name).unwrap_or(reason);
            format!("{name}{reason}; until its subscriptions hold, nothing is received from it")
        });
        if progress.behind == 0 {
            return Ok(lacking.collect());
        }
        if began.elapsed() > PATIENCE {
            let late = format!(
                "{} of {} running ingests do not serve this import yet; their logs and /metrics say why",
                progress.behind, progress.running
            );
            return Ok(lacking.chain([late]).collect());
        }
        notifier.wait().await;
    }
}
