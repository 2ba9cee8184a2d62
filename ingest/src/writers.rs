//! The writer tasks: take batches from the sessions, store them, acknowledge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use domain::{Reason, Registry, Rejection};
use sqlx::postgres::PgConnectOptions;
use store::StoreError;
use store::changes::Committed;
use store::writer::{Batch, FOLD_AFTER, Stored, Writer};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::Clock;
use crate::accumulator::{Accumulator, BATCH_ROWS, Taken};
use crate::metrics::Metrics;

/// Two connections store 1.75 times as much as one; more only wait for each other.
pub const WRITERS: usize = 2;

pub(crate) const RETRY: Duration = Duration::from_millis(250);
const RETELL: Duration = Duration::from_secs(60);

/// What all writers share.
#[derive(Clone)]
pub struct WriterContext {
    pub database: PgConnectOptions,
    pub registry: Arc<ArcSwap<Registry>>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    /// Readers in this process learn of commits without asking the database.
    pub live: Option<mpsc::Sender<Arc<Committed>>>,
    /// False while the disk is nearly full: then nothing is stored or acknowledged.
    pub may_store: watch::Receiver<bool>,
}

/// Stores until every session is gone.
pub async fn run(context: WriterContext, ready: async_channel::Receiver<Arc<Accumulator>>) {
    let mut context = context;
    let mut writer: Option<Writer> = None;
    while let Some(first) = next_ready(&ready, &mut writer).await {
        first.due().await;
        let mut parts: Vec<(Arc<Accumulator>, Taken)> = Vec::new();
        let mut rows = 0;
        let mut next = Some(first);
        // Quiet sessions share a transaction.
        while let Some(accumulator) = next.take() {
            if let Some(taken) = accumulator.take() {
                rows += taken.batch.len();
                parts.push((accumulator, taken));
            }
            if rows < BATCH_ROWS {
                next = ready.try_recv().ok();
            }
        }
        let sizes: Vec<usize> = parts.iter().map(|(_, t)| t.batch.len()).collect();
        let batch = merge(&mut parts);
        if !batch.is_empty() {
            context.store(&mut writer, batch).await;
        }
        for ((accumulator, taken), rows) in parts.into_iter().zip(sizes) {
            accumulator.stored(rows, taken.acks);
        }
        if writer.as_ref().and_then(Writer::deferred_for).is_some_and(|age| age >= FOLD_AFTER) {
            fold(&mut writer).await;
        }
    }
}

/// The next accumulator with something to store, `None` at the end. In a pause, and at the end,
/// states that wait are folded.
async fn next_ready(
    ready: &async_channel::Receiver<Arc<Accumulator>>,
    writer: &mut Option<Writer>,
) -> Option<Arc<Accumulator>> {
    if writer.as_ref().and_then(Writer::deferred_for).is_some() {
        match tokio::time::timeout(FOLD_AFTER, ready.recv()).await {
            Ok(Ok(first)) => return Some(first),
            Ok(Err(_)) | Err(_) => fold(writer).await,
        }
    }
    ready.recv().await.ok()
}

/// A connection that fails at it is given up: the next one folds what it left.
async fn fold(writer: &mut Option<Writer>) {
    if let Some(w) = writer
        && let Err(error) = w.fold().await
    {
        warn!("the latest bay states could not be written, they stay in the change log: {error}");
        *writer = None;
    }
}

fn merge(parts: &mut [(Arc<Accumulator>, Taken)]) -> Batch {
    let mut merged = Batch::default();
    for (i, (_, taken)) in parts.iter_mut().enumerate() {
        if i == 0 {
            merged = std::mem::take(&mut taken.batch);
            continue;
        }
        let b = &mut taken.batch;
        merged.bays.append(&mut b.bays);
        merged.sites.append(&mut b.sites);
        merged.vehicles.append(&mut b.vehicles);
        merged.passengers.append(&mut b.passengers);
        merged.trips.append(&mut b.trips);
        merged.uplinks.append(&mut b.uplinks);
        merged.rejections.append(&mut b.rejections);
    }
    merged
}

