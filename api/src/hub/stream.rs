//! One client's view of the stream: a snapshot, then events, for as long as it keeps up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use domain::UtcMicros;
use futures_util::FutureExt;
use futures_util::stream::{Stream, unfold};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::LiveHub;
use super::event::frame;
use super::filter::Filter;
use super::ring::Read;
use super::snapshot::Snapshot;

/// A comment keeps proxies from closing a quiet stream.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

const COMMENT: Bytes = Bytes::from_static(b": still here\n\n");

/// How long a client waits before it comes back, milliseconds.
const RETRY_MS: u32 = 3_000;

/// Clients that may follow at once: each costs a connection and a few kilobytes.
pub const MAX_STREAMS: usize = 4_096;

/// Where a client begins.
pub struct Start {
    pub filter: Filter,
    pub last_event_id: Option<String>,
}

/// A stream, or the reason why there is none.
pub enum Followed<S> {
    Stream(S),
    TooMany,
}

struct Client {
    hub: Arc<LiveHub>,
    clock: crate::Clock,
    filter: Filter,
    phase: Phase,
    news: watch::Receiver<u64>,
    comments: Interval,
    stop: CancellationToken,
}

enum Phase {
    Greeting { last_event_id: Option<String> },
    Snapshot(Box<Snapshot>),
    Following { position: u64 },
}

/// Follows the changes until the client leaves or `stop` is cancelled.
pub fn follow(
    hub: Arc<LiveHub>,
    clock: crate::Clock,
    start: Start,
    stop: CancellationToken,
) -> Followed<impl Stream<Item = Bytes> + Send + 'static> {
    if hub.streams.fetch_add(1, Ordering::Relaxed) >= MAX_STREAMS {
        hub.streams.fetch_sub(1, Ordering::Relaxed);
        return Followed::TooMany;
    }
    let news = hub.news.subscribe();
    let mut comments = interval(COMMENT_EVERY);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    comments.reset();
    let phase = Phase::Greeting { last_event_id: start.last_event_id };
    let client = Client { hub, clock, filter: start.filter, phase, news, comments, stop };
    Followed::Stream(unfold(client, |mut client| async {
        let bytes = client.next().await?;
        Some((bytes, client))
    }))
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
                        Some(position) => Phase::Following { position },
                        None => self.snapshot(),
                    };
                    return Some(Bytes::from(format!("retry: {RETRY_MS}\n\n")));
                }
                Phase::Snapshot(snapshot) => {
                    let position = snapshot.position;
                    let hub = &self.hub;
                    let (page, complete) = snapshot.next_page(|page| {
                        // Only the complete state can be resumed from: an id of the pages before
                        // it names no position, and so brings the snapshot again.
                        let id = if page.complete { hub.id(position) } else { hub.id(position) + "-part" };
                        (frame(&id, "snapshot", page), page.complete)
                    });
                    if complete {
                        self.phase = Phase::Following { position };
                    }
                    return Some(Bytes::from(page));
                }
                Phase::Following { position } => {
                    if self.comments.tick().now_or_never().is_some() {
                        return Some(COMMENT);
                    }
                    self.news.borrow_and_update();
                    match self.hub.read_after(*position, &self.filter) {
                        Read::FellOut => {
                            self.phase = self.snapshot();
                            continue;
                        }
                        Read::Events(bytes, reached) => {
                            let moved = reached != std::mem::replace(position, reached);
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
                changed = self.news.changed() => changed.ok()?,
            }
        }
    }

    fn snapshot(&self) -> Phase {
        let now: UtcMicros = (self.clock)();
        Phase::Snapshot(Box::new(self.hub.snapshot(&self.filter, now)))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.hub.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
