//! How far back the log reaches.

use std::time::Duration;

use domain::UtcMicros;
use sqlx::{AssertSqlSafe, PgConnection};

use super::cursor::LogCursor;
use crate::{Pool, Result, Ts};

/// The time of a log row is when its transaction began; it is visible when that ends. No writer's
/// transaction takes so long. Seconds.
const LONGEST_TRANSACTION_S: i64 = 300;

/// Whether something may have been pruned that was committed after `read_until`.
pub(super) async fn is_pruned(pool: &Pool, read_until: UtcMicros) -> Result<bool> {
    let sql = "SELECT pruned_before > $1 FROM change_log_reach";
    let since = Ts(read_until.plus_s(-LONGEST_TRANSACTION_S));
    Ok(sqlx::query_scalar(sql).bind(since).fetch_one(pool).await?)
}

/// Corrects a pruning time that a clock ahead has set, since readers would reload again and again: they
/// reload once when their clock goes back, and nothing that exists then was pruned. Whether it was ahead.
///
/// # Errors
/// The database is not available.
pub(crate) async fn reach_back(conn: &mut PgConnection, now: UtcMicros) -> Result<bool> {
    let done = sqlx::query("UPDATE change_log_reach SET pruned_before = $2 WHERE pruned_before > $1")
        .bind(Ts(now))
        .bind(Ts(now.plus_s(-LONGEST_TRANSACTION_S)))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets log rows older than `keep`; a reader that was away for longer reloads everything. What a stored
/// position has not reached yet stays. Returns how many rows went.
///
/// # Errors
/// The database is not available.
pub async fn prune(pool: &Pool, keep: Duration) -> Result<u64> {
    // Recorded before it is done: a reader in between reloads once too often, and misses nothing.
    sqlx::query(
        "UPDATE change_log_reach SET pruned_before = greatest(pruned_before, now() - make_interval(secs => $1))",
    )
    .bind(keep.as_secs_f64())
    .execute(pool)
    .await?;
    let is_read = LogCursor::ALL.map(|cursor| {
        let (table, condition) = (cursor.table(), cursor.condition());
        format!("(NOT {condition} OR seq <= (SELECT p.seq FROM {table} p WHERE p.writer = c.writer))")
    });
    let sql = format!(
        "DELETE FROM change c WHERE committed_at < now() - make_interval(secs => $1) AND {}",
        is_read.join(" AND ")
    );
    let done = sqlx::query(AssertSqlSafe(sql)).bind(keep.as_secs_f64()).execute(pool).await?;
    for cursor in LogCursor::ALL {
        let sql = format!(
            "DELETE FROM {} p WHERE NOT EXISTS (SELECT FROM change c WHERE c.writer = p.writer)",
            cursor.table()
        );
        sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
    }
    Ok(done.rows_affected())
}
