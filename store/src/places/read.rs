//! Reads definitions back.

use domain::catalogue::Catalogue;
use domain::place::Municipality;
use domain::registry::{Contents, Entry};
use domain::sensor::SensorRow;
use domain::{Decoder, MunicipalityId, Registry};
use serde::de::DeserializeOwned;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, SqlSafeStr};

use super::{days, fares, on_demand, on_demand_areas, publicity, taxis};
use crate::{Result, Ts};

/// Values that `sql` has as JSON.
async fn values<T>(conn: &mut PgConnection, sql: impl SqlSafeStr) -> Result<Vec<T>>
where
    T: DeserializeOwned + Send + Unpin + 'static,
{
    let rows: Vec<Json<T>> = sqlx::query_scalar(sql).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|value| value.0).collect())
}

/// Definitions with their ids: `sql` has id, municipality and definition.
async fn entries<I, T>(conn: &mut PgConnection, sql: &'static str) -> Result<Vec<Entry<I, T>>>
where
    I: From<i32>,
    T: DeserializeOwned + Send + Unpin + 'static,
{
    let rows: Vec<(i32, i32, Json<T>)> = sqlx::query_as(sql).fetch_all(conn).await?;
    let entry = |(id, municipality, Json(def)): (i32, i32, _)| Entry {
        id: id.into(),
        municipality: MunicipalityId(municipality),
        def,
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// The decoder of the sensor `s`; one that this version does not know is none.
fn known_decoder() -> String {
    format!("CASE WHEN s.decoder = ANY ('{{{}}}') THEN s.decoder END", Decoder::choices())
}

/// Loads everything into one immutable registry.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn registry(conn: &mut PgConnection) -> Result<Registry> {
    let municipalities: Vec<(i32, Json<Municipality>)> =
        sqlx::query_as("SELECT id, def FROM municipality").fetch_all(&mut *conn).await?;
    let sensors = format!(
        "SELECT jsonb_build_object('id', s.id, 'municipality', s.municipality, 'feed', s.feed, 'key', s.key,
                'decoder', {}, 'bindings', coalesce(jsonb_agg(jsonb_build_object(
                    'target', CASE WHEN b.bay IS NOT NULL THEN jsonb_build_object('Bay', b.bay)
                                   WHEN b.site IS NOT NULL THEN jsonb_build_object('Site', b.site)
                                   WHEN b.vehicle IS NOT NULL THEN jsonb_build_object('Vehicle', b.vehicle) END,
                    'direction', CASE WHEN b.direction IN ('in', 'out') THEN b.direction END,
                    'from', nullif(b.from_utc, '-infinity'), 'until', nullif(b.until_utc, 'infinity'),
                    'heartbeat_s', b.heartbeat_s, 'stale_after_s', b.stale_after_s, 'threshold_mm', b.threshold_mm)
                    ORDER BY b.from_utc) FILTER (WHERE b.sensor IS NOT NULL), '[]'))
         FROM sensor s LEFT JOIN sensor_binding b ON b.sensor = s.id GROUP BY s.id",
        known_decoder()
    );
    Ok(Registry::new(Contents {
        municipalities: municipalities.into_iter().map(|(id, def)| (MunicipalityId(id), def.0)).collect(),
        sites: entries(conn, "SELECT id, municipality, def FROM place WHERE kind = 1").await?,
        bays: entries(conn, "SELECT id, municipality, def FROM place WHERE kind = 2").await?,
        vehicles: entries(conn, "SELECT id, municipality, def FROM vehicle").await?,
        brokers: values(conn, "SELECT def FROM broker ORDER BY key").await?,
        feeds: entries(conn, "SELECT id, municipality, def FROM feed ORDER BY key").await?,
        sensors: values(conn, AssertSqlSafe(sensors)).await?,
        closures: days::ever_closed(conn).await?,
        public_since: publicity::public_since(conn).await?,
        distrusted: crate::health::distrusted(conn).await?.into_iter().collect(),
        calendar: days::calendar(conn, None).await?,
        on_demand: on_demand::all(conn).await?,
        on_demand_areas: on_demand_areas::all(conn).await?,
        fares: fares::all(conn).await?,
        taxis: taxis::all(conn).await?,
        generation: crate::ingest_process::generation(conn).await?,
    }))
}

/// Reads all definitions in the files' own terms, ordered by id.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn catalogue(conn: &mut PgConnection) -> Result<Catalogue> {
    let commissioned: Vec<(String, Ts)> =
        sqlx::query_as("SELECT key, commissioned_at FROM sensor WHERE commissioned_at IS NOT NULL")
            .fetch_all(&mut *conn)
            .await?;
    Ok(Catalogue {
        municipalities: values(conn, "SELECT def FROM municipality ORDER BY slug COLLATE \"C\"").await?,
        sites: values(conn, "SELECT def FROM place WHERE kind = 1 ORDER BY key COLLATE \"C\"").await?,
        bays: values(conn, "SELECT def FROM place WHERE kind = 2 ORDER BY key COLLATE \"C\"").await?,
        vehicles: values(conn, "SELECT def FROM vehicle ORDER BY key COLLATE \"C\"").await?,
        brokers: values(conn, "SELECT def FROM broker ORDER BY key COLLATE \"C\"").await?,
        feeds: values(conn, "SELECT def FROM feed ORDER BY key COLLATE \"C\"").await?,
        closures: days::all_closures(conn).await?,
        calendar: days::calendar(conn, None).await?,
        notices: values(conn, "SELECT def FROM notice_rule ORDER BY key COLLATE \"C\"").await?,
        on_demand: Some(on_demand::all(conn).await?),
        on_demand_areas: Some(on_demand_areas::all(conn).await?),
        fares: Some(fares::all(conn).await?),
        taxis: Some(taxis::all(conn).await?),
        sensors: sensor_rows(conn, None).await?,
        commissioned: commissioned.into_iter().map(|(id, at)| (id, at.0)).collect(),
    })
}

/// The bindings of the sensors `only`, or of all, in the files' own terms, by sensor and time. A sensor without a binding
/// has a row, too.
pub(super) async fn sensor_rows(conn: &mut PgConnection, only: Option<&[String]>) -> Result<Vec<SensorRow>> {
    let sql = format!(
        "SELECT jsonb_build_object('id', s.key, 'feed', f.key, 'decoder', {}, 'bay', bay.key, 'site', site.key,
                'vehicle', v.key, 'direction', CASE WHEN b.direction IN ('in', 'out') THEN b.direction END,
                'bound_from', nullif(b.from_utc, '-infinity'), 'bound_until', nullif(b.until_utc, 'infinity'),
                'heartbeat_s', b.heartbeat_s, 'stale_after_s', b.stale_after_s, 'threshold_mm', b.threshold_mm)
         FROM sensor s JOIN feed f ON f.id = s.feed
         LEFT JOIN sensor_binding b ON b.sensor = s.id
         LEFT JOIN place bay ON bay.id = b.bay
         LEFT JOIN place site ON site.id = b.site
         LEFT JOIN vehicle v ON v.id = b.vehicle
         WHERE $1::text[] IS NULL OR s.key = ANY($1)
         ORDER BY s.key COLLATE \"C\", b.from_utc",
        known_decoder()
    );
    let rows: Vec<Json<SensorRow>> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(only).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
