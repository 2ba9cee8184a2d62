//! Replays rejected messages after the cause was corrected, through
//! `receive` as of the time of their receipt.

use domain::{Registry, UtcMicros};
use store::changes::Notifier;
use store::replays::{self, RejectedMessage, Replay, ReplayProgress, ReplayRequest};
use store::writer::{Batch, Replayed, Writer};
use store::{Pool, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::message::Message;
use crate::receive::receive_guarded;
use crate::trips::TripMemory;
use crate::writers::{RETRY, WriterContext};

/// The most messages of one replay: as many as are kept of a feed. The rest is left.
const MAX_MESSAGES: i64 = 10_000;

/// Messages, and bytes of them, of one transaction: large ones are few at once.
const CHUNK_MESSAGES: usize = 500;
const CHUNK_BYTES: i64 = 8 << 20;

/// Carries out requests, one after the other, until cancelled.
pub async fn run(context: WriterContext, pool: Pool, cancel: CancellationToken) {
    let mut replayer = Replayer { context, pool: pool.clone(), writer: None };
    let mut notifier = Notifier::new(pool, replays::CHANNEL);
    // A transaction under way is rolled back; the next ingest goes on.
    cancel
        .run_until_cancelled(async {
            loop {
                replayer.all().await;
                notifier.wait().await;
            }
        })
        .await;
}

struct Replayer {
    context: WriterContext,
    pool: Pool,
    writer: Option<Writer>,
}

impl Replayer {
    async fn all(&mut self) {
        loop {
            match replays::take(&self.pool).await {
                Ok(Some(replay)) => self.one(&replay).await,
                // The writers report an unavailable database.
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Retries until it is done: messages stored before an outage are not found again.
    async fn one(&mut self, replay: &Replay) {
        let mut done = ReplayProgress::default();
        while let Err(failure) = self.attempt(replay, &mut done).await {
            warn!("a replay of rejected messages waits: {failure}");
            self.writer = None;
            tokio::time::sleep(RETRY).await;
        }
        let ReplayProgress { replayed, stored, rejected, left } = done;
        info!(
            "replayed {replayed} rejected messages: {stored} stored, {rejected} rejected again, {left} left"
        );
    }

    async fn attempt(
        &mut self,
        Replay { id, request }: &Replay,
        done: &mut ReplayProgress,
    ) -> Result<(), StoreError> {
        // Read again: what removed the cause may have been imported a moment ago.
        let registry = store::places::registry(&mut *self.pool.acquire().await?).await?;
        let (wanted, total) = replays::matching(&self.pool, request, MAX_MESSAGES).await?;
        // Messages rejected again before an outage are found again.
        done.replayed -= std::mem::take(&mut done.rejected);
        done.left = total;
        for ids in chunks(&wanted) {
            for again in self.chunk(&registry, request, &ids).await? {
                done.replayed += 1;
                done.left -= 1;
                *(if again { &mut done.rejected } else { &mut done.stored }) += 1;
            }
            replays::note(&self.pool, *id, *done, false).await?;
        }
        replays::note(&self.pool, *id, *done, true).await
    }

    /// Replays some messages in one transaction; for each whether it was rejected again.
    async fn chunk(
        &mut self,
        registry: &Registry,
        request: &ReplayRequest,
        ids: &[i64],
    ) -> Result<Vec<bool>, StoreError> {
        let messages = replays::messages(&self.pool, request, ids).await?;
        match self.store(registry, &messages).await {
            Err(refusal @ (StoreError::Data(_) | StoreError::Decode(_))) => {
                error!("the database refuses replayed messages, trying one by one: {refusal}");
                self.writer = None;
            }
            done => return done,
        }
        let mut rejected = Vec::with_capacity(messages.len());
        for one in messages.chunks(1) {
            match self.store(registry, one).await {
                Err(StoreError::Data(_) | StoreError::Decode(_)) => {
                    self.writer = None;
                    rejected.push(true);
                }
                done => rejected.extend(done?),
            }
        }
        Ok(rejected)
    }

    async fn store(
        &mut self,
        registry: &Registry,
        messages: &[RejectedMessage],
    ) -> Result<Vec<bool>, StoreError> {
        let (batch, replayed) = reread(registry, messages);
        let _ = self.context.may_store.wait_for(|may| *may).await;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(Writer::connect(&self.context.database).await?),
        };
        let now: UtcMicros = (self.context.clock)();
        let stored = writer.write_replay(&batch, &replayed, registry, now).await?;
        self.context.metrics.stored.inc_by(stored.new as u64);
        self.context.publish(stored.committed).await;
        if writer.deferred_for().is_some() {
            writer.flush().await?;
        }
        // Messages of a removed feed stay as they are.
        let again = |k: &RejectedMessage| {
            replayed.iter().find(|r| r.id == k.id).is_none_or(|r| r.rejection.is_some())
        };
        Ok(messages.iter().map(again).collect())
    }
}

/// What is accepted of `messages` now, and what is not.
pub(crate) fn reread(registry: &Registry, messages: &[RejectedMessage]) -> (Batch, Vec<Replayed>) {
    let mut batch = Batch::default();
    let mut replayed = Vec::with_capacity(messages.len());
    for k in messages {
        let Some(feed) = registry.feed(k.feed) else { continue };
        let message =
            Message { topic: &k.topic, payload: &k.payload, qos: k.qos, received_at: k.received_at };
        // Without a memory of trips every update counts as changed.
        receive_guarded(registry, feed, message, &TripMemory::default(), &mut batch);
        let rejection = batch.rejections.pop();
        replayed.push(Replayed { municipality: k.municipality, id: k.id, rejection });
    }
    (batch, replayed)
}

/// Numbers in groups of at most [`CHUNK_MESSAGES`] and [`CHUNK_BYTES`]; a larger one stands alone.
fn chunks(wanted: &[(i64, i32)]) -> Vec<Vec<i64>> {
    let mut chunks: Vec<Vec<i64>> = Vec::new();
    let mut bytes = CHUNK_BYTES;
    for (id, size) in wanted {
        bytes += i64::from(*size);
        match chunks.last_mut().filter(|c| bytes <= CHUNK_BYTES && c.len() < CHUNK_MESSAGES) {
            Some(chunk) => chunk.push(*id),
            None => {
                chunks.push(vec![*id]);
                bytes = i64::from(*size);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_messages_are_few_at_once() {
        let small: Vec<(i64, i32)> = (0..1_200).map(|id| (id, 100)).collect();
        let sizes = |wanted: &[(i64, i32)]| chunks(wanted).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&small), [500, 500, 200]);
        assert_eq!(sizes(&[(1, 5 << 20), (2, 3 << 20), (3, 1), (4, 9 << 20), (5, 1)]), [2, 1, 1, 1]);
        assert_eq!(sizes(&[]), [0; 0]);
    }
}
