//! Room on the disk: with under 5 % free the ingest stops acknowledging, reading goes on.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Share of the disk below which nothing more is stored.
const MIN_FREE: f64 = 0.05;

/// Share at which storing goes on: a little more, so that it does not flap.
const ENOUGH_FREE: f64 = 0.06;

const EVERY: Duration = Duration::from_secs(10);

/// The free share of the disk that holds `path`, 0 to 1; `None` when it cannot be asked.
pub fn free_share(path: &std::path::Path) -> Option<f64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    (stat.blocks() > 0).then(|| stat.blocks_available() as f64 / stat.blocks() as f64)
}

/// Watches the disk of `path`; the receiver is true while there is room to store.
pub fn watch_disk(path: PathBuf, cancel: CancellationToken) -> watch::Receiver<bool> {
    let has_room = move |may: bool| {
        free_share(&path).is_none_or(|free| free >= if may { MIN_FREE } else { ENOUGH_FREE })
    };
    let (sender, receiver) = watch::channel(has_room(true));
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            let may = *sender.borrow();
            let now = has_room(may);
            if now != may {
                if now {
                    info!("there is room on the disk again: storing goes on");
                } else {
                    error!(
                        "under 5 % of the disk are free: nothing is stored or acknowledged until there are 6 %; free space, or lower --keep-observations-days"
                    );
                }
                sender.send_replace(now);
            }
        }
    });
    receiver
}
