//! What can go wrong with the database, sorted by what to do about it.

/// The result of a call to the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or gave up: try again later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A row is there already (SQLSTATE 23505).
    #[error("already stored")]
    Duplicate(#[source] sqlx::Error),
    /// The database refuses the data: trying again does not help.
    #[error("the database refuses the data: {0}")]
    Data(#[source] sqlx::Error),
    /// The database's structure could not be brought up to date.
    #[error("the database's structure could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database has an extension that its server does not load: PostgreSQL would end the connection.
    #[error(
        "this database uses TimescaleDB, which its server does not load: install the extension \
         again and set shared_preload_libraries = 'timescaledb' (a private database does that itself)"
    )]
    TimescaleDbMissing,
    /// The URL is not one of PostgreSQL.
    #[error("--database-url is not a PostgreSQL URL (postgres://user@host/database): {0}")]
    Url(#[source] sqlx::Error),
    /// The change log no longer reaches back to what was read: load the state again.
    #[error("the change log no longer reaches back to what was read")]
    Pruned,
    /// A stored definition or log entry does not read back: written by a newer version, or damaged.
    #[error("stored data does not read back ({0}); was it written by a newer version?")]
    Decode(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|e| e.code().map(|c| c.into_owned()));
        match code.as_deref() {
            Some("23505") => StoreError::Duplicate(error),
            // No partition takes the row: retention is dropping it, and whoever tries again makes a new one.
            Some("23514") if error.as_database_error().is_some_and(|e| e.constraint().is_none()) => {
                StoreError::Unavailable(error)
            }
            // 22: data exception, 23: integrity, 54: limits exceeded. Not 42 (no such table, no right
            // to it): the operator fixes that, and nothing may be dropped because of it.
            Some(c) if ["22", "23", "54"].iter().any(|class| c.starts_with(class)) => StoreError::Data(error),
            _ => match error {
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                    StoreError::Decode(error.to_string())
                }
                other => StoreError::Unavailable(other),
            },
        }
    }
}
