//! Replays rejected messages after the cause was corrected, through
//! `receive` as of the time of their receipt.

use std::collections::{BTreeMap, HashSet};

use domain::{BayId, Registry, SiteId, UtcMicros, VehicleId};
use store::changes::Notifier;
use store::replays::{self, RejectedMessage, Replay, ReplayProgress, ReplayRequest, ReplayedPlace};
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

/// What a replay is about: the places, each with the number of statements, and why messages are rejected again.
#[derive(Debug, Default)]
struct Findings {
    bays: BTreeMap<BayId, i64>,
    sites: BTreeMap<SiteId, i64>,
    vehicles: BTreeMap<VehicleId, i64>,
    reasons: BTreeMap<String, i64>,
}

impl Findings {
    fn add(&mut self, batch: &Batch, replayed: &[Replayed]) {
        for row in &batch.bays {
            *self.bays.entry(row.observation.bay).or_default() += 1;
        }
        for row in &batch.sites {
            *self.sites.entry(row.observation.site).or_default() += 1;
        }
        let fixes = batch.vehicles.iter().map(|row| row.observation.vehicle);
        for vehicle in fixes.chain(batch.passengers.iter().map(|row| row.observation.vehicle)) {
            *self.vehicles.entry(vehicle).or_default() += 1;
        }
        for rejection in replayed.iter().filter_map(|r| r.rejection.as_ref()) {
            *self.reasons.entry(rejection.reason.to_string()).or_default() += 1;
        }
    }

    fn places(&self, registry: &Registry) -> Vec<ReplayedPlace> {
        let place = |kind: &str, id: &str, statements: i64| ReplayedPlace {
            kind: kind.to_owned(),
            id: id.to_owned(),
            statements,
        };
        let bays = self.bays.iter().filter_map(|(id, n)| Some(place("bay", &registry.bay(*id)?.def.id, *n)));
        let sites =
            self.sites.iter().filter_map(|(id, n)| Some(place("site", &registry.site(*id)?.def.id, *n)));
        let vehicles = self.vehicles.iter();
        let vehicles =
            vehicles.filter_map(|(id, n)| Some(place("vehicle", &registry.vehicle(*id)?.def.id, *n)));
        let mut places: Vec<ReplayedPlace> = bays.chain(sites).chain(vehicles).collect();
        places.sort_by(|a, b| b.statements.cmp(&a.statements).then_with(|| a.id.cmp(&b.id)));
        places.truncate(replays::PLACES);
        places
    }
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
        let (mut done, mut findings) = (ReplayProgress::default(), Findings::default());
        while let Err(failure) = self.attempt(replay, &mut done, &mut findings).await {
            warn!("a replay of rejected messages waits: {failure}");
            self.writer = None;
            tokio::time::sleep(RETRY).await;
        }
        let ReplayProgress { replayed, stored, rejected, left, .. } = done;
        let what = if replay.request.is_trial { "a trial, nothing is changed" } else { "replayed" };
        info!(
            "{what}: {replayed} rejected messages: {stored} accepted, {rejected} rejected again, {left} left"
        );
    }

    async fn attempt(
        &mut self,
        Replay { id, request }: &Replay,
        done: &mut ReplayProgress,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        if request.is_trial {
            (*done, *findings) = Default::default();
        }
        // Read again: what removed the cause may have been imported a moment ago.
        let registry = store::places::registry(&mut *self.pool.acquire().await?).await?;
        let (wanted, total) = replays::matching(&self.pool, request, MAX_MESSAGES).await?;
        // Messages rejected again before an outage are found again.
        done.replayed -= std::mem::take(&mut done.rejected);
        findings.reasons.clear();
        done.left = total;
        for ids in chunks(&wanted) {
            for again in self.chunk(&registry, request, &ids, findings).await? {
                done.replayed += 1;
                done.left -= 1;
                *(if again { &mut done.rejected } else { &mut done.stored }) += 1;
            }
            (done.reasons, done.places) = (findings.reasons.clone(), findings.places(&registry));
            replays::note(&self.pool, *id, done, false).await?;
        }
        replays::note(&self.pool, *id, done, true).await
    }

    /// Replays some messages in one transaction; for each whether it was rejected again.
    async fn chunk(
        &mut self,
        registry: &Registry,
        request: &ReplayRequest,
        ids: &[i64],
        findings: &mut Findings,
    ) -> Result<Vec<bool>, StoreError> {
        let messages = replays::messages(&self.pool, request, ids).await?;
        if request.is_trial {
            let (batch, replayed) = reread(registry, &messages);
            findings.add(&batch, &replayed);
            return Ok(rejected_again(&messages, &replayed));
        }
        match self.store(registry, &messages, findings).await {
            Err(refusal @ (StoreError::Data(_) | StoreError::Decode(_))) => {
                error!("the database refuses replayed messages, trying one by one: {refusal}");
                self.writer = None;
            }
            done => return done,
        }
        let mut rejected = Vec::with_capacity(messages.len());
        for one in messages.chunks(1) {
            match self.store(registry, one, findings).await {
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
        findings: &mut Findings,
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
        findings.add(&batch, &replayed);
        Ok(rejected_again(messages, &replayed))
    }
}

/// Of each message, whether it is rejected again. Those of a removed feed stay as they are.
fn rejected_again(messages: &[RejectedMessage], replayed: &[Replayed]) -> Vec<bool> {
    let accepted: HashSet<i64> = replayed.iter().filter(|r| r.rejection.is_none()).map(|r| r.id).collect();
    messages.iter().map(|message| !accepted.contains(&message.id)).collect()
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
