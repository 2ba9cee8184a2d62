//! Which gateways hear which sensors.

use std::collections::BTreeMap;

use domain::uplink::Reception;
use domain::{Uplink, UtcMicros};
use sqlx::PgConnection;

use crate::{Result, Ts};

/// Gateways of one message that count: a device on a hill is heard by dozens, and the first are the best.
const OF_MESSAGE: usize = 8;

/// Gateways of one sensor that are kept, those that heard it last.
const OF_SENSOR: i64 = 16;

/// The longest id, bytes: an EUI has 16, The Things Network's names up to 36.
const MAX_ID_BYTES: usize = 64;

/// Notes through which gateways new messages came. Links are those of the feed's own sensors, and only they make a gateway
/// known: whoever makes up devices makes up no gateways.
pub(super) async fn note(conn: &mut PgConnection, new: &[&Uplink]) -> Result<()> {
    let mut links: BTreeMap<(i32, &str, &str), (UtcMicros, f64, &Reception)> = BTreeMap::new();
    let mut gateways: BTreeMap<(i32, &str), (UtcMicros, bool)> = BTreeMap::new();
    for u in new.iter().filter(|u| u.event != "simulated") {
        let fits = |r: &&Reception| !r.gateway.is_empty() && r.gateway.len() <= MAX_ID_BYTES;
        for reception in u.gateways.iter().filter(fits).take(OF_MESSAGE) {
            let gateway = reception.gateway.as_str();
            let heard = gateways.entry((u.municipality.0, gateway)).or_insert((u.received_at, false));
            *heard = (heard.0.max(u.received_at), heard.1 || !u.is_stranger);
            if !u.is_stranger {
                let link = links.entry((u.municipality.0, &u.device, gateway));
                let link = link.or_insert((u.received_at, 0.0, reception));
                let newest = if u.received_at >= link.0 { reception } else { link.2 };
                *link = (link.0.max(u.received_at), link.1 + 1.0, newest);
            }
        }
    }
    if gateways.is_empty() {
        return Ok(());
    }
    // Nearly every message comes through a gateway that was heard a moment ago: that row is read, not locked.
    sqlx::query(
        "INSERT INTO gateway AS held (municipality, id, last_heard)
         SELECT m, g, t FROM unnest($1, $2, $3, $4) AS x(m, g, t, has_sensor)
         LEFT JOIN gateway h ON h.municipality = m AND h.id = g
         WHERE (has_sensor OR h.id IS NOT NULL) AND (h.last_heard IS NULL OR h.last_heard < t - interval '10 seconds')
         ORDER BY m, g
         ON CONFLICT (municipality, id) DO UPDATE SET last_heard = greatest(held.last_heard, excluded.last_heard)",
    )
    .bind(gateways.keys().map(|k| k.0).collect::<Vec<_>>())
    .bind(gateways.keys().map(|k| k.1).collect::<Vec<_>>())
    .bind(gateways.values().map(|v| Ts(v.0)).collect::<Vec<_>>())
    .bind(gateways.values().map(|v| v.1).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let is_new: Vec<(bool,)> = sqlx::query_as(
        "INSERT INTO gateway_link AS held (municipality, device, gateway, last_heard, messages, rssi_dbm, snr_db)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (municipality, device, gateway) DO UPDATE
         SET last_heard = greatest(held.last_heard, excluded.last_heard),
             rssi_dbm = CASE WHEN excluded.last_heard >= held.last_heard THEN excluded.rssi_dbm ELSE held.rssi_dbm END,
             snr_db = CASE WHEN excluded.last_heard >= held.last_heard THEN excluded.snr_db ELSE held.snr_db END,
             messages = excluded.messages + held.messages * exp(-extract(epoch FROM
                 least(greatest(excluded.last_heard - held.last_heard, interval '0'), interval '100 days'))::float8 / 604800)
         RETURNING xmax = 0",
    )
    .bind(links.keys().map(|k| k.0).collect::<Vec<_>>())
    .bind(links.keys().map(|k| k.1).collect::<Vec<_>>())
    .bind(links.keys().map(|k| k.2).collect::<Vec<_>>())
    .bind(links.values().map(|v| Ts(v.0)).collect::<Vec<_>>())
    .bind(links.values().map(|v| v.1).collect::<Vec<_>>())
    .bind(links.values().map(|v| v.2.rssi_dbm).collect::<Vec<_>>())
    .bind(links.values().map(|v| v.2.snr_db).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    if is_new.contains(&(true,)) {
        bound(conn, &links.keys().map(|k| (k.0, k.1)).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// Removes the excess links of these sensors, and gateways that have none any more.
async fn bound(conn: &mut PgConnection, sensors: &[(i32, &str)]) -> Result<()> {
    let gone: Vec<(i32, String)> = sqlx::query_as(
        "DELETE FROM gateway_link l USING (
             SELECT municipality, device, gateway, row_number() OVER (
                 PARTITION BY municipality, device ORDER BY last_heard DESC, messages DESC, gateway) AS nth
             FROM gateway_link WHERE (municipality, device) IN (SELECT * FROM unnest($1, $2))) x
         WHERE x.nth > $3 AND (l.municipality, l.device, l.gateway) = (x.municipality, x.device, x.gateway)
         RETURNING l.municipality, l.gateway",
    )
    .bind(sensors.iter().map(|s| s.0).collect::<Vec<_>>())
    .bind(sensors.iter().map(|s| s.1).collect::<Vec<_>>())
    .bind(OF_SENSOR)
    .fetch_all(&mut *conn)
    .await?;
    if gone.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM gateway g WHERE (g.municipality, g.id) IN (SELECT * FROM unnest($1, $2))
         AND NOT EXISTS (SELECT FROM gateway_link l WHERE l.municipality = g.municipality AND l.gateway = g.id)",
    )
    .bind(gone.iter().map(|g| g.0).collect::<Vec<_>>())
    .bind(gone.iter().map(|g| g.1.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
