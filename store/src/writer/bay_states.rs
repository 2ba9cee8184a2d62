//! The latest state of each bay and source in `bay_state`: written with a small batch at once,
//! else every few seconds.
//!
//! Under load the same bays change again and again, and two writers block on each other's rows.
//! So a large batch records its states in the change log only (`deferred`), which is as durable, and
//! they are flushed to the table later, each bay once. A reader that loads adds the pending
//! ones; those of a lost connection are flushed by the next one. Flushing twice, or older
//! states after newer ones, changes nothing: see `domain::bay_state`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::ids::SourceKey;
use domain::live::Change;
use domain::{BayId, BayObservation, BayReading, MunicipalityId, UtcMicros};
use sqlx::{Connection, FromRow, PgConnection};

use crate::bind::BindRows;
use crate::changes::{LogCursor, LogLimit, WriterId};
use crate::{Result, Ts, rebindings};

/// Batches of more bay rows than this defer their states: there, flushing later pays.
pub const DEFER_ROWS: usize = 400;

/// `bay_state` is at most this far behind the change log while observations come fast.
pub const FLUSH_AFTER: Duration = Duration::from_secs(3);

/// Whose statement about a bay is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromRow)]
pub(crate) struct BayStateKey {
    #[sqlx(try_from = "i32")]
    pub(crate) municipality: MunicipalityId,
    #[sqlx(try_from = "i32")]
    pub(crate) bay: BayId,
    #[sqlx(try_from = "i32")]
    pub(crate) source: SourceKey,
}

/// The latest statement of each source of each bay, and when it was received.
#[derive(Debug, Default)]
pub(crate) struct Latest(HashMap<BayStateKey, (BayReading, UtcMicros)>);

impl Latest {
    pub(crate) fn add(
        &mut self,
        municipality: MunicipalityId,
        bay: BayId,
        reading: BayReading,
        received_at: UtcMicros,
    ) {
        let key = BayStateKey { municipality, bay, source: reading.source() };
        let held = self.0.entry(key).or_insert((reading, received_at));
        if held.0.rank_in_source() < reading.rank_in_source() {
            *held = (reading, received_at);
        }
    }

    pub(super) fn extend(&mut self, rows: &[&BayObservation]) {
        self.0.reserve(rows.len());
        for o in rows {
            self.add(o.provenance.municipality, o.bay, o.reading(), o.provenance.received_at);
        }
    }

    /// Forgets statements that were withdrawn since they were stored.
    async fn forget_withdrawn(&mut self, conn: &mut PgConnection) -> Result<()> {
        let held: Vec<(MunicipalityId, BayId, BayReading)> =
            self.0.iter().map(|(key, (reading, _))| (key.municipality, key.bay, *reading)).collect();
        let mut stored = rebindings::are_stored(conn, &held).await?.into_iter();
        self.0.retain(|_, _| stored.next().unwrap_or(true));
        Ok(())
    }

    /// Moves the table's states forward, never back, in the key's order, so that two writers
    /// never deadlock.
    pub(crate) async fn write(&self, conn: &mut PgConnection) -> Result<()> {
        let mut latest: Vec<_> = self.0.iter().collect();
        latest.sort_unstable_by_key(|(key, _)| **key);
        sqlx::query(
            "INSERT INTO bay_state AS held
                (municipality, bay, source, feed, sensor, observed_at, received_at, seq, state)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (municipality, bay, source) DO UPDATE
             SET feed = excluded.feed, sensor = excluded.sensor, observed_at = excluded.observed_at,
                 received_at = excluded.received_at, seq = excluded.seq, state = excluded.state
             -- States ahead of the clock give way to others.
             WHERE (held.observed_at <= now() + interval '5 minutes', held.observed_at,
                    coalesce(held.seq, -9223372036854775808), held.state)
                 < (excluded.observed_at <= now() + interval '5 minutes', excluded.observed_at,
                    coalesce(excluded.seq, -9223372036854775808), excluded.state)",
        )
        .bind_rows(latest.iter().map(|(key, _)| (key.municipality.0, key.bay.0, key.source.0)))
        .bind_rows(latest.iter().map(|(_, (r, _))| (r.feed.0, r.sensor.map(|sensor| sensor.0))))
        .bind_rows(latest.iter().map(|(_, (r, received_at))| (Ts(r.observed_at), Ts(*received_at))))
        .bind_rows(latest.iter().map(|(_, (r, _))| (r.seq, r.state.code())))
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// States of one writer that are in the change log and not in the table.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    latest: Latest,
    /// The last of the writer's transactions that is in `latest`.
    seq: i64,
    since: Option<Instant>,
}

impl Deferred {
    /// Adds the states of transaction `seq`, which has committed.
    pub(super) fn committed(&mut self, rows: Vec<&BayObservation>, seq: i64) {
        self.latest.extend(&rows);
        self.seq = seq;
        self.since.get_or_insert_with(Instant::now);
    }

    /// How long the oldest has waited.
    pub(super) fn age(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Writes them to the table. After an error they are still in the log only.
    pub(super) async fn flush(&mut self, conn: &mut PgConnection, writer: WriterId) -> Result<()> {
        let mut tx = conn.begin().await?;
        rebindings::store_messages(&mut tx).await?;
        self.latest.forget_withdrawn(&mut tx).await?;
        self.latest.write(&mut tx).await?;
        LogCursor::BayStates.advance(&mut tx, [(writer, self.seq)]).await?;
        tx.commit().await?;
        self.latest.0.clear();
        self.since = None;
        Ok(())
    }
}

/// Flushes the pending states of lost connections. Those of live ones may be among them, which
/// does no harm.
pub(super) async fn flush_left_over(conn: &mut PgConnection) -> Result<()> {
    loop {
        let mut tx = conn.begin().await?;
        rebindings::store_messages(&mut tx).await?;
        let left = LogCursor::BayStates.unread(&mut tx, LogLimit::STEP).await?;
        if left.is_empty() {
            return Ok(());
        }
        let municipalities: HashMap<i32, i32> = sqlx::query_as("SELECT id, municipality FROM place")
            .fetch_all(&mut *tx)
            .await?
            .into_iter()
            .collect();
        let mut latest = Latest::default();
        for row in &left {
            for change in row.changes()? {
                if let Change::Bay { bay, reading } = change
                    && let Some(municipality) = municipalities.get(&bay.0)
                {
                    // The log has no time of receipt; the commit followed within moments.
                    latest.add(MunicipalityId(*municipality), bay, reading, row.committed_at);
                }
            }
        }
        latest.forget_withdrawn(&mut tx).await?;
        latest.write(&mut tx).await?;
        LogCursor::BayStates.advance(&mut tx, left.iter().map(|row| (row.writer, row.seq))).await?;
        tx.commit().await?;
    }
}
