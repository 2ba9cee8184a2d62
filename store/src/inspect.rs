//! What installers and operators look at: devices, their messages, rejections, feeds.
//!
//! Every query is restricted to the municipalities that the asker may see.

use domain::{FeedId, MunicipalityId, Reason, RejectedElement, UtcMicros};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::StoreError;
use crate::pool::Pool;
use crate::ts::Ts;

/// A device that is in the files, or was heard, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    pub municipality: MunicipalityId,
    /// DevEUI, or the supplier's id.
    pub key: String,
    pub feed: FeedId,
    pub is_known: bool,
    pub first_heard: Option<UtcMicros>,
    pub last_heard: Option<UtcMicros>,
    pub last_f_cnt: Option<i64>,
    pub messages: i64,
    pub battery_v: Option<f32>,
    pub battery_pct: Option<f32>,
    pub temperature_c: Option<f32>,
    pub rssi_dbm: Option<f32>,
    pub snr_db: Option<f32>,
    /// What became of its newest message: `stored`, `heard`, `rejected:REASON`.
    pub last_outcome: Option<String>,
}

#[derive(FromRow)]
struct DeviceRow {
    municipality: i32,
    key: String,
    feed: i32,
    is_known: bool,
    first_heard: Option<Ts>,
    last_heard: Option<Ts>,
    last_f_cnt: Option<i64>,
    messages: i64,
    battery_v: Option<f32>,
    battery_pct: Option<f32>,
    temperature_c: Option<f32>,
    rssi_dbm: Option<f32>,
    snr_db: Option<f32>,
    last_outcome: Option<String>,
}

impl From<DeviceRow> for Device {
    fn from(r: DeviceRow) -> Self {
        Device {
            municipality: MunicipalityId(r.municipality),
            key: r.key,
            feed: FeedId(r.feed),
            is_known: r.is_known,
            first_heard: r.first_heard.map(|t| t.0),
            last_heard: r.last_heard.map(|t| t.0),
            last_f_cnt: r.last_f_cnt,
            messages: r.messages,
            battery_v: r.battery_v,
            battery_pct: r.battery_pct,
            temperature_c: r.temperature_c,
            rssi_dbm: r.rssi_dbm,
            snr_db: r.snr_db,
            last_outcome: r.last_outcome,
        }
    }
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
) -> Result<Vec<Device>, StoreError> {
    // A device that two networks heard is one device: the one that heard it last speaks.
    let rows: Vec<DeviceRow> = sqlx::query_as(
        r#"WITH of_files AS (SELECT * FROM sensor WHERE municipality = ANY($1)),
         heard AS (SELECT * FROM device_state WHERE municipality = ANY($1)),
         both_of AS (
            SELECT DISTINCT ON (name COLLATE "C")
                coalesce(s.municipality, h.municipality) AS municipality, name COLLATE "C" AS key,
                coalesce(s.feed, h.feed) AS feed, s.id IS NOT NULL AS is_known,
                h.municipality AS heard_in, h.device, first_heard, last_heard, last_f_cnt,
                coalesce(messages, 0) AS messages, battery_v, battery_pct, temperature_c, rssi_dbm, snr_db
            FROM of_files s
            FULL JOIN heard h ON h.device = s.key
            CROSS JOIN LATERAL (SELECT coalesce(s.key, h.device) AS name) n
            WHERE ($2::text IS NULL OR name = $2) AND ($3::text IS NULL OR name COLLATE "C" > $3)
            ORDER BY name COLLATE "C", last_heard DESC NULLS LAST
            LIMIT $4
         )
         SELECT b.municipality, b.key, b.feed, b.is_known, b.first_heard, b.last_heard, b.last_f_cnt, b.messages,
                b.battery_v, b.battery_pct, b.temperature_c, b.rssi_dbm, b.snr_db, u.outcome AS last_outcome
         FROM both_of b
         LEFT JOIN LATERAL (
            SELECT outcome FROM uplink
            WHERE municipality = b.heard_in AND device = b.device AND event = 'up' AND copy = 0
            ORDER BY received_at DESC LIMIT 1
         ) u ON true
         ORDER BY b.key"#,
    )
    .bind(numbers(municipalities))
    .bind(only)
    .bind(after)
    .bind(limit as i64)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Device::from).collect())
}

/// One message of a device, as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub dedup_id: String,
    pub event: String,
    pub received_at: UtcMicros,
    pub network_at: Option<UtcMicros>,
    pub f_port: Option<i32>,
    pub f_cnt: Option<i64>,
    pub payload: Option<Vec<u8>>,
    pub spreading_factor: Option<i16>,
    pub rssi_dbm: Option<f32>,
    pub snr_db: Option<f32>,
    pub gateways: Vec<String>,
    pub decoder: Option<String>,
    pub qos: i16,
    pub decoded: Option<serde_json::Value>,
    /// `stored`, `heard`, `duplicate`, `rejected:REASON`.
    pub outcome: String,
    pub detail: Option<String>,
    pub dropped_fields: Vec<String>,
    /// 1: redeliveries of the message of the same id.
    pub copy: i16,
    /// How often it came.
    pub times: i32,
}

