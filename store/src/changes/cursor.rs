//! Consumers of the log whose positions are stored: what they have not read yet is not pruned.

use sqlx::{AssertSqlSafe, PgConnection};

use super::log::{self, LogLimit, LogRow, Positions, WriterId};
use crate::Result;

/// A consumer of the log, with its position in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogCursor {
    /// Writes the deferred states to `bay_state`.
    BayStates,
    /// Derives what places were over time.
    Deriver,
    /// Judges the health of devices. It stores its position now and then, and reads on from one of its own.
    Health,
}

impl LogCursor {
    pub(super) const ALL: [LogCursor; 3] = [LogCursor::BayStates, LogCursor::Deriver, LogCursor::Health];

    /// The table of its positions.
    pub(super) const fn table(self) -> &'static str {
        match self {
            LogCursor::BayStates => "bay_state_fold",
            LogCursor::Deriver => "derive_position",
            LogCursor::Health => "health_position",
        }
    }

    /// Which rows concern it.
    pub(super) const fn condition(self) -> &'static str {
        match self {
            LogCursor::BayStates => "deferred",
            LogCursor::Deriver => "true",
            LogCursor::Health => "heard IS NOT NULL",
        }
    }

    /// How far it has read.
    pub(crate) async fn positions(self, conn: &mut PgConnection) -> Result<Positions> {
        let sql = format!("SELECT writer, seq FROM {}", self.table());
        let rows: Vec<(WriterId, i64)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(conn).await?;
        Ok(rows.into_iter().collect())
    }

    /// What it has not read, oldest first within each writer.
    pub(crate) async fn unread(self, conn: &mut PgConnection, limit: LogLimit) -> Result<Vec<LogRow>> {
        Ok(log::after(self.table(), self.condition(), limit).fetch_all(conn).await?)
    }

    /// The beginning of a query that has what it has not read as `unread`.
    pub(crate) fn with_unread(self) -> String {
        log::unread(self.table(), self.condition(), "")
    }

    /// Stores that it has read these transactions and those before them.
    pub(crate) async fn advance(
        self,
        conn: &mut PgConnection,
        read: impl IntoIterator<Item = (WriterId, i64)>,
    ) -> Result<()> {
        let (writers, seqs): (Vec<WriterId>, Vec<i64>) = read.into_iter().unzip();
        let sql = format!(
            "INSERT INTO {} AS held (writer, seq)
             SELECT writer, max(seq) FROM unnest($1, $2) AS read(writer, seq)
             GROUP BY writer ORDER BY writer
             ON CONFLICT (writer) DO UPDATE SET seq = greatest(held.seq, excluded.seq)",
            self.table()
        );
        sqlx::query(AssertSqlSafe(sql)).bind(writers).bind(seqs).execute(conn).await?;
        Ok(())
    }
}
