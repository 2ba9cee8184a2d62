//! Native partitions on demand. A missing partition aborts a whole COPY, so each writer creates
//! the partitions of a batch before it stores it.

use std::collections::HashSet;

use domain::UtcMicros;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::StoreError;
use crate::migrate::Partitioning;

/// The tables that are partitioned by `observed_at`, with their slice.
pub const TABLES: [(Table, Slice); 4] = [
    (Table::BayObservation, Slice::Month),
    (Table::SiteCount, Slice::Month),
    (Table::VehiclePosition, Slice::Day),
    (Table::PassengerCount, Slice::Month),
];

/// A table of observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    BayObservation,
    SiteCount,
    VehiclePosition,
    PassengerCount,
}

impl Table {
    pub const fn name(self) -> &'static str {
        match self {
            Table::BayObservation => "bay_observation",
            Table::SiteCount => "site_count",
            Table::VehiclePosition => "vehicle_position",
            Table::PassengerCount => "passenger_count",
        }
    }

    fn slice(self) -> Slice {
        if self == Table::VehiclePosition { Slice::Day } else { Slice::Month }
    }
}

/// How long a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    Day,
    Month,
}

const DAY_US: i64 = 86_400_000_000;

/// Days since 1970 at which the slice that holds `at` begins and ends.
fn bounds_days(slice: Slice, at: UtcMicros) -> (i64, i64) {
    let day = at.0.div_euclid(DAY_US);
    match slice {
        Slice::Day => (day, day + 1),
        Slice::Month => {
            let (year, month) = year_month(day);
            let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            (days_from_civil(year, month), days_from_civil(next.0, next.1))
        }
    }
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days, days_from_civil).
fn year_month(day: i64) -> (i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month)
}

fn days_from_civil(year: i64, month: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Caches which partitions exist. One per writer.
#[derive(Debug, Default)]
pub struct Partitions {
    known: HashSet<(Table, i64)>,
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
    ) -> Result<(), StoreError> {
        if partitioning == Partitioning::Hypertables {
            return Ok(());
        }
        let mut last = (i64::MAX, i64::MAX);
        for at in instants {
            let day = at.0.div_euclid(DAY_US);
            if (last.0..last.1).contains(&day) {
                continue;
            }
            last = bounds_days(table.slice(), at);
            if self.known.contains(&(table, last.0)) {
                continue;
            }
            create(conn, table, last).await?;
            self.known.insert((table, last.0));
        }
        Ok(())
    }
}

/// Advisory lock: two writers that need the same new partition.
const PARTITION_LOCK: i64 = 0x6b76_7061_7274; // "kvpart"

async fn create(conn: &mut PgConnection, table: Table, (from, until): (i64, i64)) -> Result<(), StoreError> {
    let date = |days: i64| UtcMicros(days * DAY_US).to_string()[..10].to_owned();
    let (parent, from, until) = (table.name(), date(from), date(until));
    let name = format!("{parent}_{}", from.replace('-', ""));
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
        // Retention was interrupted; it drops the partition another time.
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
            let (a, b) = bounds_days(Slice::Month, UtcMicros::parse(text).unwrap());
            let date = |d: i64| UtcMicros(d * DAY_US).to_string()[..10].to_owned();
            assert_eq!((date(a), date(b)), (from.to_owned(), until.to_owned()), "{text}");
        }
    }
}
