//! CPU time and memory of other processes, from /proc.

/// Seconds of CPU that `pid` has used so far.
pub fn seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime, in clock ticks of 10 ms.
    (ticks(11) + ticks(12)) / 100.0
}

/// Seconds of CPU of PostgreSQL: the postmaster and its children, dead ones too.
pub fn postgres_seconds(postmaster: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{postmaster}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    let dead = (ticks(13) + ticks(14)) / 100.0;
    let children =
        std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap_or_default();
    let alive: f64 = children.split_whitespace().filter_map(|p| p.parse().ok()).map(seconds).sum();
    seconds(postmaster) + dead + alive
}

/// The process id of a private PostgreSQL.
pub fn postmaster(data_dir: &std::path::Path) -> u32 {
    let pid = std::fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap_or_default();
    pid.lines().next().and_then(|l| l.trim().parse().ok()).unwrap_or(0)
}
