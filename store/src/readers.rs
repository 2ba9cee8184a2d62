//! Bounds for roles that read the views: a forgotten query in a notebook must not slow the program down.

use sqlx::PgConnection;

use crate::Result;

/// The longest query, and the longest idle transaction, of such a role in this database.
const STATEMENT: &str = "5min";

/// Sets the bounds of `kv_read` and of its members that have no setting of their own. The database's owner
/// and superusers are left alone.
///
/// # Errors
/// The database is not available. A role that our user may not change is no error: it is named in the log.
pub async fn limit(conn: &mut PgConnection) -> Result<()> {
    let roles: Vec<(String, bool)> = sqlx::query_as(
        "SELECT r.rolname, r.rolname = 'kv_read' AND r.rolconnlimit = -1
         FROM pg_roles r
         JOIN pg_database d ON d.datname = current_database()
         WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'kv_read')
           AND NOT r.rolsuper AND pg_has_role(r.oid, 'kv_read', 'MEMBER') AND NOT pg_has_role(r.oid, d.datdba, 'MEMBER')
           AND NOT EXISTS (
               SELECT FROM pg_db_role_setting s, unnest(s.setconfig) setting
               WHERE s.setrole = r.oid AND s.setdatabase IN (0, d.oid) AND setting LIKE 'statement_timeout=%')
         ORDER BY 1",
    )
    .fetch_all(&mut *conn)
    .await?;
    for (role, needs_limit) in roles {
        if let Err(error) = bound(conn, &role, needs_limit).await {
            tracing::info!(
                "queries of the role {role} have no bound, and our user may set none ({error}): \
                 ALTER ROLE {role} SET statement_timeout = '{STATEMENT}'"
            );
        }
    }
    Ok(())
}

async fn bound(conn: &mut PgConnection, role: &str, needs_limit: bool) -> Result<(), sqlx::Error> {
    // The server quotes the names.
    let statements: Vec<String> = sqlx::query_scalar(
        "SELECT format('ALTER ROLE %I IN DATABASE %I SET %s = %L', $1::text, current_database(), setting, $2::text)
         FROM unnest(ARRAY['statement_timeout', 'idle_in_transaction_session_timeout']) setting
         UNION ALL SELECT format('ALTER ROLE %I CONNECTION LIMIT 20', $1::text) WHERE $3",
    )
    .bind(role)
    .bind(STATEMENT)
    .bind(needs_limit)
    .fetch_all(&mut *conn)
    .await?;
    for statement in statements {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *conn).await?;
    }
    Ok(())
}
