//! The figures of a load.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::schedule::Sent;
use super::{Latencies, LoadConfig, Measured, lock};
use crate::mqtt::Delivered;

/// What a load measured. All latencies count from the intended time of sending.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    pub started_at: Timestamp,
    pub rate_per_s: f64,
    pub bays: u32,
    pub connections: u32,
    pub batch: u32,
    pub duration_s: f64,
    pub warmup_s: f64,
    /// Messages and observations of the measured time.
    pub messages: u64,
    pub observations: u64,
    /// Observations a second that were sent; below `rate_per_s` the sender was held up.
    pub sent_per_s: f64,
    /// The most a message was handed over after its intended time.
    pub most_behind_ms: f64,
    pub acknowledged_observations: u64,
    pub acknowledged_per_s: f64,
    /// Intended time to PUBACK, by message.
    pub acknowledged: Quantiles,
    pub seen_per_s: Option<f64>,
    /// Intended time to the change event, by observation; absent without a `watch_url`.
    pub seen: Option<Quantiles>,
    pub errors: Errors,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    pub count: u64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

/// Errors; all zero is a clean run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Errors {
    /// Refused by the broker.
    pub refused: u64,
    /// Without an acknowledgement at the end.
    pub unacknowledged: u64,
    /// Sent again after a reconnect.
    pub repeated: u64,
    pub reconnects: u64,
    pub watch_reconnects: u64,
    /// Observations that never appeared on the change stream.
    pub not_seen: u64,
}

impl Quantiles {
    fn of(latencies: &Latencies) -> Self {
        let ms = |us: u64| us as f64 / 1_000.0;
        let quantile = |q: f64| ms(latencies.value_at_quantile(q));
        Self {
            count: latencies.len(),
            mean_ms: (latencies.mean()).round() / 1_000.0,
            p50_ms: quantile(0.5),
            p90_ms: quantile(0.9),
            p99_ms: quantile(0.99),
            p999_ms: quantile(0.999),
            max_ms: ms(latencies.max()),
        }
    }
}

impl LoadReport {
    /// `until_s`: from the beginning of the measured time until all was sent, acknowledged, seen.
    pub(super) fn new(
        cfg: &LoadConfig,
        started_at: Timestamp,
        sent: Sent,
        delivered: &[Delivered],
        measured: &Measured,
        until_s: [f64; 3],
        watch_reconnects: u64,
    ) -> Self {
        let per_s = |n: u64, s: f64| (n as f64 / s.max(cfg.duration_s) * 10.0).round() / 10.0;
        let sum = |f: fn(&Delivered) -> u64| delivered.iter().map(f).sum::<u64>();
        let acknowledged = lock(&measured.acknowledged);
        let seen = lock(&measured.seen);
        let is_watched = cfg.watch_url.is_some();
        Self {
            started_at,
            rate_per_s: cfg.rate_per_s,
            bays: cfg.bays,
            connections: cfg.connections,
            batch: cfg.batch,
            duration_s: cfg.duration_s,
            warmup_s: cfg.warmup_s,
            messages: sent.messages,
            observations: sent.observations,
            sent_per_s: per_s(sent.observations, until_s[0]),
            most_behind_ms: sent.most_behind_us as f64 / 1_000.0,
            acknowledged_observations: acknowledged.1,
            acknowledged_per_s: per_s(acknowledged.1, until_s[1]),
            acknowledged: Quantiles::of(&acknowledged.0),
            seen_per_s: is_watched.then(|| per_s(seen.len(), until_s[2])),
            seen: is_watched.then(|| Quantiles::of(&seen)),
            errors: Errors {
                refused: sum(|d| d.refused),
                unacknowledged: sum(|d| d.unacknowledged),
                repeated: sum(|d| d.repeated),
                reconnects: sum(|d| d.reconnects),
                watch_reconnects,
                not_seen: lock(&measured.unseen).len() as u64,
            },
        }
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text)
    }
}
