//! Requests to replay rejected messages, written by the API and carried out by an ingest.

use domain::{FeedId, MunicipalityId, Reason, UtcMicros};
use serde_json::json;
use sqlx::FromRow;

use crate::StoreError;
use crate::audit::{self, Actor, AuditEvent, Outcome};
use crate::pool::Pool;
use crate::ts::Ts;

/// Notified of each request.
pub const CHANNEL: &str = "kv_replay";

/// An ingest that does not report for so long is gone: another one continues. Seconds.
const GONE_AFTER_S: f64 = 60.0;

/// Which rejected messages are to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Those that the caller may see.
    pub municipalities: Vec<MunicipalityId>,
    pub feed: Option<FeedId>,
    pub reason: Option<Reason>,
    pub ids: Option<Vec<i64>>,
    /// Received before this.
    pub before: Option<UtcMicros>,
}

/// How far a replay has come, in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub replayed: i64,
    /// Of the replayed: accepted now, and removed from the quarantine.
    pub stored: i64,
    /// Of the replayed: rejected again.
    pub rejected: i64,
    /// Matching ones that were not replayed.
    pub left: i64,
}

/// The state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub progress: Progress,
    pub is_taken: bool,
    pub is_done: bool,
}

/// A rejected message to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedMessage {
    pub id: i64,
    pub municipality: MunicipalityId,
    pub feed: FeedId,
    pub topic: String,
    pub received_at: UtcMicros,
    pub payload: Vec<u8>,
    pub qos: u8,
}

/// Stores a request, notifies, and audits it; returns its id.
///
/// # Errors
/// The database is not available.
pub async fn ask(pool: &Pool, request: &Request, actor: &Actor) -> Result<i64, StoreError> {
    let mut tx = pool.begin().await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO replay (municipalities, feed, reason, ids, before) VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(request.municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(request.feed.map(|f| f.0))
    .bind(request.reason.map(Reason::as_str))
    .bind(&request.ids)
    .bind(request.before.map(Ts))
    .fetch_one(&mut *tx)
    .await?;
    let event = AuditEvent {
        after: Some(json!({
            "feed": request.feed.map(|f| f.0), "reason": request.reason.map(Reason::as_str), "ids": request.ids,
            "before": request.before,
        })),
        ..about(id, request.municipalities.clone())
    };
    audit::append(&mut tx, actor, &[event]).await?;
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(id.to_string()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(id)
}

/// The state of a request; `None` when there is no such request.
///
/// # Errors
/// The database is not available.
pub async fn state(pool: &Pool, id: i64) -> Result<Option<State>, StoreError> {
    let row: Option<(i64, i64, i64, i64, bool, bool)> = sqlx::query_as(
        "SELECT replayed, stored, rejected, remaining, seen_at IS NOT NULL, done_at IS NOT NULL
         FROM replay WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|(replayed, stored, rejected, left, is_taken, is_done)| State {
        progress: Progress { replayed, stored, rejected, left },
        is_taken,
        is_done,
    }))
}

/// Withdraws a request of `actor` that no ingest has taken, and audits that; whether there was one.
///
/// # Errors
/// The database is not available.
pub async fn withdraw(pool: &Pool, id: i64, actor: &Actor) -> Result<bool, StoreError> {
    let mut tx = pool.begin().await?;
    let towns: Option<Vec<i32>> =
        sqlx::query_scalar("DELETE FROM replay WHERE id = $1 AND seen_at IS NULL RETURNING municipalities")
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
    if let Some(towns) = &towns {
        let event = AuditEvent {
            outcome: Outcome::Refused,
            ..about(id, towns.iter().map(|m| MunicipalityId(*m)).collect())
        };
        audit::append(&mut tx, actor, &[event]).await?;
    }
    tx.commit().await?;
    Ok(towns.is_some())
}

fn about(id: i64, municipalities: Vec<MunicipalityId>) -> AuditEvent {
    AuditEvent {
        action: "replay",
        subject: Some(format!("replay {id}")),
        municipalities,
        ..AuditEvent::default()
    }
}

#[derive(FromRow)]
struct RequestRow {
    id: i64,
    municipalities: Vec<i32>,
    feed: Option<i32>,
    reason: Option<String>,
    ids: Option<Vec<i64>>,
    before: Option<Ts>,
}

/// Takes the oldest request that no ingest works on.
///
/// # Errors
/// The database is not available.
pub async fn take(pool: &Pool) -> Result<Option<(i64, Request)>, StoreError> {
    let row: Option<RequestRow> = sqlx::query_as(
        "UPDATE replay SET seen_at = now()
         WHERE id = (SELECT id FROM replay
                     WHERE done_at IS NULL
                       -- Times from a clock that was ahead do not count.
                       AND (seen_at IS NULL OR seen_at < now() - make_interval(secs => $1)
                            OR seen_at > now() + interval '5 minutes')
                     ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)
         RETURNING id, municipalities, feed, reason, ids, before",
    )
    .bind(GONE_AFTER_S)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|r| {
        let request = Request {
            municipalities: r.municipalities.into_iter().map(MunicipalityId).collect(),
            feed: r.feed.map(FeedId),
            reason: r.reason.and_then(|text| text.parse().ok()),
            ids: r.ids,
            before: r.before.map(|t| t.0),
        };
        (r.id, request)
    }))
}

