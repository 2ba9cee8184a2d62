//! The county on a broker: what happens is published when it happens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agenda::Agenda;
use crate::clock::{StartClock, WorldClock};
use crate::county::County;
use crate::error::SimulationError;
use crate::faults::{Faults, FaultyWorld, Onset, Sending, Step, Wire};
use crate::mqtt::{Broker, Delivered, Outbound, Publisher};
use crate::orders::Orders;
use crate::rentals::RentalOperator;
use crate::senders::Senders;
use crate::truth::Truth;
use crate::world::World;
use orders_file::OrdersFile;

/// Messages waiting for the broker; beyond this the world waits too, rather than memory growing.
const QUEUE: usize = 8_192;
/// How long the last messages may take to be handed over.
const LAST_SENDS: Duration = Duration::from_secs(2);

/// Configuration of a run.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// `mqtt://[USER:PASSWORD@]HOST[:PORT]`.
    pub mqtt_url: String,
    pub county: Arc<County>,
    pub seed: u64,
    /// Simulated minutes in a minute of real time.
    pub speed: f64,
    /// What the county's clock shows at the start.
    pub start: StartClock,
    /// Where to write what really happened and what was sent (see `truth.rs`).
    pub truth: Option<PathBuf>,
    /// Faults.
    pub faults: Faults,
    /// Orders in force from the start.
    pub orders: Orders,
    /// A file with more orders (see `orders.rs`). It is read once a second, so that they can
    /// come and go while the county runs.
    pub orders_file: Option<PathBuf>,
    /// Is kept up to date with what happens to shared vehicles.
    pub rentals: Option<Arc<RentalOperator>>,
    /// Real time after which the run ends by itself.
    pub max_duration: Option<Duration>,
}

impl RunConfig {
    /// The county at its busy hour, in real time, until it is stopped.
    pub fn new(mqtt_url: impl Into<String>, county: Arc<County>) -> Self {
        let seed = county.seed;
        Self {
            mqtt_url: mqtt_url.into(),
            county,
            seed,
            speed: 1.0,
            start: StartClock::BUSY,
            truth: None,
            faults: Faults::default(),
            orders: Orders::default(),
            orders_file: None,
            rentals: None,
            max_duration: None,
        }
    }
}

/// The result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// What happened: changes, passages, positions, heartbeats.
    pub events: u64,
    /// Messages given to the connection.
    pub sent: u64,
    /// Messages that a fault kept from it.
    pub lost: u64,
    pub acknowledged: u64,
    /// Refused by the broker, each with a warning in the log.
    pub refused: u64,
    /// Still without an acknowledgement at the end.
    pub unacknowledged: u64,
    /// Sent again after a reconnect.
    pub repeated: u64,
    pub reconnects: u64,
}

/// Runs the county until `cancel`, or until the configured duration has passed. A broker that is
/// away is waited for; what was not acknowledged is sent again when it is back.
///
/// # Errors
/// The address, the speed or a fault makes no sense, or the truth cannot be written.
pub async fn run(cfg: RunConfig, cancel: CancellationToken) -> Result<Summary, SimulationError> {
    let broker: Broker = cfg.mqtt_url.parse()?;
    cfg.faults.check()?;
    if !(cfg.speed > 0.0 && cfg.speed <= 1_000.0) {
        return Err(SimulationError::Speed(cfg.speed));
    }
    let truth_error = SimulationError::of_file("truth", cfg.truth.as_deref());
    let truth = Truth::open(cfg.truth.as_deref()).map_err(&truth_error)?;

    let (outbox, inbox) = mpsc::channel(QUEUE);
    let start_utc = Timestamp::now();
    let client_id = format!("kv-sim-{:012x}", start_utc.as_microsecond());
    let publisher = Publisher::new(broker, client_id, inbox);
    // Our own end must not end the caller's token.
    let stop = cancel.child_token();
    let connection = tokio::spawn(publisher.run(stop.clone(), |_: &()| {}));

    let mut simulation = Simulation::new(&cfg, start_utc, truth, outbox);
    let ended = simulation.run(cfg.max_duration, &stop).await.map_err(&truth_error);
    let summary = simulation.summary;
    drop(simulation);
    // The connection ends by itself once all is acknowledged; a broker that is away is not waited for.
    stop.cancel();
    let Delivered { acknowledged, refused, repeated, reconnects, unacknowledged } =
        connection.await.unwrap_or_default();
    ended?;
    Ok(Summary { acknowledged, refused, unacknowledged, repeated, reconnects, ..summary })
}

