//! Vehicle positions and passenger counts.

use domain::live::Change;
use domain::observation::DoorCount;
use domain::{PassengerCount, UtcMicros, VehiclePosition};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::observation::append;
use crate::Result;
use crate::bind::BindRows;
use crate::vehicle_states::move_latest;

/// Appends positions that are new and moves the latest forward; returns the new ones.
pub(super) async fn write_positions<'r>(
    conn: &mut PgConnection,
    rows: &[&'r VehiclePosition],
    stored_at: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<Vec<&'r VehiclePosition>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let fixes = || rows.iter().map(|o| &o.fix);
    let sql = "INSERT INTO vehicle_position (stored_at, municipality, observed_at, vehicle, digest, received_at, feed,
             clock_corrected, sensor, lat, lon, speed_mps, bearing_deg, trip_id, start_date, route_id, stop_id, delay_s,
             occupancy_pct)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         ON CONFLICT DO NOTHING RETURNING municipality, observed_at, vehicle, digest";
    let new = append(conn, sql, rows, stored_at, |insert| {
        insert
            .bind_rows(rows.iter().map(|o| (o.provenance.sensor.map(|sensor| sensor.0),)))
            .bind_rows(fixes().map(|fix| (fix.position.map(|p| p.lat), fix.position.map(|p| p.lon))))
            .bind_rows(fixes().map(|fix| (fix.speed_mps, fix.bearing_deg)))
            .bind_rows(fixes().map(|fix| (fix.trip_id.as_deref(), fix.start_date.as_deref())))
            .bind_rows(fixes().map(|fix| (fix.route_id.as_deref(), fix.stop_id.as_deref())))
            .bind_rows(fixes().map(|fix| (fix.delay_s, fix.occupancy_pct)))
    })
    .await?;
    move_latest(conn, rows).await?;
    changes.extend(rows.iter().map(|o| Change::Vehicle {
        vehicle: o.vehicle,
        feed: o.provenance.feed,
        observed_at: o.observed_at,
        digest: o.digest,
        fix: o.fix.clone(),
    }));
    Ok(new)
}

/// Appends passenger counts that are new, and returns them.
pub(super) async fn write_passengers<'r>(
    conn: &mut PgConnection,
    rows: &[&'r PassengerCount],
    stored_at: UtcMicros,
) -> Result<Vec<&'r PassengerCount>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sum = |doors: &[DoorCount], of: fn(&DoorCount) -> i32| doors.iter().map(of).sum::<i32>();
    let sql = "INSERT INTO passenger_count (stored_at, municipality, observed_at, vehicle, digest, received_at, feed,
             clock_corrected, stop_id, trip_id, doors, entries, exits, on_board, source, seq)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT DO NOTHING RETURNING municipality, observed_at, vehicle, digest";
    append(conn, sql, rows, stored_at, |insert| {
        insert
            .bind_rows(rows.iter().map(|o| (o.stop_id.as_deref(), o.trip_id.as_deref(), Json(&o.doors))))
            .bind_rows(rows.iter().map(|o| (sum(&o.doors, |d| d.entries), sum(&o.doors, |d| d.exits))))
            .bind_rows(rows.iter().map(|o| (o.on_board, o.source.as_deref(), o.seq)))
    })
    .await
}
