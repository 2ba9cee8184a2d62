//! From a message that has arrived to rows that wait for the database: what MQTT sessions and the embedded broker share.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Registry, UtcMicros};
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::pending::Source;
use crate::plan::Route;
use crate::receive::{Message, receive_guarded};
use crate::trips::TripMemory;

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub topic: Bytes,
    pub payload: Bytes,
    pub qos: u8,
    pub received_at: UtcMicros,
}

/// Decodes `arrived`, of the feed of `route`, into `accumulator`, and counts what became of it. `ack`: its number among
/// those that are owed. Returns whether there is room for more.
pub fn enqueue(
    arrived: &Arrived,
    route: &Route,
    registry: &Registry,
    trips: &TripMemory,
    accumulator: &Arc<Accumulator>,
    ack: u64,
) -> bool {
    let Arrived { topic, payload, qos, received_at } = arrived.clone();
    let name = String::from_utf8_lossy(&arrived.topic);
    let message = Message { topic: &name, payload: &arrived.payload, qos, received_at };
    let source = Source { feed: route.feed.id, topic, payload, qos, received_at };
    let ((received, observed_at), has_room) = accumulator.push(ack, Some(source), |batch| {
        let before = (batch.bays.len(), batch.sites.len(), batch.vehicles.len(), batch.trips.len());
        let received = receive_guarded(registry, &route.feed, message, trips, batch);
        let observed_at = (batch.bays.get(before.0).map(|g| g.observation.observed_at))
            .or(batch.sites.get(before.1).map(|g| g.observation.observed_at))
            .or(batch.vehicles.get(before.2).map(|g| g.observation.observed_at))
            .or(batch.trips.get(before.3).map(|o| o.report.confirmed_at));
        (received, observed_at)
    });
    if route.meter.message(qos, route.feed.def.qos, received_at, observed_at) {
        warn!(
            "feed '{}' is published with QoS 0: what is sent while we are away is lost; set QoS 1 at the publisher (ChirpStack: [integration.mqtt] qos=1)",
            route.feed.def.id
        );
    }
    route.meter.received(&received, received_at);
    has_room
}
