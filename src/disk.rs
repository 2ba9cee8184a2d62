//! Room on the disk: with under 5 % free the ingest stops acknowledging, reading goes on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Default for the free share of the disk below which nothing more is stored, percent.
pub const MIN_FREE_PCT: f64 = 5.0;

/// Storing resumes at this multiple of it (hysteresis).
const ENOUGH: f64 = 1.2;

const EVERY: Duration = Duration::from_secs(10);

/// The free share of the disk that holds `path`, percent; `None` when it is not known. Of what we
/// may use, as `df` counts: blocks kept for root are neither used nor free.
pub fn free_pct(path: &Path) -> Option<f64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    let (used, free) = (stat.blocks().saturating_sub(stat.blocks_free()), stat.blocks_available());
    (used + free > 0).then(|| 100.0 * free as f64 / (used + free) as f64)
}

/// Watches the disks of `paths`; the receiver is true while each has room to store: `min_free_pct`
/// percent.
pub fn watch_disk(
    paths: Vec<PathBuf>,
    min_free_pct: f64,
    cancel: CancellationToken,
) -> watch::Receiver<bool> {
    let fullest = move || paths.iter().filter_map(|path| free_pct(path)).min_by(f64::total_cmp);
    watch(fullest, min_free_pct, cancel)
}

fn watch(
    probe: impl Fn() -> Option<f64> + Send + 'static,
    min_free_pct: f64,
    cancel: CancellationToken,
) -> watch::Receiver<bool> {
    let enough_pct = min_free_pct * ENOUGH;
    let has_room =
        move |may: bool| probe().is_none_or(|free| free >= if may { min_free_pct } else { enough_pct });
    let (sender, receiver) = watch::channel(true);
    let look = move || {
        let may = *sender.borrow();
        let now = has_room(may);
        if now != may {
            if now {
                info!("there is room on the disk again: storing goes on");
            } else {
                error!(
                    "under {min_free_pct} % of the disk are free: nothing is stored or acknowledged until there are {enough_pct} %; free space, or lower --keep-observations-days"
                );
            }
            sender.send_replace(now);
        }
    };
    look();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => look(),
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn storing_stops_below_the_limit_and_goes_on_a_little_above() {
        let free = Arc::new(AtomicU64::new(50));
        let probe = free.clone();
        let may = watch(
            move || Some(probe.load(Ordering::Relaxed) as f64 / 10.0).filter(|pct| *pct < 90.0),
            5.0,
            CancellationToken::new(),
        );
        for (tenths, expected) in
            [(50, true), (49, false), (55, false), (60, true), (55, true), (0, false), (999, true)]
        {
            free.store(tenths, Ordering::Relaxed);
            tokio::time::sleep(EVERY).await;
            tokio::task::yield_now().await;
            assert_eq!(*may.borrow(), expected, "{tenths}");
        }
    }
}
