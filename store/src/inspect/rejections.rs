//! Rejected messages.

use domain::{FeedId, MunicipalityId, Reason, RejectedElement, UtcMicros};
use sqlx::FromRow;
use sqlx::types::Json;

use super::{PAGE_BYTES, SHOWN_BYTES, numbers};
use crate::StoreError;
use crate::pool::Pool;
use crate::ts::Ts;

/// A rejected message, as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    pub id: i64,
    pub feed: FeedId,
    pub reason: String,
    pub topic: String,
    pub received_at: UtcMicros,
    pub detail: String,
    pub remedy: Option<String>,
    pub devices: Vec<String>,
    pub count: i32,
    pub examples: Vec<RejectedElement>,
    /// How many messages it stands for, and when the last of them came.
    pub times: i32,
    pub last_received_at: Option<UtcMicros>,
    /// Its first [`SHOWN_BYTES`].
    pub payload: Vec<u8>,
    /// How many bytes of it are kept.
    pub payload_bytes: i32,
    pub qos: i16,
    pub replayed_at: Option<UtcMicros>,
}

#[derive(FromRow)]
struct RejectedRow {
    id: i64,
    feed: i32,
    reason: String,
    topic: String,
    received_at: Ts,
    detail: String,
    remedy: Option<String>,
    devices: Vec<String>,
    count: i32,
    examples: Json<Vec<RejectedElement>>,
    times: i32,
    last_received_at: Option<Ts>,
    payload: Vec<u8>,
    payload_bytes: i32,
    qos: i16,
    replayed_at: Option<Ts>,
    found: i64,
}

impl From<RejectedRow> for Rejected {
    fn from(r: RejectedRow) -> Self {
        Rejected {
            id: r.id,
            feed: FeedId(r.feed),
            reason: r.reason,
            topic: r.topic,
            received_at: r.received_at.0,
            detail: r.detail,
            remedy: r.remedy,
            devices: r.devices,
            count: r.count,
            examples: r.examples.0,
            times: r.times,
            last_received_at: r.last_received_at.map(|t| t.0),
            payload: r.payload,
            payload_bytes: r.payload_bytes,
            qos: r.qos,
            replayed_at: r.replayed_at.map(|t| t.0),
        }
    }
}

/// Which rejections are wanted.
#[derive(Debug, Clone, Default)]
pub struct RejectedFilter<'a> {
    pub feed: Option<FeedId>,
    pub reason: Option<Reason>,
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
) -> Result<(Vec<Rejected>, bool), StoreError> {
    let rows: Vec<RejectedRow> = sqlx::query_as(
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
    let more = rows.first().is_some_and(|row| row.found > rows.len() as i64);
    Ok((rows.into_iter().map(Rejected::from).collect(), more))
}
