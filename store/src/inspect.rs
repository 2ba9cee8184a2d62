//! Queries for installers and operators: devices, their messages, rejections, feeds.
//!
//! Every query is restricted to the municipalities that the caller may see.

mod messages;
mod natives;
mod payloads;
mod rejections;

use std::collections::HashSet;

use domain::{FeedId, MunicipalityId, Reason, UtcMicros};
use sqlx::FromRow;

pub use self::messages::{DeviceMessage, MessageCursor, messages};
pub use self::natives::{NativeFilter, NativePlace, native_places};
pub use self::payloads::{Payload, payloads};
pub use self::rejections::{Rejected, RejectedFilter, RejectedGroup, rejections, rejections_by_reason};
use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

/// How much of a stored payload is shown, bytes: any message of a single device, and the head of a batch.
pub const SHOWN_BYTES: i32 = 64 << 10;

/// The most bytes of supplier data on a page; a larger single row is a page of its own.
const PAGE_BYTES: i64 = 4 << 20;

/// A device that is in the files, or was heard, or both.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Device {
    /// Whose device it is; of an unknown one, the municipality that heard it last.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// DevEUI, or the supplier's id.
    pub key: String,
    /// The feed that it belongs to, or came over.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// It is in the files.
    pub is_known: bool,
    /// When its first message came.
    #[sqlx(try_from = "MaybeTs")]
    pub first_heard: Option<UtcMicros>,
    /// When its newest message came.
    #[sqlx(try_from = "MaybeTs")]
    pub last_heard: Option<UtcMicros>,
    /// The newest LoRaWAN frame counter.
    pub last_f_cnt: Option<i64>,
    /// How many messages came, without redeliveries.
    pub messages: i64,
    /// As last reported, like the values below.
    pub battery_v: Option<f32>,
    /// Charge of the battery.
    pub battery_pct: Option<f32>,
    /// Temperature at the device.
    pub temperature_c: Option<f32>,
    /// Signal strength at the best gateway.
    pub rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio there.
    pub snr_db: Option<f32>,
    /// The outcome of its newest message: `stored`, `heard`, `rejected:REASON`.
    pub last_outcome: Option<String>,
}

fn numbers(municipalities: &[MunicipalityId]) -> Vec<i32> {
    municipalities.iter().map(|m| m.0).collect()
}

/// Devices in the order of their ids, those after `after`; `only` narrows to one.
///
/// # Errors
/// The database is not available.
pub async fn devices(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    only: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Device>> {
    // Of a device in the files only its own town's messages count. An unknown one that two towns received is one device:
    // the town that received it last counts.
    Ok(sqlx::query_as(
        r#"WITH of_files AS (SELECT * FROM sensor WHERE municipality = ANY($1)),
         heard AS (SELECT * FROM device_state WHERE municipality = ANY($1)),
         both_of AS (
            SELECT DISTINCT ON (name COLLATE "C")
                coalesce(s.municipality, h.municipality) AS municipality, name COLLATE "C" AS key,
                coalesce(s.feed, h.feed) AS feed, s.id IS NOT NULL AS is_known,
                h.municipality AS heard_in, h.device, first_heard, last_heard, last_f_cnt,
                coalesce(messages, 0) AS messages, battery_v, battery_pct, temperature_c, rssi_dbm, snr_db
            FROM of_files s
            FULL JOIN heard h ON h.device = s.key AND h.municipality = s.municipality
            CROSS JOIN LATERAL (SELECT coalesce(s.key, h.device) AS name) n
            WHERE ($2::text IS NULL OR name = $2) AND ($3::text IS NULL OR name COLLATE "C" > $3)
            ORDER BY name COLLATE "C", s.id IS NOT NULL DESC, last_heard DESC NULLS LAST
            LIMIT $4
         )
         SELECT b.municipality, b.key, b.feed, b.is_known, b.first_heard, b.last_heard, b.last_f_cnt, b.messages,
                b.battery_v, b.battery_pct, b.temperature_c, b.rssi_dbm, b.snr_db, u.outcome AS last_outcome
         FROM both_of b
         LEFT JOIN LATERAL (
            SELECT outcome FROM uplink
            WHERE municipality = b.heard_in AND device = b.device AND event = 'up' AND copy = 0
              AND received_at <= now() + interval '5 minutes'
            ORDER BY received_at DESC LIMIT 1
         ) u ON true
         ORDER BY b.key"#,
    )
    .bind(numbers(municipalities))
    .bind(only)
    .bind(after)
    .bind(limit as i64)
    .fetch_all(pool)
    .await?)
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
