//! Corrects what lies ahead of the clock, after the clock itself was ahead.

use domain::UtcMicros;
use domain::feed::is_ahead;
use domain::intervals::HOUR_US;
use sqlx::Connection;
use tracing::info;

use super::Deriver;
use crate::{Result, Ts, changes, restore};

/// Seconds between checks when the clock did not go back: another process may have had another clock.
const CHECK_EVERY_S: i64 = 600;

impl Deriver {
    /// Checks at the beginning, whenever the clock went back, and every [`CHECK_EVERY_S`]; whether something was corrected.
    pub(super) async fn correct_ahead(&mut self, now: UtcMicros) -> Result<bool> {
        if self.checked_ahead.is_some_and(|at| at <= now && now < at.plus_s(CHECK_EVERY_S)) {
            return Ok(false);
        }
        let has_reopened = self.reopen_hours(now).await?;
        let reaches_back = changes::reach_back(&mut self.conn, now).await?;
        let has_restored = restore::latest_states(&mut self.conn, now).await?;
        self.checked_ahead = Some(now);
        Ok(has_reopened || reaches_back || has_restored)
    }

    /// Deletes the sums of hours in the future; they are summed up when they are over.
    async fn reopen_hours(&mut self, now: UtcMicros) -> Result<bool> {
        if !is_ahead(self.hours_until, now) {
            return Ok(false);
        }
        let until = UtcMicros(now.0.div_euclid(HOUR_US) * HOUR_US);
        let mut tx = self.conn.begin().await?;
        sqlx::query("DELETE FROM occupancy_hour WHERE hour >= $1").bind(Ts(until)).execute(&mut *tx).await?;
        sqlx::query("UPDATE derive_state SET hours_until = $1").bind(Ts(until)).execute(&mut *tx).await?;
        tx.commit().await?;
        info!(
            "the clock was ahead: hours were summed up until {}, and are until {until} now",
            self.hours_until
        );
        self.hours_until = until;
        Ok(true)
    }
}
