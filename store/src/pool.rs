//! Connections.

use std::path::PathBuf;
use std::time::Duration;

use domain::UtcMicros;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use url::Url;

use crate::{Result, StoreError, Ts};

/// A pool of connections to one database.
pub type Pool = sqlx::PgPool;

/// Where a database is, and as whom one connects: of [`options`].
pub type ConnectOptions = PgConnectOptions;

/// The most streamed answers at once, each with a connection of its own.
pub const STREAMS_AT_ONCE: usize = 4;

/// The most short queries and commands beside them.
const SHORT_AT_ONCE: u32 = 8;

/// Connections for reading and for short commands. Writers, the deriver and those who wait for a
/// notification hold their own.
const MAX_CONNECTIONS: u32 = STREAMS_AT_ONCE as u32 + SHORT_AT_ONCE;

const ACQUIRE: Duration = Duration::from_secs(10);

/// Parses `url`. Its password never reaches a log: nothing here prints it.
///
/// # Errors
/// [`StoreError::Url`].
pub fn options(url: &str) -> Result<PgConnectOptions> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Url)?;
    Ok(options.application_name("kreisverkehr"))
}

/// For work that may take its time (migrations, imports, deriving, retention): also where a role or database has a
/// stricter bound. A connection that hangs within a transaction does not keep its locks.
const FOR_WORK: &str = "SET statement_timeout = 0; SET lock_timeout = 0; \
                        SET idle_in_transaction_session_timeout = '15min'";

/// For answers to requests. A table is one statement while its reader takes it, however slowly; a wait for a lock
/// is no longer than the caller's patience.
const FOR_ANSWERS: &str = "SET statement_timeout = '10min'; SET lock_timeout = '10s'; \
                           SET idle_in_transaction_session_timeout = '1min'";

/// With settings of the session: parameters of its start are refused by a pooler in between.
fn with_bounds(bounds: &'static str, max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(max_connections).acquire_timeout(ACQUIRE).after_connect(
        move |conn, _| Box::pin(async move { sqlx::raw_sql(bounds).execute(conn).await.map(drop) }),
    )
}

/// Connects to the database at `url`, for work without time bounds.
///
/// # Errors
/// [`StoreError::Url`], or [`StoreError::Unavailable`] after 10 s.
pub async fn connect(url: &str) -> Result<Pool> {
    Ok(with_bounds(FOR_WORK, MAX_CONNECTIONS).connect_with(options(url)?).await?)
}

/// One connection without bounds, apart from all pools.
///
/// # Errors
/// The database is not available.
pub(crate) async fn own(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut conn = PgConnection::connect_with(options).await?;
    sqlx::raw_sql(FOR_WORK).execute(&mut conn).await?;
    Ok(conn)
}

/// Connections to the database of `pool` for answers to requests, made when they are used: none takes more than ten
/// minutes, waits longer than ten seconds for a lock, or lies idle in a transaction.
pub fn answering(pool: &Pool) -> Pool {
    with_bounds(FOR_ANSWERS, MAX_CONNECTIONS).connect_lazy_with(pool.connect_options().as_ref().clone())
}

/// One connection of its own to the database of `pool`, made when it is first used.
pub fn single(pool: &Pool) -> Pool {
    with_bounds(FOR_WORK, 1).connect_lazy_with(pool.connect_options().as_ref().clone())
}

/// How long the database may take to answer a ping.
const PING: Duration = Duration::from_secs(2);

/// Checks whether the database answers.
///
/// # Errors
/// It refuses, or does not answer within 2 s.
pub async fn ping(pool: &Pool) -> Result<()> {
    let asked = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(pool);
    match tokio::time::timeout(PING, asked).await {
        Ok(answer) => answer.map(drop).map_err(Into::into),
        Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
    }
}

/// The database's clock.
pub(crate) async fn now(conn: &mut PgConnection) -> Result<UtcMicros> {
    let Ts(now) = sqlx::query_scalar("SELECT now()").fetch_one(conn).await?;
    Ok(now)
}

/// The server's data directory, when it runs on this machine and our user may know.
///
/// # Errors
/// The database is not available.
pub async fn data_directory(pool: &Pool) -> Result<Option<PathBuf>> {
    // NULL for a socket. A server that we reach by an address of its own may be another machine.
    let path: Option<String> = sqlx::query_scalar(
        "SELECT CASE WHEN (coalesce(inet_server_addr(), '127.0.0.1') <<= '127.0.0.0/8' OR inet_server_addr() = '::1')
                      AND ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                          OR pg_has_role(current_user, 'pg_read_all_settings', 'USAGE'))
                     THEN current_setting('data_directory') END",
    )
    .fetch_one(pool)
    .await?;
    Ok(path.map(PathBuf::from))
}

/// `url` without its passwords, to be shown.
pub fn without_password(url: &str) -> String {
    const SECRETS: [&str; 2] = ["password", "sslpassword"];
    // Whoever is connected by it has a URL that can be read; anything else is better not shown.
    let Ok(mut shown) = Url::parse(url) else { return String::new() };
    let kept: Vec<(String, String)> = shown
        .query_pairs()
        .filter(|(name, _)| !SECRETS.contains(&&**name))
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    if shown.password().is_none() && kept.len() == shown.query_pairs().count() {
        return url.to_owned();
    }
    // It fails for URLs without a host only: these have no password.
    let _ = shown.set_password(None);
    shown.set_query(None);
    if !kept.is_empty() {
        shown.query_pairs_mut().extend_pairs(kept);
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_shown_url_has_no_password() {
        for (url, shown) in [
            (
                "postgres://me:s3cret@db.example:5433/kv?sslmode=require",
                "postgres://me@db.example:5433/kv?sslmode=require",
            ),
            ("postgres://me@db/kv?password=s3cret&sslmode=require", "postgres://me@db/kv?sslmode=require"),
            ("postgres://me@db/kv?password=s3cret", "postgres://me@db/kv"),
            (
                "postgres://kv@localhost/kv?host=/var/lib/a%20b",
                "postgres://kv@localhost/kv?host=/var/lib/a%20b",
            ),
            ("no url: s3cret", ""),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
