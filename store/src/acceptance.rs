//! Tests by which installers accept sensors: what they rest on, and what they came to.

use std::collections::{BTreeMap, HashMap};

use domain::acceptance::{Frame, NeighbourChange};
use domain::{BayId, BayState, FeedId, MunicipalityId, SensorId, UtcMicros};
use serde_json::Value;
use sqlx::FromRow;

use crate::audit::{self, Actor, AuditEvent};
use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

/// Messages of the past and of a test that are judged at most, the newest.
const MAX_FRAMES: i64 = 20_000;

/// A test as it is stored.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Acceptance {
    /// Its number.
    pub id: i64,
    /// Whose sensor it is.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// Its sensor.
    #[sqlx(try_from = "i32")]
    pub sensor: SensorId,
    /// DevEUI or the supplier's id of the sensor.
    pub device: String,
    /// What the sensor was bound to, by text ids.
    pub target: Value,
    /// The limits by which it is judged.
    pub limits: Value,
    /// When it began.
    #[sqlx(try_from = "Ts")]
    pub started_at: UtcMicros,
    /// Who began it: the actor of the audit.
    pub started_by: String,
    /// How long it may last, seconds.
    pub timeout_s: i32,
    /// When it ended; `None`: it runs.
    #[sqlx(try_from = "MaybeTs")]
    pub ended_at: Option<UtcMicros>,
    /// What it came to, once it has ended.
    pub verdict: Option<Value>,
    /// When it was signed off.
    #[sqlx(try_from = "MaybeTs")]
    pub signed_at: Option<UtcMicros>,
    /// Who signed.
    pub signed_by: Option<String>,
    /// What the signer has to say; the reason where it did not pass.
    pub note: Option<String>,
}

const COLUMNS: &str =
    "a.id, a.municipality, a.sensor, s.key AS device, a.target, a.limits, a.started_at, a.started_by,
    a.timeout_s, a.ended_at, a.verdict, a.signed_at, a.signed_by, a.note";

/// A test that begins.
#[derive(Debug, Clone)]
pub struct NewAcceptance {
    /// Whose sensor it is.
    pub municipality: MunicipalityId,
    /// Its sensor.
    pub sensor: SensorId,
    /// DevEUI or the supplier's id of the sensor.
    pub device: String,
    /// See [`Acceptance::target`].
    pub target: Value,
    /// See [`Acceptance::limits`].
    pub limits: Value,
    /// See [`Acceptance::started_at`].
    pub started_at: UtcMicros,
    /// See [`Acceptance::timeout_s`].
    pub timeout_s: i32,
}

fn event(action: &'static str, device: &str, municipality: MunicipalityId, after: Value) -> AuditEvent {
    AuditEvent {
        action,
        subject: Some(format!("sensor {device}")),
        municipalities: vec![municipality],
        after: Some(after),
        ..AuditEvent::default()
    }
}

/// Begins a test, and audits that. `None`: another one of the sensor runs.
///
/// # Errors
/// The database is not available.
pub async fn start(pool: &Pool, new: NewAcceptance, actor: &Actor) -> Result<Option<i64>> {
    let mut tx = pool.begin().await?;
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO acceptance (municipality, sensor, target, limits, started_at, started_by, timeout_s)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sensor) WHERE ended_at IS NULL DO NOTHING RETURNING id",
    )
    .bind(new.municipality.0)
    .bind(new.sensor.0)
    .bind(&new.target)
    .bind(new.limits)
    .bind(Ts(new.started_at))
    .bind(&actor.name)
    .bind(new.timeout_s)
    .fetch_optional(&mut *tx)
    .await?;
    if id.is_some() {
        let event = event("accept", &new.device, new.municipality, new.target);
        audit::append(&mut tx, actor, &[event]).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// The tests that run.
///
/// # Errors
/// The database is not available.
pub async fn running(pool: &Pool) -> Result<Vec<Acceptance>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM acceptance a JOIN sensor s ON s.id = a.sensor WHERE a.ended_at IS NULL ORDER BY a.id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await?)
}

