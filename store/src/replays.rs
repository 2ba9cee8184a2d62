//! Requests to replay rejected messages, written by the API and carried out by an ingest.

use std::collections::BTreeMap;

use domain::{FeedId, MunicipalityId, Reason, UtcMicros};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::types::Json;
use sqlx::{FromRow, Type};

use crate::audit::{self, Actor, AuditEvent, AuditOutcome};
use crate::column::{Ids, MaybeId, MaybeTs, MaybeWord};
use crate::rebindings::Rebinding;
use crate::{Pool, Result, Ts};

/// Notified of each request.
pub const CHANNEL: &str = "kv_replay";

/// An ingest that does not report for so long is gone: another one continues. Seconds.
const GONE_AFTER_S: f64 = 60.0;

/// A request to replay.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Replay {
    /// Its number.
    pub id: ReplayId,
    /// What is to be replayed.
    #[sqlx(flatten)]
    pub request: ReplayRequest,
}

/// The number of a request, which notifications carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Type)]
#[sqlx(transparent)]
pub struct ReplayId(pub i64);

/// Which rejected messages are to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default, FromRow)]
pub struct ReplayRequest {
    /// Those that the caller may see.
    #[sqlx(try_from = "Ids")]
    pub municipalities: Vec<MunicipalityId>,
    /// Of this feed.
    #[sqlx(try_from = "MaybeId")]
    pub feed: Option<FeedId>,
    /// Those that have this among their reasons.
    #[sqlx(try_from = "MaybeWord")]
    pub reason: Option<Reason>,
    /// Those of these numbers.
    pub ids: Option<Vec<i64>>,
    /// Received before this.
    #[sqlx(try_from = "MaybeTs")]
    pub before: Option<UtcMicros>,
    /// Nothing is stored: what would happen is found out.
    pub is_trial: bool,
}

/// How far a replay has come, in messages; as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, FromRow, Serialize)]
pub struct ReplayProgress {
    /// Those that were replayed.
    pub replayed: i64,
    /// Of the replayed: accepted now, and removed from the quarantine.
    pub stored: i64,
    /// Of the replayed: rejected again.
    pub rejected: i64,
    /// Matching ones that were not replayed.
    #[sqlx(rename = "remaining")]
    pub left: i64,
    /// Of those rejected again: how many for which reason, of several the most frequent.
    #[sqlx(json)]
    pub reasons: BTreeMap<String, i64>,
    /// What the accepted ones are about, most statements first; at most [`PLACES`].
    #[sqlx(json)]
    pub places: Vec<ReplayedPlace>,
}

/// How many places a replay names.
pub const PLACES: usize = 100;

/// A place, and how many statements about it a replay accepts: duplicates too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedPlace {
    /// `bay`, `site` or `vehicle`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// How many statements.
    pub statements: i64,
}

/// The state of a request.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReplayState {
    /// What was asked for.
    #[sqlx(flatten)]
    pub request: ReplayRequest,
    /// How far it has come.
    #[sqlx(flatten)]
    pub progress: ReplayProgress,
    /// An ingest works on it, or did.
    pub is_taken: bool,
    /// It is finished.
    pub is_done: bool,
}

/// A rejected message to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RejectedMessage {
    /// The number of its rejection.
    pub id: i64,
    /// Whose feed it came over.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// The feed it came over.
    #[sqlx(try_from = "i32")]
    pub feed: FeedId,
    /// Its MQTT topic, or the address it was fetched from.
    pub topic: String,
    /// When it reached us.
    #[sqlx(try_from = "Ts")]
    pub received_at: UtcMicros,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The MQTT quality of service it came with.
    #[sqlx(try_from = "i16")]
    pub qos: u8,
}

