//! How each feed is doing, as the ingest that serves it last saw it.

use domain::{FeedId, UtcMicros};

use crate::bind::BindRows;
use crate::{Pool, Result, Ts};

/// Stores the states.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, statuses: &[(FeedId, serde_json::Value)], now: UtcMicros) -> Result<()> {
    sqlx::query(
        "INSERT INTO feed_status (feed, updated_at, status)
         SELECT f, $3, s FROM unnest($1, $2) AS t(f, s)
         ON CONFLICT (feed) DO UPDATE SET updated_at = excluded.updated_at, status = excluded.status",
    )
    .bind_rows(statuses.iter().map(|(feed, status)| (feed.0, status)))
    .bind(Ts(now))
    .execute(pool)
    .await?;
    Ok(())
}
