//! Messages that suppliers post over HTTP: the same decoders, quotas, queues and transactions as those that come over MQTT.
//!
//! A client gets its answer after the commit. One that hangs up before has sent its message or not, never half of it: what
//! it sends again is a duplicate.

pub mod message;

use std::sync::Arc;
use std::time::Duration;

use domain::posted::{Intake, PostedHead, Refusal, Taken, Taking};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::lanes::Lanes;
use crate::message::Arrived;
use crate::quota::Addresses;
use crate::routing::RoutingTable;
use crate::session::Shared;
use crate::tally::Tally;

/// How long a message waits for its feed's, town's or address's quota, and for room. ChirpStack waits for 5 s in all, and
/// sends nothing again.
const QUOTA_PATIENCE: Duration = Duration::from_secs(2);

/// How long it then waits for the commit.
const COMMIT_PATIENCE: Duration = Duration::from_millis(2_500);

/// After how many seconds a client that was above its quota may try again.
const RETRY_AFTER_S: u64 = 2;

const STARTING: &str = "The feeds are not known yet, or the server stops.";
const NO_ROOM: &str = "The disk has no room for more.";
const NO_DATABASE: &str = "The database takes nothing at present.";
const TOO_SLOW: &str = "The database did not take the message in time; it may be stored all the same.";

/// See the module's description.
pub struct PostedInlet {
    /// `None` until the feeds are known, and again from the stop on.
    lanes: watch::Sender<Option<Arc<Lanes>>>,
    closed: CancellationToken,
    addresses: Arc<Addresses>,
    may_store: watch::Receiver<bool>,
}

/// A message on its way to the queue of its feed.
struct Admitted {
    committed: oneshot::Receiver<()>,
    tally: Arc<Tally>,
    exceeds: Option<usize>,
}

impl PostedInlet {
    /// Takes in nothing yet.
    pub fn new(addresses: Arc<Addresses>, may_store: watch::Receiver<bool>) -> Arc<Self> {
        let (lanes, closed) = (watch::Sender::new(None), CancellationToken::new());
        Arc::new(PostedInlet { lanes, closed, addresses, may_store })
    }

    /// Serves the feeds of `routing` from now on. Queues of feeds that stay, stay.
    pub fn arrange(&self, routing: RoutingTable, shared: &Shared) {
        let before = self.lanes.borrow().clone();
        let (lanes, _) = Lanes::after(before.as_deref(), routing, shared);
        self.lanes.send_replace(Some(Arc::new(lanes)));
    }

    /// Takes in nothing any more; waits until accepted messages are stored and answered, at most 3 s.
    pub async fn close(&self) {
        self.closed.cancel();
        if let Some(lanes) = self.lanes.send_replace(None) {
            lanes.drain().await;
        }
    }

    fn lanes(&self) -> Result<Arc<Lanes>, Refusal> {
        self.lanes.borrow().clone().ok_or(Refusal::Unavailable(STARTING))
    }

    /// Puts the message into the queue of its feed.
    async fn admit(&self, head: PostedHead, body: Vec<u8>) -> Result<Admitted, Refusal> {
        let lanes = self.lanes()?;
        let index = lanes.routing.position_of(head.feed).ok_or(Refusal::NotServed)?;
        let route = lanes.route(index);
        let limit = message::limit(&route.feed.def, &head)?;
        let message = message::read(&route.feed.def, &head, body)?;
        let (bytes, received_at) = (message.payload.len(), (lanes.shared.clock)());
        let pace = head.address.and_then(|address| self.addresses.of(address));
        let admitted = async {
            let by_address = match &pace {
                Some(pace) => pace.admit(bytes).await,
                None => false,
            };
            let by_feed = route.quota.admit(bytes).await;
            lanes.room(index).await;
            by_address || by_feed
        };
        match tokio::time::timeout(QUOTA_PATIENCE, admitted).await {
            Ok(false) => {}
            Ok(true) => route.meter.throttled(received_at),
            Err(_) => {
                route.meter.throttled(received_at);
                return Err(Refusal::Throttled { retry_after_s: RETRY_AFTER_S });
            }
        }
        let tally = Arc::new(Tally::default());
        let (stored, committed) = oneshot::channel();
        // The client may have gone.
        let on_stored = Box::new(move || {
            let _ = stored.send(());
        });
        // Acknowledged after the commit, as with QoS 1.
        let arrived = Arrived { topic: message.topic.into(), payload: message.payload, qos: 1, received_at };
        let enqueued = lanes.take(index, arrived, on_stored, Some(&tally)).await;
        if let Some(pace) = pace.filter(|_| enqueued.is_rejected) {
            pace.rejected(bytes);
        }
        Ok(Admitted { committed, tally, exceeds: (bytes > limit).then_some(limit) })
    }

    async fn take_in(&self, head: PostedHead, body: Vec<u8>) -> Result<Taken, Refusal> {
        let Admitted { committed, tally, exceeds } = tokio::select! {
            biased;
            admitted = self.admit(head, body) => admitted?,
            () = self.closed.cancelled() => return Err(Refusal::Unavailable(STARTING)),
        };
        match tokio::time::timeout(COMMIT_PATIENCE, committed).await {
            Ok(Ok(())) => Ok(Taken { exceeds, ..tally.result() }),
            // What is not stored when the process ends is not acknowledged.
            Ok(Err(_)) | Err(_) => Err(Refusal::Unavailable(TOO_SLOW)),
        }
    }
}

impl Intake for PostedInlet {
    fn limit(&self, head: &PostedHead) -> Result<usize, Refusal> {
        let lanes = self.lanes()?;
        let index = lanes.routing.position_of(head.feed).ok_or(Refusal::NotServed)?;
        if !*self.may_store.borrow() {
            return Err(Refusal::Unavailable(NO_ROOM));
        }
        if lanes.shared.metrics.store_available.get() == 0 {
            return Err(Refusal::Unavailable(NO_DATABASE));
        }
        message::limit(&lanes.route(index).feed.def, head)
    }

    fn take(&self, head: PostedHead, body: Vec<u8>) -> Taking<'_> {
        Box::pin(self.take_in(head, body))
    }
}
