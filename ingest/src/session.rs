//! One MQTT session, usually of one feed: stays connected, subscribes, and decodes what arrives into an accumulator.
//!
//! The event loop is polled without pause: decoding a message takes microseconds, and rows wait
//! for the database in the accumulator, whose size the broker's window bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use domain::time::Clock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::enqueue::Intake;
use crate::feed_meter::Kept;
use crate::message::Arrived;
use crate::metrics::Metrics;
use crate::mqtt::{Client, Event, EventLoop, Login, LoginError, SessionKind, connect};
use crate::quota::Quotas;
use crate::routing::RoutingTable;
use crate::subscriptions::Subscriptions;
use crate::trips::TripMemory;

/// Pauses between attempts to connect.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// An outage is logged when it begins, and then once in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// How long a stop waits for what was received to be stored. What is not stored by then stays
/// unacknowledged.
const DRAIN: Duration = Duration::from_secs(3);

/// How long a stop then waits for the acknowledgements and our good-bye to leave.
const LEAVE: Duration = Duration::from_millis(500);

/// A running session.
#[derive(Debug)]
pub struct Session {
    login: Login,
    routing: Arc<ArcSwap<RoutingTable>>,
    client: Client,
    pub(crate) subscriptions: Arc<Subscriptions>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// A subscription that has ended at a broker.
#[derive(Debug)]
pub struct EndedSubscription {
    /// Id of the broker.
    pub broker: String,
    /// Of the session.
    pub client_id: String,
    /// The topic filter.
    pub filter: String,
}

/// What all sessions share.
#[derive(Clone)]
pub struct Shared {
    /// Where sessions count.
    pub metrics: Arc<Metrics>,
    /// The present.
    pub clock: Clock,
    /// Announces accumulators with something to store.
    pub ready: async_channel::Sender<Arc<Accumulator>>,
    /// The last reports of each feed's trips.
    pub trips: Arc<TripMemory>,
    /// What feeds and towns may send.
    pub quotas: Arc<Quotas>,
    /// Receives subscriptions that have ended.
    pub ended: mpsc::UnboundedSender<EndedSubscription>,
}

impl Session {
    /// Starts to connect. `former`: filters that may still be subscribed under our name; those that
    /// `plan` does not name are ended.
    ///
    /// # Errors
    /// There is no room for what a connection needs.
    pub fn start(
        login: Login,
        routing: RoutingTable,
        former: impl IntoIterator<Item = String>,
        shared: Shared,
    ) -> Result<Self, LoginError> {
        let (client, event_loop) = connect(login.clone(), SessionKind::Kept)?;
        let acking = client.clone();
        let acks = Arc::new(Acks::new(move |packet_id| acking.try_ack(packet_id)));
        let subscriptions = Arc::new(Subscriptions::new(routing.subscriptions(), former));
        let routing = Arc::new(ArcSwap::from_pointee(routing));
        // Visible from now on, not from the first success.
        shared.metrics.connected(&login.broker, &login.client_id, false);
        let runner = Runner {
            login: login.clone(),
            routing: routing.clone(),
            client: client.clone(),
            accumulator: Accumulator::new(shared.ready.clone(), acks),
            shared,
            subscriptions: subscriptions.clone(),
            has_kept_session: false,
        };
        let cancel = CancellationToken::new();
        let task = tokio::spawn(runner.run(event_loop, cancel.clone()));
        Ok(Session { login, routing, client, subscriptions, cancel, task })
    }

    /// How it connects.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Serves another routing table from now on.
    pub fn reroute(&self, routing: RoutingTable) {
        let routing = Arc::new(routing);
        self.routing.store(routing.clone());
        self.subscriptions.reroute(routing.subscriptions(), &self.client);
    }

