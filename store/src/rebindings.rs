//! Requests to decode again what devices have sent, since a binding or decoder was changed back in time: written with
//! the change, carried out by an ingest.
//!
//! No message escapes. A writer that stores messages shares a lock (`store_messages`), and whoever changes
//! bindings takes it alone (`wait_for_writers`): so a message is either committed before the change, and found by the request, or its
//! writer sees the request. Then it requests the message again if it was read with the places of before (`reopen`).

use std::collections::BTreeMap;

use domain::registry::Entry;
use domain::{
    BayId, BayReading, ClockPolicy, Feed, FeedId, MunicipalityId, SensorId, Uplink, UtcMicros,
    feed::MAX_AHEAD_S,
};
use serde::Serialize;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use crate::column::{Ids, MaybeTs};
use crate::{Pool, Result, Ts, forecast, ingest_process};

/// Notified of each request.
pub const CHANNEL: &str = "kv_rebinding";

/// An ingest that does not report for so long is gone: another one continues. Seconds.
const GONE_AFTER_S: f64 = 10.0;

/// Advisory lock: see the module's description.
const WRITERS_LOCK: i64 = 0x6b76_7265_6269; // "kvrebi"

/// What of the statement about an uplink's time is known to the database: as the ingest judges it ($1 the longest age
/// that the network's clock may have, microseconds; 0: it does not count).
const OBSERVED_AT: &str = "CASE WHEN network_at > received_at - $1 * interval '1 microsecond'
                                 AND network_at <= received_at + interval '5 minutes' AND $1 > 0
                            THEN network_at ELSE received_at END";

/// Uplinks whose payload can be decoded again.
const IS_KEPT: &str = "event = 'up' AND copy = 0 AND payload IS NOT NULL";

/// A device whose messages are to be decoded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRebinding {
    /// Of its feed.
    pub municipality: MunicipalityId,
    /// DevEUI.
    pub device: String,
    /// What was observed earlier stays.
    pub from: UtcMicros,
    /// Whose places it is about.
    pub towns: Vec<MunicipalityId>,
    /// How many messages there are.
    pub total: i64,
}

/// A request that is carried out.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Rebinding {
    /// The generation of places that it belongs to.
    pub job: i64,
    /// Of the device's feed.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// DevEUI.
    pub device: String,
    /// The sensor that it is.
    #[sqlx(try_from = "i32")]
    pub sensor: SensorId,
    /// What was observed earlier stays.
    #[sqlx(rename = "from_utc", try_from = "Ts")]
    pub from: UtcMicros,
    /// Whose places it is about.
    #[sqlx(try_from = "Ids")]
    pub towns: Vec<MunicipalityId>,
    /// Messages up to this one are decoded: when it was received.
    #[sqlx(try_from = "Ts")]
    pub next_utc: UtcMicros,
    /// And its id.
    pub next_id: String,
    /// Places whose observations it changed, with the newest statement about a bay that was withdrawn.
    #[sqlx(json)]
    pub touched: Touched,
}

/// Bays and sites, and of bays the newest statement of the device that was withdrawn.
pub type Touched = BTreeMap<i32, Option<BayReading>>;

domain::wire_enum! {
    /// How far a request has come.
    RebindingState {
        /// No ingest has taken it up.
        Waiting = "waiting",
        /// An ingest decodes.
        Running = "running",
        /// All is decoded.
        Done = "done",
    }
}

/// How far the newest request of a device has come, in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RebindingProgress {
    /// Whether it waits, runs or is done.
    pub state: RebindingState,
    /// Messages that are decoded.
    pub done: i64,
    /// Of so many.
    pub of: i64,
}

