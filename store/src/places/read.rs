//! Reads definitions back.

use std::collections::HashMap;

use domain::catalogue::Catalogue;
use domain::place::{Bay, Municipality, Site, Vehicle};
use domain::registry::{Contents, Entry};
use domain::sensor::SensorRow;
use domain::{
    BayId, Binding, Broker, Feed, FeedId, MunicipalityId, Registry, Sensor, SensorId, SiteId, Target,
    UtcMicros, VehicleId,
};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::{days, publicity};
use crate::StoreError;
use crate::ts::Ts;

#[derive(FromRow)]
struct BindingRow {
    sensor: i32,
    from_utc: Ts,
    until_utc: Ts,
    bay: Option<i32>,
    site: Option<i32>,
    vehicle: Option<i32>,
    direction: Option<String>,
    heartbeat_s: Option<i32>,
    stale_after_s: Option<i32>,
    threshold_mm: Option<i32>,
}

impl BindingRow {
    fn target(&self) -> Option<Target> {
        self.bay
            .map(|id| Target::Bay(BayId(id)))
            .or(self.site.map(|id| Target::Site(SiteId(id))))
            .or(self.vehicle.map(|id| Target::Vehicle(VehicleId(id))))
    }

    fn binding(&self) -> Binding {
        let unsigned = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok());
        Binding {
            target: self.target(),
            direction: self.direction.as_deref().and_then(|d| d.parse().ok()),
            from: finite(self.from_utc),
            until: finite(self.until_utc),
            heartbeat_s: unsigned(self.heartbeat_s),
            stale_after_s: unsigned(self.stale_after_s),
            threshold_mm: unsigned(self.threshold_mm),
        }
    }
}

/// PostgreSQL's infinities are open ends.
fn finite(ts: Ts) -> Option<UtcMicros> {
    (ts.0.0 != i64::MIN && ts.0.0 != i64::MAX).then_some(ts.0)
}

async fn bindings(conn: &mut PgConnection) -> Result<Vec<BindingRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT sensor, from_utc, until_utc, bay, site, vehicle, direction, heartbeat_s, stale_after_s, threshold_mm
         FROM sensor_binding ORDER BY sensor, from_utc",
    )
    .fetch_all(conn)
    .await?)
}

/// Loads everything into one immutable registry.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn registry(conn: &mut PgConnection) -> Result<Registry, StoreError> {
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
    for row in bindings(&mut *conn).await? {
        by_sensor.entry(row.sensor).or_default().push(row.binding());
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
pub async fn catalogue(conn: &mut PgConnection) -> Result<Catalogue, StoreError> {
    async fn defs<T>(conn: &mut PgConnection, sql: &'static str) -> Result<Vec<T>, StoreError>
    where
        T: serde::de::DeserializeOwned + Send + Unpin + 'static,
    {
        let rows: Vec<(Json<T>,)> = sqlx::query_as(sql).fetch_all(conn).await?;
        Ok(rows.into_iter().map(|(def,)| def.0).collect())
    }
    let sensors: Vec<(i32, String, String, Option<String>)> = sqlx::query_as(
        "SELECT s.id, s.key, f.key, s.decoder FROM sensor s JOIN feed f ON f.id = s.feed ORDER BY s.key COLLATE \"C\"",
    )
    .fetch_all(&mut *conn)
    .await?;
    let names: HashMap<i32, String> = sqlx::query_as::<_, (i32, String)>(
        "SELECT id, key FROM place WHERE id IN (SELECT coalesce(bay, site) FROM sensor_binding)",
    )
    .fetch_all(&mut *conn)
    .await?
    .into_iter()
    .collect();
    let vehicles: HashMap<i32, String> = sqlx::query_as::<_, (i32, String)>("SELECT id, key FROM vehicle")
        .fetch_all(&mut *conn)
        .await?
        .into_iter()
        .collect();
    let mut by_sensor: HashMap<i32, Vec<BindingRow>> = HashMap::new();
    for row in bindings(conn).await? {
        by_sensor.entry(row.sensor).or_default().push(row);
    }
    let mut rows = Vec::new();
    for (id, key, feed, decoder) in sensors {
        let waiting = SensorRow {
            id: key,
            feed,
            decoder: decoder.and_then(|d| d.parse().ok()),
            bay: None,
            site: None,
            vehicle: None,
            direction: None,
            bound_from: None,
            bound_until: None,
            heartbeat_s: None,
            stale_after_s: None,
            threshold_mm: None,
        };
        let bound = by_sensor.remove(&id).unwrap_or_default();
        if bound.is_empty() {
            rows.push(waiting.clone());
        }
        for row in bound {
            let binding = row.binding();
            rows.push(SensorRow {
                bay: row.bay.and_then(|id| names.get(&id).cloned()),
                site: row.site.and_then(|id| names.get(&id).cloned()),
                vehicle: row.vehicle.and_then(|id| vehicles.get(&id).cloned()),
                direction: binding.direction,
                bound_from: binding.from,
                bound_until: binding.until,
                heartbeat_s: binding.heartbeat_s,
                stale_after_s: binding.stale_after_s,
                threshold_mm: binding.threshold_mm,
                ..waiting.clone()
            });
        }
    }
    Ok(Catalogue {
        municipalities: defs(conn, "SELECT def FROM municipality ORDER BY slug COLLATE \"C\"").await?,
        sites: defs(conn, "SELECT def FROM place WHERE kind = 1 ORDER BY key COLLATE \"C\"").await?,
        bays: defs(conn, "SELECT def FROM place WHERE kind = 2 ORDER BY key COLLATE \"C\"").await?,
        vehicles: defs(conn, "SELECT def FROM vehicle ORDER BY key COLLATE \"C\"").await?,
        brokers: defs(conn, "SELECT def FROM broker ORDER BY key COLLATE \"C\"").await?,
        feeds: defs(conn, "SELECT def FROM feed ORDER BY key COLLATE \"C\"").await?,
        closures: days::all_closures(conn).await?,
        calendar: days::calendar(conn, None).await?,
        sensors: rows,
    })
}
