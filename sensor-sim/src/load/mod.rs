//! Load: an open loop at a given rate, and how long each observation takes to be acknowledged by
//! the broker and to be seen on the API's change stream.
//!
//! Every observation has an *intended* time on a fixed schedule, and every latency is counted from
//! it: when anything falls behind, the waiting is part of the figure (no coordinated omission).
//! Bays take turns and alternate, so that every observation is a change. The scheduler's timer has
//! a resolution of one millisecond, which the figures include.

mod files;
mod report;
mod schedule;
mod watch;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use files::{FEED, MUNICIPALITY, write_files};
pub use report::{Errors, LoadReport, Quantiles};
use schedule::{Schedule, Tag};

use crate::error::SimulationError;
use crate::mqtt::{Broker, Delivered, Publisher};
use crate::progress;

/// Messages waiting for one connection; the schedule goes on without regard to them.
const QUEUE: usize = 65_536;
/// How long connections and the first snapshot are waited for.
const READY_WITHIN: Duration = Duration::from_secs(30);
const PROGRESS: &str =
    "{elapsed_precise} [{wide_bar}] {human_pos}/{human_len} observations, {per_sec}, {eta} left";
/// How long the last observations may take to be seen.
const LAST_SEEN_WITHIN: Duration = Duration::from_secs(10);

/// Configuration of a load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadConfig {
    /// `mqtt://[USER:PASSWORD@]HOST[:PORT]`.
    pub mqtt_url: String,
    /// Observations a second, over all connections.
    pub rate_per_s: f64,
    /// Bays `load-000001` and so on, that take turns.
    pub bays: u32,
    pub connections: u32,
    /// Measured time, seconds.
    pub duration_s: f64,
    /// Sent before, not measured, seconds.
    pub warmup_s: f64,
    /// Observations in a message: 1 = a message each, else native batches.
    pub batch: u32,
    /// Base URL of the API whose `/v1/changes` is watched (`http://HOST:PORT`).
    pub watch_url: Option<String>,
    /// Where to write the report as JSON.
    pub report: Option<PathBuf>,
}

impl LoadConfig {
    /// A thousand single observations a second for half a minute, on the feed of [`write_files`].
    pub fn new(mqtt_url: impl Into<String>) -> Self {
        Self {
            mqtt_url: mqtt_url.into(),
            rate_per_s: 1_000.0,
            bays: 5_000,
            connections: 4,
            duration_s: 30.0,
            warmup_s: 5.0,
            batch: 1,
            watch_url: None,
            report: None,
        }
    }

    fn check(&self) -> Result<(), SimulationError> {
        let bad = |field, value: String, remedy| Err(SimulationError::Config { field, value, remedy });
        if !(self.rate_per_s > 0.0 && self.rate_per_s <= 10_000_000.0) {
            return bad("rate_per_s", self.rate_per_s.to_string(), "above 0, at most 10000000");
        }
        if !(1..=999_999).contains(&self.bays) {
            return bad("bays", self.bays.to_string(), "1 to 999999");
        }
        if !(1..=1_000).contains(&self.connections) {
            return bad("connections", self.connections.to_string(), "1 to 1000");
        }
        if self.batch == 0 || self.batch > self.bays.min(10_000) {
            return bad("batch", self.batch.to_string(), "1 to 10000, and no more than there are bays");
        }
        if !(self.duration_s > 0.0 && self.duration_s <= 86_400.0 * 30.0) {
            return bad("duration_s", self.duration_s.to_string(), "above 0, at most 30 days");
        }
        if !(0.0..=86_400.0).contains(&self.warmup_s) {
            return bad("warmup_s", self.warmup_s.to_string(), "0 to 86400");
        }
        Ok(())
    }
}

/// Latencies in microseconds, from 1 us to 1 hour, to three digits.
pub(crate) type Latencies = Histogram<u64>;

#[expect(clippy::expect_used, reason = "the bounds are constants")]
fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("constant bounds are valid")
}

/// Observations that were sent and have not been seen: by bay number and microsecond.
pub(crate) type Unseen = Arc<Mutex<HashMap<(u32, i64), Instant>>>;

