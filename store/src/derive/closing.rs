//! Sums up each hour once it is over.

use domain::UtcMicros;
use domain::intervals::{Delta, Span};
use sqlx::Connection;

use super::observations::BayKey;
use super::{Deriver, bays, hours, sites};
use crate::{Result, Ts};

/// Places that are summed up at once.
const AT_ONCE: usize = 5_000;

impl Deriver {
    /// Sums up the hours from the last closed one to `until`, a full hour.
    pub(super) async fn close_hours(&mut self, until: UtcMicros) -> Result<()> {
        let span = Span { from: self.hours_until, until };
        let mut tx = self.conn.begin().await?;
        let mut delta = Delta::default();
        let keys: Vec<_> = self
            .bays
            .iter()
            .map(|(bay, p)| (BayKey { municipality: p.municipality, bay: *bay }, span))
            .collect();
        for keys in keys.chunks(AT_ONCE) {
            for (key, intervals) in bays::around(&mut tx, keys).await? {
                delta.add_bays(intervals.as_slice(), &self.bays[&key.bay].timeline, span, 1);
            }
        }
        for ((site, audience), placed) in &self.sites {
            let intervals = sites::within(&mut tx, placed.municipality, *site, audience, span).await?;
            delta.add_counts(&intervals, &placed.timeline, span, 1);
        }
        hours::write(&mut tx, delta).await?;
        sqlx::query("UPDATE derive_state SET hours_until = $1").bind(Ts(until)).execute(&mut *tx).await?;
        tx.commit().await?;
        self.hours_until = until;
        Ok(())
    }
}
