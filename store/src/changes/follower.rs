//! A reader that keeps state current: it remembers its position itself.

use domain::UtcMicros;

use super::log::{self, Committed, LogLimit, LogRow, Positions, WriterId};
use super::prune;
use crate::{Pool, Result, StoreError, Ts};

/// How a transaction that came through memory relates to what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The next one of its writer: it counts as read now.
    Next,
    /// It was read before.
    Seen,
    /// Others lie between: read the log.
    Gap,
}

/// Follows the log from a position.
#[derive(Debug)]
pub struct Follower {
    pool: Pool,
    positions: Positions,
    /// By the database's clock: everything committed before has been read.
    read_until: UtcMicros,
}

impl Follower {
    /// Begins after `positions`, those of a state that was loaded at `read_until` by the database's clock.
    pub fn new(pool: Pool, positions: Positions, read_until: UtcMicros) -> Self {
        Follower { pool, positions, read_until }
    }

    /// Relates a transaction that reached this process through memory to the position.
    pub fn accept(&mut self, committed: &Committed) -> Accepted {
        let held = self.positions.get(&committed.writer).copied().unwrap_or(0);
        match committed.seq - held {
            1 => {
                self.positions.insert(committed.writer, committed.seq);
                Accepted::Next
            }
            n if n <= 0 => Accepted::Seen,
            _ => Accepted::Gap,
        }
    }

    /// What is new now, oldest first within each writer, without waiting. Call again at once when something came: there
    /// may be more.
    ///
    /// # Errors
    /// The database is not available, or the log was written by a newer version. [`StoreError::Pruned`]: what had not been
    /// read is gone; load the state again.
    pub async fn poll(&mut self) -> Result<Vec<Committed>> {
        let (began,): (Ts,) = sqlx::query_as("SELECT now()").fetch_one(&self.pool).await?;
        let (writers, seqs): (Vec<WriterId>, Vec<i64>) = self.positions.iter().map(|(w, s)| (*w, *s)).unzip();
        let unread = log::after("unnest($3, $4)", "true", LogLimit::STEP);
        let unread = unread.bind(writers).bind(seqs).fetch_all(&self.pool).await?;
        // Checked afterwards: what is pruned later could still be read.
        if prune::is_pruned(&self.pool, self.read_until).await? {
            return Err(StoreError::Pruned);
        }
        let committed =
            |row: &LogRow| Ok(Committed { writer: row.writer, seq: row.seq, changes: row.changes()? });
        let new = unread.iter().map(committed).collect::<Result<Vec<_>>>()?;
        // A full answer may have left something for the next.
        if new.is_empty() {
            self.read_until = began.0;
        }
        for c in &new {
            self.positions.insert(c.writer, c.seq);
        }
        Ok(new)
    }
}