/// The newest test of a sensor.
///
/// # Errors
/// The database is not available.
pub async fn latest(pool: &Pool, sensor: SensorId) -> Result<Option<Acceptance>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM acceptance a JOIN sensor s ON s.id = a.sensor WHERE a.sensor = $1 ORDER BY a.id DESC LIMIT 1"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(sensor.0).fetch_optional(pool).await?)
}

/// The newest test of each sensor of `municipalities` that began during `[from, to)`, in the order of the sensors' ids: those
/// after `after`, at most `limit`.
///
/// # Errors
/// The database is not available.
pub async fn list(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    [from, to]: [UtcMicros; 2],
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Acceptance>> {
    let sql = format!(
        "SELECT DISTINCT ON (s.key COLLATE \"C\") {COLUMNS} FROM acceptance a JOIN sensor s ON s.id = a.sensor
         WHERE a.municipality = ANY($1) AND a.started_at >= $2 AND a.started_at < $3
           AND ($4::text IS NULL OR s.key COLLATE \"C\" > $4)
         ORDER BY s.key COLLATE \"C\", a.id DESC LIMIT $5"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
        .bind(Ts(from))
        .bind(Ts(to))
        .bind(after)
        .bind(limit as i64)
        .fetch_all(pool)
        .await?)
}

/// Stores what a test came to; nothing when it has ended already.
///
/// # Errors
/// The database is not available.
pub async fn end(pool: &Pool, id: i64, verdict: &Value, now: UtcMicros) -> Result<bool> {
    let done =
        sqlx::query("UPDATE acceptance SET ended_at = $2, verdict = $3 WHERE id = $1 AND ended_at IS NULL")
            .bind(id)
            .bind(Ts(now))
            .bind(verdict)
            .execute(pool)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// A signature under a test.
#[derive(Debug, Clone)]
pub struct Signature<'a> {
    /// Who signs.
    pub name: &'a str,
    /// What the signer has to say.
    pub note: Option<&'a str>,
    /// When.
    pub at: UtcMicros,
}

/// Signs a test that has ended, and audits that; `false`: it is signed already.
///
/// # Errors
/// The database is not available.
pub async fn sign(pool: &Pool, test: &Acceptance, signature: Signature<'_>, actor: &Actor) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let done = sqlx::query(
        "UPDATE acceptance SET signed_at = $2, signed_by = $3, note = $4
         WHERE id = $1 AND ended_at IS NOT NULL AND signed_at IS NULL",
    )
    .bind(test.id)
    .bind(Ts(signature.at))
    .bind(signature.name)
    .bind(signature.note)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() > 0 {
        let after = serde_json::json!({ "test": test.id, "note": signature.note });
        audit::append(&mut tx, actor, &[event("sign off", &test.device, test.municipality, after)]).await?;
    }
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

#[derive(FromRow)]
struct FrameRow {
    #[sqlx(try_from = "Ts")]
    received_at: UtcMicros,
    #[sqlx(try_from = "MaybeTs")]
    observed_at: Option<UtcMicros>,
    is_join: bool,
    state: Option<String>,
    rejected: Option<String>,
    f_cnt: Option<i64>,
    spreading_factor: Option<i16>,
    snr_db: Option<f32>,
    rssi_dbm: Option<f32>,
    gateways: Option<i32>,
    battery_v: Option<f32>,
    battery_pct: Option<f32>,
}

impl From<FrameRow> for Frame {
    fn from(row: FrameRow) -> Frame {
        let FrameRow { received_at, observed_at, is_join, f_cnt, spreading_factor, snr_db, rssi_dbm, .. } =
            row;
        Frame {
            received_at,
            observed_at,
            is_join,
            state: row.state.and_then(|state| state.parse().ok()),
            rejected: row.rejected.and_then(|reason| reason.parse().ok()),
            f_cnt,
            spreading_factor,
            snr_db,
            rssi_dbm,
            gateways: row.gateways.and_then(|n| usize::try_from(n).ok()),
            battery_v: row.battery_v,
            battery_pct: row.battery_pct,
        }
    }
}

/// The messages of a LoRaWAN device since `from`, in the order of receipt; the last one has the newest battery.
///
/// # Errors
/// The database is not available.
pub async fn frames(
    pool: &Pool,
    municipality: MunicipalityId,
    device: &str,
    from: UtcMicros,
) -> Result<Vec<Frame>> {
    let rows: Vec<FrameRow> = sqlx::query_as(
        "SELECT u.*, d.battery_v, d.battery_pct FROM (
             SELECT received_at, network_at AS observed_at, event = 'join' AS is_join, decoded ->> 'state' AS state,
                 CASE WHEN outcome LIKE 'rejected:%' THEN substr(outcome, 10) END AS rejected,
                 CASE WHEN event = 'up' THEN f_cnt END AS f_cnt, spreading_factor, snr_db, rssi_dbm,
                 cardinality(gateways) AS gateways
             FROM uplink
             WHERE municipality = $1 AND device = $2 AND received_at >= $3 AND copy = 0 AND event IN ('up', 'join')
             ORDER BY received_at DESC LIMIT $4) u
         LEFT JOIN device_state d ON d.municipality = $1 AND d.device = $2
         ORDER BY received_at",
    )
    .bind(municipality.0)
    .bind(device)
    .bind(Ts(from))
    .bind(MAX_FRAMES)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Frame::from).collect())
}