impl WriterContext {
    /// Stores `batch`, however long it takes. What the database will never take goes to
    /// quarantine, row by row.
    async fn store(&mut self, writer: &mut Option<Writer>, batch: Batch) {
        match self.store_whole(writer, &batch).await {
            Ok(()) => {}
            Err(refusal) => {
                error!("the database refuses a batch, storing its rows one by one: {refusal}");
                for single in singles(batch) {
                    if let Err(refusal) = self.store_whole(writer, &single).await {
                        let quarantine = Batch { rejections: refused(&single, &refusal), ..Batch::default() };
                        if let Err(refusal) = self.store_whole(writer, &quarantine).await {
                            error!("the database refuses even the rejection of a row: {refusal}");
                        }
                    }
                }
            }
        }
    }

    /// # Errors
    /// The database will never take it.
    async fn store_whole(&mut self, writer: &mut Option<Writer>, batch: &Batch) -> Result<(), StoreError> {
        let mut told: Option<Instant> = None;
        let mut outage: Option<Instant> = None;
        loop {
            // A closed channel means that nobody watches the disk: then store.
            let _ = self.may_store.wait_for(|may| *may).await;
            let began = Instant::now();
            match self.attempt(writer, batch).await {
                Ok(stored) => {
                    if let Some(since) = outage {
                        info!("the database takes batches again after {:.1?}", since.elapsed());
                    }
                    self.count(batch, &stored, began);
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
                    if told.is_none_or(|t| t.elapsed() >= RETELL) {
                        told = Some(Instant::now());
                        warn!("{error}; {} rows wait, nothing is acknowledged, trying again", batch.len());
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn attempt(&self, writer: &mut Option<Writer>, batch: &Batch) -> Result<Stored, StoreError> {
        let w = match writer {
            Some(w) => w,
            None => writer.insert(Writer::connect(&self.database).await?),
        };
        let registry = self.registry.load_full();
        w.write(batch, registry.as_ref(), (self.clock)()).await
    }

    fn count(&self, batch: &Batch, stored: &Stored, began: Instant) {
        let m = &self.metrics;
        m.store_available.set(1);
        m.commit_s.observe(began.elapsed().as_secs_f64());
        m.batch_rows.observe(batch.len() as f64);
        m.stored.inc_by(stored.new as u64);
        for (feed, n) in &stored.duplicates {
            m.duplicates.inc_by(*n as u64);
            m.duplicate(*feed, (self.clock)(), *n as u64);
        }
    }

    pub(crate) async fn publish(&self, committed: Committed) {
        if let Some(live) = &self.live
            && !committed.changes.is_empty()
        {
            // Waits rather than skips: a reader in this process then never has to ask.
            let _ = live.send(Arc::new(committed)).await;
        }
    }
}

fn singles(batch: Batch) -> impl Iterator<Item = Batch> {
    let bays = batch.bays.into_iter().map(|row| Batch { bays: vec![row], ..Batch::default() });
    let sites = batch.sites.into_iter().map(|row| Batch { sites: vec![row], ..Batch::default() });
    let vehicles = batch.vehicles.into_iter().map(|row| Batch { vehicles: vec![row], ..Batch::default() });
    let passengers =
        batch.passengers.into_iter().map(|row| Batch { passengers: vec![row], ..Batch::default() });
    let trips = batch.trips.into_iter().map(|row| Batch { trips: vec![row], ..Batch::default() });
    let uplinks = batch.uplinks.into_iter().map(|row| Batch { uplinks: vec![row], ..Batch::default() });
    let rejections =
        batch.rejections.into_iter().map(|row| Batch { rejections: vec![row], ..Batch::default() });
    bays.chain(sites).chain(vehicles).chain(passengers).chain(trips).chain(uplinks).chain(rejections)
}

fn refused(single: &Batch, refusal: &StoreError) -> Vec<Rejection> {
    let heard = (single.bays.iter().map(|g| g.observation.heard))
        .chain(single.sites.iter().map(|g| g.observation.heard))
        .chain(single.vehicles.iter().map(|g| g.observation.heard))
        .chain(single.passengers.iter().map(|g| g.observation.heard))
        .chain(single.trips.iter().map(|o| o.heard));
    heard
        .map(|h| Rejection {
            municipality: h.municipality,
            feed: h.feed,
            reason: Reason::Malformed,
            topic: String::new(),
            received_at: h.received_at,
            detail: refusal.to_string(),
            payload: format!("{single:?}").into_bytes(),
            qos: 1,
        })
        .collect()
}
