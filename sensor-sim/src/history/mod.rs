//! A past in minutes: what the bays of a town said over months, sent in the order of time as native
//! batches, as fast as broker and product take it.
//!
//! The places are those of [`write_files`]; their feed accepts times that lie so far back. With
//! faults, each statement has a fate of its own: it is lost, doubled or held back, up to days.

mod pace;
mod past;
#[cfg(test)]
mod tests;
mod town;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

pub use town::{FEED, MUNICIPALITY, write_files};

use crate::clock::{ZoneClock, zone};
use crate::encode::native::{self, Bay, Element, Observation};
use crate::faults::{BadFault, Faults, Sending, Wire};
use crate::load::NotAWatchUrl;
use crate::message::{Fact, Message, Statement};
use crate::mqtt::{Broker, NotABroker, Outbound, Publisher};
use crate::truth::Truth;
use pace::Pace;
use past::{Past, Said};

/// Statements in a message: some 45 kB, well below the 1 MiB that a batch may have.
const BATCH: usize = 500;
/// Messages without an acknowledgement of the broker.
const IN_FLIGHT: usize = 64;
/// The longest past, seconds: ten years.
const MAX_SPAN_S: i64 = 10 * 366 * 86_400;
/// Pause between two lines in the log for those who see no bar.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// What past to send.
#[derive(Debug, Clone)]
pub struct HistoryConfig {
    /// `mqtt://[USER:PASSWORD@]HOST[:PORT]`.
    pub mqtt_url: String,
    /// Bays `history-000001` and so on.
    pub bays: u32,
    pub seed: u64,
    /// Where the past ends; cut to whole seconds.
    pub until: Timestamp,
    /// How long it is.
    pub span: SignedDuration,
    /// Only loss, doubles, reordering and delay.
    pub faults: Faults,
    /// Where to write what really happened (see [`crate::truth`]): of what was sent it holds only the
    /// lines of lost statements.
    pub truth: Option<PathBuf>,
    /// Base URL of the product (`http://HOST:PORT`): then never more is on its way than it can take.
    pub watch_url: Option<String>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct HistorySummary {
    /// Statements that went out, copies included.
    pub statements: u64,
    /// Statements that a fault kept from it.
    pub lost: u64,
    pub messages: u64,
    pub acknowledged: u64,
    /// Refused by the broker, each with a warning in the log.
    pub refused: u64,
    /// Still without an acknowledgement at the end.
    pub unacknowledged: u64,
    pub took_s: f64,
}

/// Why a past could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("{field} is {value}; it must be {remedy}")]
    Config { field: &'static str, value: String, remedy: &'static str },
    #[error(transparent)]
    Broker(#[from] NotABroker),
    #[error(transparent)]
    Watch(#[from] NotAWatchUrl),
    #[error(transparent)]
    Fault(#[from] BadFault),
    #[error("the truth cannot be written to {}: {error}", path.display())]
    Truth { path: PathBuf, error: std::io::Error },
}

impl HistoryConfig {
    fn check(&self) -> Result<(), HistoryError> {
        self.faults.check()?;
        let bad = |field, value: String, remedy| Err(HistoryError::Config { field, value, remedy });
        if !(1..=999_999).contains(&self.bays) {
            return bad("bays", self.bays.to_string(), "1 to 999999");
        }
        if !(1..=MAX_SPAN_S).contains(&self.span.as_secs()) || self.start().is_none() {
            return bad("history", format!("{:#}", self.span), "above 0, at most ten years, and after 1970");
        }
        let Faults { loss, double, reorder, delay_s, .. } = self.faults;
        if self.faults != (Faults { loss, double, reorder, delay_s, ..Faults::default() }) {
            let remedy = "one of loss, double, reorder and delay-s: a past knows no others";
            return bad("fault", "of a device".to_owned(), remedy);
        }
        Ok(())
    }

    /// Where the past begins, in whole seconds.
    fn start(&self) -> Option<Timestamp> {
        let start_s = self.until.as_second().checked_sub(self.span.as_secs()).filter(|s| *s >= 0)?;
        Timestamp::from_second(start_s).ok()
    }
}

/// Sends the past, until it is told or `cancel`. A broker that is away is waited for; what was not
/// acknowledged is sent again when it is back.
///
/// # Errors
/// The configuration makes no sense, or the truth cannot be written.
pub async fn run(cfg: HistoryConfig, cancel: CancellationToken) -> Result<HistorySummary, HistoryError> {
    cfg.check()?;
    let start = cfg.start().unwrap_or(Timestamp::UNIX_EPOCH);
    let broker: Broker = cfg.mqtt_url.parse()?;
    let truth_error = |error| HistoryError::Truth { path: cfg.truth.clone().unwrap_or_default(), error };
    let truth = Truth::open(cfg.truth.as_deref()).map_err(truth_error)?;
    let stop = cancel.child_token();
    let _stop_all = stop.clone().drop_guard();
    let pace = match &cfg.watch_url {
        Some(url) => Some(Pace::follow(url, stop.clone())?),
        None => None,
    };
    let began = Instant::now();
    // One message: those that wait for the broker are counted by their permits.
    let (outbox, inbox) = mpsc::channel(1);
    let client_id = format!("kv-history-{:012x}", Timestamp::now().as_microsecond());
    let connection = tokio::spawn(Publisher::new(broker, client_id, inbox).run(stop.clone(), |_| {}));
    let mut telling = Telling {
        start,
        ids: (0..cfg.bays).map(town::bay_id).collect(),
        wire: Wire::new(cfg.faults, cfg.seed),
        held_back: BinaryHeap::new(),
        elements: Vec::with_capacity(BATCH),
        truth,
        window: Arc::new(Semaphore::new(IN_FLIGHT)),
        outbox,
        pace,
        bar: progress(cfg.span),
        told_at: began,
        summary: HistorySummary::default(),
    };
    let clock = ZoneClock::new(&zone(town::TZ), start, cfg.until);
    let past = Past::new(cfg.seed, cfg.bays, clock, cfg.span.as_secs());
    let told = tokio::select! {
        told = telling.tell(past, cfg.span.as_secs()) => told.map_err(truth_error),
        () = cancel.cancelled() => Ok(()),
    };
    telling.truth.flush().map_err(truth_error)?;
    telling.bar.finish_and_clear();
    let summary = telling.summary;
    drop(telling);
    // The connection ends by itself once all is acknowledged.
    let delivered = connection.await.unwrap_or_default();
    told?;
    Ok(HistorySummary {
        acknowledged: delivered.acknowledged,
        refused: delivered.refused,
        unacknowledged: delivered.unacknowledged,
        took_s: began.elapsed().as_secs_f64(),
        ..summary
    })
}

/// The past being told.
struct Telling {
    start: Timestamp,
    ids: Vec<String>,
    wire: Wire,
    held_back: BinaryHeap<Reverse<HeldBack>>,
    elements: Vec<Element>,
    truth: Truth,
    window: Arc<Semaphore>,
    outbox: mpsc::Sender<Outbound<OwnedSemaphorePermit>>,
    pace: Option<Pace>,
    bar: ProgressBar,
    told_at: Instant,
    summary: HistorySummary,
}

/// A statement on its way: the first to go out is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct HeldBack {
    due_s: i64,
    /// The order of their making.
    made: u64,
    bay: u32,
    at_s: i64,
    occupied: bool,
}

impl Telling {
    async fn tell(&mut self, past: Past, until_s: i64) -> std::io::Result<()> {
        if let Some(pace) = &mut self.pace {
            pace.ready().await;
        }
        let mut made = 0;
        for said in past {
            self.release(said.at_s).await;
            let at = self.at(said.at_s);
            self.truth.bay(&self.ids[said.bay as usize], at, said.occupied, said.cause)?;
            let fate = self.wire.fate();
            let Some(wait_s) = fate.wait_s else {
                self.lose(said, at, fate.faults)?;
                continue;
            };
            let copy_s = fate.copy_after_s.map(|after_s| wait_s + after_s);
            for wait_s in std::iter::once(wait_s).chain(copy_s) {
                made += 1;
                let due_s = said.at_s + wait_s as i64;
                let Said { bay, at_s, occupied, .. } = said;
                self.held_back.push(Reverse(HeldBack { due_s, made, bay, at_s, occupied }));
            }
        }
        self.release(i64::MAX).await;
        self.send().await;
        if let Some(pace) = &mut self.pace {
            while !pace.arrived(self.summary.messages).await {
                tracing::info!("waiting for the last messages to arrive");
            }
        }
        self.truth.end(self.at(until_s))
    }

    /// Sends what goes out by `until_s`.
    async fn release(&mut self, until_s: i64) {
        while self.held_back.peek().is_some_and(|Reverse(next)| next.due_s <= until_s) {
            let Some(Reverse(HeldBack { due_s, bay, at_s, occupied, .. })) = self.held_back.pop() else {
                return;
            };
            let state = if occupied { "occupied" } else { "vacant" };
            let at = self.at(at_s);
            let bay_said = Bay { at, state, seq: None, battery_v: None, temperature_c: None };
            self.elements.push(Element {
                topic: format!("bay/{}", self.ids[bay as usize]),
                observation: Observation::Bay(bay_said),
            });
            if self.elements.len() == BATCH {
                self.send().await;
                self.progress(due_s);
            }
        }
    }

    async fn send(&mut self) {
        if self.elements.is_empty() {
            return;
        }
        if let Some(pace) = &mut self.pace {
            pace.admit(self.summary.messages).await;
        }
        let (topic, payload) = native::batch(FEED, &self.elements);
        let statements = self.elements.len() as u64;
        self.elements.clear();
        loop {
            // Released by the acknowledgement, with the message. Nobody closes the semaphore.
            let Ok(permit) = Arc::clone(&self.window).acquire_owned().await else { return };
            let message = Outbound { topic: topic.clone(), payload: payload.clone(), tag: permit };
            if self.outbox.send(message).await.is_err() {
                return;
            }
            // The first one is repeated until it arrives: a feed that was just imported may not be
            // subscribed yet. Twice is as good as once.
            let has_begun = match &mut self.pace {
                Some(pace) if self.summary.messages == 0 => pace.arrived(1).await,
                _ => true,
            };
            if has_begun {
                break;
            }
            tracing::info!("the feed '{FEED}' does not listen yet");
        }
        self.summary.messages += 1;
        self.summary.statements += statements;
    }

    fn lose(&mut self, said: Said, at: Timestamp, faults: Vec<&'static str>) -> std::io::Result<()> {
        self.summary.lost += 1;
        let id = self.ids[said.bay as usize].clone();
        let state = if said.occupied { "occupied" } else { "vacant" };
        let topic = format!("bay/{id}");
        let says = vec![Statement { kind: "bay", id, at, fact: Fact::Bay { state, sensor: None } }];
        let message = Message { topic, payload: Bytes::new(), intended_utc: at, says };
        self.truth.sent(&Sending { message, at: None, faults }, None)
    }

    fn progress(&mut self, at_s: i64) {
        self.bar.set_position(at_s.max(0) as u64);
        let took_s = self.bar.elapsed().as_secs_f64().max(0.001);
        let rate = self.summary.statements as f64 / took_s;
        let now = self.at(at_s).strftime("%Y-%m-%d").to_string();
        let message = format!("{now}, {} statements, {rate:.0}/s", self.summary.statements);
        if self.bar.is_hidden() && self.told_at.elapsed() >= TELL_EVERY {
            self.told_at = Instant::now();
            tracing::info!(eta_s = self.bar.eta().as_secs(), "{message}");
        }
        self.bar.set_message(message);
    }

    fn at(&self, elapsed_s: i64) -> Timestamp {
        Timestamp::from_second(self.start.as_second().saturating_add(elapsed_s)).unwrap_or(Timestamp::MAX)
    }
}

/// On standard error, and only when that is a terminal.
fn progress(span: SignedDuration) -> ProgressBar {
    let length = span.as_secs().max(0) as u64;
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} [{wide_bar}] {msg}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
