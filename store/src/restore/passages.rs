//! When runs passed stops: recomputed from vehicle positions; those of trip updates come again or are lost.

use domain::{UtcMicros, VehiclePosition};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::Result;
use crate::bind::BindRows;
use crate::search_spans::last;
use crate::vehicle_states::POSITION;
use crate::writer::passages::Days;

/// Replaces passages that were stated ahead of `now`; how many there were.
pub(super) async fn restore(conn: &mut PgConnection, now: UtcMicros) -> Result<u64> {
    // The key begins with the date, and no passage is stated later than some days after its own: years of them are not read.
    let ahead: Vec<(i32, String, String, String)> = sqlx::query_as(
        "DELETE FROM stop_passage WHERE said_at > $1 AND municipality IN (SELECT id FROM municipality)
             AND service_date > ($1 AT TIME ZONE 'UTC')::date - 7
         RETURNING municipality, service_date::text, trip_id, stop_id",
    )
    .bind(last(now))
    .fetch_all(&mut *conn)
    .await?;
    if ahead.is_empty() {
        return Ok(0);
    }
    let passages = ahead.len() as u64;
    // A service day reaches into the next, and towns have zones.
    let sql = format!(
        "SELECT DISTINCT {POSITION}
         FROM unnest($1, $2::text[]::date[], $3, $4) AS k(municipality, day, trip_id, stop_id)
         JOIN vehicle_position o ON o.municipality = k.municipality AND o.trip_id = k.trip_id AND o.stop_id = k.stop_id
              AND o.observed_at >= k.day - interval '1 day' AND o.observed_at < k.day + interval '3 days'
         WHERE o.observed_at <= $5"
    );
    let rows: Vec<(Json<VehiclePosition>,)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind_rows(ahead.into_iter())
        .bind(last(now))
        .fetch_all(&mut *conn)
        .await?;
    let positions: Vec<&VehiclePosition> = rows.iter().map(|(position,)| &position.0).collect();
    Days::default().write(conn, &positions, &[], i64::MAX).await?;
    Ok(passages)
}
