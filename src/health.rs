//! Judges the health of devices (`store::health`) in the process that ingests.

mod kept;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Registry;
use domain::time::Clock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry as MetricsRegistry;
use store::StoreError;
use store::changes::{CHANNEL, Notifier};
use store::health::Watcher;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::retry;

/// Pause that lets messages accumulate: many in one transaction cost less.
const GATHER: Duration = Duration::from_millis(1_500);

/// How often a long reading of kept messages says how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// For `/metrics`.
#[derive(Clone)]
pub struct Meters {
    devices: Gauge,
    heard: Counter,
    reasons: Counter,
}

impl Meters {
    /// Those of this process.
    pub fn register(meters: &mut MetricsRegistry) -> Self {
        let (devices, heard, reasons) = (Gauge::default(), Counter::default(), Counter::default());
        meters.register("kv_health_devices", "Devices whose health is judged", devices.clone());
        meters.register("kv_health_heard", "Messages and counts that health was judged by", heard.clone());
        let help = "Reasons that began, ended or were brought up to date";
        meters.register("kv_health_reasons", help, reasons.clone());
        Meters { devices, heard, reasons }
    }
}

/// Dependencies of the watcher.
pub struct Judging {
    pub pool: store::Pool,
    /// Of the same database.
    pub url: String,
    pub clock: Clock,
    /// The places as they are.
    pub registry: watch::Receiver<Arc<Registry>>,
    pub meters: Meters,
    /// Whether there is room to store.
    pub may_store: watch::Receiver<bool>,
}

/// Judges until cancelled.
pub async fn run(parts: Judging, cancel: CancellationToken) {
    retry::until_cancelled("the health of devices cannot be judged", &cancel, || follow(&parts)).await;
}

/// Judges until another process does.
async fn follow(parts: &Judging) -> Result<(), StoreError> {
    let Judging { pool, url, clock, registry, meters, may_store } = parts;
    let mut may_store = may_store.clone();
    let began = Instant::now();
    let places = || registry.borrow().clone();
    let Some(mut watcher) = Watcher::connect(url, places(), clock()).await? else { return Ok(()) };
    info!("the health of {} devices is known, after {:.1?}", watcher.devices(), began.elapsed());
    let mut notifier = Notifier::new(pool.clone(), CHANNEL);
    let mut reading = Reading::default();
    loop {
        if may_store.wait_for(|may| *may).await.is_err() {
            return Ok(());
        }
        let step = watcher.step(&places(), clock()).await?;
        meters.devices.set(watcher.devices() as i64);
        meters.heard.inc_by(step.heard as u64);
        meters.reasons.inc_by(step.reasons as u64);
        reading.note(step.unknown);
        if step.is_behind {
            continue;
        }
        if step.unknown > 0 {
            let kept = watcher.kept(clock()).await?;
            let mut messages = kept::messages(&places(), &kept.uplinks);
            messages.extend(kept.states);
            watcher.read(&kept.devices, &messages);
            continue;
        }
        notifier.wait().await;
        tokio::time::sleep(GATHER).await;
    }
}

/// How far the reading of kept messages is.
#[derive(Default)]
struct Reading {
    since: Option<Instant>,
    reported_at: Option<Instant>,
    most: usize,
}

impl Reading {
    fn note(&mut self, unknown: usize) {
        if unknown == 0 {
            if let Some(since) = self.since.take() {
                info!("the kept messages of {} devices are read, after {:.1?}", self.most, since.elapsed());
            }
            *self = Reading::default();
            return;
        }
        self.since.get_or_insert_with(Instant::now);
        self.most = self.most.max(unknown);
        if self.reported_at.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            self.reported_at = Some(Instant::now());
            info!("kept messages of {unknown} devices are read, to judge their health");
        }
    }
}
