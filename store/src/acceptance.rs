//! Tests by which installers accept sensors: what they rest on, and what they came to.

mod evidence;

use domain::{BothWays, MunicipalityId, SensorId, UtcMicros};
use serde_json::Value;
use sqlx::FromRow;

pub use self::evidence::{changes_of, count_of, counts, fixes, frames, statements};
use crate::audit::{self, Actor, AuditEvent};
use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

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
    /// What the sensor was bound to, by text ids; of a lane also how often is driven in and out.
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

impl Acceptance {
    /// How often the installer drives in and out through a lane; once each where nothing is stated.
    pub fn drives(&self) -> BothWays {
        let number = |name: &str| self.target.get(name)?.as_i64().and_then(|n| i32::try_from(n).ok());
        BothWays { entries: number("entries").unwrap_or(1), exits: number("exits").unwrap_or(1) }
    }
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