/// The run in progress.
struct Simulation {
    county: Arc<County>,
    faulty_world: FaultyWorld,
    senders: Senders,
    wire: Wire,
    truth: Truth,
    outbox: mpsc::Sender<Outbound<()>>,
    /// On their way, by the time they go out and the order in which they were sent.
    pending: Agenda<Timestamp, Sending>,
    summary: Summary,
    orders: OrdersFile,
    rentals: Option<Arc<RentalOperator>>,
}

impl Simulation {
    fn new(cfg: &RunConfig, start_utc: Timestamp, truth: Truth, outbox: mpsc::Sender<Outbound<()>>) -> Self {
        let world =
            World::new(Arc::clone(&cfg.county), cfg.seed, WorldClock::new(start_utc, cfg.start, cfg.speed));
        let faulty_world = FaultyWorld::new(
            world,
            Arc::clone(&cfg.county),
            &cfg.faults,
            cfg.seed,
            Onset::FirstMinute(start_utc),
        );
        let mut senders = Senders::new(Arc::clone(&cfg.county), cfg.seed);
        senders.weaken(&faulty_world);
        Self {
            county: Arc::clone(&cfg.county),
            faulty_world,
            senders,
            wire: Wire::new(cfg.faults, cfg.seed),
            truth,
            outbox,
            pending: Agenda::new(),
            summary: Summary::default(),
            orders: OrdersFile::new(cfg),
            rentals: cfg.rentals.clone(),
        }
    }

    /// Runs the world, each event at its time, until the end.
    async fn run(&mut self, max_duration: Option<Duration>, stop: &CancellationToken) -> std::io::Result<()> {
        let result = tokio::select! {
            result = self.events() => result,
            () = stop.cancelled() => Ok(()),
            () = tokio::time::sleep(max_duration.unwrap_or(Duration::MAX)) => Ok(()),
        };
        for message in self.senders.flush(Timestamp::now()) {
            self.take(Sending { at: Some(message.intended_utc), message, faults: Vec::new() })?;
        }
        // A broker that is away must not keep us; what it did not get has no line in the truth.
        if let Ok(sent) = tokio::time::timeout(LAST_SENDS, self.send_due(Timestamp::now())).await {
            sent?;
        }
        self.truth.end(Timestamp::now())?;
        self.truth.flush()?;
        result
    }

    /// Never ends by itself.
    async fn events(&mut self) -> std::io::Result<()> {
        loop {
            for order in self.orders.look() {
                self.faulty_world.order(order);
            }
            let step = self.faulty_world.next_step();
            self.send_due(step.at).await?;
            sleep_until_utc(step.at).await;
            self.happen(step)?;
        }
    }

    fn happen(&mut self, step: Step) -> std::io::Result<()> {
        let at = step.at;
        if let Some(note) = &step.note {
            self.truth.fault(note)?;
        }
        if let Some(event) = &step.event {
            self.summary.events += 1;
            self.truth.happened(&self.county, at, event)?;
            if let Some(operator) = &self.rentals {
                operator.note(event);
            }
        }
        if let Some(swap) = step.swap {
            for message in self.senders.swap_device(at, swap.bay, swap.new, swap.occupied) {
                for sending in self.wire.send(message, vec!["device_swap"]) {
                    self.take(sending)?;
                }
            }
        }
        if let Some((bay, other)) = step.mixed_up {
            self.senders.mix_up(bay, other);
        }
        if let Some(report) = step.report {
            for message in self.senders.messages(at, report.stamp, &report.event) {
                for sending in self.wire.send_report(message, &report) {
                    self.take(sending)?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, sending: Sending) -> std::io::Result<()> {
        match sending.at {
            Some(at) => {
                self.pending.plan(at, sending);
                Ok(())
            }
            None => {
                self.summary.lost += 1;
                self.truth.sent(&sending, None)
            }
        }
    }

    /// Sends what is due until `until`, each at its time.
    async fn send_due(&mut self, until: Timestamp) -> std::io::Result<()> {
        while let Some((at, sending)) = self.pending.next_until(until) {
            sleep_until_utc(at).await;
            // A place first, then the record: what is written down as sent was sent.
            let Ok(place) = self.outbox.reserve().await else { break };
            self.truth.sent(&sending, Some(Timestamp::now()))?;
            let message = sending.message;
            place.send(Outbound { topic: message.topic, payload: message.payload, tag: () });
            self.summary.sent += 1;
        }
        Ok(())
    }
}

async fn sleep_until_utc(at: Timestamp) {
    if let Ok(left) = at.duration_since(Timestamp::now()).try_into() {
        tokio::time::sleep(left).await;
    }
}

mod orders_file;
#[cfg(test)]
mod tests;
