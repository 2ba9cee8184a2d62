//! Connections.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::StoreError;

/// A pool of connections to one database.
pub type Pool = sqlx::PgPool;

/// Connections for reading and for short commands; the writers hold their own.
const MAX_CONNECTIONS: u32 = 8;

/// Parses `url`. Its password never reaches a log: nothing here prints it.
///
/// # Errors
/// [`StoreError::Url`].
pub fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Url)?;
    Ok(options.application_name("kreisverkehr"))
}

/// Connects to the database at `url`.
///
/// # Errors
/// [`StoreError::Url`], or [`StoreError::Unavailable`] after 10 s.
pub async fn connect(url: &str) -> Result<Pool, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options(url)?)
        .await?;
    Ok(pool)
}
