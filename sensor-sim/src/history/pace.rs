//! Flow control by the product's metrics: a broker holds only so much for a subscriber and then drops the oldest
//! silently.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::town::FEED;
use crate::http::ApiUrl;

/// Messages that may be on their way to the product: 500 statements or 45 kB each. Far below what
/// brokers hold (mosquitto by default 1,000 messages, the embedded one 256 MB).
const WINDOW: u64 = 256;
/// Interval of reading the counter, which cannot be awaited.
const EVERY: Duration = Duration::from_millis(100);
/// How long a message is expected to take.
const A_MOMENT: Duration = Duration::from_secs(1);
/// Larger than any page of metrics.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// Follows how many messages the product has received.
pub(super) struct Pace {
    received: watch::Receiver<u64>,
}

impl Pace {
    /// Follows `kv_ingest_messages_total` of our feed at `{url}/metrics`.
    pub(super) fn follow(url: ApiUrl, stop: CancellationToken) -> Self {
        let (progress, received) = watch::channel(0);
        tokio::spawn(async move {
            let mut before = None;
            loop {
                match counter(&url).await {
                    Ok(now) => {
                        // What was counted before us is not ours; a counter that restarts begins at 0.
                        let new = before.map_or(0, |before| if now < before { now } else { now - before });
                        before = Some(now);
                        progress.send_modify(|received| *received += new);
                    }
                    Err(error) => {
                        tracing::warn!(address = url.address, %error, "the product's metrics cannot be read (are they on --ops-http?); waiting")
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
        Pace { received }
    }

    /// Waits until the counter has been read for the first time.
    pub(super) async fn ready(&mut self) {
        let _ = self.received.changed().await;
    }

    /// Whether `messages` in all have arrived, after waiting for a moment.
    pub(super) async fn arrived(&mut self, messages: u64) -> bool {
        let arrived = self.received.wait_for(|received| *received >= messages);
        matches!(tokio::time::timeout(A_MOMENT, arrived).await, Ok(Ok(_)))
    }

    /// Waits until message number `sent` (from 0) may go out.
    pub(super) async fn admit(&mut self, sent: u64) {
        // The sender only goes away with the run.
        let _ = self.received.wait_for(|received| sent < *received + WINDOW).await;
    }
}

/// The counter as it stands; 0 when there is none yet.
async fn counter(url: &ApiUrl) -> std::io::Result<u64> {
    let page = Limited::new(url.get("/metrics").await?, MAX_PAGE_BYTES).collect().await;
    let page = page.map_err(std::io::Error::other)?.to_bytes();
    let page = String::from_utf8_lossy(&page);
    let of_feed = format!("kv_ingest_messages_total{{feed=\"{FEED}\"}} ");
    let value = |name: &str| page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    // Where feeds are not named: of all of them.
    Ok(value(&of_feed).or_else(|| value("kv_ingest_messages_total ")).unwrap_or(0))
}
