//! Imported counts of past years: appended once, and live state moves only
//! where they are newer.

use std::collections::BTreeMap;

use domain::{MunicipalityId, Registry, SiteCount, SiteId, UtcMicros};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::Result;
use crate::audit::{self, Actor, AuditEvent};
use crate::changes::{self, WriterId};
use crate::migrate::{self, Partitioning};
use crate::partitions::{Partitions, Table};
use crate::writer::observation::Observation;
use crate::writer::sites;

/// Counts that one transaction takes: a month of some twenty sites, and half a second.
pub const CHUNK_ROWS: usize = 50_000;

/// The result for one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The site.
    pub site: SiteId,
    /// Counts that were not there.
    pub new: u64,
}

/// A connection that stores imported counts.
#[derive(Debug)]
pub struct HistoryWriter {
    conn: PgConnection,
    partitioning: Partitioning,
    partitions: Partitions,
    writer: WriterId,
    seq: i64,
}

impl HistoryWriter {
    /// # Errors
    /// The database is not available.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self> {
        let mut conn = crate::pool::own(options).await?;
        let partitioning = migrate::partitioning(&mut conn).await?;
        let writer = changes::new_writer(&mut conn).await?;
        Ok(HistoryWriter { conn, partitioning, partitions: Partitions::default(), writer, seq: 0 })
    }

    /// Stores absolute counts and statuses, best at most [`CHUNK_ROWS`] in the order of time, in one
    /// transaction. What is there already stays; a transaction that fails stores nothing and may be
    /// tried again.
    ///
    /// # Errors
    /// The database is not available, or refuses the data.
    pub async fn write(
        &mut self,
        rows: &[SiteCount],
        registry: &Registry,
        stored_at: UtcMicros,
    ) -> Result<Vec<Appended>> {
        let times = rows.iter().map(|row| row.observed_at);
        self.partitions.ensure(&mut self.conn, self.partitioning, Table::SiteCount, times).await?;
        // In the order of writers: no deadlocks.
        let mut sorted: Vec<&SiteCount> = rows.iter().collect();
        sorted.sort_by_key(|row| row.key());
        sorted.dedup_by_key(|row| row.key());
        let mut tx = self.conn.begin().await?;
        let mut changes = Vec::new();
        let new = sites::write(&mut tx, &sorted, &[], stored_at, registry, &mut changes).await?;
        if !changes.is_empty() {
            changes::append(&mut tx, self.writer, self.seq + 1, &changes, false).await?;
        }
        tx.commit().await?;
        self.seq += i64::from(!changes.is_empty());
        let mut by_site: BTreeMap<SiteId, u64> = BTreeMap::new();
        for count in new {
            *by_site.entry(count.site).or_default() += 1;
        }
        Ok(by_site.into_iter().map(|(site, new)| Appended { site, new }).collect())
    }

    /// Notes in the audit what was done to feeds of these `municipalities`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn finish(
        mut self,
        actor: &str,
        municipalities: Vec<MunicipalityId>,
        detail: serde_json::Value,
    ) -> Result<()> {
        let after = Some(detail);
        let event = AuditEvent { action: "import history", municipalities, after, ..AuditEvent::default() };
        audit::append(&mut self.conn, &Actor::local(actor), &[event]).await
    }
}
