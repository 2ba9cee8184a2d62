//! The inlet for messages of the embedded broker: no MQTT between it and the ingest, a queue for each feed.
//!
//! A publisher gets the acknowledgement after the commit, as from [`crate::session`]; a feed that floods or waits for
//! the database holds up its own publishers and nobody else's.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::lanes::Lanes;
pub use crate::lanes::OnStored;
use crate::message::Arrived;
use crate::routing::RoutingTable;
use crate::session::Shared;

/// The embedded broker's name in logs, metrics and `/v1/unmatched-topics`.
pub const EMBEDDED: &str = "embedded";

/// The result of a published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// No feed reads its topic.
    Unread,
    /// It waits for the database.
    Accepted,
    /// It waits for the database, and part of it was rejected.
    Rejected,
}

/// See the module's description.
pub struct Inlet {
    /// `None` until the feeds are known, and again from the stop on: then messages wait.
    lanes: watch::Sender<Option<Arc<Lanes>>>,
    closed: CancellationToken,
    new_filters: mpsc::UnboundedSender<String>,
}

impl Inlet {
    /// Accepts nothing yet. The receiver gets the filter of each new feed: its retained messages are
    /// to be published then, as a broker does at a subscription.
    pub fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<String>) {
        let (new_filters, filters) = mpsc::unbounded_channel();
        let inlet = Inlet { lanes: watch::Sender::new(None), closed: CancellationToken::new(), new_filters };
        (Arc::new(inlet), filters)
    }

    /// Accepts a message if a feed reads its topic. Waits while the feed or its town is above its
    /// quota, and while too much of the feed waits for the database. `on_stored` is called after the commit, for
    /// messages of QoS 1 and 2 only.
    pub async fn take(&self, topic: &str, payload: Bytes, qos: u8, on_stored: OnStored) -> Admission {
        tokio::select! {
            biased;
            admission = self.admit(topic, payload, qos, on_stored) => admission,
            // Unacknowledged publishers send it again, to the next process.
            () = self.closed.cancelled() => std::future::pending().await,
        }
    }

    async fn admit(&self, topic: &str, payload: Bytes, qos: u8, on_stored: OnStored) -> Admission {
        let Some(lanes) = self.lanes().await else { return std::future::pending().await };
        let Some(index) = lanes.routing.position(topic) else { return Admission::Unread };
        let route = lanes.route(index);
        let received_at = (lanes.shared.clock)();
        if route.quota.admit(payload.len()).await {
            route.meter.throttled(received_at);
        }
        lanes.room(index).await;
        let arrived = Arrived { topic: Bytes::copy_from_slice(topic.as_bytes()), payload, qos, received_at };
        match lanes.take(index, arrived, on_stored, None).await.is_rejected {
            true => Admission::Rejected,
            false => Admission::Accepted,
        }
    }

    /// Whether a feed reads `topic`; `None` while the feeds are not known.
    pub fn reads(&self, topic: &str) -> Option<bool> {
        self.lanes.borrow().as_ref().map(|lanes| lanes.routing.position(topic).is_some())
    }

    async fn lanes(&self) -> Option<Arc<Lanes>> {
        let known = self.lanes.borrow().clone();
        if known.is_some() {
            return known;
        }
        self.lanes.subscribe().wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Serves the feeds of `plan` from now on. Queues of feeds that stay, stay.
    pub fn arrange(&self, routing: RoutingTable, shared: &Shared) {
        let before = self.lanes.borrow().clone();
        let (lanes, new_filters) = Lanes::after(before.as_deref(), routing, shared);
        if before.is_none() {
            shared.metrics.connected(EMBEDDED, EMBEDDED, true);
        }
        let served = before.map_or(0, |before| before.len());
        shared.metrics.subscriptions.inc_by(lanes.len() as i64 - served as i64);
        self.lanes.send_replace(Some(Arc::new(lanes)));
        for filter in new_filters {
            // Nobody listens any more only when the broker has ended.
            let _ = self.new_filters.send(filter);
        }
    }

    /// Accepts nothing any more; waits until accepted messages are stored and acknowledged, at most 3 s.
    pub async fn close(&self) {
        self.closed.cancel();
        if let Some(lanes) = self.lanes.send_replace(None) {
            lanes.drain().await;
        }
    }
}
