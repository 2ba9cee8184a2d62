//! One MQTT session: stays connected, subscribes, and decodes what arrives into an accumulator.
//!
//! The event loop is polled without pause: decoding a message takes microseconds, and rows wait
//! for the database in the accumulator, whose size the broker's window bounds.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::Clock;
use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::metrics::Metrics;
use crate::mqtt::{Client, Event, EventLoop, Login, LoginError, connect};
use crate::plan::Plan;
use crate::receive::{Message, receive};
use crate::trips::TripMemory;

/// Pauses between attempts to connect.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// An outage is told when it begins, and then once in this time.
const RETELL: Duration = Duration::from_secs(60);

/// How long a stop waits for what was received to be stored.
const DRAIN: Duration = Duration::from_secs(8);

/// A running session.
#[derive(Debug)]
pub struct Session {
    login: Login,
    plan: Arc<ArcSwap<Plan>>,
    client: Client,
    subscriptions: Arc<Mutex<Subscriptions>>,
    metrics: Arc<Metrics>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// What all sessions share.
#[derive(Clone)]
pub struct Shared {
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub ready: async_channel::Sender<Arc<Accumulator>>,
    pub trips: Arc<TripMemory>,
}

impl Session {
    /// Starts to connect. `cancel` drains and ends it.
    ///
    /// # Errors
    /// A certificate or key cannot be read.
    pub fn start(
        login: Login,
        plan: Plan,
        shared: Shared,
        cancel: CancellationToken,
    ) -> Result<Self, LoginError> {
        let (client, event_loop) = connect(&login)?;
        let acks = Arc::new(Acks::new(client.clone()));
        let plan = Arc::new(ArcSwap::from_pointee(plan));
        let subscriptions = Arc::new(Mutex::default());
        let metrics = shared.metrics.clone();
        let runner = Runner {
            name: format!("{login:?}"),
            broker: login.broker.clone(),
            plan: plan.clone(),
            client: client.clone(),
            accumulator: Accumulator::new(shared.ready.clone(), acks.clone()),
            acks,
            shared,
            subscriptions: subscriptions.clone(),
            answers: HashMap::new(),
        };
        let task = tokio::spawn(runner.run(event_loop, cancel.clone()));
        Ok(Session { login, plan, client, subscriptions, metrics, cancel, task })
    }

    /// How it connects.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Serves other feeds, or the same under other rules, from now on.
    pub fn replan(&self, plan: Plan) {
        let before = self.plan.swap(Arc::new(plan));
        let now = self.plan.load();
        let was: Vec<(&str, u8)> = before.subscriptions().collect();
        let wanted: Vec<(&str, u8)> = now.subscriptions().collect();
        for (filter, _) in was.iter().filter(|w| !wanted.iter().any(|n| n.0 == w.0)) {
            self.client.try_unsubscribe(filter);
            if self.subscriptions.lock().granted.remove(*filter) {
                self.metrics.subscriptions.dec();
            }
        }
        for (filter, qos) in wanted.iter().filter(|n| !was.contains(n)) {
            self.subscriptions.lock().ask(&self.client, filter, *qos);
        }
    }

    /// Stores and acknowledges what was received, and ends.
    pub async fn stop(self) {
        self.cancel.cancel();
        if let Err(error) = self.task.await {
            error!("the session of {:?} ended in an error: {error}", self.login);
        }
    }
}

/// What was asked of the broker on this connection, and what it granted.
#[derive(Debug, Default)]
struct Subscriptions {
    /// Filters whose SUBSCRIBE has not left yet, in order.
    asked: VecDeque<String>,
    granted: HashSet<String>,
}

impl Subscriptions {
    /// Asks and notes it, in one order for all who ask.
    fn ask(&mut self, client: &Client, filter: &str, qos: u8) {
        if client.try_subscribe(filter, qos) {
            self.asked.push_back(filter.to_owned());
        }
    }
}

struct Runner {
    name: String,
    broker: String,
    plan: Arc<ArcSwap<Plan>>,
    client: Client,
    accumulator: Arc<Accumulator>,
    acks: Arc<Acks>,
    shared: Shared,
    subscriptions: Arc<Mutex<Subscriptions>>,
    /// Filters by the packet id under which they left.
    answers: HashMap<u16, String>,
}

impl Runner {
    async fn run(mut self, event_loop: EventLoop, cancel: CancellationToken) {
        let mut event_loop = event_loop;
        let mut outage: Option<Outage> = None;
        let mut draining = false;
        let drained = self.drained(cancel.clone());
        tokio::pin!(drained);
        loop {
            let event = tokio::select! {
                biased;
                () = &mut drained, if !draining => {
                    draining = true;
                    self.client.try_disconnect();
                    continue;
                }
                event = event_loop.poll() => event,
            };
            match event {
                // Brokers need not close the connection then, and some do not.
                Ok(Event::Left) if draining => break,
                Ok(event) => self.handle(event, &mut outage, cancel.is_cancelled()).await,
                Err(_) if draining || (cancel.is_cancelled() && outage.is_some()) => break,
                Err(reason) => {
                    // In this order: a writer may have acknowledged since the client noticed.
                    self.acks.lost();
                    event_loop.drop_acks();
                    self.lost(&mut outage, &reason);
                    let pause = outage.as_mut().map_or(RETRY_FIRST, Outage::next_pause);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = cancel.cancelled() => {}
                    }
                }
            }
        }
        self.shared.metrics.connected(&self.broker, false);
        info!("disconnected from {}", self.name);
    }

