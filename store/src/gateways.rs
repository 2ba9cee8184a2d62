//! Gateways of radio networks, and the sensors that they hear.

use std::collections::BTreeMap;

use domain::notice::gateway::{Link, Reception};
use domain::{MunicipalityId, UtcMicros};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};

use crate::{Pool, Result, Ts};

/// A gateway, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct Gateway {
    /// Its id, as the network server writes it.
    pub id: String,
    /// When it last heard anything, to ten seconds.
    #[sqlx(try_from = "Ts")]
    pub last_heard: UtcMicros,
    /// How many sensors it heard within the 30 days before.
    pub sensors: i64,
    /// How many of them are silent now.
    pub silent: i64,
}

/// Gateways in the order of their ids, those after `after`. One that hears sensors of several of these municipalities is
/// one.
///
/// # Errors
/// The database is not available.
pub async fn page(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Gateway>> {
    Ok(sqlx::query_as(
        r#"WITH page AS (
             SELECT id COLLATE "C" AS id, max(last_heard) AS last_heard, array_agg(municipality) AS towns
             FROM gateway WHERE municipality = ANY($1) AND ($2::text IS NULL OR id COLLATE "C" > $2)
             GROUP BY id COLLATE "C" ORDER BY id COLLATE "C" LIMIT $3)
         SELECT p.id, p.last_heard, l.sensors, l.silent FROM page p CROSS JOIN LATERAL (
             SELECT count(*) AS sensors, count(*) FILTER (WHERE EXISTS (
                 SELECT FROM sensor s JOIN health_reason r ON r.municipality = s.municipality AND r.source = s.id
                 WHERE s.key = l.device AND s.municipality = l.municipality AND r.code = 'silent'
                   AND r.until_utc = 'infinity')) AS silent
             FROM gateway_link l
             WHERE l.municipality = ANY(p.towns) AND l.gateway = p.id
               AND l.last_heard > p.last_heard - interval '30 days') l
         ORDER BY p.id"#,
    )
    .bind(municipalities.iter().map(|m| m.0).collect::<Vec<_>>())
    .bind(after)
    .bind(limit as i64)
    .fetch_all(pool)
    .await?)
}

/// A gateway that hears a device, as it is answered.
#[derive(Debug, Clone, PartialEq, FromRow, Serialize)]
pub struct DeviceGateway {
    /// Its id, as the network server writes it.
    #[sqlx(rename = "gateway")]
    pub id: String,
    /// When it last heard the device.
    #[sqlx(try_from = "Ts")]
    pub last_heard: UtcMicros,
    /// Signal strength of that message.
    pub rssi_dbm: Option<f32>,
    /// Signal-to-noise ratio of that message.
    pub snr_db: Option<f32>,
}

/// The gateways that hear these sensors, of each those first that heard it last.
///
/// # Errors
/// The database is not available.
pub async fn of_devices(
    pool: &Pool,
    devices: &[(MunicipalityId, &str)],
) -> Result<Vec<(MunicipalityId, String, DeviceGateway)>> {
    #[derive(FromRow)]
    struct Row {
        municipality: i32,
        device: String,
        #[sqlx(flatten)]
        gateway: DeviceGateway,
    }
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT l.municipality, l.device, l.gateway, l.last_heard, l.rssi_dbm, l.snr_db
         FROM unnest($1, $2) AS d (municipality, device) JOIN gateway_link l USING (municipality, device)
         ORDER BY l.last_heard DESC, l.gateway",
    )
    .bind(devices.iter().map(|(municipality, _)| municipality.0).collect::<Vec<_>>())
    .bind(devices.iter().map(|(_, device)| *device).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (MunicipalityId(row.municipality), row.device, row.gateway)).collect())
}

/// What is needed to say which gateways are down: the links of these silent sensors, and of all sensors of those of their
/// gateways that have heard nothing since `noticed_at`, the newest time at which one of them was noticed. `gateways`: whose
/// time is needed too.
pub(crate) async fn reception(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    silent: &[&str],
    noticed_at: UtcMicros,
    gateways: &[&str],
) -> Result<Reception> {
    let links: Vec<(String, String, f64)> = sqlx::query_as(
        "WITH of_silent AS (SELECT * FROM gateway_link WHERE municipality = $1 AND device = ANY($2)),
              suspects AS (
                  SELECT id FROM gateway WHERE municipality = $1 AND last_heard <= $3
                    AND id IN (SELECT gateway FROM of_silent)),
              devices AS (
                  SELECT unnest($2::text[]) AS device
                  UNION SELECT device FROM gateway_link WHERE municipality = $1 AND gateway IN (SELECT id FROM suspects))
         SELECT device, gateway, ln(messages) + extract(epoch FROM last_heard)::float8 / 604800
         FROM gateway_link WHERE municipality = $1 AND device IN (SELECT device FROM devices)",
    )
    .bind(municipality.0)
    .bind(silent)
    .bind(Ts(noticed_at))
    .fetch_all(&mut *conn)
    .await?;
    let links: Vec<Link> = links
        .into_iter()
        .map(|(sensor, gateway, ln_messages)| Link { sensor, gateway, ln_messages })
        .collect();
    let named: Vec<&str> = gateways.iter().copied().chain(links.iter().map(|l| l.gateway.as_str())).collect();
    let last_heard: Vec<(String, Ts)> =
        sqlx::query_as("SELECT id, last_heard FROM gateway WHERE municipality = $1 AND id = ANY($2)")
            .bind(municipality.0)
            .bind(named)
            .fetch_all(&mut *conn)
            .await?;
    let last_heard: BTreeMap<String, UtcMicros> = last_heard.into_iter().map(|(id, at)| (id, at.0)).collect();
    Ok(Reception { links, last_heard, sensors: sensors(conn, municipality).await? })
}

/// How many sensors the municipality has.
pub(crate) async fn sensors(conn: &mut PgConnection, municipality: MunicipalityId) -> Result<u32> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sensor WHERE municipality = $1")
        .bind(municipality.0)
        .fetch_one(conn)
        .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
