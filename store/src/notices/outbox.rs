//! Notices on their way, and what became of them.

use domain::notice::{Notice, NoticeKind, NoticeRule};
use domain::{MunicipalityId, UtcMicros};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::Rule;
use crate::audit::{self, Actor, AuditEvent};
use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

/// How long a notice is tried, seconds: a receiver may be away over a long weekend.
const EXPIRES_S: i64 = 5 * 86_400;

/// Items of one held notice: a night in which everything wavers must not make a message that no receiver takes.
const MAX_ITEMS: usize = 1_000;

domain::wire_enum! {
    /// What became of a notice.
    DeliveryState {
        /// It is to be delivered.
        Pending = "pending",
        /// Its receiver has it.
        Delivered = "delivered",
        /// It was given up.
        Dead = "dead",
    }
}

/// A notice and its delivery.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Delivery {
    /// Later ones are higher.
    pub seq: i64,
    /// The same at each attempt.
    pub id: String,
    /// Whose it is.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// The kind of its receiver: `webhook`, `mqtt`, `smtp`.
    pub target: String,
    /// What is delivered.
    pub body: Json<Notice>,
    /// What became of it: one of [`DeliveryState`].
    pub state: String,
    /// When it was made.
    #[sqlx(try_from = "Ts")]
    pub created_at: UtcMicros,
    /// When it is given up.
    #[sqlx(try_from = "Ts")]
    pub expires_at: UtcMicros,
    /// When it is tried next, if it is pending.
    #[sqlx(try_from = "Ts")]
    pub next_attempt: UtcMicros,
    /// How often it was tried.
    pub attempts: i32,
    /// Why the newest attempt that failed did.
    pub error: Option<String>,
    /// When it was delivered.
    #[sqlx(try_from = "MaybeTs")]
    pub delivered_at: Option<UtcMicros>,
}

const COLUMNS: &str =
    "n.seq, n.id, n.municipality, n.target, n.body, n.state, n.created_at, n.expires_at, n.next_attempt,
    n.attempts, n.error, n.delivered_at";

/// Adds a notice of `rule`, in the transaction that found what it says. `held_until`: the end of quiet hours; all that is found
/// until then becomes one notice.
///
/// # Errors
/// The database is not available.
pub async fn append(
    conn: &mut PgConnection,
    rule: &Rule,
    notice: Notice,
    held_until: Option<UtcMicros>,
) -> Result<()> {
    let Some(target) = rule.rule.target() else { return Ok(()) };
    if let Some(held_until) = held_until.filter(|_| notice.kind == NoticeKind::Health) {
        let held: Option<(i64, Json<Notice>)> = sqlx::query_as(
            "SELECT seq, body FROM notice
             WHERE rule = $1 AND state = 'pending' AND held_until = $2 AND attempts = 0 AND body->>'kind' = 'health'
             ORDER BY seq DESC LIMIT 1 FOR UPDATE",
        )
        .bind(&rule.rule.id)
        .bind(Ts(held_until))
        .fetch_optional(&mut *conn)
        .await?;
        if let Some((seq, Json(mut held))) = held.filter(|(_, held)| held.items.len() < MAX_ITEMS) {
            held.items.extend(notice.items);
            sqlx::query("UPDATE notice SET body = $2 WHERE seq = $1")
                .bind(seq)
                .bind(Json(held.summarized()))
                .execute(conn)
                .await?;
            return Ok(());
        }
    }
    let first_attempt = held_until.unwrap_or(notice.at);
    sqlx::query(
        "INSERT INTO notice (municipality, rule, target, body, created_at, held_until, expires_at, next_attempt)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(rule.municipality.0)
    .bind(&rule.rule.id)
    .bind(target.kind())
    .bind(Json(&notice))
    .bind(Ts(notice.at))
    .bind(held_until.map(Ts))
    .bind(Ts(first_attempt.plus_s(EXPIRES_S)))
    .bind(Ts(first_attempt))
    .execute(conn)
    .await?;
    Ok(())
}

/// A notice that is to be delivered now.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct DueNotice {
    /// Its rule as it is now.
    pub rule: Json<NoticeRule>,
    /// The notice.
    #[sqlx(flatten)]
    pub delivery: Delivery,
}

