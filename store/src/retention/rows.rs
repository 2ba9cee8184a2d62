//! Tables of which single rows go.

use domain::UtcMicros;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Class, Due};
use crate::{Result, Ts};

/// Rows of a table that are too old.
pub(super) struct Rows {
    pub(super) class: Class,
    table: &'static str,
    /// Which rows, `$1` being the instant before which they are too old. Where the key does not
    /// begin with the time, it begins with places, so that each run reads the beginning of each place and not all rows.
    too_old: &'static str,
}

const fn rows(class: Class, table: &'static str, too_old: &'static str) -> Rows {
    Rows { class, table, too_old }
}

pub(super) const ALL: [Rows; 20] = [
    rows(Class::Rejections, "rejection", "received_at < $1"),
    // The requests are in the audit log.
    rows(Class::Rejections, "replay", "asked_at < $1"),
    rows(Class::Rejections, "rebinding", "done_at < $1"),
    rows(Class::Uplinks, "uplink", "received_at < $1"),
    rows(Class::Uplinks, "receipt_claim", "received_at < $1"),
    // Unknown devices of which no message is left.
    rows(
        Class::Uplinks,
        "device_state",
        "last_heard < $1 AND NOT EXISTS (SELECT FROM sensor s WHERE s.key = device)",
    ),
    rows(Class::Uplinks, "gateway_link", "last_heard < $1"),
    rows(Class::Uplinks, "gateway", "last_heard < $1"),
    rows(Class::Uplinks, "notice", "created_at < $1 AND state <> 'pending'"),
    rows(Class::Uplinks, "notice_cause", "ended_at < $1"),
    // Where a tracker was stands in its payload too.
    rows(
        Class::VehiclePositions,
        "uplink",
        "(municipality, device) IN (SELECT municipality, key FROM sensor WHERE decoder = 'digital-matter-oyster')
         AND received_at < $1",
    ),
    rows(
        Class::VehiclePositions,
        "trip_state",
        // Also dates of more than a month ahead that are no longer confirmed.
        "(start_date <= to_char($1 AT TIME ZONE 'UTC', 'YYYYMMDD')
             OR start_date > to_char($1 + interval '45 days', 'YYYYMMDD')) AND confirmed_at < $1",
    ),
    rows(
        Class::VehiclePositions,
        "alert_state",
        "confirmed_at < $1",
    ),
    rows(
        Class::Observations,
        "bay_interval",
        "(municipality, bay) IN (SELECT municipality, id FROM place WHERE kind = 2) AND from_utc < $1 AND until_utc <= $1",
    ),
    rows(
        Class::Observations,
        "site_interval",
        "(municipality, site, audience) IN (SELECT municipality, place, audience FROM derived_place)
         AND from_utc < $1 AND until_utc <= $1",
    ),
    rows(Class::Observations, "rental_count", "observed_at < $1"),
    rows(Class::Observations, "rental_forecast", "until_utc < $1"),
    rows(
        Class::Passages,
        "stop_passage",
        "municipality IN (SELECT id FROM municipality) AND service_date < ($1 AT TIME ZONE 'UTC')::date",
    ),
    rows(
        Class::Aggregates,
        "occupancy_hour",
        "(municipality, scope) IN (SELECT municipality, id FROM occupancy_scope) AND hour < $1",
    ),
    rows(
        Class::Aggregates,
        "vehicle_position_coarse",
        "municipality IN (SELECT id FROM municipality) AND hour < $1",
    ),
];

impl Rows {
    /// How many there are; `None` when there are none.
    pub(super) async fn count(&self, conn: &mut PgConnection, before: UtcMicros) -> Result<Option<Due>> {
        let sql = format!("SELECT count(*) FROM {} WHERE {}", self.table, self.too_old);
        let count = sqlx::query_scalar(AssertSqlSafe(sql)).bind(Ts(before)).fetch_one(conn).await?;
        Ok(self.due(count, before))
    }

    /// Deletes them; `None` when there were none.
    pub(super) async fn delete(&self, conn: &mut PgConnection, before: UtcMicros) -> Result<Option<Due>> {
        let sql = format!("DELETE FROM {} WHERE {}", self.table, self.too_old);
        let done = sqlx::query(AssertSqlSafe(sql)).bind(Ts(before)).execute(conn).await?;
        Ok(self.due(done.rows_affected() as i64, before))
    }

    fn due(&self, rows: i64, before: UtcMicros) -> Option<Due> {
        let due = Due { class: self.class, what: self.table.to_owned(), rows, bytes: None, before };
        (rows > 0).then_some(due)
    }
}
