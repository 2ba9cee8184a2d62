//! The messages of a device, and their outcomes.

use domain::{FeedId, MunicipalityId, UtcMicros};
use serde::{Serialize, Serializer};
use sqlx::FromRow;

use super::{PAGE_BYTES, SHOWN_BYTES, numbers};
use crate::column::{MaybeTs, PageRow};
use crate::{Pool, Result, Ts};

/// One message of a device, as it was kept, and as it is answered.
#[derive(Debug, Clone, PartialEq, FromRow, Serialize)]
pub struct DeviceMessage {
    /// The network server's id of the message, or one made of it.
    #[serde(rename = "id")]
    pub dedup_id: String,
    /// Which event of the network server it was: `up`, `join`, `status`.
    pub event: String,
    /// When it reached us.
    #[sqlx(try_from = "Ts")]
    pub received_at: UtcMicros,
    /// When it reached the network server.
    #[sqlx(try_from = "MaybeTs")]
    pub network_at: Option<UtcMicros>,
    /// LoRaWAN port.
    pub f_port: Option<i32>,
    /// LoRaWAN frame counter.
    pub f_cnt: Option<i64>,
    /// Its first [`SHOWN_BYTES`](super::SHOWN_BYTES).
    #[serde(rename = "hex", serialize_with = "as_hex")]
    pub payload: Option<Vec<u8>>,
    /// How many bytes it has.
    pub payload_bytes: Option<i32>,
    /// Which decoder read it.
    pub decoder: Option<String>,
    /// What was read of it.
    pub decoded: Option<serde_json::Value>,
    /// `stored`, `heard`, `duplicate`, `rejected:REASON`.
    pub outcome: String,
    /// What is wrong with it.
    pub detail: Option<String>,
    /// Fields that are not kept, since they are personal.
    pub dropped_fields: Vec<String>,
    /// 1: redeliveries of the message of the same id.
    #[serde(skip)]
    pub copy: i16,
    /// How often it came.
    pub times: i32,
    /// The ids of the gateways that received it.
    pub gateways: Vec<String>,
    /// LoRa spreading factor, 7 to 12.
    pub spreading_factor: Option<i16>,
    /// Signal strength at the best gateway.
    pub rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio there.
    pub snr_db: Option<f32>,
    /// The MQTT quality of service it came with; `None`: not known.
    pub qos: Option<i16>,
}

fn as_hex<S: Serializer>(payload: &Option<Vec<u8>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    payload.as_ref().map(hex).serialize(serializer)
}

/// Where a page of messages ends.
#[derive(Debug, Clone, Copy)]
pub struct MessageCursor<'a> {
    /// See [`DeviceMessage::received_at`].
    pub received_at: UtcMicros,
    /// See [`DeviceMessage::dedup_id`].
    pub dedup_id: &'a str,
    /// See [`DeviceMessage::copy`].
    pub copy: i16,
}

