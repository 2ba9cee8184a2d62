//! The change log: how readers in this and in other processes learn what was committed.
//!
//! A writer has one transaction at a time and a new id per connection, so its `seq` is its commit
//! order. A reader keeps one `seq` per writer and misses nothing. LISTEN/NOTIFY only shortens the
//! wait: a poll each second works without it (poolers, failover).

mod former;

use std::collections::HashMap;
use std::time::Duration;

use domain::UtcMicros;
use domain::live::Change;
use sqlx::PgConnection;
use sqlx::postgres::PgListener;
use tracing::debug;

use crate::StoreError;
use crate::pool::{self, Pool};
use crate::ts::Ts;

/// The channel that is notified after each commit.
pub const CHANNEL: &str = "kv_change";

/// How often a reader polls without a notification.
const POLL: Duration = Duration::from_secs(1);

/// Rows read at once: each may hold a batch of 10,000 changes.
const ROWS_AT_ONCE: i64 = 64;

/// Format of a row's body; a reader that finds a newer one loads everything again. A log that was written
/// before an update is read on.
const BODY_VERSION: u8 = 3;
/// The last one with fewer fields of trips.
const FORMER_VERSION: u8 = 2;

/// How far a reader has read: the last `seq` of each writer.
pub type Positions = HashMap<i64, i64>;

/// Packs changes for the log.
pub fn encode(changes: &[Change]) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(changes, vec![BODY_VERSION]).map_err(|e| StoreError::Decode(e.to_string()))
}

pub(crate) fn decode(body: &[u8]) -> Result<Vec<Change>, StoreError> {
    match body.split_first() {
        Some((&BODY_VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|e| StoreError::Decode(format!("change log: {e}")))
        }
        Some((..=FORMER_VERSION, rest)) => former::decode(rest),
        _ => Err(StoreError::Decode("change log: unknown version".into())),
    }
}

/// One committed transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    pub writer: i64,
    pub seq: i64,
    pub changes: Vec<Change>,
}

/// Appends to the log within the caller's transaction. `deferred`: its bay states are not in
/// `bay_state` yet.
///
/// # Errors
/// The database is not available.
pub async fn append(
    conn: &mut PgConnection,
    writer: i64,
    seq: i64,
    changes: &[Change],
    deferred: bool,
) -> Result<(), StoreError> {
    let observed = changes.iter().filter_map(|change| match change {
        Change::Bay { reading, .. } => Some(reading.observed_at),
        _ => None,
    });
    let earliest = observed.min().unwrap_or(UtcMicros(i64::MAX));
    sqlx::query("INSERT INTO change (writer, seq, body, deferred, earliest) VALUES ($1, $2, $3, $4, $5)")
        .bind(writer)
        .bind(seq)
        .bind(encode(changes)?)
        .bind(deferred)
        .bind(Ts(earliest))
        .execute(&mut *conn)
        .await?;
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(writer.to_string()).execute(conn).await?;
    Ok(())
}

/// A new writer's id.
///
/// # Errors
/// The database is not available.
pub async fn new_writer(conn: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT nextval('change_writer')").fetch_one(conn).await?)
}

/// What was committed after `positions`, oldest first within each writer.
///
/// # Errors
/// The database is not available, or the log was written by a newer version.
pub async fn read_after(pool: &Pool, positions: &Positions) -> Result<Vec<Committed>, StoreError> {
    let (writers, seqs): (Vec<i64>, Vec<i64>) = positions.iter().map(|(w, s)| (*w, *s)).unzip();
    // New writers are found by an index-only skip over (writer, seq).
    let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
        "WITH RECURSIVE writers AS (
            (SELECT writer FROM change ORDER BY writer LIMIT 1)
            UNION ALL
            SELECT (SELECT c.writer FROM change c WHERE c.writer > w.writer ORDER BY c.writer LIMIT 1)
            FROM writers w WHERE w.writer IS NOT NULL
         )
         SELECT c.writer, c.seq, c.body
         FROM writers w
         LEFT JOIN unnest($1::bigint[], $2::bigint[]) AS known(writer, seq) USING (writer)
         CROSS JOIN LATERAL (
            SELECT writer, seq, body FROM change
            WHERE change.writer = w.writer AND change.seq > coalesce(known.seq, 0)
            ORDER BY seq LIMIT $3
         ) c
         ORDER BY c.writer, c.seq",
    )
    .bind(&writers)
    .bind(&seqs)
    .bind(ROWS_AT_ONCE)
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(writer, seq, body)| Ok(Committed { writer, seq, changes: decode(&body)? }))
        .collect()
}

/// How a transaction that came through memory relates to what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The next one of its writer: it counts as read now.
    Next,
    /// It was read before.
    Seen,
    /// Others lie between: read the log.
    Gap,
}

/// Follows the log from a position.
#[derive(Debug)]
pub struct Follower {
    pool: Pool,
    positions: Positions,
    /// By the database's clock: everything committed before has been read.
    read_until: UtcMicros,
}

impl Follower {
    /// Begins after `positions`, those of a state that was loaded at `read_until` by the database's clock.
    pub fn new(pool: Pool, positions: Positions, read_until: UtcMicros) -> Self {
        Follower { pool, positions, read_until }
    }

