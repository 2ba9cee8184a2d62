//! Rejected messages.

use domain::{FeedId, MunicipalityId, Reason, RejectedElement, UtcMicros};
use sqlx::FromRow;

use super::{PAGE_BYTES, SHOWN_BYTES, numbers};
use crate::column::{MaybeTs, PageRow};
use crate::{Pool, Result, Ts};

/// A rejected message, as it was kept.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Rejected {
    /// Its number, higher than that of every earlier one.
    pub id: i64,
    /// The feed it came over.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// The word of a [`Reason`].
    pub reason: String,
    /// Its MQTT topic, or the address it was fetched from.
    pub topic: String,
    /// When it reached us.
    #[sqlx(try_from = "Ts")]
    pub received_at: UtcMicros,
    /// What is wrong with it.
    pub detail: String,
    /// What to do about it, where more specific than the reason's own.
    pub remedy: Option<String>,
    /// The devices or places that it names.
    pub devices: Vec<String>,
    /// How many of its elements were rejected.
    pub count: i32,
    /// Some of these elements.
    #[sqlx(json)]
    pub examples: Vec<RejectedElement>,
    /// How many messages it stands for, and when the last of them came.
    pub times: i32,
    /// `None`: it stands for itself.
    #[sqlx(try_from = "MaybeTs")]
    pub last_received_at: Option<UtcMicros>,
    /// Its first [`SHOWN_BYTES`].
    pub payload: Vec<u8>,
    /// How many bytes of it are kept.
    pub payload_bytes: i32,
    /// The MQTT quality of service it came with.
    pub qos: i16,
    /// When it was last replayed, and rejected again.
    #[sqlx(try_from = "MaybeTs")]
    pub replayed_at: Option<UtcMicros>,
}

/// Which rejections are wanted.
#[derive(Debug, Clone, Default)]
pub struct RejectedFilter<'a> {
    /// Of this feed.
    pub feed: Option<FeedId>,
    /// Those that have this among their reasons.
    pub reason: Option<Reason>,
    /// Those that name this device or place.
    pub device: Option<&'a str>,
    /// Those with an id below.
    pub before: Option<i64>,
}

/// Rejections, newest first: at most `limit`, and no more than some MiB; and whether there are more.
///
/// # Errors
/// The database is not available.
pub async fn rejections(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    filter: &RejectedFilter<'_>,
    limit: usize,
) -> Result<(Vec<Rejected>, bool)> {
    let rows: Vec<PageRow<Rejected>> = sqlx::query_as(
        "SELECT r.id, feed, reason, topic, received_at, detail, remedy, devices, count, examples, times, last_received_at,
                substr(payload, 1, $7) AS payload, octet_length(payload) AS payload_bytes, qos, replayed_at, found
         FROM (
            SELECT id, count(*) OVER () AS found, row_number() OVER (ORDER BY id DESC) AS n,
                sum(least(octet_length(payload), $7) + octet_length(topic) + octet_length(detail)
                    + octet_length(examples::text)) OVER (ORDER BY id DESC) AS bytes
            FROM (
                SELECT * FROM rejection
                WHERE municipality = ANY($1)
                  AND ($2::int IS NULL OR feed = $2)
                  AND ($3::text IS NULL OR $3 = ANY(reasons))
                  AND ($4::text IS NULL OR devices @> ARRAY[$4])
                  AND ($5::bigint IS NULL OR id < $5)
                ORDER BY id DESC LIMIT $6 + 1) wanted) sized
         JOIN rejection r ON r.id = sized.id
         WHERE n <= $6 AND (bytes <= $8 OR n = 1)
         ORDER BY r.id DESC",
    )
    .bind(numbers(municipalities))
    .bind(filter.feed.map(|f| f.0))
    .bind(filter.reason.map(Reason::as_str))
    .bind(filter.device)
    .bind(filter.before)
    .bind(limit as i64)
    .bind(SHOWN_BYTES)
    .bind(PAGE_BYTES)
    .fetch_all(pool)
    .await?;
    Ok(PageRow::page(rows))
}

/// Rejections of one feed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RejectedGroup {
    /// The feed they came over.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// The word of a [`Reason`]; of several in one message the most frequent.
    pub reason: String,
    /// How many messages they stand for.
    pub messages: i64,
    /// How many elements of them were rejected.
    pub elements: i64,
    /// How many messages are kept, and can be replayed.
    pub kept: i64,
    /// When the first was received.
    #[sqlx(try_from = "Ts")]
    pub first_received_at: UtcMicros,
    /// When the last was received.
    #[sqlx(try_from = "Ts")]
    pub last_received_at: UtcMicros,
    /// What is wrong with the newest.
    pub detail: String,
    /// What to do about all of them, where that is more specific than the reason's own.
    pub remedy: Option<String>,
}

/// What is kept of rejections by feed and reason, most messages first: of one feed at most as many rows as there are
/// reasons.
///
/// # Errors
/// The database is not available.
pub async fn rejections_by_reason(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    feed: Option<FeedId>,
) -> Result<Vec<RejectedGroup>> {
    Ok(sqlx::query_as(
        "SELECT feed, reason, sum(times)::bigint AS messages, sum(count)::bigint AS elements,
                count(*) FILTER (WHERE reason <> 'too_large') AS kept,
                min(received_at) AS first_received_at, max(coalesce(last_received_at, received_at)) AS last_received_at,
                (array_agg(left(detail, 500) ORDER BY id DESC))[1] AS detail,
                CASE WHEN min(remedy) = max(remedy) AND count(remedy) = count(*) THEN min(remedy) END AS remedy
         FROM rejection
         WHERE municipality = ANY($1) AND ($2::int IS NULL OR feed = $2)
         GROUP BY feed, reason ORDER BY messages DESC, feed, reason",
    )
    .bind(numbers(municipalities))
    .bind(feed.map(|f| f.0))
    .fetch_all(pool)
    .await?)
}