/// Stores a request, notifies, and audits it; returns its id.
///
/// # Errors
/// The database is not available.
pub async fn ask(pool: &Pool, request: &ReplayRequest, actor: &Actor) -> Result<ReplayId> {
    let mut tx = pool.begin().await?;
    let id: ReplayId = sqlx::query_scalar(
        "INSERT INTO replay (municipalities, feed, reason, ids, before, is_trial) VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING id",
    )
    .bind(request.municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(request.feed.map(|f| f.0))
    .bind(request.reason.map(Reason::as_str))
    .bind(&request.ids)
    .bind(request.before.map(Ts))
    .bind(request.is_trial)
    .fetch_one(&mut *tx)
    .await?;
    // What changes nothing is not noted.
    if !request.is_trial {
        let event = AuditEvent {
            after: Some(json!({
                "feed": request.feed.map(|f| f.0), "reason": request.reason.map(Reason::as_str), "ids": request.ids,
                "before": request.before,
            })),
            ..about(id, request.municipalities.clone())
        };
        audit::append(&mut tx, actor, &[event]).await?;
    }
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(id.0.to_string()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(id)
}

/// The state of a request; `None` when there is no such request.
///
/// # Errors
/// The database is not available.
pub async fn state(pool: &Pool, id: ReplayId) -> Result<Option<ReplayState>> {
    Ok(sqlx::query_as(
        "SELECT municipalities, feed, reason, ids, before, is_trial, replayed, stored, rejected, remaining, reasons, places,
                seen_at IS NOT NULL AS is_taken, done_at IS NOT NULL AS is_done
         FROM replay WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?)
}

/// Withdraws a request of `actor` that no ingest has taken, and audits that; whether there was one.
///
/// # Errors
/// The database is not available.
pub async fn withdraw(pool: &Pool, id: ReplayId, actor: &Actor) -> Result<bool> {
    let mut tx = pool.begin().await?;
    let withdrawn: Option<(Vec<i32>, bool)> = sqlx::query_as(
        "DELETE FROM replay WHERE id = $1 AND seen_at IS NULL RETURNING municipalities, is_trial",
    )
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some((towns, false)) = &withdrawn {
        let event = AuditEvent {
            outcome: AuditOutcome::Refused,
            ..about(id, towns.iter().map(|m| MunicipalityId(*m)).collect())
        };
        audit::append(&mut tx, actor, &[event]).await?;
    }
    tx.commit().await?;
    Ok(withdrawn.is_some())
}

fn about(id: ReplayId, municipalities: Vec<MunicipalityId>) -> AuditEvent {
    AuditEvent {
        action: "replay",
        subject: Some(format!("replay {}", id.0)),
        municipalities,
        ..AuditEvent::default()
    }
}

/// Takes the oldest request that no ingest works on.
///
/// # Errors
/// The database is not available.
pub async fn take(pool: &Pool) -> Result<Option<Replay>> {
    Ok(sqlx::query_as(
        "UPDATE replay SET seen_at = now()
         WHERE id = (SELECT id FROM replay
                     WHERE done_at IS NULL
                       -- Times from a clock that was ahead do not count.
                       AND (seen_at IS NULL OR seen_at < now() - make_interval(secs => $1)
                            OR seen_at > now() + interval '5 minutes')
                     ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)
         RETURNING id, municipalities, feed, reason, ids, before, is_trial",
    )
    .bind(GONE_AFTER_S)
    .fetch_optional(pool)
    .await?)
}

/// Stores the progress of a replay.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, id: ReplayId, p: &ReplayProgress, is_done: bool) -> Result<()> {
    sqlx::query(
        "UPDATE replay SET seen_at = now(), replayed = $2, stored = $3, rejected = $4, remaining = $5,
             done_at = CASE WHEN $6 THEN now() END, reasons = $7, places = $8
         WHERE id = $1",
    )
    .bind(id)
    .bind(p.replayed)
    .bind(p.stored)
    .bind(p.rejected)
    .bind(p.left)
    .bind(is_done)
    .bind(Json(&p.reasons))
    .bind(Json(&p.places))
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
pub async fn matching(pool: &Pool, request: &ReplayRequest, limit: i64) -> Result<(Vec<(i64, i32)>, i64)> {
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

/// The rejections of these numbers that are still there, oldest first.
///
/// # Errors
/// The database is not available.
pub async fn messages(pool: &Pool, request: &ReplayRequest, ids: &[i64]) -> Result<Vec<RejectedMessage>> {
    Ok(sqlx::query_as(
        "SELECT id, municipality, feed, topic, received_at, payload, qos
         FROM rejection
         WHERE municipality = ANY($1) AND id = ANY($2) ORDER BY id",
    )
    .bind(request.municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(ids)
    .fetch_all(pool)
    .await?)
}

/// Rejected messages of the device of `request` that came over `feed` and are kept whole, of the time of the request and
/// with a number above `after`, in the order of their numbers.
///
/// # Errors
/// The database is not available.
pub async fn of_device(
    pool: &Pool,
    request: &Rebinding,
    feed: FeedId,
    after: i64,
    limit: i64,
) -> Result<Vec<RejectedMessage>> {
    Ok(sqlx::query_as(
        "SELECT id, municipality, feed, topic, received_at, payload, qos
         FROM rejection
         WHERE municipality = $1 AND feed = $2 AND devices = ARRAY[$3] AND received_at >= $4 AND id > $5
           AND reason <> 'too_large'
         ORDER BY id LIMIT $6",
    )
    .bind(request.municipality.0)
    .bind(feed.0)
    .bind(&request.device)
    .bind(Ts(request.from))
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await?)
}