/// A kept message of a device.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct KeptUplink {
    /// The network server's id of it.
    pub dedup_id: String,
    /// When it reached us.
    #[sqlx(try_from = "Ts")]
    pub received_at: UtcMicros,
    /// The network server's clock.
    #[sqlx(try_from = "MaybeTs")]
    pub network_at: Option<UtcMicros>,
    /// LoRaWAN's FPort.
    pub f_port: Option<i32>,
    /// LoRaWAN's frame counter.
    pub f_cnt: Option<i64>,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Of the gateway that received it best.
    pub rssi_dbm: Option<f32>,
    /// What was read of it.
    pub decoded: Option<serde_json::Value>,
    /// QoS it was delivered with.
    #[sqlx(try_from = "i16")]
    pub qos: u8,
}

/// Since when messages of a device are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptSince {
    /// The oldest message.
    pub(crate) messages: UtcMicros,
    /// When the device was heard first.
    pub(crate) first_heard: UtcMicros,
}

/// Since when messages of a device are kept; `None`: none is.
pub(crate) async fn kept_since(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    device: &str,
) -> Result<Option<KeptSince>> {
    let (messages, first_heard): (Option<Ts>, Option<Ts>) = sqlx::query_as(
        "SELECT (SELECT min(received_at) FROM uplink WHERE municipality = $1 AND device = $2),
                (SELECT first_heard FROM device_state WHERE municipality = $1 AND device = $2)",
    )
    .bind(municipality.0)
    .bind(device)
    .fetch_one(conn)
    .await?;
    let kept = messages.zip(first_heard);
    Ok(kept.map(|(messages, first_heard)| KeptSince { messages: messages.0, first_heard: first_heard.0 }))
}

/// The longest age of the network's clock that `feed` believes, microseconds; 0: it goes by the receipt.
fn longest_age_us(feed: &Entry<FeedId, Feed>) -> i64 {
    match feed.def.clock() {
        ClockPolicy::Receipt => 0,
        _ => feed.def.max_age_s().saturating_mul(domain::time::MICROS_PER_S),
    }
}

/// How many kept messages of a device were observed at `from` or later.
pub(crate) async fn count(
    conn: &mut PgConnection,
    feed: &Entry<FeedId, Feed>,
    device: &str,
    from: UtcMicros,
) -> Result<i64> {
    let sql = format!(
        "SELECT count(*) FROM uplink
         WHERE municipality = $2 AND device = $3 AND received_at >= $4 AND {IS_KEPT} AND {OBSERVED_AT} >= $5"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(longest_age_us(feed))
        .bind(feed.municipality.0)
        .bind(device)
        .bind(Ts(before(from)))
        .bind(Ts(from))
        .fetch_one(conn)
        .await?)
}

/// Nothing that is observed at `from` or later was received earlier.
fn before(from: UtcMicros) -> UtcMicros {
    if from.0 == i64::MIN { from } else { from.plus_s(-MAX_AHEAD_S) }
}

