//! Devices that are in the files, or were heard, or both.
//!
//! A device is one, whoever hears it: of one in the files only its own town's messages count, of an unknown one those of the
//! town that heard it last. Pages are read along indexes, of each town's sensors, and of what it heard by name and by time.

use domain::{FeedId, MunicipalityId, SensorId, UtcMicros};
use sqlx::{AssertSqlSafe, FromRow};

use super::numbers;
use crate::column::{MaybeId, MaybeTs};
use crate::{Pool, Result, Ts};

/// Of the newest payload so much is shown, bytes: more than a LoRaWAN frame has.
const SHOWN_BYTES: i32 = 256;

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
    /// The sensor that it is in the files; `None`: it is not in them.
    #[sqlx(try_from = "MaybeId")]
    pub sensor: Option<SensorId>,
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
    /// LoRaWAN port of the newest message.
    pub last_f_port: Option<i32>,
    /// The payload of the newest message, its first 256 bytes.
    pub last_payload: Option<Vec<u8>>,
    /// LoRa spreading factor of the newest message.
    pub spreading_factor: Option<i16>,
    /// Gateways that received the newest message, the best one first.
    pub last_gateways: Vec<String>,
}

/// What is searched for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Part of an id, in lower case.
    pub text: &'a str,
    /// Last digits of a DevEUI; empty: the text is none.
    pub digits: &'a str,
    /// Ids that are meant too.
    pub meant: &'a [String],
}

/// Which devices are wanted; all that is given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeviceFilter<'a> {
    /// Those of these ids.
    pub only: Option<&'a [String]>,
    /// Those that are found.
    pub search: Option<Search<'a>>,
    /// Those that this gateway hears.
    pub gateway: Option<&'a str>,
    /// Those that were heard at this instant or later.
    pub heard_since: Option<UtcMicros>,
    /// Those that are new or those that are not: not in the files, or never heard and bound to nothing.
    pub is_new: Option<bool>,
    /// Those with which something is wrong, or that were last heard before this instant.
    pub suspects_before: Option<UtcMicros>,
}

