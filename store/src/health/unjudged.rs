//! What was heard and nobody judges.

use tracing::warn;

use super::watcher::WATCH_LOCK;
use crate::changes::{LogCursor, WriterId};
use crate::{Pool, Result};

/// So much of the log is kept for a watcher that may come, seconds: a restart takes minutes, and what is older costs more to read
/// than the kept messages.
const KEPT_S: f64 = 6.0 * 3_600.0;

/// Where nobody judges (`--health false` in every process that would, while others note what is heard), passes over what was
/// heard more than some hours before the newest. The state is forgotten with it, since it would lack what was passed over: whoever
/// judges next makes it again of the kept messages. Whether there was any.
///
/// # Errors
/// The database is not available.
pub async fn pass_over(pool: &Pool) -> Result<bool> {
    let mut tx = pool.begin().await?;
    // In the transaction: a watcher that begins now waits for none of this, and tries again.
    let is_free: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
        .bind(WATCH_LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !is_free {
        return Ok(false);
    }
    let old: Vec<(WriterId, i64)> = sqlx::query_as(
        "SELECT c.writer, max(c.seq) FROM change c
         LEFT JOIN health_position p ON p.writer = c.writer
         WHERE c.heard IS NOT NULL AND c.seq > coalesce(p.seq, 0)
           AND c.committed_at < (SELECT max(committed_at) FROM change WHERE heard IS NOT NULL) - make_interval(secs => $1)
         GROUP BY c.writer",
    )
    .bind(KEPT_S)
    .fetch_all(&mut *tx)
    .await?;
    if old.is_empty() {
        return Ok(false);
    }
    LogCursor::Health.advance(&mut tx, old).await?;
    for table in ["health_state", "health_progress"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    warn!(
        "nobody has judged the health of devices for hours: what was heard is forgotten. If --health false is meant, give it to all \
         processes"
    );
    Ok(true)
}
