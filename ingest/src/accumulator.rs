//! Where a session's rows wait for a writer: one batch that fills, and those that are full.
//!
//! A session decodes straight into the open batch. A writer takes the batch: at once when it
//! is full, else when nothing more has come for a moment, else by age. So batches grow with
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

/// Bytes of messages at which a batch is full: one of large messages must not take seconds.
pub const BATCH_BYTES: usize = 8 << 20;

/// Rows of one accumulator that may wait for the database. Beyond this nothing more is read for it:
/// a broker that ignores our window, or QoS 0, must not grow our memory.
pub const MAX_WAITING_ROWS: usize = 40_000;

/// Bytes of messages that may wait, likewise. A message that finds room may exceed it, by its own size.
pub const MAX_WAITING_BYTES: usize = 32 << 20;

/// When nothing has come for this long, a batch is stored as it is.
const QUIET: Duration = Duration::from_millis(2);

/// The oldest row of a small batch waits no longer than this.
const MAX_AGE_SMALL: Duration = Duration::from_millis(20);

/// The oldest row of a batch of more than [`SMALL_ROWS`] waits no longer than this: under load,
/// larger batches cost less per row.
const MAX_AGE_LARGE: Duration = Duration::from_millis(80);

const SMALL_ROWS: usize = 400;

/// See the module's description.
pub struct Accumulator {
    state: Mutex<State>,
    /// Wakes a session that waits for room when rows have been stored.
    room: Notify,
    ready: async_channel::Sender<Arc<Accumulator>>,
    /// The acks of its messages.
    pub acks: Arc<Acks>,
}

#[derive(Debug, Default)]
struct State {
    open: OpenBatch,
    full: VecDeque<ClosedBatch>,
    waiting: Size,
    /// A writer has been notified.
    announced: bool,
}

/// A number of rows, and of bytes of their messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    /// Of all kinds.
    pub rows: usize,
    /// Of the received messages: the size of their rows is in proportion.
    pub bytes: usize,
}

impl Size {
    /// Whether a batch of this size is worth a transaction by itself.
    pub fn is_full_batch(self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    fn leaves_room(self) -> bool {
        self.rows < MAX_WAITING_ROWS && self.bytes < MAX_WAITING_BYTES
    }

    pub(crate) fn add(&mut self, other: Size) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

#[derive(Debug, Default)]
struct OpenBatch {
    pending: Pending,
    size: Size,
    acks: Range<u64>,
    since: Option<Instant>,
}

impl OpenBatch {
    fn close(self) -> Option<ClosedBatch> {
        let OpenBatch { pending, size, acks, since } = self;
        since.map(|since| ClosedBatch { pending, size, acks, since })
    }
}

/// A batch that no longer fills, and its messages.
#[derive(Debug)]
pub struct ClosedBatch {
    /// Its rows.
    pub pending: Pending,
    /// How large it is.
    pub size: Size,
    /// The numbers of its messages.
    pub acks: Range<u64>,
    /// When its first message came.
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
        let bytes = source.as_ref().map_or(0, |source| source.message.bytes());
        let result = s.open.pending.add(source, fill);
        let rows = s.open.pending.batch.len() - before;
        let added = Size { rows, bytes: if rows > 0 { bytes } else { 0 } };
        s.open.size.add(added);
        s.waiting.add(added);
        s.open.since.get_or_insert_with(Instant::now);
        if s.open.acks.is_empty() {
            s.open.acks = ack..ack;
        }
        s.open.acks.end = ack + 1;
        if s.open.size.is_full_batch() {
            s.full.extend(std::mem::take(&mut s.open).close());
        }
        let has_room = s.waiting.leaves_room();
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
            if self.state.lock().waiting.leaves_room() {
                return;
            }
            notified.await;
        }
    }

    /// The rows that wait for the database.
    pub fn waiting(&self) -> Size {
        self.state.lock().waiting
    }

    /// Waits until the open batch is due: see the module's description.
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

    /// Takes the oldest batch. When more is waiting, another writer is notified.
    pub fn take(self: &Arc<Self>) -> Option<ClosedBatch> {
        let mut s = self.state.lock();
        let closed = s.full.pop_front().or_else(|| std::mem::take(&mut s.open).close());
        let more = !s.full.is_empty() || s.open.since.is_some();
        s.announced = more;
        drop(s);
        if more {
            let _ = self.ready.try_send(self.clone());
        }
        closed
    }

    /// A batch of `size` is durable: acknowledges its messages and makes room.
    pub fn stored(&self, size: Size, acks: Range<u64>) {
        self.acks.complete(acks);
        let mut s = self.state.lock();
        s.waiting.rows -= size.rows;
        s.waiting.bytes -= size.bytes;
        drop(s);
        self.room.notify_waiters();
    }
}
