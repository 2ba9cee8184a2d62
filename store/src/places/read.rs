//! Reads definitions back.

use std::collections::HashMap;

use domain::catalogue::Catalogue;
use domain::place::{Bay, Municipality, Site, Vehicle};
use domain::registry::{Contents, Entry};
use domain::sensor::{Direction, SensorRow};
use domain::{
    BayId, Binding, Broker, Decoder, Feed, FeedId, MunicipalityId, Registry, Sensor, SensorId, SiteId,
    Target, UtcMicros, VehicleId,
};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::{days, publicity};
use crate::column::{MaybeUnsigned, MaybeWord};
use crate::{Result, Ts};

/// When a sensor is bound to something, and what is special about it there.
#[derive(FromRow)]
struct BindingColumns {
    from_utc: Ts,
    until_utc: Ts,
    #[sqlx(try_from = "MaybeWord")]
    direction: Option<Direction>,
    #[sqlx(try_from = "MaybeUnsigned")]
    heartbeat_s: Option<u32>,
    #[sqlx(try_from = "MaybeUnsigned")]
    stale_after_s: Option<u32>,
    #[sqlx(try_from = "MaybeUnsigned")]
    threshold_mm: Option<u32>,
}

#[derive(FromRow)]
struct BindingRow {
    sensor: i32,
    bay: Option<i32>,
    site: Option<i32>,
    vehicle: Option<i32>,
    #[sqlx(flatten)]
    columns: BindingColumns,
}

impl From<BindingRow> for Binding {
    fn from(row: BindingRow) -> Self {
        let BindingColumns { direction, heartbeat_s, stale_after_s, threshold_mm, .. } = row.columns;
        let bay = row.bay.map(|id| Target::Bay(BayId(id)));
        let site = row.site.map(|id| Target::Site(SiteId(id)));
        Binding {
            target: bay.or(site).or(row.vehicle.map(|id| Target::Vehicle(VehicleId(id)))),
            direction,
            from: finite(row.columns.from_utc),
            until: finite(row.columns.until_utc),
            heartbeat_s,
            stale_after_s,
            threshold_mm,
        }
    }
}

/// A row of the sensors' file.
#[derive(FromRow)]
struct FileRow {
    id: String,
    feed: String,
    #[sqlx(try_from = "MaybeWord")]
    decoder: Option<Decoder>,
    bay: Option<String>,
    site: Option<String>,
    vehicle: Option<String>,
    #[sqlx(flatten)]
    binding: BindingColumns,
}

impl From<FileRow> for SensorRow {
    fn from(row: FileRow) -> Self {
        let FileRow { id, feed, decoder, bay, site, vehicle, binding } = row;
        let BindingColumns { from_utc, until_utc, direction, heartbeat_s, stale_after_s, threshold_mm } =
            binding;
        let (bound_from, bound_until) = (finite(from_utc), finite(until_utc));
        SensorRow {
            id,
            feed,
            decoder,
            bay,
            site,
            vehicle,
            direction,
            bound_from,
            bound_until,
            heartbeat_s,
            stale_after_s,
            threshold_mm,
        }
    }
}

/// PostgreSQL's infinities are open ends.
fn finite(ts: Ts) -> Option<UtcMicros> {
    (ts.0.0 != i64::MIN && ts.0.0 != i64::MAX).then_some(ts.0)
}

