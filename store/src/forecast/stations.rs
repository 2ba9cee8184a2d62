//! What is learned of the stations of shared vehicles, and the counts from which.

use domain::intervals::Span;
use domain::stations::{StationCount, StationModel};
use domain::{MunicipalityId, UtcMicros};

use super::{pack, unpack};
use crate::rentals::SystemKey;
use crate::{Pool, Result, Ts};

/// When one of these stations of a system first counted.
///
/// # Errors
/// The database is not available.
pub async fn first_counted(
    pool: &Pool,
    municipality: MunicipalityId,
    (feed, system): &SystemKey,
    stations: &[&str],
) -> Result<Option<UtcMicros>> {
    // The first row of each station, by the index.
    let first: Option<Ts> = sqlx::query_scalar(
        "SELECT min(first) FROM unnest($4::text[]) AS these(id) CROSS JOIN LATERAL (
             SELECT min(observed_at) AS first FROM rental_count
             WHERE (municipality, feed, system, station) = ($1, $2, $3, these.id)) AS firsts",
    )
    .bind(municipality.0)
    .bind(feed.0)
    .bind(system)
    .bind(stations)
    .fetch_one(pool)
    .await?;
    Ok(first.map(|first| first.0))
}

/// What these stations of a system counted, in the order of time. A day at a time fits into memory.
///
/// # Errors
/// The database is not available.
pub async fn counted(
    pool: &Pool,
    municipality: MunicipalityId,
    (feed, system): &SystemKey,
    stations: &[&str],
    span: Span,
) -> Result<Vec<StationCount>> {
    let rows: Vec<(String, Ts, Option<i32>, Option<i32>)> = sqlx::query_as(
        "SELECT station, observed_at, vehicles, docks FROM rental_count
         WHERE (municipality, feed, system) = ($1, $2, $3) AND station = ANY($4) AND observed_at >= $5 AND observed_at < $6
         ORDER BY observed_at, station",
    )
    .bind(municipality.0)
    .bind(feed.0)
    .bind(system)
    .bind(stations)
    .bind(Ts(span.from))
    .bind(Ts(span.until))
    .fetch_all(pool)
    .await?;
    let number = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok());
    let count = |(station, at, vehicles, docks): (String, Ts, _, _)| StationCount {
        station,
        at: at.0,
        vehicles: number(vehicles),
        docks: number(docks),
    };
    Ok(rows.into_iter().map(count).collect())
}

/// What was learned of a system's stations.
///
/// # Errors
/// The database is not available; [`crate::StoreError::Decode`]: another version of the program wrote it.
pub async fn load_stations(pool: &Pool, (feed, system): &SystemKey) -> Result<Option<StationModel>> {
    let body: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT body FROM rental_forecast WHERE feed = $1 AND system = $2")
            .bind(feed.0)
            .bind(system)
            .fetch_optional(pool)
            .await?;
    body.map(|body| unpack(&body)).transpose()
}

/// What was learned of a system's stations, packed.
#[derive(Debug)]
pub struct StationSnapshot {
    /// How far the model is.
    pub until: UtcMicros,
    body: Vec<u8>,
}

impl StationSnapshot {
    /// `None`: it has seen no station. Slow: some milliseconds a station.
    ///
    /// # Errors
    /// It cannot be encoded: a bug.
    pub fn of(model: &StationModel) -> Result<Option<Self>> {
        let Some(until) = model.at().filter(|_| model.stations() > 0) else { return Ok(None) };
        Ok(Some(StationSnapshot { until, body: pack(model)? }))
    }
}

/// Stores what was learned of a system's stations, in place of what is there: several processes learn the same, and one that was ahead of
/// the clock must not stay.
///
/// # Errors
/// The database is not available.
pub async fn save_stations(
    pool: &Pool,
    (feed, system): &SystemKey,
    StationSnapshot { until, body }: &StationSnapshot,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO rental_forecast (feed, system, until_utc, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (feed, system) DO UPDATE SET until_utc = excluded.until_utc, body = excluded.body",
    )
    .bind(feed.0)
    .bind(system)
    .bind(Ts(*until))
    .bind(body)
    .execute(pool)
    .await?;
    Ok(())
}
