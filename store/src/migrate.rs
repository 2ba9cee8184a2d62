//! Brings a database's structure up to date: the same tables on plain PostgreSQL and on
//! TimescaleDB.

use sqlx::migrate::Migrator;
use sqlx::{Acquire, PgConnection};
use tracing::{info, warn};

use crate::{Pool, Result, StoreError, readers};

static CORE: Migrator = sqlx::migrate!("../migrations/core");
static TIMESCALEDB: Migrator = sqlx::migrate!("../migrations/timescaledb");
static VIEWS: Migrator = sqlx::migrate!("../migrations/views");

/// How observations are partitioned in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
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
pub async fn migrate(pool: &Pool, allow_timescaledb: bool) -> Result<Partitioning> {
    let mut conn = pool.acquire().await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut *conn).await?;
    let result = migrate_locked(&mut conn, allow_timescaledb).await;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(MIGRATION_LOCK).execute(&mut *conn).await?;
    result
}

/// Whether this program's tables exist in this database.
///
/// # Errors
/// The database is not available.
pub async fn is_migrated(pool: &Pool) -> Result<bool> {
    Ok(sqlx::query_scalar("SELECT to_regclass('schema_migrations') IS NOT NULL").fetch_one(pool).await?)
}

async fn migrate_locked(conn: &mut PgConnection, allow_timescaledb: bool) -> Result<Partitioning> {
    // A setting of the loader and the catalogue: both can be read without the extension's own library.
    let (is_preloaded, has_extension): (bool, bool) = sqlx::query_as(
        "SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL,
                EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')",
    )
    .fetch_one(&mut *conn)
    .await?;
    if has_extension && !is_preloaded {
        return Err(StoreError::TimescaleDbMissing);
    }
    run(&CORE, "schema_migrations", conn).await?;
    let use_hypertables = match partitioning(conn).await? {
        Partitioning::Hypertables => true,
        Partitioning::Plain => {
            allow_timescaledb && is_preloaded && take_timescaledb(conn, has_extension).await?
        }
    };
    if use_hypertables {
        run(&TIMESCALEDB, "schema_migrations_timescaledb", conn).await?;
    }
    run(&VIEWS, "schema_migrations_views", conn).await?;
    readers::limit(conn).await?;
    partitioning(conn).await
}

async fn run(migrator: &'static Migrator, table: &'static str, conn: &mut PgConnection) -> Result<()> {
    let mut migrator = Migrator { migrations: migrator.migrations.clone(), ..Migrator::DEFAULT };
    migrator.dangerous_set_table_name(table);
    // The caller holds a lock of our own; sqlx's is per database and would be taken three times.
    migrator.set_locking(false);
    let conn = conn.acquire().await?;
    migrator.run(conn).await?;
    Ok(())
}

/// How observations are partitioned.
///
/// # Errors
/// The database is not available.
pub async fn partitioning(conn: &mut PgConnection) -> Result<Partitioning> {
    let kind: Option<i8> =
        sqlx::query_scalar("SELECT relkind FROM pg_class WHERE oid = 'bay_observation'::regclass")
            .fetch_optional(conn)
            .await?;
    Ok(if kind == Some(b'p' as i8) { Partitioning::Plain } else { Partitioning::Hypertables })
}

/// Whether the tables may become hypertables: once, in a fresh database, where the extension has
/// compression and policies. Creates the extension.
///
/// A plain database stays plain: its views depend on the tables, and its partitions hold data.
async fn take_timescaledb(conn: &mut PgConnection, has_extension: bool) -> Result<bool> {
    let is_in_use: bool = sqlx::query_scalar(
        "SELECT to_regclass('v_bay_observation') IS NOT NULL
                OR EXISTS (SELECT FROM pg_inherits WHERE inhparent IN
                    ('bay_observation'::regclass, 'site_count'::regclass,
                     'vehicle_position'::regclass, 'passenger_count'::regclass))",
    )
    .fetch_one(&mut *conn)
    .await?;
    if is_in_use {
        warn!(
            "TimescaleDB is there, but this database was made without it and stays as it is; --timescaledb false \
             silences this"
        );
        return Ok(false);
    }
    if !has_extension
        && let Err(error) = sqlx::query("CREATE EXTENSION timescaledb").execute(&mut *conn).await
    {
        warn!(
            "TimescaleDB cannot be used ({error}): observations stay in plain partitions. To have it, drop this \
             fresh database, make it again, and run CREATE EXTENSION timescaledb in it as superuser first"
        );
        return Ok(false);
    }
    // Packages under the Apache licence lack compression and policies; it is known only now.
    let licence: Option<String> = sqlx::query_scalar("SELECT current_setting('timescaledb.license', true)")
        .fetch_one(&mut *conn)
        .await?;
    if licence.as_deref() == Some("timescale") {
        info!("observations are kept in TimescaleDB hypertables");
        return Ok(true);
    }
    let licence = licence.unwrap_or_default();
    warn!(
        "TimescaleDB has the licence '{licence}', without compression and policies: observations stay in plain partitions"
    );
    if !has_extension {
        sqlx::query("DROP EXTENSION timescaledb").execute(conn).await?;
    }
    Ok(false)
}
