//! Where a session's rows wait for a writer: one batch that fills, and those that are full.
//!
//! A session decodes straight into the open batch. A writer takes what there is: at once when a
//! batch is full, else when nothing more has come for a moment, else by age. So batches grow with
//! the load and close quickly when it is quiet.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use store::writer::Batch;
use tokio::sync::Notify;

use crate::acks::Acks;
use crate::pending::{Pending, Source};

/// Rows at which a batch is full: more saves little per row and delays what waits behind it.
pub const BATCH_ROWS: usize = 10_000;

/// Rows of one session that may wait for the database. Beyond this the session stops reading:
/// a broker that ignores our window, or QoS 0, must not grow our memory.
pub const MAX_WAITING_ROWS: usize = 100_000;

/// When nothing has come for this long, a batch is stored as it is.
const QUIET: Duration = Duration::from_millis(2);

/// The oldest row of a small batch waits no longer than this.
const MAX_AGE_SMALL: Duration = Duration::from_millis(20);

/// The oldest row of a batch of more than [`SMALL_ROWS`] waits no longer than this: under load,
/// larger batches cost less per row.
const MAX_AGE_LARGE: Duration = Duration::from_millis(80);

const SMALL_ROWS: usize = 400;

/// See the module's description.
#[derive(Debug)]
pub struct Accumulator {
    state: Mutex<State>,
    /// Tells a session that waits for room that rows have been stored.
    room: Notify,
    ready: async_channel::Sender<Arc<Accumulator>>,
    pub acks: Arc<Acks>,
}

#[derive(Debug, Default)]
struct State {
    open: Filling,
    full: VecDeque<Taken>,
    waiting_rows: usize,
    /// A writer has been told.
    announced: bool,
}

#[derive(Debug, Default)]
struct Filling {
    pending: Pending,
    acks: Range<u64>,
    since: Option<Instant>,
}

/// Rows that a writer took, and the messages that they stand for.
#[derive(Debug)]
pub struct Taken {
    pub pending: Pending,
    pub acks: Range<u64>,
    pub since: Instant,
}

impl Accumulator {
    /// Announces itself on `ready` when there is something to store.
    pub fn new(ready: async_channel::Sender<Arc<Accumulator>>, acks: Arc<Acks>) -> Arc<Self> {
        Arc::new(Accumulator { state: Mutex::default(), room: Notify::new(), ready, acks })
    }

    /// Lets `fill` add the rows of the message `source`. `ack`: the message's number, to be completed
    /// once the rows are stored; a message without rows is complete with the batch before it.
    ///
    /// Returns what `fill` returns, and whether there is still room.
    pub fn push<R>(
        self: &Arc<Self>,
        ack: u64,
        source: Option<Source>,
        fill: impl FnOnce(&mut Batch) -> R,
    ) -> (R, bool) {
        let mut guard = self.state.lock();
        let s = &mut *guard;
        let before = s.open.pending.batch.len();
        let result = s.open.pending.add(source, fill);
        let rows = s.open.pending.batch.len();
        s.waiting_rows += rows - before;
        let since = *s.open.since.get_or_insert_with(Instant::now);
        if s.open.acks.is_empty() {
            s.open.acks = ack..ack;
        }
        s.open.acks.end = ack + 1;
        if rows >= BATCH_ROWS {
            let filling = std::mem::take(&mut s.open);
            s.full.push_back(Taken { pending: filling.pending, acks: filling.acks, since });
        }
        let has_room = s.waiting_rows < MAX_WAITING_ROWS;
        let announce = !std::mem::replace(&mut s.announced, true);
        drop(guard);
        if announce {
            // Unbounded, and each accumulator is in it at most once.
            let _ = self.ready.try_send(self.clone());
        }
        (result, has_room)
    }

    /// Waits until there is room again.
    pub async fn room(&self) {
        loop {
            let notified = self.room.notified();
            if self.state.lock().waiting_rows < MAX_WAITING_ROWS {
                return;
            }
            notified.await;
        }
    }

    /// Waits until what there is is worth a transaction: see the module's description.
    pub async fn due(&self) {
        let mut rows_before = usize::MAX;
        loop {
            let (rows, age) = {
                let s = self.state.lock();
                if !s.full.is_empty() {
                    return;
                }
                (s.open.pending.batch.len(), s.open.since.map_or(MAX_AGE_LARGE, |t| t.elapsed()))
            };
            let max_age = if rows < SMALL_ROWS { MAX_AGE_SMALL } else { MAX_AGE_LARGE };
            if rows == rows_before || age >= max_age {
                return;
            }
            rows_before = rows;
            tokio::time::sleep(QUIET).await;
        }
    }

    /// Takes the oldest batch. When more is waiting, another writer is told.
    pub fn take(self: &Arc<Self>) -> Option<Taken> {
        let mut s = self.state.lock();
        let taken = s.full.pop_front().or_else(|| {
            let filling = std::mem::take(&mut s.open);
            filling.since.map(|since| Taken { pending: filling.pending, acks: filling.acks, since })
        });
        let more = !s.full.is_empty() || s.open.since.is_some();
        s.announced = more;
        drop(s);
        if more {
            let _ = self.ready.try_send(self.clone());
        }
        taken
    }

    /// `taken` is durable: acknowledges its messages and makes room.
    pub fn stored(&self, rows: usize, acks: Range<u64>) {
        self.acks.complete(acks);
        self.state.lock().waiting_rows -= rows;
        self.room.notify_waiters();
    }
}