    /// Whether it has ended, which it never does unasked unless something is wrong with the program.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stores and acknowledges what was received, and ends.
    pub async fn stop(self) {
        self.cancel.cancel();
        if let Err(error) = self.task.await {
            error!("the session of {:?} ended in an error: {error}", self.login);
        }
    }
}

struct Runner {
    login: Login,
    routing: Arc<ArcSwap<RoutingTable>>,
    client: Client,
    accumulator: Arc<Accumulator>,
    shared: Shared,
    subscriptions: Arc<Subscriptions>,
    /// The broker kept what it held for us, of this connection.
    has_kept_session: bool,
}

impl Runner {
    async fn run(mut self, mut event_loop: EventLoop, cancel: CancellationToken) {
        let mut outage: Option<Outage> = None;
        let mut draining = false;
        let drained = self.drained(cancel.clone());
        tokio::pin!(drained);
        let left = tokio::time::sleep(Duration::MAX);
        tokio::pin!(left);
        loop {
            let event = tokio::select! {
                biased;
                () = &mut drained, if !draining => {
                    draining = true;
                    left.as_mut().reset(tokio::time::Instant::now() + LEAVE);
                    self.client.try_disconnect();
                    continue;
                }
                () = &mut left, if draining => break,
                event = event_loop.poll() => event,
            };
            match event {
                // Brokers need not close the connection then, and some do not.
                Ok(Event::Left) if draining => break,
                Ok(event) => {
                    if matches!(event, Event::Connected { .. }) {
                        let until = event_loop.certified_until();
                        self.routing
                            .load()
                            .routes
                            .iter()
                            .for_each(|route| route.meter.certified_until(until));
                    }
                    self.handle(event, &mut outage, &cancel).await;
                }
                // Nothing can be acknowledged any more.
                Err(_) if cancel.is_cancelled() => break,
                Err(reason) => {
                    // In this order: a writer may have acknowledged since the client noticed.
                    self.accumulator.acks.lost();
                    self.lost(&mut outage, &reason);
                    event_loop.drop_requests();
                    let pause = outage.as_mut().map_or(RETRY_FIRST, Outage::next_pause);
                    cancel.run_until_cancelled(tokio::time::sleep(pause)).await;
                }
            }
        }
        self.note_connected(false);
        info!("disconnected from {:?}", self.login);
    }

    /// Resolves once a stop was requested and everything received is acknowledged.
    fn drained(&self, cancel: CancellationToken) -> impl Future<Output = ()> + use<> {
        let acks = self.accumulator.acks.clone();
        async move {
            cancel.cancelled().await;
            if tokio::time::timeout(DRAIN, acks.settled()).await.is_err() {
                warn!("{} messages could not be stored in time: the broker delivers them again", acks.owed());
            }
        }
    }

    async fn handle(&mut self, event: Event, outage: &mut Option<Outage>, stop: &CancellationToken) {
        match event {
            Event::Message { topic, payload, qos, packet_id, .. } if !stop.is_cancelled() => {
                stop.run_until_cancelled(self.message(topic, payload, qos, packet_id)).await;
            }
            Event::Connected { session_present } => {
                // First of all: acks of the connection before are void from here on.
                self.accumulator.acks.connected();
                self.connected(session_present, outage.take());
            }
            Event::Subscribed { granted } => self.subscribed(granted),
            Event::Unsubscribed => self.unsubscribed(),
            Event::Dismissed { reason } => warn!("{:?} ended the connection: {reason}", self.login),
            Event::Message { .. } | Event::Sent | Event::Published { .. } | Event::Left | Event::Other => {}
        }
    }

    fn connected(&mut self, session_present: bool, outage: Option<Outage>) {
        let held = if session_present { "it kept our session" } else { "a new session" };
        match outage {
            Some(outage) => {
                info!("connected to {:?} again after {:.1?}: {held}", self.login, outage.since.elapsed())
            }
            None => info!("connected to {:?}: {held}", self.login),
        }
        self.has_kept_session = session_present;
        self.note_connected(true);
        self.subscriptions.connected(&self.client);
    }

