//! Examples of topics that no feed's filter matches: a misspelt topic must leave a trace.

use domain::UtcMicros;
use sqlx::FromRow;

use crate::bind::BindRows;
use crate::{Pool, Result, Ts};

/// Examples that are kept of each broker; the newest stay.
pub const EXAMPLES: usize = 20;

/// A topic that no feed's filter matches.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Unmatched {
    /// The broker it came from.
    pub broker: String,
    /// The topic.
    pub topic: String,
    /// How many messages came on it.
    pub messages: i64,
    /// When the first of them came.
    #[sqlx(try_from = "Ts")]
    pub first_at: UtcMicros,
    /// When the last of them came.
    #[sqlx(try_from = "Ts")]
    pub last_at: UtcMicros,
}

/// Adds examples; of each broker the newest [`EXAMPLES`] stay.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, new: &[Unmatched]) -> Result<()> {
    sqlx::query(
        "INSERT INTO unmatched_topic AS held (broker, topic, messages, first_at, last_at)
         SELECT * FROM unnest($1, $2, $3, $4, $5)
         ON CONFLICT (broker, topic) DO UPDATE
         SET messages = held.messages + excluded.messages, last_at = greatest(held.last_at, excluded.last_at)",
    )
    .bind_rows(new.iter().map(|u| (&*u.broker, &*u.topic, u.messages, Ts(u.first_at), Ts(u.last_at))))
    .execute(pool)
    .await?;
    sqlx::query(
        "DELETE FROM unmatched_topic u USING (
             SELECT broker, topic, row_number() OVER (PARTITION BY broker ORDER BY last_at DESC, topic) AS place
             FROM unmatched_topic
         ) ranked
         WHERE u.broker = ranked.broker AND u.topic = ranked.topic AND ranked.place > $1",
    )
    .bind(EXAMPLES as i64)
    .execute(pool)
    .await?;
    Ok(())
}

/// All examples, newest first.
///
/// # Errors
/// The database is not available.
pub async fn all(pool: &Pool) -> Result<Vec<Unmatched>> {
    Ok(sqlx::query_as(
        "SELECT broker, topic, messages, first_at, last_at FROM unmatched_topic ORDER BY last_at DESC, broker, topic",
    )
    .fetch_all(pool)
    .await?)
}
