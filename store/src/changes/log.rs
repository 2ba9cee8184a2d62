//! The rows of the log: one per transaction.

use std::collections::HashMap;

use domain::UtcMicros;
use domain::health::Heard;
use domain::live::Change;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Type};

use super::{CHANNEL, body};
use crate::{Result, Ts, codec};

/// A connection that stores: it numbers its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Type)]
#[sqlx(transparent)]
pub struct WriterId(pub i64);

/// How far a reader has read: the last `seq` of each writer.
pub type Positions = HashMap<WriterId, i64>;

/// One committed transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The connection that stored it.
    pub writer: WriterId,
    /// Which of the writer's transactions it is, from 1 on without a gap.
    pub seq: i64,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// A new writer's id.
///
/// # Errors
/// The database is not available.
pub async fn new_writer(conn: &mut PgConnection) -> Result<WriterId> {
    Ok(sqlx::query_scalar("SELECT nextval('change_writer')").fetch_one(conn).await?)
}

/// Of what was heard, as bytes.
pub(crate) const HEARD_VERSION: u8 = 1;

/// Appends to the log within the caller's transaction. `deferred`: its bay states are not in
/// `bay_state` yet.
///
/// # Errors
/// The database is not available.
pub async fn append(
    conn: &mut PgConnection,
    writer: WriterId,
    seq: i64,
    changes: &[Change],
    deferred: bool,
) -> Result<()> {
    append_heard(conn, writer, seq, changes, &[], deferred).await
}

/// The same with what the health of devices is judged by. It stands beside the changes: those who read one do not pay for the
/// other.
pub(crate) async fn append_heard(
    conn: &mut PgConnection,
    writer: WriterId,
    seq: i64,
    changes: &[Change],
    heard: &[Heard],
    deferred: bool,
) -> Result<()> {
    let heard = (!heard.is_empty()).then(|| codec::encode(HEARD_VERSION, heard)).transpose()?;
    let observed = changes.iter().filter_map(|change| match change {
        Change::Bay { reading, .. } => Some(reading.observed_at),
        Change::Corrected { first_at, .. } => Some(*first_at),
        _ => None,
    });
    let earliest = observed.min().unwrap_or(UtcMicros(i64::MAX));
    sqlx::query(
        "INSERT INTO change (writer, seq, body, deferred, earliest, heard) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(writer)
    .bind(seq)
    .bind(body::encode(changes)?)
    .bind(deferred)
    .bind(Ts(earliest))
    .bind(heard)
    .execute(&mut *conn)
    .await?;
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(writer.0.to_string());
    notify.execute(conn).await?;
    Ok(())
}

/// Appends the only transaction of a new writer.
pub(crate) async fn append_alone(conn: &mut PgConnection, changes: &[Change]) -> Result<()> {
    let writer = new_writer(&mut *conn).await?;
    append(conn, writer, 1, changes, false).await
}

/// A row of the log.
#[derive(FromRow)]
pub(crate) struct LogRow {
    pub(crate) writer: WriterId,
    pub(crate) seq: i64,
    #[sqlx(try_from = "Ts")]
    pub(crate) committed_at: UtcMicros,
    pub(super) body: Vec<u8>,
}

impl LogRow {
    /// What the transaction changed.
    pub(crate) fn changes(&self) -> Result<Vec<Change>> {
        body::decode(&self.body)
    }

    /// What it brought for the health of devices, where that was asked for.
    pub(crate) fn heard(&self) -> Result<Vec<Heard>> {
        if self.body.is_empty() {
            Ok(Vec::new())
        } else {
            codec::decode("what was heard", HEARD_VERSION, &self.body)
        }
    }
}

/// How much of the log is read at once: rows, and the bytes at which no further one is added. A row holds up to
/// 10,000 changes of about 20 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLimit {
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
}

impl LogLimit {
    pub(crate) const STEP: LogLimit = LogLimit { rows: 200, bytes: 4 << 20 };
    pub(crate) const NONE: LogLimit = LogLimit { rows: i64::MAX, bytes: i64::MAX };

    /// Whether `read` may have left something for the next time.
    pub(crate) fn is_reached(self, read: &[LogRow]) -> bool {
        read.len() as i64 >= self.rows
            || read.iter().map(|row| row.body.len() as i64).sum::<i64>() >= self.bytes
    }
}

/// Reads what was heard after `positions`: [`LogRow::heard`].
pub(crate) async fn heard_after(
    conn: &mut PgConnection,
    positions: &Positions,
    limit: LogLimit,
) -> Result<Vec<LogRow>> {
    let (writers, seqs): (Vec<WriterId>, Vec<i64>) = positions.iter().map(|(w, s)| (*w, *s)).unzip();
    let unread = columns_after("unnest($3, $4)", "true", "coalesce(heard, '')", limit);
    Ok(unread.bind(writers).bind(seqs).fetch_all(conn).await?)
}

/// Reads what comes after `positions`, a table or function of `writer` and `seq`, of the rows that meet `condition`. The
/// rows of all writers in turn, each writer's in its order: none is skipped, none starves. Parameters $1 and
/// $2 are bound to the limit.
pub(super) fn after(
    positions: &str,
    condition: &str,
    limit: LogLimit,
) -> QueryAs<'static, Postgres, LogRow, PgArguments> {
    columns_after(positions, condition, "body", limit)
}

fn columns_after(
    positions: &str,
    condition: &str,
    body: &str,
    limit: LogLimit,
) -> QueryAs<'static, Postgres, LogRow, PgArguments> {
    let unread = unread(positions, condition, "LIMIT $1");
    let sql = format!(
        "{unread}
         SELECT writer, seq, committed_at, {body} AS body FROM (
             SELECT *, sum(bytes) OVER (ORDER BY turn, writer) - bytes AS bytes_before FROM (
                 SELECT *, octet_length({body}) AS bytes, row_number() OVER (PARTITION BY writer ORDER BY seq) AS turn
                 FROM unread) new
             ORDER BY turn, writer LIMIT $1) log
         WHERE bytes_before < $2
         ORDER BY writer, seq"
    );
    sqlx::query_as(AssertSqlSafe(sql)).bind(limit.rows).bind(limit.bytes)
}

/// The beginning of a query that has the rows after `positions` as `unread`. Writers are found by an index-only skip over
/// (writer, seq), so rows that were read cost nothing.
pub(super) fn unread(positions: &str, condition: &str, limit: &str) -> String {
    format!(
        "WITH RECURSIVE writers AS (
             (SELECT writer FROM change ORDER BY writer LIMIT 1)
             UNION ALL
             SELECT (SELECT c.writer FROM change c WHERE c.writer > w.writer ORDER BY c.writer LIMIT 1)
             FROM writers w WHERE w.writer IS NOT NULL),
         unread AS (
             SELECT c.* FROM writers w LEFT JOIN {positions} AS held (writer, seq) USING (writer)
             CROSS JOIN LATERAL (
                 SELECT * FROM change
                 WHERE change.writer = w.writer AND change.seq > coalesce(held.seq, 0) AND {condition}
                 ORDER BY change.seq {limit}) c)"
    )
}
