//! Feeds that are fetched by HTTP (`url`, `every_s`): GTFS-Realtime.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use domain::Reason;
use domain::feed::shown_address;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::fetch::FetchRequest;
use crate::message::Message;
use crate::pending::Source;
use crate::receive::receive_guarded;
use crate::routing::RoutingTable;
use crate::session::Shared;

/// Default seconds between two polls.
const DEFAULT_EVERY_S: u32 = 30;

/// Polls the one feed of `plan` until cancelled.
pub async fn run(
    routing: Arc<ArcSwap<RoutingTable>>,
    accumulator: Arc<Accumulator>,
    shared: Shared,
    cancel: CancellationToken,
) {
    let mut is_failing = false;
    loop {
        let current = routing.load_full();
        let Some(route) = current.routes.first() else { return };
        let (Some(url), every_s) = (&route.feed.def.url, route.feed.def.every_s.unwrap_or(DEFAULT_EVERY_S))
        else {
            return;
        };
        let request = FetchRequest {
            url: url.clone(),
            allow_private: route.feed.def.allow_private,
            limit: route.feed.def.max_message_bytes(false),
        };
        let fetched = tokio::select! {
            fetched = fetch(request) => fetched,
            () = cancel.cancelled() => return,
        };
        let received_at = (shared.clock)();
        match fetched {
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
                let (mut received, has_room) = accumulator.push(number, Some(source), |b| {
                    receive_guarded(&current.registry, &route.feed, message, &shared.trips, b)
                });
                route.meter.message(1, 1, received_at, None);
                // A poll names every vehicle of the operator: vehicles of other operators are ignored.
                received.reasons.remove(&Reason::UnknownPlace);
                route.meter.received(&received, received_at);
                if !has_room {
                    tokio::select! {
                        () = accumulator.room() => {}
                        () = cancel.cancelled() => return,
                    }
                }
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

/// Fetches on a thread of its own: a slow server must not delay a stop.
async fn fetch(request: FetchRequest) -> Result<Vec<u8>, String> {
    let (done, fetched) = oneshot::channel();
    std::thread::Builder::new()
        .name("fetch".to_owned())
        // Whoever asked may have gone.
        .spawn(move || drop(done.send(request.fetch())))
        .map_err(|e| e.to_string())?;
    fetched.await.unwrap_or_else(|_| Err("the program failed at it; please report it".to_owned()))
}
