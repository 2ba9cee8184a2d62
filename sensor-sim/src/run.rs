//! The county on a broker: what happens is published when it happens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::StartClock;
use crate::county::County;
use crate::message::Message;
use crate::mqtt::{Broker, Delivered, NotABroker, Outbound, Publisher};
use crate::truth::Truth;
use crate::voice::Voice;
use crate::world::World;

/// Messages waiting for the broker; beyond this the world waits too, rather than memory growing.
const QUEUE: usize = 8_192;

/// What to run.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// `mqtt://[USER:PASSWORD@]HOST[:PORT]`.
    pub mqtt_url: String,
    pub county: Arc<County>,
    pub seed: u64,
    /// Minutes of life in a minute of real time.
    pub speed: f64,
    /// What the county's clock shows at the start.
    pub start: StartClock,
    /// Where to write what really happened and what was sent (see [`crate::truth`]).
    pub truth: Option<PathBuf>,
    /// Real time after which the run ends by itself.
    pub max_duration: Option<Duration>,
}

impl RunConfig {
    /// The county at its busy hour, at the speed of life, until it is stopped.
    pub fn new(mqtt_url: impl Into<String>, county: Arc<County>) -> Self {
        let seed = county.seed;
        Self {
            mqtt_url: mqtt_url.into(),
            county,
            seed,
            speed: 1.0,
            start: StartClock::BUSY,
            truth: None,
            max_duration: None,
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// What happened: changes, passages, positions, heartbeats.
    pub events: u64,
    /// Messages given to the connection.
    pub sent: u64,
    pub acknowledged: u64,
    /// Refused by the broker, each with a warning in the log.
    pub refused: u64,
    /// Still without an acknowledgement at the end.
    pub unacknowledged: u64,
    /// Sent again after a reconnect.
    pub repeated: u64,
    pub reconnects: u64,
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Broker(#[from] NotABroker),
    #[error("speed {0} must be above 0 and at most 1000")]
    Speed(f64),
    #[error("the truth cannot be written to {}: {error}", path.display())]
    Truth { path: PathBuf, error: std::io::Error },
}

/// Runs the county until `cancel`, or until the configured duration has passed. A broker that is
/// away is waited for; what was not acknowledged is sent again when it is back.
///
/// # Errors
/// The address or the speed makes no sense, or the truth cannot be written.
pub async fn run(cfg: RunConfig, cancel: CancellationToken) -> Result<Summary, RunError> {
    let broker: Broker = cfg.mqtt_url.parse()?;
    if !(cfg.speed > 0.0 && cfg.speed <= 1_000.0) {
        return Err(RunError::Speed(cfg.speed));
    }
    let truth_error = |error| RunError::Truth { path: cfg.truth.clone().unwrap_or_default(), error };
    let mut truth = Truth::open(cfg.truth.as_deref()).map_err(truth_error)?;

    let (outbox, inbox) = mpsc::channel(QUEUE);
    let start_utc = Timestamp::now();
    let client_id = format!("kv-sim-{:012x}", start_utc.as_microsecond());
    let publisher = Publisher::new(broker, client_id, inbox);
    let connection = tokio::spawn(publisher.run(cancel.clone(), |_: &()| {}));

    let mut world = World::new(Arc::clone(&cfg.county), cfg.seed, cfg.start, start_utc, cfg.speed);
    let mut voice = Voice::new(Arc::clone(&cfg.county), cfg.seed);
    let mut summary = Summary::default();
    let end = cfg.max_duration.map(|d| tokio::time::Instant::now() + d);

    'life: loop {
        let (at, event) = world.next_event();
        tokio::select! {
            () = sleep_until_utc(at) => {}
            () = cancel.cancelled() => break,
            () = sleep_until_end(end) => break,
        }
        summary.events += 1;
        truth.happened(&cfg.county, at, &event).map_err(truth_error)?;
        for message in voice.speak(at, at, &event) {
            truth.sent(&message, Timestamp::now()).map_err(truth_error)?;
            tokio::select! {
                sent = send(&outbox, message) => if !sent { break 'life },
                () = cancel.cancelled() => break 'life,
            }
            summary.sent += 1;
        }
    }
    for message in voice.flush(Timestamp::now()) {
        summary.sent += u64::from(send(&outbox, message).await);
    }
    drop(outbox);
    truth.flush().map_err(truth_error)?;
    // The connection ends by itself once all is acknowledged; a broker that is away is not waited for.
    cancel.cancel();
    let delivered = connection.await.unwrap_or_default();
    Ok(summary.with(delivered))
}

impl Summary {
    fn with(self, delivered: Delivered) -> Self {
        Self {
            acknowledged: delivered.acknowledged,
            refused: delivered.refused,
            unacknowledged: delivered.unacknowledged,
            repeated: delivered.repeated,
            reconnects: delivered.reconnects,
            ..self
        }
    }
}

async fn send(outbox: &mpsc::Sender<Outbound<()>>, message: Message) -> bool {
    outbox.send(Outbound { topic: message.topic, payload: message.payload, tag: () }).await.is_ok()
}

async fn sleep_until_utc(at: Timestamp) {
    let left = at.duration_since(Timestamp::now());
    if let Ok(left) = Duration::try_from(left) {
        tokio::time::sleep(left).await;
    }
}

async fn sleep_until_end(end: Option<tokio::time::Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