    fn subscribed(&mut self, granted: Result<u8, String>) {
        let Some((filter, is_new)) = self.subscriptions.subscribed(granted.clone(), &self.client) else {
            return;
        };
        if is_new {
            self.shared.metrics.subscriptions.inc();
        }
        let routing = self.routing.load();
        let route = routing.routes.iter().find(|r| r.feed.def.topic == filter);
        match (granted, route) {
            (Ok(qos), Some(route)) => {
                route.meter.connected((self.shared.clock)(), Kept { session: self.has_kept_session, qos });
                if qos < route.feed.def.qos {
                    warn!(
                        "{:?} grants feed '{}' QoS {qos} only: what is sent while we are away is lost",
                        self.login, route.feed.def.id
                    );
                }
            }
            (Ok(_), None) => {}
            (Err(reason), route) => {
                let refused = format!(
                    "the subscription to '{filter}' is refused: {reason}; does the broker's access rule allow our user to \
                     read it?"
                );
                error!("{:?}: {refused}", self.login);
                if let Some(route) = route {
                    route.meter.disconnected(&refused);
                }
            }
        }
    }

    fn unsubscribed(&mut self) {
        let Some((filter, stood)) = self.subscriptions.unsubscribed(&self.client) else { return };
        if stood {
            self.shared.metrics.subscriptions.dec();
        }
        info!("{:?}: the subscription to '{filter}' has ended, no feed names it", self.login);
        let Login { broker, client_id, .. } = self.login.clone();
        // Nobody listens any more only when the ingest ends.
        let _ = self.shared.ended.send(EndedSubscription { broker, client_id, filter });
    }

    fn note_connected(&self, is_connected: bool) {
        self.shared.metrics.connected(&self.login.broker, &self.login.client_id, is_connected);
    }

    fn lost(&mut self, outage: &mut Option<Outage>, reason: &str) {
        self.note_connected(false);
        let stood = self.subscriptions.lost(reason);
        self.shared.metrics.subscriptions.dec_by(stood as i64);
        for route in &self.routing.load().routes {
            route.meter.disconnected(reason);
        }
        let o = outage.get_or_insert_with(Outage::begin);
        if o.warned_at.is_none_or(|t| t.elapsed() >= WARN_EVERY) {
            o.warned_at = Some(Instant::now());
            warn!("no connection to {:?}: {reason}; trying again", self.login);
        }
    }

    /// Receives a message. Then waits while its feed is above its quota, and for room: the broker delivers the next one
    /// later.
    async fn message(&self, topic: Bytes, payload: Bytes, qos: u8, packet_id: u16) {
        let received_at = (self.shared.clock)();
        let routing = self.routing.load_full();
        let owed = if qos == 0 { 0 } else { packet_id };
        let has_room = match std::str::from_utf8(&topic).ok().and_then(|t| routing.position(t)) {
            Some(index) => {
                let (trips, accumulator) = (&self.shared.trips, &self.accumulator);
                let intake =
                    Intake { routing: &routing, index, trips, accumulator, tally: None, counted_at: None };
                let (bytes, route) = (payload.len(), intake.route());
                let arrived = Arrived { topic, payload, qos, received_at };
                let decoded = intake.decode_large(&arrived).await;
                let enqueued = intake.enqueue(arrived, decoded, self.accumulator.acks.owe(owed));
                if route.quota.admit(bytes).await {
                    route.meter.throttled(received_at);
                }
                enqueued.has_room
            }
            // A feed that was just removed, or a broker that sends without a subscription.
            None => {
                let topic = String::from_utf8_lossy(&topic);
                self.shared.metrics.unmatched(&self.login.broker, &topic, received_at);
                self.accumulator.push(self.accumulator.acks.owe(owed), None, |_| {}).1
            }
        };
        if !has_room {
            self.accumulator.room().await;
        }
    }
}

struct Outage {
    since: Instant,
    warned_at: Option<Instant>,
    pause: Duration,
}

impl Outage {
    fn begin() -> Self {
        Outage { since: Instant::now(), warned_at: None, pause: RETRY_FIRST }
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 2).min(RETRY_LAST);
        pause
    }
}
