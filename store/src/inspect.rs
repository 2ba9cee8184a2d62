//! Queries for installers and operators: devices, their messages, rejections, feeds.
//!
//! Every query is restricted to the municipalities that the caller may see.

mod devices;
mod messages;
mod natives;
mod payloads;
mod reasons;
mod rejections;

use std::collections::HashSet;

use domain::{FeedId, MunicipalityId, Reason, UtcMicros};
use sqlx::FromRow;

pub use self::devices::{Device, DeviceFilter, DeviceOrder, Search, devices};
pub use self::messages::{DeviceMessage, MessageCursor, messages, messages_of};
pub use self::natives::{NativeFilter, NativeOrder, NativePlace, native_places};
pub use self::payloads::{Payload, payloads};
pub use self::reasons::{LastingReason, lasting_reasons};
pub use self::rejections::{Rejected, RejectedFilter, RejectedGroup, rejections, rejections_by_reason};
use crate::{Pool, Result, Ts};

/// How much of a stored payload is shown, bytes: any message of a single device, and the head of a batch.
pub const SHOWN_BYTES: i32 = 64 << 10;

/// The most bytes of supplier data on a page; a larger single row is a page of its own.
const PAGE_BYTES: i64 = 4 << 20;

fn numbers(municipalities: &[MunicipalityId]) -> Vec<i32> {
    municipalities.iter().map(|m| m.0).collect()
}

/// How many of the newest messages must have been rejected before a device is called faulty: one broken or
/// forged frame does not suffice.
const REJECTED_IN_A_ROW: i64 = 3;

/// Of these devices, each with the beginning of its last heartbeat, those of which every message since
/// was rejected, and at least the newest three, for one of `reasons`.
///
/// # Errors
/// The database is not available.
pub async fn rejecting(
    pool: &Pool,
    devices: &[(MunicipalityId, &str, UtcMicros)],
    reasons: &[Reason],
) -> Result<HashSet<String>> {
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT n.device
         FROM unnest($1, $2, $3) AS n(municipality, device, since)
         WHERE $5 = (
                SELECT count(*) FILTER (WHERE outcome = ANY($4)) FROM (
                    SELECT outcome FROM uplink u
                    WHERE u.municipality = n.municipality AND u.device = n.device AND event = 'up' AND copy = 0
                        AND received_at <= now() + interval '5 minutes'
                    ORDER BY received_at DESC LIMIT $5) newest)
            AND NOT EXISTS (
                SELECT 1 FROM uplink u
                WHERE u.municipality = n.municipality AND u.device = n.device AND event = 'up' AND copy = 0
                    AND u.received_at >= n.since AND u.received_at <= now() + interval '5 minutes' AND u.outcome NOT LIKE 'rejected:%')",
    )
    .bind(devices.iter().map(|(municipality, ..)| municipality.0).collect::<Vec<_>>())
    .bind(devices.iter().map(|(_, device, _)| *device).collect::<Vec<_>>())
    .bind(devices.iter().map(|(.., since)| Ts(*since)).collect::<Vec<_>>())
    .bind(reasons.iter().map(|reason| format!("rejected:{reason}")).collect::<Vec<_>>())
    .bind(REJECTED_IN_A_ROW)
    .fetch_all(pool)
    .await?;
    Ok(found.into_iter().collect())
}

/// The state of a feed, as its ingest last stored it.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct FeedStatus {
    /// Which feed.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// When its ingest stored it.
    #[sqlx(try_from = "Ts")]
    pub updated_at: UtcMicros,
    /// What the ingest knows of it, as JSON.
    pub status: serde_json::Value,
}

/// The states of the feeds of some municipalities.
///
/// # Errors
/// The database is not available.
pub async fn feed_statuses(pool: &Pool, municipalities: &[MunicipalityId]) -> Result<Vec<FeedStatus>> {
    Ok(sqlx::query_as(
        "SELECT s.feed, s.updated_at, s.status
         FROM feed_status s JOIN feed f ON f.id = s.feed
         WHERE f.municipality = ANY($1)",
    )
    .bind(numbers(municipalities))
    .fetch_all(pool)
    .await?)
}