/// Some kept messages of the request's device after the last that is decoded, in the order of their receipt, with whether
/// each was observed within the request's time.
///
/// # Errors
/// The database is not available.
pub async fn messages(
    pool: &Pool,
    request: &Rebinding,
    feed: &Entry<FeedId, Feed>,
    limit: i64,
) -> Result<Vec<KeptUplink>> {
    let sql = format!(
        "SELECT dedup_id, received_at, network_at, f_port, f_cnt, payload, rssi_dbm, decoded, qos FROM uplink
         WHERE municipality = $2 AND device = $3 AND received_at >= $4
           AND (received_at, dedup_id COLLATE \"C\") > ($4, $5) AND {IS_KEPT} AND {OBSERVED_AT} >= $6
         ORDER BY received_at, dedup_id COLLATE \"C\" LIMIT $7"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(longest_age_us(feed))
        .bind(request.municipality.0)
        .bind(&request.device)
        .bind(Ts(request.next_utc))
        .bind(&request.next_id)
        .bind(Ts(request.from))
        .bind(limit)
        .fetch_all(pool)
        .await?)
}

/// Waits until every writer that stores messages has committed; others wait until the caller's transaction has. See
/// the module's description.
pub(crate) async fn wait_for_writers(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(WRITERS_LOCK).execute(conn).await?;
    Ok(())
}

/// Of a transaction that stores messages: see the module's description.
pub(crate) async fn store_messages(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(WRITERS_LOCK).execute(conn).await?;
    Ok(())
}

/// Stores requests, and notifies.
pub(crate) async fn ask(conn: &mut PgConnection, job: i64, devices: &[NewRebinding]) -> Result<()> {
    for device in devices {
        sqlx::query(
            "INSERT INTO rebinding (job, municipality, device, sensor, from_utc, towns, next_utc, total)
             SELECT $1, $2, $3, id, $4, $5, $6, $7 FROM sensor WHERE key = $3",
        )
        .bind(job)
        .bind(device.municipality.0)
        .bind(&device.device)
        .bind(Ts(device.from))
        .bind(device.towns.iter().map(|town| town.0).collect::<Vec<_>>())
        .bind(Ts(before(device.from)))
        .bind(device.total)
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(conn).await?;
    Ok(())
}

/// Requests again what was read with the places of before a change; call it after storing the messages.
pub(crate) async fn reopen(conn: &mut PgConnection, uplinks: &[Uplink]) -> Result<()> {
    let reopened = sqlx::query(
        "UPDATE rebinding r
         SET next_utc = least(r.next_utc, u.at - interval '1 microsecond'), next_id = '', done_at = NULL,
             seen_at = CASE WHEN r.done_at IS NULL THEN r.seen_at END, total = r.total + u.n
         FROM (SELECT m, d, g, min(at) AS at, count(*) AS n FROM unnest($1, $2, $3, $4) AS t(m, d, g, at)
               GROUP BY m, d, g) u
         WHERE r.municipality = u.m AND r.device = u.d AND r.job > u.g",
    )
    .bind(uplinks.iter().map(|u| u.municipality.0).collect::<Vec<_>>())
    .bind(uplinks.iter().map(|u| u.device.as_str()).collect::<Vec<_>>())
    .bind(uplinks.iter().map(|u| u.generation).collect::<Vec<_>>())
    .bind(uplinks.iter().map(|u| Ts(u.received_at)).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    if reopened.rows_affected() > 0 {
        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(conn).await?;
    }
    Ok(())
}

const COLUMNS: &str = "job, municipality, device, sensor, from_utc, towns, next_utc, next_id, touched";

/// Takes the oldest request that no ingest works on; those of one device one after the other.
///
/// # Errors
/// The database is not available.
pub async fn take(pool: &Pool) -> Result<Option<Rebinding>> {
    let sql = format!(
        "UPDATE rebinding SET seen_at = now()
         WHERE (municipality, device, job) = (
             SELECT municipality, device, job FROM rebinding r
             WHERE done_at IS NULL
               -- Times from a clock that was ahead do not count.
               AND (seen_at IS NULL OR seen_at < now() - make_interval(secs => $1)
                    OR seen_at > now() + interval '5 minutes')
               AND NOT EXISTS (SELECT FROM rebinding e WHERE e.municipality = r.municipality AND e.device = r.device
                                 AND e.job < r.job AND e.done_at IS NULL)
             ORDER BY job, device FOR UPDATE SKIP LOCKED LIMIT 1)
         RETURNING {COLUMNS}"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(GONE_AFTER_S).fetch_optional(pool).await?)
}

/// The request as it is stored.
///
/// # Errors
/// The database is not available.
pub async fn read(pool: &Pool, request: &Rebinding) -> Result<Option<Rebinding>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rebinding WHERE municipality = $1 AND device = $2 AND job = $3 AND done_at IS NULL"
    );
    Ok(sqlx::query_as(AssertSqlSafe(sql))
        .bind(request.municipality.0)
        .bind(&request.device)
        .bind(request.job)
        .fetch_optional(pool)
        .await?)
}

/// Notes that the messages up to the last of `chunk` are decoded; whether nobody has noted or requested anything since
/// the request was read.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    request: &Rebinding,
    last: &KeptUplink,
    n: usize,
    touched: &Touched,
) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE rebinding SET next_utc = $4, next_id = $5, done = done + $6, touched = $7, seen_at = now()
         WHERE municipality = $1 AND device = $2 AND job = $3 AND next_utc = $8 AND next_id = $9 AND done_at IS NULL",
    )
    .bind(request.municipality.0)
    .bind(&request.device)
    .bind(request.job)
    .bind(Ts(last.received_at))
    .bind(&last.dedup_id)
    .bind(n as i64)
    .bind(Json(touched))
    .bind(Ts(request.next_utc))
    .bind(&request.next_id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that a request is done, and that forecasts of its towns are to be learned again; whether nobody has requested
/// anything since it was read.
pub(crate) async fn finish(conn: &mut PgConnection, request: &Rebinding) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE rebinding SET done_at = now(), touched = '{}'
         WHERE municipality = $1 AND device = $2 AND job = $3 AND next_utc = $4 AND next_id = $5 AND done_at IS NULL",
    )
    .bind(request.municipality.0)
    .bind(&request.device)
    .bind(request.job)
    .bind(Ts(request.next_utc))
    .bind(&request.next_id)
    .execute(&mut *conn)
    .await?;
    if !request.touched.is_empty() {
        let generation = ingest_process::generation(conn).await?;
        forecast::learn_again(conn, request.towns.iter().copied(), generation).await?;
    }
    Ok(done.rows_affected() > 0)
}

