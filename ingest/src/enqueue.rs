//! From a message that has arrived to rows that wait for the database, however it came.

use std::sync::Arc;

use domain::{Reason, UtcMicros};
use store::writer::Batch;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::branches;
use crate::message::{Arrived, Received};
use crate::pending::Source;
use crate::receive::receive_guarded;
use crate::routing::{Route, RoutingTable};
use crate::tally::Tally;
use crate::trips::TripMemory;

/// From this size on a message is decoded outside of its feed's lock, bytes.
const LARGE_BYTES: usize = 16 << 10;

/// Where the messages of one feed go.
#[derive(Clone, Copy)]
pub(crate) struct Intake<'a> {
    pub routing: &'a Arc<RoutingTable>,
    /// Which of its routes.
    pub index: usize,
    pub trips: &'a Arc<TripMemory>,
    pub accumulator: &'a Arc<Accumulator>,
    /// Where it is counted what becomes of the message; `None`: nobody asks.
    pub tally: Option<&'a Arc<Tally>>,
    /// When it came, where that is not when it was received: it was fetched from a storage.
    pub counted_at: Option<UtcMicros>,
}

/// The immediate result of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Enqueued {
    /// There is room for more.
    pub has_room: bool,
    /// Something of it was rejected.
    pub is_rejected: bool,
}

/// What decoding a message yielded beside its rows.
pub(crate) struct Outcome {
    received: Received,
    observed_at: Option<UtcMicros>,
}

/// Whether [`Intake::decode_large`] decodes it.
pub(crate) fn is_large(arrived: &Arrived) -> bool {
    arrived.payload.len() >= LARGE_BYTES
}

fn decode(
    arrived: &Arrived,
    routing: &RoutingTable,
    route: &Route,
    trips: &TripMemory,
    batch: &mut Batch,
) -> Outcome {
    let topic = arrived.topic();
    let before =
        (batch.bays.len(), batch.sites.len(), batch.vehicles.len(), batch.trips.len(), batch.alerts.len());
    let received = receive_guarded(&routing.registry, &route.feed, arrived.with(&topic), trips, batch);
    let observed_at = (batch.bays.get(before.0).map(|g| g.observation.observed_at))
        .or(batch.sites.get(before.1).map(|g| g.observation.observed_at))
        .or(batch.vehicles.get(before.2).map(|g| g.observation.observed_at))
        .or(batch.trips.get(before.3).map(|o| o.report.confirmed_at))
        .or(batch.alerts.get(before.4).map(|o| o.report.confirmed_at));
    Outcome { received, observed_at }
}

impl<'a> Intake<'a> {
    /// The route.
    pub fn route(self) -> &'a Route {
        &self.routing.routes[self.index]
    }

    /// Decodes a large message on a blocking thread; `None`: it is small enough for [`Intake::enqueue`] to do it.
    pub async fn decode_large(self, arrived: &Arrived) -> Option<(Batch, Outcome)> {
        if !is_large(arrived) {
            return None;
        }
        let (arrived, routing, trips) = (arrived.clone(), self.routing.clone(), self.trips.clone());
        let decoding = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::default();
            let decoded = decode(&arrived, &routing, &routing.routes[self.index], &trips, &mut batch);
            (batch, decoded)
        });
        // It fails when the process ends.
        decoding.await.ok()
    }

    /// Puts the rows of `arrived` into the accumulator, and counts the result. `decoded`: by
    /// [`Intake::decode_large`]. `ack`: its number among those that are owed.
    pub fn enqueue(self, arrived: Arrived, decoded: Option<(Batch, Outcome)>, ack: u64) -> Enqueued {
        let route = self.route();
        let Arrived { qos, received_at, .. } = arrived;
        let bytes = arrived.payload.len();
        let source = Source { feed: route.feed.id, message: arrived.clone(), tally: self.tally.cloned() };
        let (decoded, has_room) = self.accumulator.push(ack, Some(source), |batch| {
            let before = batch.lens();
            let decoded = match decoded {
                Some((mut rows, decoded)) => {
                    batch.append(&mut rows);
                    decoded
                }
                None => decode(&arrived, self.routing, route, self.trips, batch),
            };
            // What is fetched from a storage comes from no topic.
            if self.counted_at.is_none() {
                let [bays, _, _, _, _, uplinks, ..] = before;
                let registry = &self.routing.registry;
                let devices = branches::devices(registry, &batch.bays[bays..], &batch.uplinks[uplinks..]);
                route.meter.named(&route.feed.def, &arrived.topic(), devices);
            }
            if let Some(tally) = self.tally {
                tally.decoded(batch, before, &decoded.received);
            }
            decoded
        });
        let Outcome { mut received, mut observed_at } = decoded;
        if route.feed.def.url.is_some() {
            // A poll names every vehicle of the operator, those of other towns too; and how old it is when it is
            // fetched is up to us.
            received.reasons.remove(&Reason::UnknownPlace);
            observed_at = None;
        }
        if self.counted_at.is_some() {
            observed_at = None;
        } else {
            route.meter.heard(&route.feed.def, &arrived, received_at);
        }
        let received_at = self.counted_at.unwrap_or(received_at);
        if route.meter.message(qos, route.feed.def.qos, received_at, observed_at) {
            warn!(
                "feed '{}' is published with QoS 0: what is sent while we are away is lost; set QoS 1 at the publisher (ChirpStack: [integration.mqtt] qos=1)",
                route.feed.def.id
            );
        }
        route.meter.received(&received, received_at);
        let is_rejected = !received.reasons.is_empty();
        if is_rejected && route.feed.def.url.is_none() {
            route.quota.rejected(bytes);
        }
        Enqueued { has_room, is_rejected }
    }
}
