//! Running ingest processes: which places they serve, and their subscriptions at brokers.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::{Pool, Result};

/// Notified when the state of an ingest changes.
pub const CHANNEL: &str = "kv_ingest";

/// An ingest that was not seen for so long is gone: three reporting intervals.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// Why the subscriptions of a broker do not hold, by broker.
pub type Lacking = BTreeMap<String, String>;

/// The number of the latest import; 0 before the first.
///
/// # Errors
/// The database is not available.
pub async fn generation(conn: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT generation FROM place_generation").fetch_one(conn).await?)
}

/// The number of a new generation of places, which is stored.
pub(crate) async fn next_generation(conn: &mut PgConnection) -> Result<i64> {
    let next = "UPDATE place_generation SET generation = generation + 1 RETURNING generation";
    Ok(sqlx::query_scalar(next).fetch_one(conn).await?)
}

/// Records that the ingest `client_id` runs and serves the places of `generation`.
///
/// # Errors
/// The database is not available.
pub async fn note(pool: &Pool, client_id: &str, generation: i64, lacking: &Lacking) -> Result<()> {
    let changed: bool = sqlx::query_scalar(
        "WITH before AS (SELECT generation, lacking FROM ingest_process WHERE client_id = $1),
              noted AS (
                  INSERT INTO ingest_process (client_id, seen_at, generation, lacking) VALUES ($1, now(), $2, $3)
                  ON CONFLICT (client_id) DO UPDATE
                  SET seen_at = excluded.seen_at, generation = excluded.generation, lacking = excluded.lacking
              )
         SELECT NOT EXISTS (SELECT FROM before WHERE generation = $2 AND lacking = $3)",
    )
    .bind(client_id)
    .bind(generation)
    .bind(Json(lacking))
    .fetch_one(pool)
    .await?;
    if changed {
        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(pool).await?;
    }
    Ok(())
}

/// The ingest `client_id` ends.
///
/// # Errors
/// The database is not available.
pub async fn gone(pool: &Pool, client_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM ingest_process WHERE client_id = $1").bind(client_id).execute(pool).await?;
    Ok(())
}

/// The progress of the running ingests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProgress {
    /// How many run.
    pub running: usize,
    /// How many of them do not serve the latest import yet.
    pub behind: usize,
    /// What those that serve it lack.
    pub lacking: Lacking,
}

/// How far the running ingests are with the latest import.
///
/// # Errors
/// The database is not available.
pub async fn progress(pool: &Pool) -> Result<ImportProgress> {
    let rows: Vec<(bool, Json<Lacking>)> = sqlx::query_as(
        "SELECT p.generation < g.generation, p.lacking FROM ingest_process p, place_generation g
         -- Times from a clock that was ahead do not count.
         WHERE p.seen_at > now() - make_interval(secs => $1) AND p.seen_at <= now() + interval '5 minutes'",
    )
    .bind(SEEN_WITHIN.as_secs_f64())
    .fetch_all(pool)
    .await?;
    let behind = rows.iter().filter(|(is_behind, _)| *is_behind).count();
    let lacking = rows.iter().filter(|r| !r.0).flat_map(|(_, lacking)| lacking.0.clone()).collect();
    Ok(ImportProgress { running: rows.len(), behind, lacking })
}

/// A subscription that a broker may hold for us.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HeldSubscription {
    /// The client id it was recorded under.
    pub client_id: String,
    /// The broker that may hold it.
    pub broker: String,
    /// Its topic filter.
    pub filter: String,
}

/// Subscriptions of `client_id`, and of client ids that begin with it and `of_feed`.
///
/// # Errors
/// The database is not available.
pub async fn subscriptions(pool: &Pool, client_id: &str, of_feed: &str) -> Result<Vec<HeldSubscription>> {
    let sql = "SELECT client_id, broker, filter FROM mqtt_subscription
               WHERE client_id = $1 OR starts_with(client_id, $1 || $2)";
    Ok(sqlx::query_as(sql).bind(client_id).bind(of_feed).fetch_all(pool).await?)
}

/// Records the subscriptions that `broker` is about to be asked for.
///
/// # Errors
/// The database is not available.
pub async fn subscribing(pool: &Pool, client_id: &str, broker: &str, filters: &[String]) -> Result<()> {
    sqlx::query(
        "INSERT INTO mqtt_subscription (client_id, broker, filter) SELECT $1, $2, unnest($3::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(client_id)
    .bind(broker)
    .bind(filters)
    .execute(pool)
    .await?;
    Ok(())
}

/// Records that `broker` no longer holds `filter`.
///
/// # Errors
/// The database is not available.
pub async fn unsubscribed(pool: &Pool, client_id: &str, broker: &str, filter: &str) -> Result<()> {
    sqlx::query("DELETE FROM mqtt_subscription WHERE client_id = $1 AND broker = $2 AND filter = $3")
        .bind(client_id)
        .bind(broker)
        .bind(filter)
        .execute(pool)
        .await?;
    Ok(())
}