    /// Relates a transaction that reached this process through memory to the position.
    pub fn accept(&mut self, committed: &Committed) -> Accepted {
        let held = self.positions.get(&committed.writer).copied().unwrap_or(0);
        match committed.seq - held {
            1 => {
                self.positions.insert(committed.writer, committed.seq);
                Accepted::Next
            }
            n if n <= 0 => Accepted::Seen,
            _ => Accepted::Gap,
        }
    }

    /// What is new now, without waiting. Call again at once when something came: there may be
    /// more.
    ///
    /// # Errors
    /// See [`read_after`]. [`StoreError::Pruned`]: what had not been read is gone; load the state again.
    pub async fn poll(&mut self) -> Result<Vec<Committed>, StoreError> {
        let (began,): (Ts,) = sqlx::query_as("SELECT now()").fetch_one(&self.pool).await?;
        let new = read_after(&self.pool, &self.positions).await?;
        // Checked afterwards: what is pruned later could still be read.
        let is_pruned: bool = sqlx::query_scalar(
            "SELECT pruned_before > $1::timestamptz - make_interval(secs => $2) FROM change_log_reach",
        )
        .bind(Ts(self.read_until))
        .bind(LONGEST_TRANSACTION.as_secs_f64())
        .fetch_one(&self.pool)
        .await?;
        if is_pruned {
            return Err(StoreError::Pruned);
        }
        // A full answer may have left something for the next.
        if new.is_empty() {
            self.read_until = began.0;
        }
        for c in &new {
            self.positions.insert(c.writer, c.seq);
        }
        Ok(new)
    }
}

/// Waits for notifications: of commits, or of requests.
#[derive(Debug)]
pub struct Notifier {
    /// One connection of its own: waiting must not occupy one of the shared pool.
    pool: Pool,
    channel: &'static str,
    listener: Option<PgListener>,
}

impl Notifier {
    /// Listens on `channel` from the first wait on.
    pub fn new(pool: Pool, channel: &'static str) -> Self {
        Notifier { pool: pool::single(&pool), channel, listener: None }
    }

    /// Waits for a notification, at most a second; its number (of the writer, or of the request), or `None` when it is
    /// time to poll.
    pub async fn wait(&mut self) -> Option<i64> {
        if self.listener.is_none() {
            self.listener = self.listen().await;
        }
        let Some(listener) = &mut self.listener else {
            tokio::time::sleep(POLL).await;
            return None;
        };
        match tokio::time::timeout(POLL, listener.recv()).await {
            Ok(Ok(notification)) => notification.payload().parse().ok(),
            Ok(Err(error)) => {
                debug!("notifications of {} are lost, polling: {error}", self.channel);
                self.listener = None;
                None
            }
            Err(_) => None,
        }
    }

    async fn listen(&self) -> Option<PgListener> {
        let mut listener = PgListener::connect_with(&self.pool).await.ok()?;
        listener.listen(self.channel).await.ok()?;
        Some(listener)
    }
}

/// The time of a log row is when its transaction began; it is visible when that ends. No writer's
/// transaction takes so long.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(300);

/// Corrects a pruning time that a clock ahead has set, since readers would reload again and again: they
/// reload once when their clock goes back, and nothing that exists then was pruned. Whether it was ahead.
///
/// # Errors
/// The database is not available.
pub(crate) async fn reach_back(conn: &mut PgConnection, now: UtcMicros) -> Result<bool, StoreError> {
    let longest_s = i64::try_from(LONGEST_TRANSACTION.as_secs()).unwrap_or(i64::MAX);
    let done = sqlx::query("UPDATE change_log_reach SET pruned_before = $2 WHERE pruned_before > $1")
        .bind(Ts(now))
        .bind(Ts(now.plus_s(-longest_s)))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets log rows older than `keep`; a reader that was away for longer reloads everything. What is not
/// derived yet ([`crate::derive`]) stays.
///
/// # Errors
/// The database is not available.
pub async fn prune(pool: &Pool, keep: Duration) -> Result<u64, StoreError> {
    // Recorded before it is done: a reader in between reloads once too often, and misses nothing.
    sqlx::query(
        "UPDATE change_log_reach SET pruned_before = greatest(pruned_before, now() - make_interval(secs => $1))",
    )
    .bind(keep.as_secs_f64())
    .execute(pool)
    .await?;
    let done = sqlx::query(
        "DELETE FROM change c
         WHERE committed_at < now() - make_interval(secs => $1)
           AND (NOT deferred OR seq <= (SELECT f.seq FROM bay_state_fold f WHERE f.writer = c.writer))
           AND seq <= (SELECT d.seq FROM derive_position d WHERE d.writer = c.writer)",
    )
    .bind(keep.as_secs_f64())
    .execute(pool)
    .await?;
    sqlx::query(
        "DELETE FROM bay_state_fold f WHERE NOT EXISTS (SELECT FROM change c WHERE c.writer = f.writer)",
    )
    .execute(pool)
    .await?;
    sqlx::query(
        "DELETE FROM derive_position d WHERE NOT EXISTS (SELECT FROM change c WHERE c.writer = d.writer)",
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
