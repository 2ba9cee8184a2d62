//! Retention: what is too old is dropped, whole partitions or chunks at a time where there are any.
//!
//! Vehicle positions are aggregated first (`coarse`). A dry run ([`due`]) and the real one
//! ([`enforce`]) use the same conditions.

mod clock;
mod coarse;
mod rows;
mod slices;

use std::time::Duration;

use domain::UtcMicros;
use serde::Serialize;
use sqlx::Connection;
use tracing::{info, warn};

use crate::partitions::Table;
use crate::{Pool, Result, StoreError, Ts, migrate, pool};

const DAY: Duration = Duration::from_secs(86_400);

/// How long each class of data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Rejected messages.
    pub rejections: Duration,
    /// Bytes and radio data of LoRaWAN messages.
    pub uplinks: Duration,
    /// Vehicle positions, and trip updates.
    pub vehicle_positions: Duration,
    /// Bay and site observations, passenger counts, and the intervals that are derived of them.
    pub observations: Duration,
    /// How late each run passed each stop; of the vehicle only as long as of positions.
    pub passages: Duration,
    /// Sums per hour, and what remains of positions; `None`: for ever.
    pub aggregates: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            rejections: 14 * DAY,
            uplinks: 90 * DAY,
            vehicle_positions: 14 * DAY,
            observations: 3 * 365 * DAY,
            passages: 3 * 365 * DAY,
            aggregates: None,
        }
    }
}

domain::wire_enum! {
    /// A class of data with its own retention.
    Class {
        /// See [`Retention::rejections`].
        Rejections = "rejections",
        /// See [`Retention::uplinks`].
        Uplinks = "uplinks",
        /// See [`Retention::vehicle_positions`].
        VehiclePositions = "vehicle_positions",
        /// See [`Retention::observations`].
        Observations = "observations",
        /// See [`Retention::passages`].
        Passages = "passages",
        /// See [`Retention::aggregates`].
        Aggregates = "aggregates",
    }
}

impl Class {
    const fn of(table: Table) -> Class {
        match table {
            Table::VehiclePosition => Class::VehiclePositions,
            Table::BayObservation | Table::SiteCount | Table::PassengerCount => Class::Observations,
        }
    }
}

/// How long the change log reaches back: a reader that was away for longer reloads everything.
pub const CHANGE_LOG: Duration = Duration::from_secs(3_600);

/// How long the addresses in the audit are kept.
const ADDRESSES: Duration = Duration::from_secs(90 * 86_400);

/// Data that is too old, or was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Which class it is of.
    pub class: Class,
    /// A table, or the partition or chunk of one.
    pub what: String,
    /// Of partitions and chunks an estimate.
    pub rows: i64,
    /// Of partitions and chunks, with their indexes.
    pub bytes: Option<i64>,
    /// What is older goes.
    pub before: UtcMicros,
}

impl Retention {
    fn keep(&self, class: Class) -> Option<Duration> {
        match class {
            Class::Rejections => Some(self.rejections),
            Class::Uplinks => Some(self.uplinks),
            Class::VehiclePositions => Some(self.vehicle_positions),
            Class::Observations => Some(self.observations),
            Class::Passages => Some(self.passages),
            Class::Aggregates => self.aggregates,
        }
    }

    /// What is older than this goes; `None`: nothing does.
    fn before(&self, class: Class, now: UtcMicros) -> Option<UtcMicros> {
        Some(before(self.keep(class)?, now))
    }
}

fn before(keep: Duration, now: UtcMicros) -> UtcMicros {
    let keep_s = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    now.plus_s(keep_s.saturating_neg())
}

/// Advisory lock: one run at a time.
const RETENTION_LOCK: i64 = 0x6b76_7265_7465; // "kvrete"

/// What [`enforce`] would drop now.
///
/// # Errors
/// The database is not available.
pub async fn due(pool: &Pool, retention: &Retention) -> Result<Vec<Due>> {
    let mut conn = pool.acquire().await?;
    let (now, partitioning) = (pool::now(&mut conn).await?, migrate::partitioning(&mut conn).await?);
    let mut all = Vec::new();
    for table in Table::ALL {
        let Some(before) = retention.before(Class::of(table), now) else { continue };
        let slices = slices::old(&mut conn, partitioning, table, before).await?;
        all.extend(slices.iter().map(|slice| slice.due(table, before)));
    }
    for rows in rows::ALL {
        let Some(before) = retention.before(rows.class, now) else { continue };
        all.extend(rows.count(&mut conn, before).await?);
    }
    Ok(all)
}

