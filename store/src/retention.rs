//! Retention: what is too old is dropped, whole partitions or chunks at a time.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use tracing::info;

use crate::StoreError;
use crate::migrate::{self, Layout};
use crate::partitions::{TABLES, Table};
use crate::pool::Pool;

const DAY: Duration = Duration::from_secs(86_400);

/// How long each class of data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Rejected messages.
    pub rejections: Duration,
    /// Bytes and radio data of LoRaWAN messages.
    pub uplinks: Duration,
    /// Vehicle positions, and what was said of trips.
    pub vehicle_positions: Duration,
    /// Bay and site observations, passenger counts, when runs passed stops.
    pub observations: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            rejections: 14 * DAY,
            uplinks: 90 * DAY,
            vehicle_positions: 14 * DAY,
            observations: 3 * 365 * DAY,
        }
    }
}

/// Newest rejected messages kept of each feed.
pub const REJECTIONS_PER_FEED: i64 = 10_000;

/// How long the change log reaches back: a reader that was away for longer loads everything anew.
pub const CHANGE_LOG: Duration = Duration::from_secs(3_600);

/// What was dropped, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    pub partitions: Vec<String>,
    pub uplinks: u64,
    pub rejections: u64,
    pub changes: u64,
    /// Runs of which nothing was said for too long.
    pub trips: u64,
    /// When runs passed stops.
    pub passages: u64,
}

impl Retention {
    fn of(&self, table: Table) -> Duration {
        match table {
            Table::VehiclePosition => self.vehicle_positions,
            Table::BayObservation | Table::SiteCount | Table::PassengerCount => self.observations,
        }
    }
}

/// Drops what is older than `retention` allows.
///
/// Observations that a feed delivers late into a dropped period open a new partition, which lives
/// until the next run.
///
/// # Errors
/// The database is not available.
pub async fn enforce(pool: &Pool, retention: &Retention) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned::default();
    let layout = migrate::layout(&mut *pool.acquire().await?).await?;
    for (table, _) in TABLES {
        let keep = retention.of(table);
        let dropped = match layout {
            Layout::Plain => drop_partitions(pool, table, keep).await?,
            Layout::Hypertables => drop_chunks(pool, table, keep).await?,
        };
        pruned.partitions.extend(dropped);
    }
    pruned.uplinks = delete(
        pool,
        "DELETE FROM uplink WHERE received_at < now() - make_interval(secs => $1)",
        retention.uplinks,
    )
    .await?;
    delete(
        pool,
        "DELETE FROM receipt_claim WHERE received_at < now() - make_interval(secs => $1)",
        retention.uplinks,
    )
    .await?;
    pruned.rejections = delete(
        pool,
        "DELETE FROM rejection WHERE received_at < now() - make_interval(secs => $1)",
        retention.rejections,
    )
    .await?;
    pruned.rejections += bound_rejections(pool).await?;
    pruned.passages = delete(
        pool,
        "DELETE FROM stop_passage WHERE municipality IN (SELECT id FROM municipality)
            AND service_date < (now() - make_interval(secs => $1))::date",
        retention.observations,
    )
    .await?;
    pruned.trips = crate::trips::prune(pool, retention.vehicle_positions).await?;
    // What was wished stands in the audit.
    delete(
        pool,
        "DELETE FROM replay WHERE asked_at < now() - make_interval(secs => $1)",
        retention.rejections,
    )
    .await?;
    pruned.changes = crate::changes::prune(pool, CHANGE_LOG).await?;
    if !pruned.partitions.is_empty() {
        info!(partitions = ?pruned.partitions, "retention dropped old observations");
    }
    Ok(pruned)
}

async fn delete(pool: &Pool, sql: &'static str, keep: Duration) -> Result<u64, StoreError> {
    Ok(sqlx::query(sql).bind(keep.as_secs_f64()).execute(pool).await?.rows_affected())
}

/// Keeps the newest [`REJECTIONS_PER_FEED`] of each feed.
///
/// # Errors
/// The database is not available.
pub async fn bound_rejections(pool: &Pool) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM rejection r USING feed f
         WHERE r.feed = f.id
           AND r.id <= (SELECT x.id FROM rejection x WHERE x.feed = f.id ORDER BY x.id DESC OFFSET $1 LIMIT 1)",
    )
    .bind(REJECTIONS_PER_FEED)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

async fn drop_partitions(pool: &Pool, table: Table, keep: Duration) -> Result<Vec<String>, StoreError> {
    let old: Vec<(String,)> = sqlx::query_as(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = to_regclass($1)
           AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $re$TO \\('([^']+)'\\)$re$)::timestamptz
               <= now() - make_interval(secs => $2)
         ORDER BY 1",
    )
    .bind(table.name())
    .bind(keep.as_secs_f64())
    .fetch_all(pool)
    .await?;
    let mut conn = pool.acquire().await?;
    for (name,) in &old {
        // CONCURRENTLY: those who read and write other partitions are not held up.
        let detach = format!("ALTER TABLE {} DETACH PARTITION {name} CONCURRENTLY", table.name());
        sqlx::query(AssertSqlSafe(detach)).execute(&mut *conn).await?;
        sqlx::query(AssertSqlSafe(format!("DROP TABLE {name}"))).execute(&mut *conn).await?;
    }
    Ok(old.into_iter().map(|(name,)| name).collect())
}

async fn drop_chunks(pool: &Pool, table: Table, keep: Duration) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT drop_chunks($1::regclass, older_than => make_interval(secs => $2))::text")
        .bind(table.name())
        .bind(keep.as_secs_f64())
        .fetch_all(pool)
        .await?)
}