/// The same of a source that reports a bay without a LoRaWAN network.
///
/// # Errors
/// The database is not available.
pub async fn statements(pool: &Pool, bay: BayId, feed: FeedId, from: UtcMicros) -> Result<Vec<Frame>> {
    let rows: Vec<FrameRow> = sqlx::query_as(
        "SELECT * FROM (
             SELECT received_at, observed_at, false AS is_join,
                 CASE state WHEN 1 THEN 'vacant' WHEN 2 THEN 'occupied' END AS state, NULL AS rejected,
                 NULL::bigint AS f_cnt, NULL::smallint AS spreading_factor, NULL::real AS snr_db, rssi_dbm,
                 NULL::int AS gateways, battery_v, NULL::real AS battery_pct
             FROM bay_observation
             WHERE municipality = (SELECT municipality FROM place WHERE id = $1) AND bay = $1 AND feed = $2
               AND observed_at >= $3
             ORDER BY observed_at DESC LIMIT $4) o
         ORDER BY received_at",
    )
    .bind(bay.0)
    .bind(feed.0)
    .bind(Ts(from))
    .bind(MAX_FRAMES)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Frame::from).collect())
}

/// Changes of `bays`, by their text ids, since `from`. The first statement of each is none.
///
/// # Errors
/// The database is not available.
pub async fn changes_of(
    pool: &Pool,
    bays: &HashMap<BayId, String>,
    from: UtcMicros,
) -> Result<Vec<NeighbourChange>> {
    let rows: Vec<(i32, Ts, i16)> = sqlx::query_as(
        "SELECT bay, observed_at, state FROM bay_observation
         WHERE municipality IN (SELECT municipality FROM place WHERE id = ANY($1)) AND bay = ANY($1)
           AND observed_at >= $2 - interval '1 day' ORDER BY observed_at",
    )
    .bind(bays.keys().map(|bay| bay.0).collect::<Vec<_>>())
    .bind(Ts(from))
    .fetch_all(pool)
    .await?;
    let mut last: BTreeMap<i32, i16> = BTreeMap::new();
    let mut changes = Vec::new();
    for (bay, at, state) in rows {
        let is_change = last.insert(bay, state).is_some_and(|before| before != state);
        if let Some(key) = bays.get(&BayId(bay)).filter(|_| is_change && at.0 >= from) {
            changes.push(NeighbourChange { bay: key.clone(), at: at.0, state: BayState::from_code(state) });
        }
    }
    Ok(changes)
}
