//! Aggregates of old vehicle positions: sums per hour, route and cell of about 500 m.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::Result;

/// Height and width of a cell, degrees: 500 m, and 493 m at 52 degrees of latitude. `v_vehicle_position_coarse`
/// stands on the same.
const CELL_DEG: (f64, f64) = (0.0045, 0.0072);

/// Adds the positions of `source`, a table that the same transaction drops, to the sums. A message that is
/// redelivered after that counts twice: its first copy is no longer known.
pub(super) async fn keep(conn: &mut PgConnection, source: &str) -> Result<()> {
    let (height, width) = CELL_DEG;
    let sql = format!(
        "INSERT INTO vehicle_position_coarse AS held
             (municipality, hour, route_id, cell_lat, cell_lon, n, speed_n, speed_sum_mps, delay_n, delay_sum_s)
         SELECT municipality, date_trunc('hour', observed_at, 'UTC'), coalesce(route_id, ''),
                floor(lat / {height})::int, floor(lon / {width})::int, count(*),
                count(speed_mps), coalesce(sum(speed_mps::float8), 0), count(delay_s), coalesce(sum(delay_s), 0)
         FROM {source}
         WHERE lat IS NOT NULL AND lon IS NOT NULL
         GROUP BY 1, 2, 3, 4, 5
         ON CONFLICT (municipality, hour, route_id, cell_lat, cell_lon) DO UPDATE
         SET n = held.n + excluded.n,
             speed_n = held.speed_n + excluded.speed_n, speed_sum_mps = held.speed_sum_mps + excluded.speed_sum_mps,
             delay_n = held.delay_n + excluded.delay_n, delay_sum_s = held.delay_sum_s + excluded.delay_sum_s"
    );
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}
