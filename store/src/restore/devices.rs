//! When devices and gateways were last heard.

use domain::UtcMicros;
use sqlx::PgConnection;

use crate::Result;
use crate::search_spans::last;

/// Sets devices last heard ahead of `now` back to their newest earlier message, and deletes those without one; gateways and
/// what they heard come back with the next messages.
/// How many there were.
pub(super) async fn restore(conn: &mut PgConnection, now: UtcMicros) -> Result<u64> {
    let mut restored = 0;
    for sql in [
        "UPDATE device_state d SET last_heard = u.at
         FROM (SELECT h.municipality, h.device, (SELECT max(received_at) FROM uplink
                   WHERE municipality = h.municipality AND device = h.device AND event <> 'simulated'
                     AND received_at <= $1) AS at
               FROM device_state h WHERE h.last_heard > $1 ORDER BY h.municipality, h.device FOR UPDATE) u
         WHERE d.municipality = u.municipality AND d.device = u.device AND u.at IS NOT NULL",
        "DELETE FROM device_state WHERE last_heard > $1",
        "DELETE FROM gateway_link WHERE last_heard > $1",
        "DELETE FROM gateway WHERE last_heard > $1",
    ] {
        restored += sqlx::query(sql).bind(last(now)).execute(&mut *conn).await?.rows_affected();
    }
    Ok(restored)
}
