//! Spans that are missing of feeds, until they have been fetched.

use std::collections::HashMap;

use domain::{FeedId, UtcMicros};

use crate::{Pool, Result, Ts};

/// Notes that all of `feed` since then may be missing; returns since when it is so, by what was noted before.
///
/// # Errors
/// The database is not available.
pub async fn open(pool: &Pool, feed: FeedId, since: UtcMicros) -> Result<UtcMicros> {
    let since: Ts = sqlx::query_scalar(
        "INSERT INTO feed_gap AS held (feed, since) VALUES ($1, $2)
         ON CONFLICT (feed) DO UPDATE SET since = least(held.since, excluded.since) RETURNING since",
    )
    .bind(feed.0)
    .bind(Ts(since))
    .fetch_one(pool)
    .await?;
    Ok(since.0)
}

/// What `feed` sent before `since` has been fetched and stored.
///
/// # Errors
/// The database is not available.
pub async fn fetched(pool: &Pool, feed: FeedId, since: UtcMicros) -> Result<()> {
    sqlx::query("UPDATE feed_gap SET since = greatest(since, $2) WHERE feed = $1")
        .bind(feed.0)
        .bind(Ts(since))
        .execute(pool)
        .await?;
    Ok(())
}

/// Nothing of `feed` is missing any more.
///
/// # Errors
/// The database is not available.
pub async fn close(pool: &Pool, feed: FeedId) -> Result<()> {
    sqlx::query("DELETE FROM feed_gap WHERE feed = $1").bind(feed.0).execute(pool).await?;
    Ok(())
}

/// When the last message of each of these feeds was received, of those that are stored.
///
/// # Errors
/// The database is not available.
pub async fn last_heard(pool: &Pool, feeds: &[FeedId]) -> Result<HashMap<FeedId, UtcMicros>> {
    let rows: Vec<(i32, Ts)> = sqlx::query_as(
        "SELECT feed, max(last_heard) FROM device_state WHERE feed = ANY($1) AND last_heard IS NOT NULL GROUP BY feed",
    )
    .bind(feeds.iter().map(|feed| feed.0).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(feed, at)| (FeedId(feed), at.0)).collect())
}