    /// Resolves once a stop was asked for and everything received is acknowledged.
    fn drained(&self, cancel: CancellationToken) -> impl Future<Output = ()> + use<> {
        let acks = self.acks.clone();
        async move {
            cancel.cancelled().await;
            if tokio::time::timeout(DRAIN, acks.settled()).await.is_err() {
                warn!("{} messages could not be stored in time: the broker delivers them again", acks.owed());
            }
        }
    }

    async fn handle(&mut self, event: Event, outage: &mut Option<Outage>, stopping: bool) {
        match event {
            Event::Message { topic, payload, qos, packet_id } if !stopping => {
                if !self.message(&topic, &payload, qos, packet_id) {
                    self.accumulator.room().await;
                }
            }
            Event::Connected { session_present } => {
                // First of all: acks of the connection before are void from here on.
                self.acks.connected();
                self.connected(session_present, outage.take());
            }
            Event::Subscribing { packet_id } => {
                let asked = self.subscriptions.lock().asked.pop_front();
                if let Some(filter) = asked {
                    self.answers.insert(packet_id, filter);
                }
            }
            Event::Subscribed { packet_id, granted } => self.subscribed(packet_id, granted),
            Event::Dismissed { reason } => warn!("{} ended the connection: {reason}", self.name),
            Event::Message { .. } | Event::Left | Event::Other => {}
        }
    }

    /// Subscribes on every connection: a broker that lost our session has no subscriptions, and
    /// one that kept it does not mind.
    fn connected(&mut self, session_present: bool, outage: Option<Outage>) {
        let held = if session_present { "it kept our session" } else { "a new session" };
        match outage {
            Some(outage) => {
                info!("connected to {} again after {:.1?}: {held}", self.name, outage.since.elapsed())
            }
            None => info!("connected to {}: {held}", self.name),
        }
        self.shared.metrics.connected(&self.broker, true);
        let mut subscriptions = self.subscriptions.lock();
        subscriptions.asked.clear();
        self.answers.clear();
        for (filter, qos) in self.plan.load().subscriptions() {
            subscriptions.ask(&self.client, filter, qos);
        }
    }

    fn subscribed(&mut self, packet_id: u16, granted: Result<u8, String>) {
        let filter = self.answers.remove(&packet_id);
        let plan = self.plan.load();
        let route = filter.as_deref().and_then(|f| plan.routes.iter().find(|r| r.feed.def.topic == f));
        match (granted, route) {
            (Ok(qos), Some(route)) => {
                route.meter.connected_since(Some((self.shared.clock)()));
                if self.subscriptions.lock().granted.insert(route.feed.def.topic.clone()) {
                    self.shared.metrics.subscriptions.inc();
                }
                if qos < route.feed.def.qos {
                    warn!(
                        "{} grants feed '{}' QoS {qos} only: what is sent while we are away is lost",
                        self.name, route.feed.def.id
                    );
                }
            }
            (Ok(_), None) => {}
            (Err(reason), _) => error!(
                "{} refuses the subscription to '{}': {reason}; does its access rule allow our user to read it?",
                self.name,
                filter.as_deref().unwrap_or("?")
            ),
        }
    }

    fn lost(&mut self, outage: &mut Option<Outage>, reason: &str) {
        self.shared.metrics.connected(&self.broker, false);
        let granted = std::mem::take(&mut self.subscriptions.lock().granted);
        self.shared.metrics.subscriptions.dec_by(granted.len() as i64);
        for route in &self.plan.load().routes {
            route.meter.connected_since(None);
        }
        let o = outage.get_or_insert_with(Outage::begin);
        if o.told.is_none_or(|t| t.elapsed() >= RETELL) {
            o.told = Some(Instant::now());
            warn!("no connection to {}: {reason}; trying again", self.name);
        }
    }

    /// Takes a message in; whether there is room for more.
    fn message(&self, topic: &[u8], payload: &[u8], qos: u8, packet_id: u16) -> bool {
        let received_at = (self.shared.clock)();
        let plan = self.plan.load();
        let number = self.acks.owe(if qos == 0 { 0 } else { packet_id });
        let Some((topic, route)) = std::str::from_utf8(topic).ok().and_then(|t| Some((t, plan.route(t)?)))
        else {
            // A feed that was just removed, or a broker that sends what nobody asked for.
            self.shared.metrics.unmatched.inc();
            return self.accumulator.push(number, |_| {}).1;
        };
        let message = Message { topic, payload, qos, received_at };
        let ((reasons, observed_at), has_room) = self.accumulator.push(number, |batch| {
            let before = (batch.bays.len(), batch.sites.len(), batch.vehicles.len(), batch.trips.len());
            let reasons = receive(&plan.registry, &route.feed, message, &self.shared.trips, batch);
            let observed_at = (batch.bays.get(before.0).map(|g| g.observation.observed_at))
                .or(batch.sites.get(before.1).map(|g| g.observation.observed_at))
                .or(batch.vehicles.get(before.2).map(|g| g.observation.observed_at))
                .or(batch.trips.get(before.3).map(|o| o.report.confirmed_at));
            (reasons, observed_at)
        });
        if route.meter.message(qos, route.feed.def.qos, received_at, observed_at) {
            warn!(
                "feed '{}' is published with QoS 0: what is sent while we are away is lost; set QoS 1 at the publisher (ChirpStack: [integration.mqtt] qos=1)",
                route.feed.def.id
            );
        }
        for reason in reasons {
            route.meter.rejected(reason, received_at, 1);
        }
        has_room
    }
}

struct Outage {
    since: Instant,
    told: Option<Instant>,
    pause: Duration,
}

impl Outage {
    fn begin() -> Self {
        Outage { since: Instant::now(), told: None, pause: RETRY_FIRST }
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 2).min(RETRY_LAST);
        pause
    }
}
