//! The writer tasks: store the sessions' batches, and acknowledge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use domain::mistake::{Mistake, Spot};
use domain::time::Clock;
use domain::{Registry, Rejection};
use store::StoreError;
use store::changes::Committed;
use store::pool::ConnectOptions;
use store::writer::{Batch, FLUSH_AFTER, Part, Stored, Writer};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::accumulator::{Accumulator, ClosedBatch, Size};
use crate::check::MessageContext;
use crate::decode::Fault;
use crate::metrics::Metrics;
use crate::pending::{Pending, Source};
use crate::rejected::rejection;
use crate::tally::Tally;

/// Two connections store 1.75 times as much as one; more only wait for each other.
pub const WRITERS: usize = 2;

pub(crate) const RETRY: Duration = Duration::from_millis(250);
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What all writers share.
#[derive(Clone)]
pub struct WriterContext {
    pub database: ConnectOptions,
    pub registry: Arc<ArcSwap<Registry>>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    /// What the health of devices is judged by goes into the change log.
    pub notes_health: bool,
    /// Sends commits to readers in this process.
    pub live: Option<mpsc::Sender<Arc<Committed>>>,
    /// False while the disk is nearly full: then nothing is stored or acknowledged.
    pub may_store: watch::Receiver<bool>,
}

/// Stores until every session is gone.
pub async fn run(mut context: WriterContext, ready: async_channel::Receiver<Arc<Accumulator>>) {
    let mut writer: Option<Writer> = None;
    while let Some(first) = next_ready(&ready, &mut writer).await {
        first.due().await;
        let mut parts: Vec<(Arc<Accumulator>, ClosedBatch)> = Vec::new();
        let mut size = Size::default();
        let mut next = Some(first);
        // Quiet sessions share a transaction.
        while let Some(accumulator) = next.take() {
            if let Some(closed) = accumulator.take() {
                size.add(closed.size);
                parts.push((accumulator, closed));
            }
            if !size.is_full_batch() {
                next = ready.try_recv().ok();
            }
        }
        let pending = merge(&mut parts);
        if !pending.batch.is_empty() {
            context.store(&mut writer, pending).await;
        }
        for (accumulator, closed) in parts {
            accumulator.stored(closed.size, closed.acks);
        }
        if writer.as_ref().and_then(Writer::deferred_for).is_some_and(|age| age >= FLUSH_AFTER) {
            flush(&mut writer).await;
        }
    }
}

/// The next accumulator with something to store, `None` at the end. In a pause, and at the end,
/// pending states are flushed.
async fn next_ready(
    ready: &async_channel::Receiver<Arc<Accumulator>>,
    writer: &mut Option<Writer>,
) -> Option<Arc<Accumulator>> {
    if writer.as_ref().and_then(Writer::deferred_for).is_some() {
        match tokio::time::timeout(FLUSH_AFTER, ready.recv()).await {
            Ok(Ok(first)) => return Some(first),
            Ok(Err(_)) | Err(_) => flush(writer).await,
        }
    }
    ready.recv().await.ok()
}

/// A connection that fails at it is dropped: the next one flushes its states.
async fn flush(writer: &mut Option<Writer>) {
    if let Some(w) = writer
        && let Err(error) = w.flush().await
    {
        warn!("the latest bay states could not be written, they stay in the change log: {error}");
        *writer = None;
    }
}

fn merge(parts: &mut [(Arc<Accumulator>, ClosedBatch)]) -> Pending {
    let mut parts = parts.iter_mut().map(|(_, closed)| std::mem::take(&mut closed.pending));
    let mut merged = parts.next().unwrap_or_default();
    parts.for_each(|mut part| merged.append(&mut part));
    merged
}