/// Stores the progress of a replay.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, id: i64, p: Progress, is_done: bool) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE replay SET seen_at = now(), replayed = $2, stored = $3, rejected = $4, remaining = $5,
             done_at = CASE WHEN $6 THEN now() END
         WHERE id = $1",
    )
    .bind(id)
    .bind(p.replayed)
    .bind(p.stored)
    .bind(p.rejected)
    .bind(p.left)
    .bind(is_done)
    .execute(pool)
    .await?;
    Ok(())
}

/// The rejections that `request` is about, oldest first, at most `limit`, each with the bytes of its
/// payload; and how many there are in all. Of a too large message only the head is kept: it counts
/// and is not among them.
///
/// # Errors
/// The database is not available.
pub async fn matching(
    pool: &Pool,
    request: &Request,
    limit: i64,
) -> Result<(Vec<(i64, i32)>, i64), StoreError> {
    let rows: Vec<(i64, i32, bool, i64)> = sqlx::query_as(
        "SELECT id, octet_length(payload), reason = 'too_large' AS is_cut, count(*) OVER ()
         FROM rejection
         WHERE municipality = ANY($1) AND ($2::int IS NULL OR feed = $2)
           AND ($3::text IS NULL OR $3 = ANY(reasons))
           AND ($4::bigint[] IS NULL OR id = ANY($4))
           AND ($5::timestamptz IS NULL OR received_at < $5)
         ORDER BY is_cut, id LIMIT $6",
    )
    .bind(request.municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(request.feed.map(|f| f.0))
    .bind(request.reason.map(Reason::as_str))
    .bind(&request.ids)
    .bind(request.before.map(Ts))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    let total = rows.first().map_or(0, |row| row.3);
    Ok((rows.into_iter().filter(|row| !row.2).map(|row| (row.0, row.1)).collect(), total))
}

#[derive(FromRow)]
struct RejectedMessageRow {
    id: i64,
    municipality: i32,
    feed: i32,
    topic: String,
    received_at: Ts,
    payload: Vec<u8>,
    qos: i16,
}

/// The rejections of these numbers that are still there, oldest first.
///
/// # Errors
/// The database is not available.
pub async fn messages(
    pool: &Pool,
    request: &Request,
    ids: &[i64],
) -> Result<Vec<RejectedMessage>, StoreError> {
    let rows: Vec<RejectedMessageRow> = sqlx::query_as(
        "SELECT id, municipality, feed, topic, received_at, payload, qos
         FROM rejection
         WHERE municipality = ANY($1) AND id = ANY($2) ORDER BY id",
    )
    .bind(request.municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(ids)
    .fetch_all(pool)
    .await?;
    let kept = |r: RejectedMessageRow| RejectedMessage {
        id: r.id,
        municipality: MunicipalityId(r.municipality),
        feed: FeedId(r.feed),
        topic: r.topic,
        received_at: r.received_at.0,
        payload: r.payload,
        qos: u8::try_from(r.qos).unwrap_or(0),
    };
    Ok(rows.into_iter().map(kept).collect())
}
