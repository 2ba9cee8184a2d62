//! The latest state of each part of each vehicle.

use domain::UtcMicros;
use domain::live::Change;
use sqlx::PgConnection;

use crate::Result;
use crate::search_spans::last;
use crate::vehicle_states::{PartKey, refill};

/// Replaces states that lie ahead of `now`; how many there were.
pub(super) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64> {
    // Deleted first: then earlier positions move the state forward as usual.
    let ahead: Vec<PartKey> = sqlx::query_as(
        "DELETE FROM vehicle_state WHERE observed_at > $1 RETURNING municipality, vehicle, part",
    )
    .bind(last(now))
    .fetch_all(&mut *conn)
    .await?;
    let restored = ahead.len() as u64;
    refill(conn, ahead.into_iter().collect(), now, changes).await?;
    Ok(restored)
}