#[derive(FromRow)]
struct MessageRow {
    dedup_id: String,
    event: String,
    received_at: Ts,
    network_at: Option<Ts>,
    f_port: Option<i32>,
    f_cnt: Option<i64>,
    payload: Option<Vec<u8>>,
    spreading_factor: Option<i16>,
    rssi_dbm: Option<f32>,
    snr_db: Option<f32>,
    gateways: Vec<String>,
    decoder: Option<String>,
    qos: i16,
    decoded: Option<serde_json::Value>,
    outcome: String,
    detail: Option<String>,
    dropped_fields: Vec<String>,
    copy: i16,
    times: i32,
}

impl From<MessageRow> for Message {
    fn from(r: MessageRow) -> Self {
        Message {
            dedup_id: r.dedup_id,
            event: r.event,
            received_at: r.received_at.0,
            network_at: r.network_at.map(|t| t.0),
            f_port: r.f_port,
            f_cnt: r.f_cnt,
            payload: r.payload,
            spreading_factor: r.spreading_factor,
            rssi_dbm: r.rssi_dbm,
            snr_db: r.snr_db,
            gateways: r.gateways,
            decoder: r.decoder,
            qos: r.qos,
            decoded: r.decoded,
            outcome: r.outcome,
            detail: r.detail,
            dropped_fields: r.dropped_fields,
            copy: r.copy,
            times: r.times,
        }
    }
}

/// Messages of a device, newest first, those before `before` (receipt, deduplication id and copy).
///
/// # Errors
/// The database is not available.
pub async fn messages(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    device: &str,
    before: Option<(UtcMicros, &str, i16)>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let rows: Vec<MessageRow> = sqlx::query_as(
        r#"SELECT dedup_id, event, received_at, network_at, f_port, f_cnt, payload, spreading_factor, rssi_dbm, snr_db,
                gateways, decoder, qos, decoded, outcome, detail, dropped_fields, copy, times
         FROM uplink
         WHERE municipality = ANY($1) AND device = $2
           AND ($3::timestamptz IS NULL OR (received_at, dedup_id COLLATE "C", copy) < ($3, $4, $5))
         ORDER BY received_at DESC, dedup_id COLLATE "C" DESC, copy DESC
         LIMIT $6"#,
    )
    .bind(numbers(municipalities))
    .bind(device)
    .bind(before.map(|(at, ..)| Ts(at)))
    .bind(before.map(|(_, id, _)| id))
    .bind(before.map(|(.., copy)| copy))
    .bind(limit as i64)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Message::from).collect())
}

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
    pub payload: Vec<u8>,
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
    qos: i16,
    replayed_at: Option<Ts>,
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

/// Rejections, newest first.
///
/// # Errors
/// The database is not available.
pub async fn rejections(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    filter: &RejectedFilter<'_>,
    limit: usize,
) -> Result<Vec<Rejected>, StoreError> {
    let rows: Vec<RejectedRow> = sqlx::query_as(
        "SELECT id, feed, reason, topic, received_at, detail, remedy, devices, count, examples, times, last_received_at,
                payload, qos, replayed_at
         FROM rejection
         WHERE municipality = ANY($1)
           AND ($2::int IS NULL OR feed = $2)
           AND ($3::text IS NULL OR $3 = ANY(reasons))
           AND ($4::text IS NULL OR devices @> ARRAY[$4])
           AND ($5::bigint IS NULL OR id < $5)
         ORDER BY id DESC
         LIMIT $6",
    )
    .bind(numbers(municipalities))
    .bind(filter.feed.map(|f| f.0))
    .bind(filter.reason.map(Reason::as_str))
    .bind(filter.device)
    .bind(filter.before)
    .bind(limit as i64)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Rejected::from).collect())
}

/// How a feed is doing, as its ingest last wrote down.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedStatus {
    pub feed: FeedId,
    pub updated_at: UtcMicros,
    pub status: serde_json::Value,
}

/// The states of the feeds of some municipalities.
///
/// # Errors
/// The database is not available.
pub async fn feed_statuses(
    pool: &Pool,
    municipalities: &[MunicipalityId],
) -> Result<Vec<FeedStatus>, StoreError> {
    let rows: Vec<(i32, Ts, serde_json::Value)> = sqlx::query_as(
        "SELECT s.feed, s.updated_at, s.status
         FROM feed_status s JOIN feed f ON f.id = s.feed
         WHERE f.municipality = ANY($1)",
    )
    .bind(numbers(municipalities))
    .fetch_all(pool)
    .await?;
    let status = |(feed, updated_at, status): (i32, Ts, _)| FeedStatus {
        feed: FeedId(feed),
        updated_at: updated_at.0,
        status,
    };
    Ok(rows.into_iter().map(status).collect())
}
