//! Imported counts of past years: appended once, and live state moves only
//! where they are newer.

use std::collections::BTreeMap;

use domain::{MunicipalityId, SiteCount, SiteId, UtcMicros};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, FromRow, PgConnection};

use crate::StoreError;
use crate::audit::{self, Actor, AuditEvent};
use crate::changes;
use crate::copy::CopyRows;
use crate::migrate::{self, Partitioning};
use crate::partitions::{Partitions, Table};
use crate::ts::Ts;
use crate::writer::{Capacities, sites};

/// Counts that one transaction takes: a month of some twenty sites, and half a second.
pub const CHUNK_ROWS: usize = 50_000;

/// A guess of a row's size in the COPY data, bytes.
const ROW_BYTES: usize = 150;

const COLUMNS: &str = "municipality, observed_at, site, digest, received_at, stored_at, feed, sensor, seq, audience, \
     occupied, vacant, entries, exits, status, capacity, source, clock_corrected";

/// The result for one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub site: SiteId,
    /// Counts that were not there.
    pub new: u64,
}

/// What was new of one site.
#[derive(FromRow)]
struct New {
    municipality: i32,
    site: i32,
    n: i64,
    first_at: Ts,
    last_at: Ts,
    last_count_at: Option<Ts>,
    last_status_at: Option<Ts>,
    last_capacity_at: Option<Ts>,
}

/// A connection that stores imported counts.
#[derive(Debug)]
pub struct HistoryWriter {
    conn: PgConnection,
    partitioning: Partitioning,
    partitions: Partitions,
    writer: i64,
    seq: i64,
}

impl HistoryWriter {
    /// # Errors
    /// The database is not available.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, StoreError> {
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
        capacities: &dyn Capacities,
        stored_at: UtcMicros,
    ) -> Result<Vec<Appended>, StoreError> {
        let times = rows.iter().map(|row| row.observed_at);
        self.partitions.ensure(&mut self.conn, self.partitioning, Table::SiteCount, times).await?;
        let mut tx = self.conn.begin().await?;
        let new = append(&mut tx, rows, stored_at).await?;
        request_derivation(&mut tx, &new).await?;
        let mut changes = Vec::new();
        sites::move_states(&mut tx, newest(rows, &new), capacities, stored_at, &mut changes).await?;
        if !changes.is_empty() {
            changes::append(&mut tx, self.writer, self.seq + 1, &changes, false).await?;
        }
        tx.commit().await?;
        self.seq += i64::from(!changes.is_empty());
        Ok(new.iter().map(|n| Appended { site: SiteId(n.site), new: n.n as u64 }).collect())
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
    ) -> Result<(), StoreError> {
        let after = Some(detail);
        let event = AuditEvent { action: "import history", municipalities, after, ..AuditEvent::default() };
        audit::append(&mut self.conn, &Actor::local(actor), &[event]).await
    }
}

async fn append(
    conn: &mut PgConnection,
    rows: &[SiteCount],
    stored_at: UtcMicros,
) -> Result<Vec<New>, StoreError> {
    use domain::observation::CountValue;
    sqlx::query("CREATE TEMP TABLE staged_count (LIKE site_count) ON COMMIT DROP")
        .execute(&mut *conn)
        .await?;
    let mut data = CopyRows::new(rows.len() * ROW_BYTES);
    for o in rows {
        let (occupied, vacant, flow) = match o.value {
            CountValue::Occupied(n) => (Some(n), None, None),
            CountValue::Vacant(n) => (None, Some(n), None),
            CountValue::Flow { entries, exits } => (None, None, Some((entries, exits))),
            CountValue::None => (None, None, None),
        };
        data.row(18)
            .int4(o.provenance.municipality.0)
            .timestamptz(o.observed_at)
            .int4(o.site.0)
            .int8(o.digest)
            .timestamptz(o.provenance.received_at)
            .timestamptz(stored_at)
            .int4(o.provenance.feed.0)
            .int4(o.provenance.sensor.map(|s| s.0))
            .int8(o.seq)
            .text(Some(o.audience.map_or("", |a| a.as_str())))
            .int4(occupied)
            .int4(vacant)
            .int4(flow.map(|f| f.0))
            .int4(flow.map(|f| f.1))
            .text(o.status.map(|s| s.as_str()))
            .int4(o.capacity)
            .text(o.source.as_deref())
            .bool(o.provenance.clock_corrected);
    }
    let mut copy =
        conn.copy_in_raw(&format!("COPY staged_count ({COLUMNS}) FROM STDIN (FORMAT binary)")).await?;
    copy.send(data.finish()).await?;
    copy.finish().await?;
    let sql = format!(
        "WITH new AS (
             INSERT INTO site_count ({COLUMNS}) SELECT {COLUMNS} FROM staged_count
             ORDER BY municipality, observed_at, site, digest ON CONFLICT DO NOTHING
             RETURNING municipality, site, observed_at, occupied, vacant, status, capacity)
         SELECT municipality, site, count(*) AS n, min(observed_at) AS first_at, max(observed_at) AS last_at,
                max(observed_at) FILTER (WHERE num_nonnulls(occupied, vacant) > 0) AS last_count_at,
                max(observed_at) FILTER (WHERE status IS NOT NULL) AS last_status_at,
                max(observed_at) FILTER (WHERE capacity IS NOT NULL) AS last_capacity_at
         FROM new GROUP BY municipality, site ORDER BY municipality, site"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(conn).await?)
}

/// Requests the derivation of what is new.
async fn request_derivation(conn: &mut PgConnection, new: &[New]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO derive_wanted (municipality, site, from_utc, until_utc)
         SELECT * FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::timestamptz[])",
    )
    .bind(new.iter().map(|n| n.municipality).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.site).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.first_at).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.last_at).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest of the new counts: live state is a maximum over them, so older
/// ones do not matter.
fn newest<'a>(rows: &'a [SiteCount], new: &[New]) -> BTreeMap<sites::StateKey, Vec<&'a SiteCount>> {
    let mut by_state: BTreeMap<sites::StateKey, Vec<&SiteCount>> = BTreeMap::new();
    for n in new {
        let wanted = [n.last_count_at, n.last_status_at, n.last_capacity_at];
        let is_newest = |row: &&SiteCount| {
            row.site.0 == n.site
                && row.provenance.municipality.0 == n.municipality
                && wanted.contains(&Some(Ts(row.observed_at)))
        };
        for row in rows.iter().filter(is_newest) {
            by_state.entry(sites::StateKey::of(row)).or_default().push(row);
        }
    }
    by_state
}
