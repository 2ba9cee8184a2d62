//! Whether the server accepts connections, by polling.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::PrivatePgError;
use crate::paths::Paths;

/// One attempt; a healthy server answers within milliseconds.
const ATTEMPT: Duration = Duration::from_secs(5);

const CANNOT_CONNECT_NOW: &str = "57P03";
const INVALID_CATALOG_NAME: &str = "3D000";
const DUPLICATE_DATABASE: &str = "42P04";
const UNIQUE_VIOLATION: &str = "23505";
const TOO_MANY_CONNECTIONS: &str = "53300";

/// What the server says.
pub enum Answer {
    Ready,
    /// Not yet, with the server's or the system's message.
    NotYet(String),
}

/// Tries to connect to our database, and makes it where it is missing.
pub async fn ask(paths: &Paths) -> Result<Answer, PrivatePgError> {
    let attempt = tokio::time::timeout(ATTEMPT, connect_or_create(paths)).await;
    match attempt {
        Err(_) => Ok(Answer::NotYet("no answer".to_owned())),
        Ok(Ok(())) => Ok(Answer::Ready),
        Ok(Err(sqlx::Error::Io(error))) => Ok(Answer::NotYet(error.to_string())),
        Ok(Err(error)) => match code(&error).as_deref() {
            Some(TOO_MANY_CONNECTIONS) => Ok(Answer::Ready),
            Some(CANNOT_CONNECT_NOW) => Ok(Answer::NotYet(error.to_string())),
            _ => Err(PrivatePgError::Connect { socket_dir: paths.socket_dir.clone(), source: error }),
        },
    }
}

async fn connect_or_create(paths: &Paths) -> Result<(), sqlx::Error> {
    match connect(&paths.url()).await {
        Ok(connection) => connection.close().await,
        Err(error) if code(&error).as_deref() == Some(INVALID_CATALOG_NAME) => create(paths).await,
        Err(error) => Err(error),
    }
}

async fn create(paths: &Paths) -> Result<(), sqlx::Error> {
    let mut connection = connect(&paths.url_of("postgres")).await?;
    let created = connection.execute("CREATE DATABASE kreisverkehr").await;
    match created {
        // Another process may create it at the same time: reported by its own error, or by the catalogue's index.
        Err(error) if !matches!(code(&error).as_deref(), Some(DUPLICATE_DATABASE | UNIQUE_VIOLATION)) => {
            Err(error)
        }
        _ => connection.close().await,
    }
}

/// One connection to the server.
pub async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::from_str(url)?.application_name("kreisverkehr private_pg").connect().await
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}