/// Whether the clock is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// By its own record: while it is more than a day ahead of the run before, nothing is deleted for a day.
    Earned,
    /// By the operator who runs `prune`.
    Given,
}

/// Drops what is older than `retention` allows, and calls `dropped` for each step. A crash repeats nothing
/// and leaves nothing half done that the next run does not finish. A step that fails keeps none of the
/// others from being done.
///
/// Observations that a feed delivers late into a dropped period open a new partition, which lives
/// until the next run.
///
/// # Errors
/// The first error, once all steps have been tried.
pub async fn enforce(
    pool: &Pool,
    retention: &Retention,
    trust: Trust,
    mut dropped: impl FnMut(&Due),
) -> Result<Vec<Due>> {
    // A connection of its own: the lock goes with it, whatever happens.
    let mut conn = crate::pool::own(&pool.connect_options()).await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(RETENTION_LOCK).execute(&mut conn).await?;
    let (now, partitioning) = (pool::now(&mut conn).await?, migrate::partitioning(&mut conn).await?);
    let mut seen = clock::after(clock::seen(&mut conn).await?, now);
    if trust == Trust::Given {
        seen = clock::after(None, now);
    }
    clock::note(&mut conn, seen).await?;
    if seen.doubted_since.is_some() {
        warn!(
            "the database's clock shows {now}, at the previous run of retention it showed {}: nothing is deleted until \
             it has gone on for a day. If it is wrong, set it; if it is right, `kreisverkehr prune` deletes at once",
            seen.trusted_at
        );
        conn.close().await?;
        return Ok(Vec::new());
    }
    let (mut all, mut failed) = (Vec::new(), None);
    let mut note = |step: Result<Vec<Due>>| match step {
        Ok(done) => {
            done.iter().for_each(&mut dropped);
            all.extend(done);
        }
        Err(error) => {
            failed.get_or_insert(error);
        }
    };
    // First: it grows fastest, and a failure of the rest must not let it fill the disk.
    note(crate::health::pass_over(pool).await.map(|_| Vec::new()));
    note(crate::changes::prune(pool, CHANGE_LOG).await.map(|_| Vec::new()));
    for table in Table::ALL {
        let Some(before) = retention.before(Class::of(table), now) else { continue };
        match slices::old(&mut conn, partitioning, table, before).await {
            Ok(old) => {
                for slice in old {
                    let done = slice.drop(&mut conn, table).await;
                    note(done.map(|()| vec![slice.due(table, before)]));
                }
            }
            Err(error) => note(Err(error)),
        }
    }
    for rows in rows::ALL {
        let Some(before) = retention.before(rows.class, now) else { continue };
        note(rows.delete(&mut conn, before).await.map(|due| due.into_iter().collect()));
    }
    for (sql, before) in [
        // With the duty roster the vehicle would identify the driver, longer than positions do.
        (
            "UPDATE stop_passage SET vehicle = NULL
             WHERE service_date < ($1 AT TIME ZONE 'UTC')::date AND vehicle IS NOT NULL",
            retention.before(Class::VehiclePositions, now),
        ),
        (
            "UPDATE audit SET address = NULL WHERE address IS NOT NULL AND at_utc < $1",
            Some(before(ADDRESSES, now)),
        ),
    ] {
        let done = sqlx::query(sql).bind(before.map(Ts)).execute(&mut conn).await;
        note(done.map(|_| Vec::new()).map_err(StoreError::from));
    }
    let slices: Vec<&str> = all.iter().filter(|d| d.bytes.is_some()).map(|d| d.what.as_str()).collect();
    if !slices.is_empty() {
        info!(partitions = ?slices, "retention dropped old observations");
    }
    match failed {
        Some(error) => Err(error),
        None => {
            conn.close().await?;
            Ok(all)
        }
    }
}