/// Messages of a device or place, newest first: at most `limit`, and no more than some MiB; and whether there are more.
/// Only those after the page that ends with `before`. Feeds that name their places keep only rejected
/// messages. `ids`: all ids of the device.
///
/// # Errors
/// The database is not available.
pub async fn messages(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    ids: &[String],
    before: Option<MessageCursor<'_>>,
    limit: usize,
) -> Result<(Vec<DeviceMessage>, bool)> {
    let rows: Vec<PageRow<DeviceMessage>> = sqlx::query_as(
        r#"WITH heard AS (
            SELECT dedup_id COLLATE "C" AS dedup_id, event, received_at, network_at, f_port, f_cnt, payload,
                spreading_factor, rssi_dbm, snr_db, gateways, decoder, qos, decoded, outcome, detail, dropped_fields,
                copy, times
            FROM uplink
            WHERE municipality = ANY($1) AND device = ANY($2)
              AND ($3::timestamptz IS NULL OR (received_at, dedup_id COLLATE "C", copy) < ($3, $4, $5))
            ORDER BY received_at DESC, dedup_id COLLATE "C" DESC, copy DESC
            LIMIT $6 + 1
         ),
         refused AS (
            SELECT ('rejection-' || r.id) COLLATE "C" AS dedup_id, 'message' AS event, r.received_at,
                NULL::timestamptz AS network_at, NULL::int AS f_port, NULL::bigint AS f_cnt, NULL::bytea AS payload,
                NULL::smallint AS spreading_factor, NULL::real AS rssi_dbm, NULL::real AS snr_db, '{}'::text[] AS gateways,
                NULL::text AS decoder, r.qos, NULL::jsonb AS decoded,
                'rejected:' || coalesce(e.element ->> 'reason', r.reason) AS outcome,
                coalesce(e.element ->> 'detail', r.detail) AS detail, '{}'::text[] AS dropped_fields,
                0::smallint AS copy, r.times
            FROM rejection r
            JOIN feed f ON f.id = r.feed
            LEFT JOIN LATERAL (
                SELECT element FROM jsonb_array_elements(r.examples) AS element
                WHERE element ->> 'device' = ANY($2) LIMIT 1) e ON true
            WHERE r.municipality = ANY($1) AND r.devices && $2
              -- These keep the message itself, with its outcome.
              AND f.def ->> 'format' NOT IN ('chirpstack', 'tts')
         ),
         wanted AS (
            SELECT * FROM (
                SELECT * FROM heard
                UNION ALL
                SELECT * FROM refused
                WHERE $3::timestamptz IS NULL OR (received_at, dedup_id, copy) < ($3, $4, $5)) both_of
            ORDER BY received_at DESC, dedup_id DESC, copy DESC
            LIMIT $6 + 1
         ),
         sized AS (
            SELECT *, count(*) OVER () AS found, row_number() OVER newest AS n,
                sum(2 * least(coalesce(octet_length(payload), 0), $7) + coalesce(octet_length(decoded::text), 0)
                    + coalesce(octet_length(detail), 0)) OVER newest AS bytes
            FROM wanted
            WINDOW newest AS (ORDER BY received_at DESC, dedup_id DESC, copy DESC)
         )
         SELECT dedup_id, event, received_at, network_at, f_port, f_cnt, substr(payload, 1, $7) AS payload,
            octet_length(payload) AS payload_bytes, spreading_factor, rssi_dbm, snr_db, gateways, decoder, qos, decoded,
            outcome, detail, dropped_fields, copy, times, found
         FROM sized
         WHERE n <= $6 AND (bytes <= $8 OR n = 1)
         ORDER BY received_at DESC, dedup_id DESC, copy DESC"#,
    )
    .bind(numbers(municipalities))
    .bind(ids)
    .bind(before.map(|cursor| Ts(cursor.received_at)))
    .bind(before.map(|cursor| cursor.dedup_id))
    .bind(before.map(|cursor| cursor.copy))
    .bind(limit as i64)
    .bind(SHOWN_BYTES)
    .bind(PAGE_BYTES)
    .fetch_all(pool)
    .await?;
    Ok(PageRow::page(rows))
}

/// New messages by municipality, device and id, in the order of their receipt, with the feed that each came by. What has gone
/// meanwhile is left out.
///
/// # Errors
/// The database is not available.
pub async fn messages_of(
    pool: &Pool,
    keys: &[(MunicipalityId, &str, &str)],
) -> Result<Vec<(MunicipalityId, FeedId, String, DeviceMessage)>> {
    #[derive(FromRow)]
    struct Row {
        municipality: i32,
        feed: i32,
        device: String,
        #[sqlx(flatten)]
        message: DeviceMessage,
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT u.municipality, u.feed, u.device, dedup_id, event, received_at, network_at, f_port, f_cnt,
            substr(payload, 1, $4) AS payload, octet_length(payload) AS payload_bytes, spreading_factor, rssi_dbm, snr_db,
            gateways, decoder, qos, decoded, outcome, detail, dropped_fields, copy, times
         FROM unnest($1, $2, $3) AS k (municipality, device, dedup_id) JOIN uplink u USING (municipality, device, dedup_id)
         WHERE copy = 0 ORDER BY received_at",
    )
    .bind(keys.iter().map(|(municipality, ..)| municipality.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, device, _)| *device).collect::<Vec<_>>())
    .bind(keys.iter().map(|(.., id)| *id).collect::<Vec<_>>())
    .bind(SHOWN_BYTES)
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (MunicipalityId(r.municipality), FeedId(r.feed), r.device, r.message))
        .collect())
}
