//! Brings a database's structure up to date: the same tables on plain PostgreSQL and on
//! TimescaleDB.

use sqlx::migrate::Migrator;
use sqlx::{Acquire, PgConnection};
use tracing::{info, warn};

use crate::StoreError;
use crate::pool::Pool;

static CORE: Migrator = sqlx::migrate!("../migrations/core");
static TIMESCALEDB: Migrator = sqlx::migrate!("../migrations/timescaledb");
static VIEWS: Migrator = sqlx::migrate!("../migrations/views");

/// How observations are laid out in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Native range partitions.
    Plain,
    /// TimescaleDB hypertables.
    Hypertables,
}

/// Advisory lock: two processes that start at once migrate one after the other.
const MIGRATION_LOCK: i64 = 0x6b76_6d69_6772; // "kvmigr"

/// Applies what is missing. `allow_timescaledb = false` keeps a fresh database plain even where
/// the extension could be used.
///
/// # Errors
/// A migration failed, or the database is newer than this program.
pub async fn migrate(pool: &Pool, allow_timescaledb: bool) -> Result<Layout, StoreError> {
    let mut conn = pool.acquire().await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut *conn).await?;
    let result = migrate_locked(&mut conn, allow_timescaledb).await;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(MIGRATION_LOCK).execute(&mut *conn).await?;
    result
}

async fn migrate_locked(conn: &mut PgConnection, allow_timescaledb: bool) -> Result<Layout, StoreError> {
    run(&CORE, "schema_migrations", conn).await?;
    if allow_timescaledb && layout(conn).await? == Layout::Plain && take_timescaledb(conn).await? {
        run(&TIMESCALEDB, "schema_migrations_timescaledb", conn).await?;
        info!("observations are kept in TimescaleDB hypertables");
    } else if layout(conn).await? == Layout::Hypertables {
        run(&TIMESCALEDB, "schema_migrations_timescaledb", conn).await?;
    }
    run(&VIEWS, "schema_migrations_views", conn).await?;
    layout(conn).await
}

async fn run(
    migrator: &'static Migrator,
    table: &'static str,
    conn: &mut PgConnection,
) -> Result<(), StoreError> {
    let mut migrator = Migrator { migrations: migrator.migrations.clone(), ..Migrator::DEFAULT };
    migrator.dangerous_set_table_name(table);
    // The caller holds a lock of our own; sqlx's is per database and would be taken three times.
    migrator.set_locking(false);
    let conn = conn.acquire().await?;
    migrator.run(conn).await?;
    Ok(())
}

/// How observations are laid out.
///
/// # Errors
/// The database is not available.
pub async fn layout(conn: &mut PgConnection) -> Result<Layout, StoreError> {
    let kind: Option<i8> =
        sqlx::query_scalar("SELECT relkind FROM pg_class WHERE oid = 'bay_observation'::regclass")
            .fetch_optional(conn)
            .await?;
    Ok(if kind == Some(b'p' as i8) { Layout::Plain } else { Layout::Hypertables })
}

/// Creates the extension in a fresh database of a server that preloads a TimescaleDB with
/// compression and policies; whether it did.
///
/// Packages under the Apache licence lack these: the licence is asked for, not only the preload.
/// It is known only once the extension is there.
async fn take_timescaledb(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let (is_preloaded, partitions): (bool, i64) = sqlx::query_as(
        "SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL
                AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb'),
                (SELECT count(*) FROM pg_inherits WHERE inhparent IN
                    ('bay_observation'::regclass, 'site_count'::regclass,
                     'vehicle_position'::regclass, 'passenger_count'::regclass))",
    )
    .fetch_one(&mut *conn)
    .await?;
    if !is_preloaded {
        return Ok(false);
    }
    if partitions > 0 {
        warn!(
            "TimescaleDB is there, but this database already holds observations in plain partitions: it stays plain"
        );
        return Ok(false);
    }
    sqlx::query("CREATE EXTENSION IF NOT EXISTS timescaledb").execute(&mut *conn).await?;
    let licence: Option<String> = sqlx::query_scalar("SELECT current_setting('timescaledb.license', true)")
        .fetch_one(&mut *conn)
        .await?;
    if licence.as_deref() == Some("timescale") {
        return Ok(true);
    }
    let licence = licence.unwrap_or_default();
    warn!(
        "TimescaleDB has the licence '{licence}', without compression and policies: observations stay in plain partitions"
    );
    sqlx::query("DROP EXTENSION timescaledb").execute(conn).await?;
    Ok(false)
}