/// How far the newest requests of `devices` have come.
///
/// # Errors
/// The database is not available.
pub async fn progress(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    devices: &[&str],
) -> Result<BTreeMap<String, RebindingProgress>> {
    let rows: Vec<(String, i64, i64, bool, bool)> = sqlx::query_as(
        "SELECT DISTINCT ON (device) device, done, total, seen_at IS NOT NULL, done_at IS NOT NULL
         FROM rebinding WHERE municipality = ANY($1) AND device = ANY($2) ORDER BY device, job DESC",
    )
    .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(devices)
    .fetch_all(pool)
    .await?;
    let progress = |(device, done, of, is_taken, is_done): (String, i64, i64, bool, bool)| {
        let state = match (is_done, is_taken) {
            (true, _) => RebindingState::Done,
            (false, true) => RebindingState::Running,
            (false, false) => RebindingState::Waiting,
        };
        (device, RebindingProgress { state, done: done.min(of), of })
    };
    Ok(rows.into_iter().map(progress).collect())
}

/// Withdrawn statements must not come back with latest states that were written late: whether the observation is still
/// stored, for each of `readings`; of devices that were never bound again it is not looked for.
pub(crate) async fn are_stored(
    conn: &mut PgConnection,
    readings: &[(MunicipalityId, BayId, BayReading)],
) -> Result<Vec<bool>> {
    let gone: Vec<i64> = sqlx::query_scalar(
        "SELECT t.i - 1 FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS t(m, b, s, at, state, i)
         WHERE EXISTS (SELECT FROM rebinding r WHERE r.sensor = t.s)
           AND NOT EXISTS (SELECT FROM bay_observation o
                           WHERE o.municipality = t.m AND o.observed_at = t.at AND o.bay = t.b AND o.sensor = t.s
                             AND o.state = t.state)",
    )
    .bind(readings.iter().map(|(municipality, ..)| municipality.0).collect::<Vec<_>>())
    .bind(readings.iter().map(|(_, bay, _)| bay.0).collect::<Vec<_>>())
    .bind(readings.iter().map(|(.., reading)| reading.sensor.map(|s| s.0)).collect::<Vec<_>>())
    .bind(readings.iter().map(|(.., reading)| Ts(reading.observed_at)).collect::<Vec<_>>())
    .bind(readings.iter().map(|(.., reading)| reading.state.code()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let mut stored = vec![true; readings.len()];
    for index in gone {
        if let Some(is_stored) = usize::try_from(index).ok().and_then(|index| stored.get_mut(index)) {
            *is_stored = false;
        }
    }
    Ok(stored)
}
