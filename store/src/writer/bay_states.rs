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

use domain::live::Change;
use domain::{BayObservation, BayReading, UtcMicros};
use sqlx::{Connection, PgConnection};

use crate::StoreError;
use crate::changes;
use crate::ts::Ts;

/// Batches of more bay rows than this defer their states: there, flushing later pays.
pub const DEFER_ROWS: usize = 400;

/// `bay_state` is at most this far behind the change log while observations come fast.
pub const FLUSH_AFTER: Duration = Duration::from_secs(3);

/// Rows of the log that are flushed at once: each may hold 10,000 states.
const LOG_ROWS_AT_ONCE: i64 = 32;

/// Municipality, bay, source.
type Key = (i32, i32, i32);

/// The latest statement of each source of each bay.
#[derive(Debug, Default)]
pub(super) struct Latest(HashMap<Key, (BayReading, UtcMicros)>);

impl Latest {
    pub(super) fn add(&mut self, municipality: i32, bay: i32, reading: BayReading, received_at: UtcMicros) {
        let rank = |r: &BayReading| (r.observed_at, r.seq.unwrap_or(i64::MIN), r.state);
        let held = self.0.entry((municipality, bay, reading.source())).or_insert((reading, received_at));
        if rank(&held.0) < rank(&reading) {
            *held = (reading, received_at);
        }
    }

    pub(super) fn extend(&mut self, rows: &[&BayObservation]) {
        self.0.reserve(rows.len());
        for o in rows {
            self.add(o.provenance.municipality.0, o.bay.0, o.reading(), o.provenance.received_at);
        }
    }

    /// Moves the table's states forward, never back, in the key's order, so that two writers
    /// never deadlock.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let mut latest: Vec<_> = self.0.iter().collect();
        latest.sort_unstable_by_key(|(key, _)| **key);
        let column = |f: fn(&Key) -> i32| latest.iter().map(|(key, _)| f(key)).collect::<Vec<_>>();
        sqlx::query(
            "INSERT INTO bay_state AS held
                (municipality, bay, source, feed, sensor, observed_at, received_at, seq, state)
             SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::int[],
                                  $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::smallint[])
             ON CONFLICT (municipality, bay, source) DO UPDATE
             SET feed = excluded.feed, sensor = excluded.sensor, observed_at = excluded.observed_at,
                 received_at = excluded.received_at, seq = excluded.seq, state = excluded.state
             -- States ahead of the clock give way to others.
             WHERE (held.observed_at <= now() + interval '5 minutes', held.observed_at,
                    coalesce(held.seq, -9223372036854775808), held.state)
                 < (excluded.observed_at <= now() + interval '5 minutes', excluded.observed_at,
                    coalesce(excluded.seq, -9223372036854775808), excluded.state)",
        )
        .bind(column(|k| k.0))
        .bind(column(|k| k.1))
        .bind(column(|k| k.2))
        .bind(latest.iter().map(|(_, (r, _))| r.feed.0).collect::<Vec<_>>())
        .bind(latest.iter().map(|(_, (r, _))| r.sensor.map(|s| s.0)).collect::<Vec<_>>())
        .bind(latest.iter().map(|(_, (r, _))| Ts(r.observed_at)).collect::<Vec<_>>())
        .bind(latest.iter().map(|(_, (_, received_at))| Ts(*received_at)).collect::<Vec<_>>())
        .bind(latest.iter().map(|(_, (r, _))| r.seq).collect::<Vec<_>>())
        .bind(latest.iter().map(|(_, (r, _))| r.state.code()).collect::<Vec<_>>())
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
    pub(super) async fn flush(&mut self, conn: &mut PgConnection, writer: i64) -> Result<(), StoreError> {
        let mut tx = conn.begin().await?;
        self.latest.write(&mut tx).await?;
        mark(&mut tx, &[(writer, self.seq)]).await?;
        tx.commit().await?;
        self.latest.0.clear();
        self.since = None;
        Ok(())
    }
}

/// Flushes the pending states of lost connections. Those of live ones may be among them, which
/// does no harm.
pub(super) async fn flush_left_over(conn: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        let mut tx = conn.begin().await?;
        let left = pending_states(&mut tx, LOG_ROWS_AT_ONCE).await?;
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
            for change in &row.changes {
                if let Change::Bay { bay, reading } = change
                    && let Some(municipality) = municipalities.get(&bay.0)
                {
                    // The log has no time of receipt; the commit followed within moments.
                    latest.add(*municipality, bay.0, *reading, row.committed_at);
                }
            }
        }
        latest.write(&mut tx).await?;
        mark(&mut tx, &left.iter().map(|r| (r.writer, r.seq)).collect::<Vec<_>>()).await?;
        tx.commit().await?;
    }
}

async fn mark(conn: &mut PgConnection, marks: &[(i64, i64)]) -> Result<(), StoreError> {
    let (writers, seqs): (Vec<i64>, Vec<i64>) = marks.iter().copied().unzip();
    sqlx::query(
        "INSERT INTO bay_state_fold AS held (writer, seq)
         SELECT writer, max(seq) FROM unnest($1::bigint[], $2::bigint[]) AS marked(writer, seq)
         GROUP BY writer ORDER BY writer
         ON CONFLICT (writer) DO UPDATE SET seq = greatest(held.seq, excluded.seq)",
    )
    .bind(writers)
    .bind(seqs)
    .execute(conn)
    .await?;
    Ok(())
}

/// A row of the log whose states are not in the table.
pub(crate) struct PendingStates {
    writer: i64,
    seq: i64,
    committed_at: UtcMicros,
    pub(crate) changes: Vec<Change>,
}

/// At most `limit` rows of the log with pending states, oldest of each writer first.
pub(crate) async fn pending_states(
    conn: &mut PgConnection,
    limit: i64,
) -> Result<Vec<PendingStates>, StoreError> {
    let rows: Vec<(i64, i64, Ts, Vec<u8>)> = sqlx::query_as(
        "SELECT c.writer, c.seq, c.committed_at, c.body
         FROM change c LEFT JOIN bay_state_fold f USING (writer)
         WHERE c.deferred AND c.seq > coalesce(f.seq, 0)
         ORDER BY c.writer, c.seq LIMIT $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(writer, seq, committed_at, body)| {
            Ok(PendingStates { writer, seq, committed_at: committed_at.0, changes: changes::decode(&body)? })
        })
        .collect()
}
