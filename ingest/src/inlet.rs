//! The inlet for messages of the embedded broker: no MQTT between it and the ingest, a queue for each feed.
//!
//! A publisher gets the acknowledgement after the commit, as from [`crate::session`]; a feed that floods or waits for
//! the database holds up its own publishers and nobody else's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::FeedId;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::enqueue::{Enqueued, Intake, is_large};
use crate::message::Arrived;
use crate::routing::{Route, RoutingTable};
use crate::session::Shared;

/// The embedded broker's name in logs, metrics and `/v1/unmatched-topics`.
pub const EMBEDDED: &str = "embedded";

/// How long a stop waits for accepted messages to be stored. The others stay unacknowledged.
const DRAIN: Duration = Duration::from_secs(3);

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

/// Called once the message is stored.
pub type OnStored = Box<dyn FnOnce() + Send>;

/// See the module's description.
pub struct Inlet {
    /// `None` until the feeds are known, and again from the stop on: then messages wait.
    lanes: watch::Sender<Option<Arc<Lanes>>>,
    closed: CancellationToken,
    new_filters: mpsc::UnboundedSender<String>,
}

struct Lanes {
    routing: Arc<RoutingTable>,
    /// In the order of the plan's routes.
    lanes: Vec<Arc<Lane>>,
    shared: Shared,
}

/// The queue of one feed.
struct Lane {
    accumulator: Arc<Accumulator>,
    /// Of messages whose acknowledgement is owed, in their order.
    releases: Arc<Mutex<VecDeque<OnStored>>>,
    /// Numbers are given, and rows added, in one order.
    order: Mutex<()>,
    /// Large messages of a feed are decoded one at a time: a flood of them must not take all threads.
    decoding: tokio::sync::Mutex<()>,
}

impl Lane {
    fn new(shared: &Shared) -> Arc<Self> {
        let releases: Arc<Mutex<VecDeque<OnStored>>> = Arc::default();
        let owed = releases.clone();
        // Called once for each message that is owed an acknowledgement, in their order.
        let acks = Arc::new(Acks::new(move |_| {
            if let Some(release) = owed.lock().pop_front() {
                release();
            }
            true
        }));
        // There is no connection to be lost between the broker and us.
        acks.connected();
        let accumulator = Accumulator::new(shared.ready.clone(), acks);
        Arc::new(Lane { accumulator, releases, order: Mutex::new(()), decoding: Default::default() })
    }

    async fn take(&self, lanes: &Lanes, index: usize, arrived: Arrived, on_stored: OnStored) -> Enqueued {
        let Lanes { routing, shared, .. } = lanes;
        let intake = Intake { routing, index, trips: &shared.trips, accumulator: &self.accumulator };
        let mut decoded = None;
        if is_large(&arrived) {
            let _one = self.decoding.lock().await;
            decoded = intake.decode_large(&arrived).await;
        }
        let _order = self.order.lock();
        let is_owed = arrived.qos > 0;
        let number = self.accumulator.acks.owe(u16::from(is_owed));
        if is_owed {
            self.releases.lock().push_back(on_stored);
        }
        intake.enqueue(arrived, decoded, number)
    }
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
        let (route, lane) = (&lanes.routing.routes[index], &lanes.lanes[index]);
        let received_at = (lanes.shared.clock)();
        if route.quota.admit(payload.len()).await {
            route.meter.throttled(received_at);
        }
        lane.accumulator.room().await;
        let arrived = Arrived { topic: Bytes::copy_from_slice(topic.as_bytes()), payload, qos, received_at };
        match lane.take(&lanes, index, arrived, on_stored).await.is_rejected {
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
        let served: HashMap<FeedId, (&str, &Arc<Lane>)> = before
            .iter()
            .flat_map(|b| b.routing.routes.iter().zip(&b.lanes))
            .map(|(route, lane)| (route.feed.id, (route.feed.def.topic.as_str(), lane)))
            .collect();
        let now = (shared.clock)();
        let mut new_filters = Vec::new();
        let lane_of = |route: &Route| {
            let known = served.get(&route.feed.id);
            if known.is_none_or(|(topic, _)| *topic != route.feed.def.topic) {
                route.meter.connected_since(Some(now));
                new_filters.push(route.feed.def.topic.clone());
            }
            known.map_or_else(|| Lane::new(shared), |(_, lane)| Arc::clone(lane))
        };
        let lanes: Vec<Arc<Lane>> = routing.routes.iter().map(lane_of).collect();
        if before.is_none() {
            shared.metrics.connected(EMBEDDED, EMBEDDED, true);
        }
        shared.metrics.subscriptions.inc_by(lanes.len() as i64 - served.len() as i64);
        let lanes = Lanes { routing: Arc::new(routing), lanes, shared: shared.clone() };
        self.lanes.send_replace(Some(Arc::new(lanes)));
        for filter in new_filters {
            // Nobody listens any more only when the broker has ended.
            let _ = self.new_filters.send(filter);
        }
    }

    /// Accepts nothing any more; waits until accepted messages are stored and acknowledged, at most 3 s.
    pub async fn close(&self) {
        self.closed.cancel();
        let Some(lanes) = self.lanes.send_replace(None) else { return };
        let acks: Vec<Arc<Acks>> = lanes.lanes.iter().map(|lane| lane.accumulator.acks.clone()).collect();
        drop(lanes);
        let settled = async {
            for acks in &acks {
                acks.settled().await;
            }
        };
        if tokio::time::timeout(DRAIN, settled).await.is_err() {
            let owed: usize = acks.iter().map(|acks| acks.owed()).sum();
            warn!(
                "{owed} messages could not be stored in time: they stay unacknowledged, and publishers send them again"
            );
        }
    }
}
