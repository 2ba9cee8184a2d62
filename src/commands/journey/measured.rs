//! Times and memory of an evaluation.

use std::time::Duration;

use serde::Serialize;

/// Time and memory of an evaluation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    pub load_ms: f64,
    /// Resident memory at the end, MiB; `null` where the system does not report it.
    pub rss_mb: Option<f64>,
    pub median_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

impl Measured {
    /// Sums up the time of loading and of each query.
    pub fn new(load: Duration, mut queries: Vec<Duration>) -> Self {
        queries.sort_unstable();
        let at = |share: f64| {
            let last = queries.len().checked_sub(1)?;
            queries.get((last as f64 * share).round() as usize).copied().map(millis)
        };
        Measured {
            load_ms: millis(load),
            rss_mb: rss_mb(),
            median_ms: at(0.5),
            p95_ms: at(0.95),
            max_ms: at(1.0),
        }
    }
}

fn millis(duration: Duration) -> f64 {
    const MS_PER_S: f64 = 1000.0;
    duration.as_secs_f64() * MS_PER_S
}

fn rss_mb() -> Option<f64> {
    const KIB_PER_MIB: f64 = 1024.0;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / KIB_PER_MIB)
}
