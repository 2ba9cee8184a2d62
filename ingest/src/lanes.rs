//! Queues of feeds whose messages come without a session of their own: each feed waits for the database by itself, so that
//! one that floods holds up its own senders and nobody else's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::FeedId;
use parking_lot::Mutex;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::enqueue::{Enqueued, Intake, is_large};
use crate::feed_meter::Kept;
use crate::message::Arrived;
use crate::routing::{Route, RoutingTable};
use crate::session::Shared;
use crate::tally::Tally;

/// How long a stop waits for accepted messages to be stored. The others stay unacknowledged.
const DRAIN: Duration = Duration::from_secs(3);

/// Called once the message is stored.
pub type OnStored = Box<dyn FnOnce() + Send>;

/// See the module's description.
pub(crate) struct Lanes {
    pub routing: Arc<RoutingTable>,
    /// In the order of the plan's routes.
    lanes: Vec<Arc<Lane>>,
    pub shared: Shared,
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
        // There is no connection to be lost between the senders' server and us.
        acks.connected();
        let accumulator = Accumulator::new(shared.ready.clone(), acks);
        Arc::new(Lane { accumulator, releases, order: Mutex::new(()), decoding: Default::default() })
    }
}

impl Lanes {
    /// The lanes of `routing`, with the queues of feeds that `before` served too; and the topics of those that are new.
    pub fn after(before: Option<&Lanes>, routing: RoutingTable, shared: &Shared) -> (Self, Vec<String>) {
        let served: HashMap<FeedId, (&str, &Arc<Lane>)> = before
            .iter()
            .flat_map(|b| b.routing.routes.iter().zip(&b.lanes))
            .map(|(route, lane)| (route.feed.id, (route.feed.def.topic.as_str(), lane)))
            .collect();
        let now = (shared.clock)();
        let mut new = Vec::new();
        let lane_of = |route: &Route| {
            let known = served.get(&route.feed.id);
            if known.is_none_or(|(topic, _)| *topic != route.feed.def.topic) {
                // Nobody keeps for us what was sent before.
                route.meter.connected(now, Kept { session: false, qos: route.feed.def.qos });
                new.push(route.feed.def.topic.clone());
            }
            known.map_or_else(|| Lane::new(shared), |(_, lane)| Arc::clone(lane))
        };
        let lanes: Vec<Arc<Lane>> = routing.routes.iter().map(lane_of).collect();
        (Lanes { routing: Arc::new(routing), lanes, shared: shared.clone() }, new)
    }

    /// How many feeds are served.
    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// The route at `index`.
    pub fn route(&self, index: usize) -> &Route {
        &self.routing.routes[index]
    }

    /// Waits while too much of the feed at `index` waits for the database.
    pub async fn room(&self, index: usize) {
        self.lanes[index].accumulator.room().await;
    }

    /// Takes in a message of the feed at `index`. `on_stored` is called after the commit, for messages of QoS 1 and 2 only.
    /// Who drops this before it is done has sent nothing.
    pub async fn take(
        &self,
        index: usize,
        arrived: Arrived,
        on_stored: OnStored,
        tally: Option<&Arc<Tally>>,
    ) -> Enqueued {
        let Lanes { routing, shared, .. } = self;
        let lane = &self.lanes[index];
        let intake = Intake {
            routing,
            index,
            trips: &shared.trips,
            accumulator: &lane.accumulator,
            tally,
            counted_at: None,
        };
        let mut decoded = None;
        if is_large(&arrived) {
            let _one = lane.decoding.lock().await;
            decoded = intake.decode_large(&arrived).await;
        }
        let _order = lane.order.lock();
        let is_owed = arrived.qos > 0;
        let number = lane.accumulator.acks.owe(u16::from(is_owed));
        if is_owed {
            lane.releases.lock().push_back(on_stored);
        }
        intake.enqueue(arrived, decoded, number)
    }

    /// Waits until accepted messages are stored and acknowledged, at most 3 s.
    pub async fn drain(self: Arc<Self>) {
        let acks: Vec<Arc<Acks>> = self.lanes.iter().map(|lane| lane.accumulator.acks.clone()).collect();
        drop(self);
        let settled = async {
            for acks in &acks {
                acks.settled().await;
            }
        };
        if tokio::time::timeout(DRAIN, settled).await.is_err() {
            let owed: usize = acks.iter().map(|acks| acks.owed()).sum();
            warn!(
                "{owed} messages could not be stored in time: they stay unacknowledged, and senders send them again"
            );
        }
    }
}
