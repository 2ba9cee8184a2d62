//! The audit of an older version is taken over.

use crate::support::Database;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

const MIGRATION: &str = include_str!("../../../migrations/core/0033_audit.sql");

/// As the first migration made it.
const OLDER: &str = "CREATE SCHEMA older; SET search_path = older;
    CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at_utc timestamptz NOT NULL DEFAULT now(),
        actor text NOT NULL, action text NOT NULL, detail jsonb NOT NULL DEFAULT '{}');
    INSERT INTO audit (actor, action, detail) VALUES
        ('command line', 'key create', '{\"key\": 3, \"role\": \"planner\"}'),
        ('command line', 'import', '{\"sites\": [1, 0]}'),
        ('command line', 'correct',
            '{\"kind\": \"site\", \"id\": \"p\", \"from\": null, \"before\": {\"capacity\": 1}, \"after\": {\"capacity\": 2}}'),
        ('key 3', 'replay', '{\"id\": 7, \"feed\": 2}');";

type Row = (String, Option<String>, Option<serde_json::Value>, Option<serde_json::Value>, String);

#[tokio::test]
async fn what_an_older_version_noted_is_kept() {
    let db = Database::start().await;
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    sqlx::raw_sql(OLDER).execute(&mut conn).await.unwrap();
    sqlx::raw_sql(MIGRATION).execute(&mut conn).await.unwrap();
    let rows: Vec<Row> =
        sqlx::query_as("SELECT action, subject, before, after, outcome FROM audit ORDER BY id")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let json = |text: &str| serde_json::from_str(text).ok();
    let row = |action: &str, subject: Option<&str>, before, after| -> Row {
        (action.into(), subject.map(Into::into), before, after, "done".into())
    };
    assert_eq!(
        rows,
        [
            row("key create", Some("key 3"), None, json(r#"{"key": 3, "role": "planner"}"#)),
            row("import", None, None, json(r#"{"sites": [1, 0]}"#)),
            row("correct", Some("site p"), json(r#"{"capacity": 1}"#), json(r#"{"capacity": 2}"#)),
            row("replay", Some("replay 7"), None, json(r#"{"id": 7, "feed": 2}"#)),
        ]
    );
    sqlx::raw_sql("DELETE FROM audit").execute(&mut conn).await.expect_err("it is appended to");
    conn.close().await.unwrap();
}