/// Of each rule the oldest pending notice, if it is to be tried by `now`: those of one receiver are delivered in their order.
///
/// # Errors
/// The database is not available.
pub async fn due(conn: &mut PgConnection, now: UtcMicros) -> Result<Vec<DueNotice>> {
    let sql = format!(
        "SELECT r.def AS rule, n.* FROM notice_rule r CROSS JOIN LATERAL (
             SELECT {COLUMNS} FROM notice n WHERE n.rule = r.key AND n.state = 'pending' ORDER BY n.seq LIMIT 1) n
         WHERE n.next_attempt <= $1 ORDER BY n.seq"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(Ts(now)).fetch_all(conn).await?)
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempted {
    /// The receiver has it.
    Delivered,
    /// It is tried again then.
    Again {
        /// Why it failed.
        error: String,
        /// When it is tried again.
        next_attempt: UtcMicros,
    },
    /// It is given up.
    Dead {
        /// Why it failed.
        error: String,
    },
}

/// Records an attempt at `now`.
///
/// # Errors
/// The database is not available: the notice is then delivered again, with the same id.
pub async fn attempted(
    conn: &mut PgConnection,
    seq: i64,
    attempted: &Attempted,
    now: UtcMicros,
) -> Result<()> {
    let (state, error, next_attempt) = match attempted {
        Attempted::Delivered => (DeliveryState::Delivered, None, None),
        Attempted::Again { error, next_attempt } => {
            (DeliveryState::Pending, Some(error), Some(*next_attempt))
        }
        Attempted::Dead { error } => (DeliveryState::Dead, Some(error), None),
    };
    sqlx::query(
        "UPDATE notice SET state = $2, error = coalesce($3, error), next_attempt = coalesce($4, next_attempt),
             attempts = attempts + 1, delivered_at = CASE WHEN $2 = 'delivered' THEN $5 END
         WHERE seq = $1",
    )
    .bind(seq)
    .bind(state.as_str())
    .bind(error)
    .bind(next_attempt.map(Ts))
    .bind(Ts(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// How many notices wait for their receivers, and how many were given up, by kind of receiver and state.
///
/// # Errors
/// The database is not available.
pub async fn counts(conn: &mut PgConnection) -> Result<Vec<(String, String, i64)>> {
    let sql = "SELECT target, state, count(*) FROM notice WHERE state <> 'delivered' GROUP BY target, state";
    Ok(sqlx::query_as(sql).fetch_all(conn).await?)
}

/// Notices of these municipalities, newest first, those before `before`; whether there are more.
///
/// # Errors
/// The database is not available.
pub async fn page(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: usize,
) -> Result<(Vec<Delivery>, bool)> {
    let sql = format!(
        "SELECT {COLUMNS} FROM notice n
         WHERE n.municipality = ANY($1) AND ($2::text IS NULL OR n.state = $2) AND ($3::bigint IS NULL OR n.seq < $3)
         ORDER BY n.seq DESC LIMIT $4"
    );
    let mut found: Vec<Delivery> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
        .bind(state.map(DeliveryState::as_str))
        .bind(before)
        .bind(limit as i64 + 1)
        .fetch_all(pool)
        .await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok((found, has_more))
}

/// What became of a request to deliver again.
#[derive(Debug, Clone, PartialEq)]
pub enum Retried {
    /// It is to be delivered at once, or its receiver has it already.
    Known(Box<Delivery>),
    /// Its rule was removed.
    NoRule,
    /// None of these municipalities has it.
    Unknown,
}

/// Has a notice delivered again at `now`, also a dead one, and tries it for as long as a new one.
///
/// # Errors
/// The database is not available.
pub async fn retry(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    id: &str,
    actor: &Actor,
    now: UtcMicros,
) -> Result<Retried> {
    let mut tx = pool.begin().await?;
    let sql =
        format!("SELECT {COLUMNS} FROM notice n WHERE n.id = $1 AND n.municipality = ANY($2) FOR UPDATE");
    let held: Option<Delivery> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(held) = held else { return Ok(Retried::Unknown) };
    if held.state == DeliveryState::Delivered.as_str() {
        return Ok(Retried::Known(Box::new(held)));
    }
    let has_rule: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM notice_rule WHERE key = $1)")
        .bind(&held.body.0.notice)
        .fetch_one(&mut *tx)
        .await?;
    if !has_rule {
        return Ok(Retried::NoRule);
    }
    let sql = format!(
        "UPDATE notice n SET state = 'pending', next_attempt = $2, expires_at = $3 WHERE n.id = $1 RETURNING {COLUMNS}"
    );
    let delivery = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(Ts(now))
        .bind(Ts(now.plus_s(EXPIRES_S)))
        .fetch_one(&mut *tx)
        .await?;
    let event = AuditEvent {
        action: "notice retry",
        subject: Some(format!("notice {id}")),
        municipalities: vec![held.municipality],
        before: Some(serde_json::json!({ "state": held.state })),
        after: Some(serde_json::json!({ "state": "pending" })),
        ..AuditEvent::default()
    };
    audit::append(&mut tx, actor, &[event]).await?;
    tx.commit().await?;
    Ok(Retried::Known(Box::new(delivery)))
}