/// Loads everything into one immutable registry.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn registry(conn: &mut PgConnection) -> Result<Registry> {
    let municipalities: Vec<(i32, Json<Municipality>)> =
        sqlx::query_as("SELECT id, def FROM municipality").fetch_all(&mut *conn).await?;
    let sites: Vec<(i32, i32, Json<Site>)> =
        sqlx::query_as("SELECT id, municipality, def FROM place WHERE kind = 1")
            .fetch_all(&mut *conn)
            .await?;
    let bays: Vec<(i32, i32, Json<Bay>)> =
        sqlx::query_as("SELECT id, municipality, def FROM place WHERE kind = 2")
            .fetch_all(&mut *conn)
            .await?;
    let vehicles: Vec<(i32, i32, Json<Vehicle>)> =
        sqlx::query_as("SELECT id, municipality, def FROM vehicle").fetch_all(&mut *conn).await?;
    let brokers: Vec<(Json<Broker>,)> =
        sqlx::query_as("SELECT def FROM broker ORDER BY key").fetch_all(&mut *conn).await?;
    let feeds: Vec<(i32, i32, Json<Feed>)> =
        sqlx::query_as("SELECT id, municipality, def FROM feed ORDER BY key").fetch_all(&mut *conn).await?;
    let sensors: Vec<(i32, i32, i32, String, Option<String>)> =
        sqlx::query_as("SELECT id, municipality, feed, key, decoder FROM sensor")
            .fetch_all(&mut *conn)
            .await?;
    let mut by_sensor: HashMap<i32, Vec<Binding>> = HashMap::new();
    let bindings: Vec<BindingRow> = sqlx::query_as(
        "SELECT sensor, from_utc, until_utc, bay, site, vehicle, direction, heartbeat_s, stale_after_s, threshold_mm
         FROM sensor_binding ORDER BY sensor, from_utc",
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in bindings {
        by_sensor.entry(row.sensor).or_default().push(row.into());
    }
    let closures = days::ever_closed(&mut *conn).await?;
    let public_since = publicity::public_since(&mut *conn).await?;
    let calendar = days::calendar(&mut *conn, None).await?;
    Ok(Registry::new(Contents {
        generation: crate::ingest_process::generation(&mut *conn).await?,
        municipalities: municipalities.into_iter().map(|(id, def)| (MunicipalityId(id), def.0)).collect(),
        sites: entries(sites, SiteId),
        bays: entries(bays, BayId),
        vehicles: entries(vehicles, VehicleId),
        brokers: brokers.into_iter().map(|(def,)| def.0).collect(),
        feeds: entries(feeds, FeedId),
        closures,
        public_since,
        calendar,
        sensors: sensors
            .into_iter()
            .map(|(id, municipality, feed, key, decoder)| Sensor {
                id: SensorId(id),
                key,
                feed: FeedId(feed),
                municipality: MunicipalityId(municipality),
                decoder: decoder.and_then(|d| d.parse().ok()),
                bindings: by_sensor.remove(&id).unwrap_or_default(),
            })
            .collect(),
    }))
}

fn entries<I, T>(rows: Vec<(i32, i32, Json<T>)>, id: fn(i32) -> I) -> Vec<Entry<I, T>> {
    rows.into_iter()
        .map(|(i, municipality, def)| Entry {
            id: id(i),
            municipality: MunicipalityId(municipality),
            def: def.0,
        })
        .collect()
}

/// Reads all definitions in the files' own terms, ordered by id.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn catalogue(conn: &mut PgConnection) -> Result<Catalogue> {
    async fn defs<T>(conn: &mut PgConnection, sql: &'static str) -> Result<Vec<T>>
    where
        T: serde::de::DeserializeOwned + Send + Unpin + 'static,
    {
        let rows: Vec<(Json<T>,)> = sqlx::query_as(sql).fetch_all(conn).await?;
        Ok(rows.into_iter().map(|(def,)| def.0).collect())
    }
    // A sensor without a binding has a row, too.
    let sensors: Vec<FileRow> = sqlx::query_as(
        "SELECT s.key AS id, f.key AS feed, s.decoder, bay.key AS bay, site.key AS site, v.key AS vehicle,
                coalesce(b.from_utc, '-infinity') AS from_utc, coalesce(b.until_utc, 'infinity') AS until_utc,
                b.direction, b.heartbeat_s, b.stale_after_s, b.threshold_mm
         FROM sensor s JOIN feed f ON f.id = s.feed
         LEFT JOIN sensor_binding b ON b.sensor = s.id
         LEFT JOIN place bay ON bay.id = b.bay
         LEFT JOIN place site ON site.id = b.site
         LEFT JOIN vehicle v ON v.id = b.vehicle
         ORDER BY s.key COLLATE \"C\", b.from_utc",
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(Catalogue {
        municipalities: defs(conn, "SELECT def FROM municipality ORDER BY slug COLLATE \"C\"").await?,
        sites: defs(conn, "SELECT def FROM place WHERE kind = 1 ORDER BY key COLLATE \"C\"").await?,
        bays: defs(conn, "SELECT def FROM place WHERE kind = 2 ORDER BY key COLLATE \"C\"").await?,
        vehicles: defs(conn, "SELECT def FROM vehicle ORDER BY key COLLATE \"C\"").await?,
        brokers: defs(conn, "SELECT def FROM broker ORDER BY key COLLATE \"C\"").await?,
        feeds: defs(conn, "SELECT def FROM feed ORDER BY key COLLATE \"C\"").await?,
        closures: days::all_closures(conn).await?,
        calendar: days::calendar(conn, None).await?,
        sensors: sensors.into_iter().map(SensorRow::from).collect(),
    })
}
