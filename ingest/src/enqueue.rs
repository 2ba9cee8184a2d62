//! From a message that has arrived to rows that wait for the database: what MQTT sessions and the embedded broker share.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Registry, UtcMicros};
use store::writer::Batch;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::message::{Message, Received};
use crate::pending::Source;
use crate::receive::receive_guarded;
use crate::routing::{Route, RoutingTable};
use crate::trips::TripMemory;

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub topic: Bytes,
    pub payload: Bytes,
    pub qos: u8,
    pub received_at: UtcMicros,
}

impl Arrived {
    /// Whether [`decode_large`] decodes it.
    pub fn is_large(&self) -> bool {
        self.payload.len() >= LARGE_BYTES
    }
}

/// From this size on a message is decoded outside of its feed's lock.
const LARGE_BYTES: usize = 16 << 10;

/// The immediate result of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// There is room for more.
    pub has_room: bool,
    /// Something of it was rejected.
    pub is_rejected: bool,
}

/// A decoded message.
#[derive(Debug)]
pub struct Decoded {
    batch: Batch,
    received: Received,
    observed_at: Option<UtcMicros>,
}

fn decode_into(
    batch: &mut Batch,
    arrived: &Arrived,
    route: &Route,
    registry: &Registry,
    trips: &TripMemory,
) -> (Received, Option<UtcMicros>) {
    let name = String::from_utf8_lossy(&arrived.topic);
    let Arrived { payload, qos, received_at, .. } = arrived;
    let message = Message { topic: &name, payload, qos: *qos, received_at: *received_at };
    let before = (batch.bays.len(), batch.sites.len(), batch.vehicles.len(), batch.trips.len());
    let received = receive_guarded(registry, &route.feed, message, trips, batch);
    let observed_at = (batch.bays.get(before.0).map(|g| g.observation.observed_at))
        .or(batch.sites.get(before.1).map(|g| g.observation.observed_at))
        .or(batch.vehicles.get(before.2).map(|g| g.observation.observed_at))
        .or(batch.trips.get(before.3).map(|o| o.report.confirmed_at));
    (received, observed_at)
}

/// Decodes a large message on a blocking thread; `None`: it is small enough for [`enqueue`] to do it.
pub async fn decode_large(
    arrived: &Arrived,
    routing: &Arc<RoutingTable>,
    index: usize,
    trips: &Arc<TripMemory>,
) -> Option<Decoded> {
    if !arrived.is_large() {
        return None;
    }
    let (arrived, routing, trips) = (arrived.clone(), routing.clone(), trips.clone());
    let decoding = tokio::task::spawn_blocking(move || {
        let mut batch = Batch::default();
        let (received, observed_at) =
            decode_into(&mut batch, &arrived, &routing.routes[index], &routing.registry, &trips);
        Decoded { batch, received, observed_at }
    });
    // It fails when the process ends.
    decoding.await.ok()
}

/// Puts the rows of `arrived`, of the feed of `route`, into `accumulator`, and counts the result. `decoded`: by
/// [`decode_large`]. `ack`: its number among those that are owed.
pub fn enqueue(
    arrived: Arrived,
    decoded: Option<Decoded>,
    route: &Route,
    registry: &Registry,
    trips: &TripMemory,
    accumulator: &Arc<Accumulator>,
    ack: u64,
) -> Enqueued {
    let (qos, received_at) = (arrived.qos, arrived.received_at);
    let Arrived { topic, payload, .. } = arrived.clone();
    let source = Source { feed: route.feed.id, topic, payload, qos, received_at };
    let ((received, observed_at), has_room) = accumulator.push(ack, Some(source), |batch| match decoded {
        Some(mut decoded) => {
            batch.append(&mut decoded.batch);
            (decoded.received, decoded.observed_at)
        }
        None => decode_into(batch, &arrived, route, registry, trips),
    });
    if route.meter.message(qos, route.feed.def.qos, received_at, observed_at) {
        warn!(
            "feed '{}' is published with QoS 0: what is sent while we are away is lost; set QoS 1 at the publisher (ChirpStack: [integration.mqtt] qos=1)",
            route.feed.def.id
        );
    }
    route.meter.received(&received, received_at);
    let is_rejected = !received.reasons.is_empty();
    if is_rejected {
        route.quota.rejected(arrived.payload.len());
    }
    Enqueued { has_room, is_rejected }
}