/// The order of a page, and the device that it comes after.
#[derive(Debug, Clone, Copy)]
pub enum DeviceOrder<'a> {
    /// By id.
    ById(Option<&'a str>),
    /// Those that were heard, newest first.
    ByHeard(Option<(UtcMicros, &'a str)>),
    /// Those that were never heard, by id.
    NeverHeard(Option<&'a str>),
}

/// What the filter asks of a device KEY with its rows `s` of the files and `d` of what was heard.
const WANTED: &str = r#"
    ($2::text[] IS NULL OR KEY = ANY($2))
    AND ($3::text IS NULL OR KEY = ANY($4)
         OR CASE WHEN KEY ~ '^[0-9a-f]{16}$' THEN $13 <> '' AND right(KEY, length($13)) = $13
                 ELSE position($3 IN lower(KEY)) > 0 END)
    AND ($5::text IS NULL
         OR EXISTS (SELECT FROM gateway_link l WHERE l.municipality = town.id AND l.device = KEY AND l.gateway = $5)
         OR NOT EXISTS (SELECT FROM gateway_link l WHERE l.municipality = town.id AND l.device = KEY)
         AND EXISTS (SELECT FROM (
             SELECT gateways FROM uplink u WHERE u.municipality = town.id AND u.device = KEY AND u.copy = 0
             ORDER BY u.received_at DESC LIMIT 1) newest WHERE $5 = ANY(newest.gateways)))
    AND ($6::timestamptz IS NULL OR d.last_heard >= $6)
    AND ($7::bool IS NULL OR $7 = CASE
         WHEN s.id IS NULL THEN true
         WHEN d.device IS NULL THEN NOT EXISTS (
            SELECT FROM sensor_binding b
            WHERE b.municipality = s.municipality AND b.sensor = s.id AND num_nonnulls(b.bay, b.site, b.vehicle) > 0
              AND b.from_utc <= now() AND b.until_utc > now())
         ELSE false END)
    AND ($8::timestamptz IS NULL OR d.last_heard IS NULL OR d.last_heard < $8 OR EXISTS (
            SELECT FROM health_reason r WHERE r.municipality = s.municipality AND r.source = s.id AND r.until_utc = 'infinity'))"#;

/// An unknown device counts where it was heard last, and nowhere where it is known.
const COUNTS_HERE: &str =
    "(SELECT k.id FROM sensor k WHERE k.key = d.device AND k.municipality = ANY($1)) IS NULL
    AND NOT EXISTS (SELECT FROM device_state o WHERE o.device = d.device AND o.municipality = ANY($1)
                    AND (o.last_heard, o.municipality) > (d.last_heard, d.municipality))";

const OF_FILES: &str = "sensor s
    LEFT JOIN device_state d ON d.municipality = s.municipality AND d.device = s.key WHERE s.municipality = town.id";

// The LIMIT keeps the planner from reading all sensors of the town for the few devices of a page.
const HEARD: &str = "device_state d LEFT JOIN LATERAL (
        SELECT * FROM sensor WHERE key = d.device AND municipality = d.municipality LIMIT 1) s ON true
    WHERE d.municipality = town.id";

/// A page of devices.
///
/// # Errors
/// The database is not available.
pub async fn devices(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    filter: &DeviceFilter<'_>,
    order: DeviceOrder<'_>,
    limit: usize,
) -> Result<Vec<Device>> {
    // Rows of one town, of those that come after the one named by $9 (and heard at $10), along an index.
    let rows = |rows: &str, key: &str, which: &str, sorted: &str| {
        let wanted = WANTED.replace("KEY", key);
        format!(
            r#"(SELECT s.id AS sensor, s.feed AS feed_of_files, {key} COLLATE "C" AS name, d.* FROM {rows}
                 AND {which} AND {wanted} ORDER BY {sorted} LIMIT $11)"#
        )
    };
    let by_name = |of: &str, key: &str, which: &str| {
        let after = format!(r#"($9::text IS NULL OR {key} COLLATE "C" > $9) AND {which}"#);
        rows(of, key, &after, &format!(r#"{key} COLLATE "C""#))
    };
    // A CASE, since otherwise the planner expects hardly any row to do, and reads all of them before it sorts.
    let counts = |known: &str| format!("CASE WHEN s.id IS NULL THEN {COUNTS_HERE} ELSE {known} END");
    let (rows, sorted, after) = match order {
        DeviceOrder::ById(after) => {
            let strangers = format!("d.is_stranger AND {}", counts("false"));
            let both = [by_name(OF_FILES, "s.key", "true"), by_name(HEARD, "d.device", &strangers)];
            (both.join(" UNION ALL "), "name", (after, None))
        }
        DeviceOrder::ByHeard(before) => {
            let before_it =
                r#"($10::timestamptz IS NULL OR (d.last_heard, d.device COLLATE "C") < ($10, $9))"#;
            let sorted = r#"d.last_heard DESC, d.device COLLATE "C" DESC"#;
            let strangers = if filter.is_new == Some(true) { "d.is_stranger" } else { "true" };
            let which = format!("{before_it} AND {strangers} AND {}", counts("true"));
            let heard = rows(HEARD, "d.device", &which, sorted);
            (heard, "last_heard DESC, name DESC", (before.map(|(_, key)| key), before.map(|(at, _)| Ts(at))))
        }
        DeviceOrder::NeverHeard(after) => {
            (by_name(OF_FILES, "s.key", "d.device IS NULL"), "name", (after, None))
        }
    };
    let sql = format!(
        r#"WITH page AS (
            SELECT town.id AS town, f.* FROM unnest($1::int[]) AS town (id) CROSS JOIN LATERAL ({rows}) f
            ORDER BY {sorted} LIMIT $11)
         SELECT p.town AS municipality, p.name AS key, coalesce(p.feed_of_files, p.feed) AS feed, p.sensor, p.first_heard,
            p.last_heard, p.last_f_cnt, coalesce(p.messages, 0) AS messages, p.battery_v, p.battery_pct, p.temperature_c,
            p.rssi_dbm, p.snr_db, u.outcome AS last_outcome, u.f_port AS last_f_port,
            substr(u.payload, 1, $12) AS last_payload, u.spreading_factor, coalesce(u.gateways, '{{}}') AS last_gateways
         FROM page p
         LEFT JOIN LATERAL (
            SELECT outcome, f_port, payload, spreading_factor, gateways FROM uplink
            WHERE municipality = p.town AND device = p.device AND event = 'up' AND copy = 0
              AND received_at <= now() + interval '5 minutes'
            ORDER BY received_at DESC LIMIT 1
         ) u ON true
         ORDER BY {sorted}"#
    );
    // Not kept: a plan for all filters at once is good for none.
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .persistent(false)
        .bind(numbers(municipalities))
        .bind(filter.only)
        .bind(filter.search.map(|s| s.text))
        .bind(filter.search.map(|s| s.meant))
        .bind(filter.gateway)
        .bind(filter.heard_since.map(Ts))
        .bind(filter.is_new)
        .bind(filter.suspects_before.map(Ts))
        .bind(after.0)
        .bind(after.1)
        .bind(limit as i64)
        .bind(SHOWN_BYTES)
        .bind(filter.search.map(|s| s.digits))
        .fetch_all(pool)
        .await?)
}