impl WriterContext {
    /// Stores `pending`, however long it takes. Where the database refuses data for good, halves are
    /// tried until the rows at fault are found: their messages go to quarantine, all others are stored.
    async fn store(&mut self, writer: &mut Option<Writer>, pending: Pending) {
        let mut waiting = vec![pending];
        let mut last: Option<Source> = None;
        while let Some(mut pending) = waiting.pop() {
            let Err(refusal) = self.store_whole(writer, &pending).await else { continue };
            pending.note_refusal();
            if let Some(rest) = pending.split() {
                waiting.extend([rest, pending]);
                continue;
            }
            let Some(source) = pending.source() else { continue };
            if let Some(tally) = &source.tally {
                tally.refused(pending.batch.observations());
            }
            // Rows of one message follow each other: it is kept once.
            if last.as_ref().is_some_and(|l| l.message.is(&source.message)) {
                continue;
            }
            error!(feed = source.feed.0, "the database refuses a message, it goes to quarantine: {refusal}");
            if let Some(rejection) = self.refused(source, &refusal) {
                if let Some(tally) = &source.tally {
                    tally.rejected(&rejection);
                }
                let quarantine = Batch { rejections: vec![rejection], ..Batch::default() };
                if let Err(refusal) = self.store_whole(writer, &quarantine.into()).await {
                    error!("the database refuses even the rejection of a message: {refusal}");
                }
            }
            last = Some(source.clone());
        }
    }

    /// `source` as it goes to quarantine; `None` if its feed is gone.
    fn refused(&self, source: &Source, refusal: &StoreError) -> Option<Rejection> {
        let registry = self.registry.load();
        let feed = registry.feed(source.feed)?;
        let topic = source.message.topic();
        let fault = Fault::malformed(Spot::Message, Mistake::Refused(refusal.to_string()));
        let context = MessageContext { registry: &registry, feed, received_at: source.message.received_at };
        rejection(&context, source.message.with(&topic), fault.into())
    }

    /// # Errors
    /// The database will never take it.
    async fn store_whole(
        &mut self,
        writer: &mut Option<Writer>,
        pending: &Pending,
    ) -> Result<(), StoreError> {
        let batch = &pending.batch;
        let (tallies, parts): (Vec<&Tally>, Vec<Part>) = pending.tallied().into_iter().unzip();
        let mut warned_at: Option<Instant> = None;
        let mut outage: Option<Instant> = None;
        loop {
            // A closed channel means that nobody watches the disk: then store.
            let _ = self.may_store.wait_for(|may| *may).await;
            let began = Instant::now();
            match self.attempt(writer, batch, &parts).await {
                Ok(stored) => {
                    if let Some(since) = outage {
                        info!("the database takes batches again after {:.1?}", since.elapsed());
                    }
                    self.count(batch, &stored, began);
                    tallies.iter().zip(&stored.new_of_parts).for_each(|(tally, new)| tally.stored(*new));
                    self.publish(stored.committed).await;
                    return Ok(());
                }
                Err(refusal @ (StoreError::Data(_) | StoreError::Decode(_))) => {
                    *writer = None;
                    return Err(refusal);
                }
                Err(error) => {
                    *writer = None;
                    self.metrics.store_available.set(0);
                    self.metrics.store_retries.inc();
                    outage.get_or_insert(began);
                    if warned_at.is_none_or(|t| t.elapsed() >= WARN_EVERY) {
                        warned_at = Some(Instant::now());
                        warn!("{error}; {} rows wait, nothing is acknowledged, trying again", batch.len());
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn attempt(
        &self,
        writer: &mut Option<Writer>,
        batch: &Batch,
        parts: &[Part],
    ) -> Result<Stored, StoreError> {
        let w = match writer {
            Some(w) => w,
            None => {
                let new = Writer::connect(&self.database).await?;
                writer.insert(new.noting_health(self.notes_health))
            }
        };
        let registry = self.registry.load_full();
        w.write_counted(batch, parts, registry.as_ref(), (self.clock)()).await
    }

    fn count(&self, batch: &Batch, stored: &Stored, began: Instant) {
        let m = &self.metrics;
        m.store_available.set(1);
        m.commit_s.observe(began.elapsed().as_secs_f64());
        m.batch_rows.observe(batch.len() as f64);
        m.stored.inc_by(stored.new as u64);
        for (feed, n) in &stored.duplicates {
            m.duplicate(*feed, (self.clock)(), *n as u64);
        }
    }

    pub(crate) async fn publish(&self, committed: Committed) {
        if let Some(live) = &self.live {
            // Waits rather than skips: a reader in this process then never has to ask.
            let _ = live.send(Arc::new(committed)).await;
        }
    }
}
