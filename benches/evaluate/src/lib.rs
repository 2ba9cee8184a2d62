//! How fast and how good answers are: to queries from files (`journey evaluate`), and about years past (`forecast evaluate`).
//!
//! For those who develop and compare searches and forecasts: no part of what a county runs.

pub mod forecast;
mod queries;
pub mod streets;
pub mod transit;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Time and memory of an evaluation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    load_ms: f64,
    /// Resident memory at the end, MiB; `null` where the system does not report it.
    rss_mb: Option<f64>,
    median_ms: Option<f64>,
    p95_ms: Option<f64>,
    max_ms: Option<f64>,
}

impl Measured {
    /// Sums up the time of loading and of each query.
    fn new(load: Duration, mut queries: Vec<Duration>) -> Self {
        queries.sort_unstable();
        let at = |share: f64| {
            let last = queries.len().checked_sub(1)?;
            queries.get((last as f64 * share).round() as usize).copied().map(millis)
        };
        let rss_mb = resident_mib(std::process::id());
        Measured { load_ms: millis(load), rss_mb, median_ms: at(0.5), p95_ms: at(0.95), max_ms: at(1.0) }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |value: Option<f64>| value.map_or("-".into(), |ms| format!("{ms:.3} ms"));
        let memory = self.rss_mb.map_or("-".into(), |mb| format!("{mb:.1} MiB"));
        let [median, p95, max] = [self.median_ms, self.p95_ms, self.max_ms].map(ms);
        writeln!(
            f,
            "loaded in {:.0} ms, {memory}; queries: median {median}, p95 {p95}, max {max}",
            self.load_ms
        )
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Resident memory of a process, MiB; `None` where the system does not report it.
pub fn resident_mib(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok().map(|kib: f64| kib / 1_024.0)
}
