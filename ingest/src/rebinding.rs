//! Decodes again what devices have sent, where a binding or decoder was changed back in time: see [`store::rebindings`].

use std::panic::AssertUnwindSafe;

use domain::Registry;
use domain::registry::Entry;
use domain::{Feed, FeedId};
use store::changes::Notifier;
use store::rebindings::{self, KeptUplink, Rebinding};
use store::writer::{Batch, Writer};
use store::{Pool, StoreError, replays};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::check::MessageContext;
use crate::frames::receive_again;
use crate::replay::reread;
use crate::writers::{RETRY, WriterContext};

/// Messages of one transaction.
const CHUNK_MESSAGES: i64 = 500;

/// Rejected messages of one transaction: each is larger, with all of its network server's message.
const CHUNK_REJECTED: i64 = 200;

/// Carries out requests, one after the other, until cancelled.
pub async fn run(context: WriterContext, pool: Pool, cancel: CancellationToken) {
    let mut rebinder = Rebinder { context, pool: pool.clone(), writer: None };
    let mut notifier = Notifier::new(pool, rebindings::CHANNEL);
    // A transaction under way is rolled back; the next ingest goes on.
    cancel
        .run_until_cancelled(async {
            loop {
                rebinder.all().await;
                notifier.wait().await;
            }
        })
        .await;
}

struct Rebinder {
    context: WriterContext,
    pool: Pool,
    /// Its changes are read from the log alone, after those of other writers: withdrawn statements do not come back.
    writer: Option<Writer>,
}

impl Rebinder {
    async fn all(&mut self) {
        loop {
            match rebindings::take(&self.pool).await {
                Ok(Some(request)) => self.one(request).await,
                // The writers report an unavailable database.
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn one(&mut self, request: Rebinding) {
        loop {
            match self.attempt(&request).await {
                Ok(()) => return,
                Err(refusal @ (StoreError::Data(_) | StoreError::Decode(_))) => {
                    error!("'{}' cannot be decoded again: {refusal}", request.device);
                    self.writer = None;
                    return;
                }
                Err(failure) => {
                    warn!("decoding '{}' again waits: {failure}", request.device);
                    self.writer = None;
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Goes on where the request stands.
    async fn attempt(&mut self, taken: &Rebinding) -> Result<(), StoreError> {
        let mut registry = store::places::registry(&mut *self.pool.acquire().await?).await?;
        // `None`: another ingest has ended it.
        while let Some(request) = rebindings::read(&self.pool, taken).await? {
            let feed = registry.sensor(request.sensor).and_then(|sensor| registry.feed(sensor.feed));
            let Some(feed) = feed else { return Ok(()) };
            let messages = rebindings::messages(&self.pool, &request, feed, CHUNK_MESSAGES).await?;
            let is_as_read = if messages.is_empty() {
                self.finish(&request, feed, &registry).await?
            } else {
                let batch = decoded(&registry, feed, &request, &messages);
                let (writer, now) = self.writer().await?;
                writer.write_rebound(&request, &messages, &batch, &registry, now).await?
            };
            if !is_as_read {
                registry = store::places::registry(&mut *self.pool.acquire().await?).await?;
            }
        }
        Ok(())
    }

    /// Reads what was rejected of the device once more, and ends the request.
    async fn finish(
        &mut self,
        request: &Rebinding,
        feed: &Entry<FeedId, Feed>,
        registry: &Registry,
    ) -> Result<bool, StoreError> {
        let mut after = 0;
        loop {
            let rejected = replays::of_device(&self.pool, request, feed.id, after, CHUNK_REJECTED).await?;
            let Some(last) = rejected.last() else { break };
            after = last.id;
            let (batch, replayed) = reread(registry, &rejected);
            let (writer, now) = self.writer().await?;
            writer.write_replay(&batch, &replayed, registry, now).await?;
        }
        let (writer, now) = self.writer().await?;
        let is_done = writer.finish_rebound(request, registry, now).await?;
        if is_done {
            info!("what '{}' has sent since {} is decoded again", request.device, request.from);
        }
        Ok(is_done)
    }

    async fn writer(&mut self) -> Result<(&mut Writer, domain::UtcMicros), StoreError> {
        let _ = self.context.may_store.wait_for(|may| *may).await;
        let now = (self.context.clock)();
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::connect(&self.context.database).await?,
        };
        Ok((self.writer.insert(writer), now))
    }
}

/// What `messages` state by the places of now, and what becomes of them.
fn decoded(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    request: &Rebinding,
    messages: &[KeptUplink],
) -> Batch {
    let mut batch = Batch::default();
    for kept in messages {
        let context = MessageContext { registry, feed, received_at: kept.received_at };
        let before = batch.lens();
        let read = AssertUnwindSafe(|| receive_again(&context, &request.device, kept, &mut batch));
        if std::panic::catch_unwind(read).is_err() {
            error!("a kept message of '{}' made the program panic; please report it", request.device);
            // It stays as it was read.
            batch.split_off(before);
        }
    }
    batch
}