/// What connections and the watcher measure together.
#[derive(Clone)]
pub(crate) struct Measured {
    pub(crate) acknowledged: Arc<Mutex<(Latencies, u64)>>,
    pub(crate) seen: Arc<Mutex<Latencies>>,
    pub(crate) unseen: Unseen,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing here panics with a lock held; if it did, the figures would still be the figures.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the load and measures. A cancelled run reports what it has.
///
/// # Errors
/// The configuration makes no sense, broker or API cannot be reached, the report cannot be written.
pub async fn run(cfg: LoadConfig, cancel: CancellationToken) -> Result<LoadReport, SimulationError> {
    cfg.check()?;
    let broker: Broker = cfg.mqtt_url.parse()?;
    let measured = Measured {
        acknowledged: Arc::new(Mutex::new((latencies(), 0))),
        seen: Arc::new(Mutex::new(latencies())),
        unseen: Unseen::default(),
    };
    let stop = cancel.child_token();
    // Whatever way this ends, nothing is left running.
    let _stop_all = stop.clone().drop_guard();
    let watcher = match &cfg.watch_url {
        Some(url) => Some(watch::start(url.parse()?, measured.clone(), &stop)),
        None => None,
    };
    let (outboxes, mut connections) = connect(&cfg, &broker, &measured, &stop).await?;
    if let Some(watcher) = &watcher {
        let within_s = READY_WITHIN.as_secs();
        let no_snapshot =
            || SimulationError::NoSnapshot { url: cfg.watch_url.clone().unwrap_or_default(), within_s };
        watcher.snapshot_within(READY_WITHIN).await.then_some(()).ok_or_else(no_snapshot)?;
    }

    let started_at = Timestamp::now();
    let schedule = Schedule::new(&cfg, started_at, Instant::now());
    let bar = progress::bar(schedule.observations(), PROGRESS);
    let mut senders = JoinSet::new();
    for (number, outbox) in outboxes.into_iter().enumerate() {
        let watched = watcher.is_some().then(|| Arc::clone(&measured.unseen));
        senders.spawn(schedule.clone().send(number as u64, outbox, watched, bar.clone(), stop.clone()));
    }
    let mut sent = schedule::Sent::default();
    while let Some(part) = senders.join_next().await {
        sent += part.unwrap_or_default();
    }
    let sending_s = schedule.measured_s(Instant::now());
    if cancel.is_cancelled() {
        stop.cancel();
    }
    let mut delivered = Vec::new();
    while let Some(part) = connections.join_next().await {
        delivered.push(part.unwrap_or_default());
    }
    let acknowledged_s = schedule.measured_s(Instant::now());
    bar.finish_and_clear();
    let watch_reconnects = match watcher {
        Some(watcher) => watcher.finish(&measured.unseen, LAST_SEEN_WITHIN, &cancel).await,
        None => 0,
    };
    let seen_s = schedule.measured_s(Instant::now());
    let report = LoadReport::new(
        &cfg,
        started_at,
        sent,
        &delivered,
        &measured,
        [sending_s, acknowledged_s, seen_s],
        watch_reconnects,
    );
    if let Some(path) = &cfg.report {
        report.write(path).map_err(SimulationError::of_file("report", Some(path)))?;
    }
    Ok(report)
}

type Outboxes = Vec<mpsc::Sender<crate::mqtt::Outbound<Tag>>>;

/// All connections, once every one is accepted.
async fn connect(
    cfg: &LoadConfig,
    broker: &Broker,
    measured: &Measured,
    stop: &CancellationToken,
) -> Result<(Outboxes, JoinSet<Delivered>), SimulationError> {
    let mut outboxes = Vec::new();
    let mut connections = JoinSet::new();
    let mut accepted = Vec::new();
    let run = Timestamp::now().as_microsecond();
    for number in 0..cfg.connections {
        let (outbox, inbox) = mpsc::channel(QUEUE);
        let publisher = Publisher::new(broker.clone(), format!("kv-load-{run:x}-{number}"), inbox);
        accepted.push(publisher.online());
        let figures = Arc::clone(&measured.acknowledged);
        connections.spawn(publisher.run(stop.clone(), move |tag: &Tag| {
            if let Some(intended) = tag.intended {
                let mut figures = lock(&figures);
                figures.0.saturating_record(intended.elapsed().as_micros() as u64);
                figures.1 += u64::from(tag.observations);
            }
        }));
        outboxes.push(outbox);
    }
    let all = async {
        for online in &mut accepted {
            if online.wait_for(|is_online| *is_online).await.is_err() {
                return false;
            }
        }
        true
    };
    let is_ready = tokio::time::timeout(READY_WITHIN, all).await.unwrap_or(false);
    if is_ready {
        Ok((outboxes, connections))
    } else {
        Err(SimulationError::NoBroker { within_s: READY_WITHIN.as_secs() })
    }
}

#[cfg(test)]
mod tests;
