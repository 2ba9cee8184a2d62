//! Native partitions on demand. A missing partition aborts a whole COPY, so each writer creates
//! the partitions of a batch before it stores it.

use std::collections::HashSet;

use domain::UtcMicros;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::Result;
use crate::migrate::Partitioning;

/// A table of observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Statements about bays.
    BayObservation,
    /// Counts of sites.
    SiteCount,
    /// Positions of vehicles.
    VehiclePosition,
    /// Passengers counted at doors.
    PassengerCount,
}

impl Table {
    /// All that are partitioned by `observed_at`.
    pub const ALL: [Table; 4] =
        [Table::BayObservation, Table::SiteCount, Table::VehiclePosition, Table::PassengerCount];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Table::BayObservation => "bay_observation",
            Table::SiteCount => "site_count",
            Table::VehiclePosition => "vehicle_position",
            Table::PassengerCount => "passenger_count",
        }
    }

    /// The first day of the partition that holds `at`, and the first one after it: a day of positions, a month of all else.
    fn bounds(self, at: UtcMicros) -> (Date, Date) {
        let instant = Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::MAX);
        let day = TimeZone::UTC.to_datetime(instant).date();
        match self {
            Table::VehiclePosition => (day, day.saturating_add(1.day())),
            _ => (day.first_of_month(), day.first_of_month().saturating_add(1.month())),
        }
    }
}

const DAY_US: i64 = 86_400_000_000;

/// Caches which partitions exist. One per writer.
#[derive(Debug, Default)]
pub struct Partitions {
    known: HashSet<(Table, Date)>,
}

impl Partitions {
    /// Creates what is missing for `instants` in `table`. Nothing to do on hypertables.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn ensure(
        &mut self,
        conn: &mut PgConnection,
        partitioning: Partitioning,
        table: Table,
        instants: impl Iterator<Item = UtcMicros>,
    ) -> Result<()> {
        if partitioning == Partitioning::Hypertables {
            return Ok(());
        }
        let mut last_day = None;
        for at in instants {
            let day = at.0.div_euclid(DAY_US);
            if last_day.replace(day) == Some(day) {
                continue;
            }
            let (from, until) = table.bounds(at);
            if !self.known.contains(&(table, from)) {
                create(conn, table, from, until).await?;
                self.known.insert((table, from));
            }
        }
        Ok(())
    }
}

/// Advisory lock: two writers that need the same new partition.
const PARTITION_LOCK: i64 = 0x6b76_7061_7274; // "kvpart"

async fn create(conn: &mut PgConnection, table: Table, from: Date, until: Date) -> Result<()> {
    let parent = table.name();
    let name = format!("{parent}_{}", from.strftime("%Y%m%d"));
    let mut tx = conn.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(PARTITION_LOCK).execute(&mut *tx).await?;
    let (exists, is_attached, is_detaching): (bool, bool, bool) = sqlx::query_as(
        "SELECT to_regclass($1) IS NOT NULL, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
         FROM (SELECT) one LEFT JOIN pg_inherits i ON i.inhrelid = to_regclass($1)",
    )
    .bind(&name)
    .fetch_one(&mut *tx)
    .await?;
    let mut steps = Vec::new();
    if !exists {
        steps.push(format!("CREATE TABLE {name} (LIKE {parent} INCLUDING ALL)"));
    }
    if is_detaching {
        // Retention was interrupted; it drops the partition later.
        steps.push(format!("ALTER TABLE {parent} DETACH PARTITION {name} FINALIZE"));
    }
    if !is_attached || is_detaching {
        // ATTACH does not block those who write to other partitions; CREATE ... PARTITION OF does.
        steps.push(format!(
            "ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{from} 00:00+00') TO ('{until} 00:00+00')"
        ));
    }
    for step in steps {
        sqlx::query(AssertSqlSafe(step)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        for (text, from, until) in [
            ("2024-02-29T23:59:59Z", "2024-02-01", "2024-03-01"),
            ("2026-12-31T23:59:59.999999Z", "2026-12-01", "2027-01-01"),
            ("1970-01-01T00:00:00Z", "1970-01-01", "1970-02-01"),
            ("2006-11-24T10:00:00Z", "2006-11-01", "2006-12-01"),
        ] {
            let bounds = Table::SiteCount.bounds(UtcMicros::parse(text).unwrap());
            assert_eq!(bounds, (from.parse().unwrap(), until.parse().unwrap()), "{text}");
        }
    }
}
