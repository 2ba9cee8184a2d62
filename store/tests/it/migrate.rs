//! A database is plain or made of hypertables from its first day on, whatever its server offers later.
//!
//! The server of these tests need not have TimescaleDB: what the program asks for (two settings and an
//! entry in the catalogue) is put there by hand.

use crate::support::Database;
use private_pg::{PrivatePg, PrivatePgSettings};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use store::StoreError;
use store::migrate::{Partitioning, migrate};
use store::partitions::{Partitions, Table};

/// An entry of the catalogue as of an extension that is there.
const EXTENSION: &str =
    "INSERT INTO pg_extension SELECT 99999, 'timescaledb', 10, 2200, false, '2.0', null, null
    WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')";

/// From now on the server answers as one that preloads TimescaleDB and has its extension.
async fn offer_timescaledb(url: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    for sql in [
        "DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET timescaledb.disable_load = off', current_database());
            EXECUTE format('ALTER DATABASE %I SET timescaledb.license = timescale', current_database());
         END $$",
        EXTENSION,
    ] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
}

async fn migrated_again(db: &Database) -> Result<Partitioning, StoreError> {
    // Settings of a database hold for new connections.
    let pool = store::connect(&db.url).await.unwrap();
    let result = migrate(&pool, true).await;
    pool.close().await;
    result
}

async fn number(db: &Database, sql: &'static str) -> i64 {
    db.scalar(sql).await
}

#[tokio::test]
async fn a_plain_database_without_data_stays_plain() {
    let db = Database::start_with(false).await;
    offer_timescaledb(&db.url).await;
    assert_eq!(migrated_again(&db).await.unwrap(), Partitioning::Plain);
    assert_eq!(migrated_again(&db).await.unwrap(), Partitioning::Plain);
    assert_eq!(number(&db, "SELECT count(*) FROM v_bay_observation").await, 0);
}

#[tokio::test]
async fn a_plain_database_with_data_stays_plain() {
    let db = Database::start_with(false).await;
    let mut conn = db.pool.acquire().await.unwrap();
    let now = domain::UtcMicros::parse("2026-11-22T12:00:00Z").unwrap();
    Partitions::default()
        .ensure(&mut conn, Partitioning::Plain, Table::BayObservation, [now].into_iter())
        .await
        .unwrap();
    let partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'bay_observation'::regclass";
    let before = number(&db, partitions).await;
    assert!(before > 0);
    offer_timescaledb(&db.url).await;
    assert_eq!(migrated_again(&db).await.unwrap(), Partitioning::Plain);
    assert_eq!(number(&db, partitions).await, before);
}

#[tokio::test]
async fn an_extension_that_cannot_be_made_leaves_a_fresh_database_plain() {
    let folder = tempfile::tempdir().unwrap();
    let server = PrivatePg::start(folder.path()).await.unwrap();
    let mut conn = PgConnection::connect(&server.url()).await.unwrap();
    // Preloaded by name only: whether the extension is installed here or not, this owner may not make it.
    for sql in [
        "ALTER DATABASE kreisverkehr SET timescaledb.disable_load = 'off'",
        "CREATE ROLE town LOGIN",
        "ALTER DATABASE kreisverkehr OWNER TO town",
        "GRANT ALL ON SCHEMA public TO town",
        "REVOKE CREATE ON DATABASE kreisverkehr FROM PUBLIC",
        "CREATE ROLE kv_read NOLOGIN",
    ] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
    // A start lets us come as roles that were made by hand.
    server.stop().await.unwrap();
    drop(server);
    let server = PrivatePg::start(folder.path()).await.unwrap();
    let url = server.url().replace("postgres://kreisverkehr@", "postgres://town@");
    let pool = store::connect(&url).await.unwrap();
    let is_installed: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')")
            .fetch_one(&pool)
            .await
            .unwrap();
    if is_installed {
        eprintln!("SKIPPED: this machine has TimescaleDB, which the owner of a database may install");
    } else {
        assert_eq!(migrate(&pool, true).await.unwrap(), Partitioning::Plain);
    }
    pool.close().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_load_the_databases_extension_is_named() {
    let db = Database::start_alone(PrivatePgSettings { timescaledb: false }).await;
    db.execute(EXTENSION).await;
    let error = migrated_again(&db).await.unwrap_err();
    assert!(error.to_string().contains("shared_preload_libraries"), "{error}");
    db.stop().await;
}
