//! One client's view of the stream: a snapshot, then events, for as long as it keeps up.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::time::Clock;
use futures_util::FutureExt;
use futures_util::stream::{Stream, unfold};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::LiveHub;
use super::event::frame;
use super::filter::Filter;
use super::ring::Read;
use super::snapshot::{Covered, Snapshot};
use crate::http::shares::Share;

/// A comment keeps proxies from closing a quiet stream.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

const COMMENT: Bytes = Bytes::from_static(b": still here\n\n");

/// How long a client waits before it comes back, milliseconds.
const RETRY_MS: u32 = 3_000;

/// Where a client begins.
pub struct Start {
    pub filter: Filter,
    pub last_event_id: Option<String>,
}

struct Client {
    hub: Arc<LiveHub>,
    clock: Clock,
    filter: Filter,
    phase: Phase,
    positions: watch::Receiver<u64>,
    comments: Interval,
    stop: CancellationToken,
    /// Counts it among those who follow.
    _share: Share<IpAddr>,
}

enum Phase {
    Greeting { last_event_id: Option<String> },
    Snapshot(Box<Snapshot>),
    Following { position: u64, seen: Covered },
}

/// Follows the changes until the client leaves or `stop` is cancelled.
pub fn follow(
    hub: Arc<LiveHub>,
    clock: Clock,
    start: Start,
    share: Share<IpAddr>,
    stop: CancellationToken,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let positions = hub.newest.subscribe();
    let mut comments = interval(COMMENT_EVERY);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    comments.reset();
    let phase = Phase::Greeting { last_event_id: start.last_event_id };
    let client = Client { hub, clock, filter: start.filter, phase, positions, comments, stop, _share: share };
    unfold(client, |mut client| async {
        let bytes = client.next().await?;
        Some((bytes, client))
    })
}

impl Client {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            match &mut self.phase {
                Phase::Greeting { last_event_id } => {
                    let resumed = last_event_id.as_deref().and_then(|id| self.hub.resume(id));
                    self.phase = match resumed {
                        Some(position) => Phase::Following { position, seen: Covered::default() },
                        None => self.snapshot(),
                    };
                    return Some(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
                }
                Phase::Snapshot(snapshot) => {
                    let hub = &self.hub;
                    let _turn = hub.snapshots.acquire().await.ok()?;
                    let page = snapshot.read(&hub.read(), &self.filter, (self.clock)());
                    let (position, is_last) = (page.began, page.is_last);
                    // Only the complete state can be resumed from: an id of the pages before
                    // it names no position, and so brings the snapshot again.
                    let id = if is_last { hub.id(position) } else { hub.id(position) + "-part" };
                    let bytes = page.render(|page| frame(&id, "snapshot", page));
                    if is_last {
                        let read = std::mem::replace(snapshot.as_mut(), Snapshot::new(&self.filter));
                        self.phase = Phase::Following { position, seen: read.into_seen() };
                    }
                    return Some(Bytes::from(bytes));
                }
                Phase::Following { position, seen } => {
                    if self.comments.tick().now_or_never().is_some() {
                        return Some(COMMENT);
                    }
                    self.positions.borrow_and_update();
                    match self.hub.read_after(*position, &self.filter, seen) {
                        Read::FellOut => {
                            self.phase = self.snapshot();
                            continue;
                        }
                        Read::Events(bytes, reached) => {
                            let moved = reached != std::mem::replace(position, reached);
                            seen.forget(reached);
                            if !bytes.is_empty() {
                                return Some(bytes);
                            }
                            if moved {
                                continue;
                            }
                        }
                    }
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                _ = self.comments.tick() => return Some(COMMENT),
                changed = self.positions.changed() => changed.ok()?,
            }
        }
    }

    fn snapshot(&self) -> Phase {
        Phase::Snapshot(Box::new(Snapshot::new(&self.filter)))
    }
}
