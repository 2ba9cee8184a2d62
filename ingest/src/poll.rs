//! Feeds that are fetched by HTTP (`url`, `every_s`): GTFS-Realtime.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use domain::Reason;
use domain::feed::shown_address;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::pending::Source;
use crate::plan::Plan;
use crate::receive::{Message, receive_guarded};
use crate::session::Shared;

/// Seconds between two polls when the feed says nothing.
const DEFAULT_EVERY_S: u32 = 30;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Polls the one feed of `plan` until cancelled.
pub async fn run(
    plan: Arc<ArcSwap<Plan>>,
    accumulator: Arc<Accumulator>,
    shared: Shared,
    cancel: CancellationToken,
) {
    let mut is_failing = false;
    loop {
        let current = plan.load_full();
        let Some(route) = current.routes.first() else { return };
        let (Some(url), every_s) = (&route.feed.def.url, route.feed.def.every_s.unwrap_or(DEFAULT_EVERY_S))
        else {
            return;
        };
        let limit = route.feed.def.max_message_bytes(false);
        let target = url.clone();
        let fetched = tokio::task::spawn_blocking(move || fetch(&target, limit)).await;
        let received_at = (shared.clock)();
        match fetched.map_err(|e| e.to_string()).and_then(|r| r) {
            Ok(payload) => {
                let payload = Bytes::from(payload);
                is_failing = false;
                route.meter.connected_since(Some(received_at));
                let topic = shown_address(url);
                let message = Message { topic: &topic, payload: &payload, qos: 1, received_at };
                let number = accumulator.acks.owe(0);
                let source = Source {
                    feed: route.feed.id,
                    topic: Bytes::copy_from_slice(message.topic.as_bytes()),
                    payload: payload.clone(),
                    qos: 1,
                    received_at,
                };
                let (mut received, _) = accumulator.push(number, Some(source), |b| {
                    receive_guarded(&current.registry, &route.feed, message, &shared.trips, b)
                });
                route.meter.message(1, 1, received_at, None);
                // A poll names every vehicle of the operator: those that are not ours are no news.
                received.reasons.remove(&Reason::UnknownPlace);
                route.meter.received(&received, received_at);
            }
            Err(reason) => {
                route.meter.connected_since(None);
                if !std::mem::replace(&mut is_failing, true) {
                    warn!("feed '{}' cannot be fetched: {reason}; trying again", route.feed.def.id);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(every_s.max(1).into())) => {}
            () = cancel.cancelled() => return,
        }
    }
}

fn fetch(url: &str, limit: usize) -> Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build().into();
    // Keys stand in addresses: they reach neither a log nor the quarantine.
    let shown = |error: ureq::Error| error.to_string().replace(url, &shown_address(url));
    let mut response = agent.get(url).call().map_err(shown)?;
    let mut body = Vec::new();
    // One byte more than allowed: then it is rejected as too large, not cut.
    let mut reader = response.body_mut().as_reader().take(limit as u64 + 1);
    reader.read_to_end(&mut body).map_err(|e| e.to_string())?;
    Ok(body)
}
