//! What a session may take: answers are bounded, work is not, and roles that read the views get bounds of their own.

use crate::support::Database;
use private_pg::PrivatePgSettings;
use sqlx::{Connection, PgConnection};
use store::Pool;
use store::migrate::migrate;
use store::pool::{answering, single};

async fn setting(pool: &Pool, name: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(pool).await.unwrap()
}

async fn as_role(db: &Database, role: &str) -> PgConnection {
    let url = db.url.replace("postgres://kreisverkehr@", &format!("postgres://{role}@"));
    PgConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn answers_are_bounded_and_work_is_not() {
    let db = Database::start_alone(PrivatePgSettings::default()).await;
    // Bounds that somebody gave the role must not cut what takes its time.
    for bound in ["statement_timeout = '200ms'", "lock_timeout = '200ms'"] {
        let sql = format!("ALTER ROLE kreisverkehr SET {bound}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&db.pool).await.unwrap();
    }
    let work = store::connect(&db.url).await.unwrap();
    for pool in [&work, &single(&work)] {
        assert_eq!(setting(pool, "statement_timeout").await, "0");
        assert_eq!(setting(pool, "lock_timeout").await, "0");
        sqlx::query("SELECT pg_sleep(0.3)").execute(pool).await.unwrap();
    }
    migrate(&work, true).await.unwrap();
    let answers = answering(&work);
    assert_eq!(setting(&answers, "statement_timeout").await, "10min");
    assert_eq!(setting(&answers, "idle_in_transaction_session_timeout").await, "1min");

    // What waits for a lock gives up, and says so in time for who asked.
    sqlx::query("SET lock_timeout = '50ms'").execute(&answers).await.unwrap();
    let mut holder = work.begin().await.unwrap();
    sqlx::query("LOCK TABLE municipality").execute(&mut *holder).await.unwrap();
    let mut waiting = answers.acquire().await.unwrap();
    let refused =
        sqlx::query("SELECT count(*) FROM municipality").fetch_one(&mut *waiting).await.unwrap_err();
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
    holder.rollback().await.unwrap();
    drop(waiting);
    for pool in [answers, work] {
        pool.close().await;
    }
    db.stop().await;
}

#[tokio::test]
async fn readers_of_the_views_are_bounded_unless_they_have_bounds_of_their_own() {
    let db = Database::start_alone(PrivatePgSettings::default()).await;
    for sql in [
        "CREATE ROLE grafana LOGIN IN ROLE kv_read",
        "CREATE ROLE notebook LOGIN CONNECTION LIMIT 3 IN ROLE kv_read",
        "ALTER ROLE notebook SET statement_timeout = '1h'",
        "CREATE ROLE other LOGIN",
    ] {
        db.execute(sql).await;
    }
    migrate(&db.pool, true).await.unwrap();
    let db = db.restarted().await;
    for (role, timeout, connections) in [("grafana", "5min", 20), ("notebook", "1h", 3), ("other", "0", 20)] {
        let mut conn = as_role(&db, role).await;
        let (set, limit): (String, i32) = sqlx::query_as(
            "SELECT current_setting('statement_timeout'), rolconnlimit FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap();
        assert_eq!((set.as_str(), limit), (timeout, connections), "{role}");
        conn.close().await.unwrap();
    }
    let limit: i32 = db.scalar("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'kv_read'").await;
    assert_eq!(limit, 20);
    db.stop().await;
}

/// A database of a town that is nobody's superuser: its own bounds, and roles that it may not change, are no fault.
#[tokio::test]
async fn a_user_who_may_change_no_role_migrates_all_the_same() {
    let db = Database::start_alone(PrivatePgSettings::default()).await;
    for sql in [
        "CREATE ROLE town LOGIN",
        "ALTER ROLE town SET statement_timeout = '200ms'",
        "ALTER DATABASE kreisverkehr OWNER TO town",
        "CREATE ROLE grafana LOGIN IN ROLE kv_read",
    ] {
        db.execute(sql).await;
    }
    let db = db.restarted().await;
    let url = db.url.replace("postgres://kreisverkehr@", "postgres://town@");
    let pool = store::connect(&url).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    store::readers::limit(&mut conn).await.unwrap();
    drop(conn);
    assert_eq!(setting(&pool, "statement_timeout").await, "0");
    pool.close().await;
    db.stop().await;
}
