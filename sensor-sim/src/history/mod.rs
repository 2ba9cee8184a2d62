//! A simulated past: the statements of a town's bays over months, sent in the order of time as native batches, as fast
//! as broker and product take them.
//!
//! The places are those of [`write_files`]; their feed accepts times that far back. With faults, each statement may be
//! lost, duplicated or delayed, up to days.

mod pace;
mod past;
mod sending;
#[cfg(test)]
mod tests;
mod town;

use std::path::PathBuf;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use town::{FEED, MUNICIPALITY, write_files};

use crate::clock::{ZoneClock, zone};
use crate::error::SimulationError;
use crate::faults::Faults;
use crate::mqtt::{Broker, Delivered, Publisher};
use crate::truth::Truth;
use pace::Pace;
use past::Past;
use sending::PastSender;

/// The longest past, seconds: ten years.
const MAX_SPAN_S: i64 = 10 * 366 * 86_400;
/// Configuration of a past.
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
    /// Only loss, duplicates, reordering and delay.
    pub faults: Faults,
    /// Where to write what really happened (see `truth.rs`): of what was sent it holds only the
    /// lines of lost statements.
    pub truth: Option<PathBuf>,
    /// Base URL of the product (`http://HOST:PORT`): then never more is on its way than it can take.
    pub watch_url: Option<String>,
}

/// The result.
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

impl HistoryConfig {
    fn check(&self) -> Result<(), SimulationError> {
        self.faults.check()?;
        let bad = |field, value: String, remedy| Err(SimulationError::Config { field, value, remedy });
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

/// Sends the past, until it is complete or `cancel`. A broker that is away is waited for; what was not
/// acknowledged is sent again when it is back.
///
/// # Errors
/// The configuration makes no sense, or the truth cannot be written.
pub async fn run(cfg: HistoryConfig, cancel: CancellationToken) -> Result<HistorySummary, SimulationError> {
    cfg.check()?;
    let start = cfg.start().unwrap_or(Timestamp::UNIX_EPOCH);
    let broker: Broker = cfg.mqtt_url.parse()?;
    let truth_error = SimulationError::of_file("truth", cfg.truth.as_deref());
    let truth = Truth::open(cfg.truth.as_deref()).map_err(&truth_error)?;
    let stop = cancel.child_token();
    let _stop_all = stop.clone().drop_guard();
    let pace = match &cfg.watch_url {
        Some(url) => Some(Pace::follow(url.parse()?, stop.clone())),
        None => None,
    };
    let began = Instant::now();
    // One message: those that wait for the broker are counted by their permits.
    let (outbox, inbox) = mpsc::channel(1);
    let client_id = format!("kv-history-{:012x}", Timestamp::now().as_microsecond());
    let connection = tokio::spawn(Publisher::new(broker, client_id, inbox).run(stop.clone(), |_| {}));
    let mut sender = PastSender::new(&cfg, start, truth, outbox, pace);
    let clock = ZoneClock::new(&zone(town::TZ), start, cfg.until);
    let past = Past::new(cfg.seed, cfg.bays, clock, cfg.span.as_secs());
    let sent = tokio::select! {
        sent = sender.send_all(past, cfg.span.as_secs()) => sent.map_err(&truth_error),
        () = cancel.cancelled() => Ok(()),
    };
    let finished = sender.finish().map_err(&truth_error);
    // The connection ends by itself once all is acknowledged.
    let Delivered { acknowledged, refused, unacknowledged, .. } = connection.await.unwrap_or_default();
    sent?;
    let took_s = began.elapsed().as_secs_f64();
    Ok(HistorySummary { acknowledged, refused, unacknowledged, took_s, ..finished? })
}
