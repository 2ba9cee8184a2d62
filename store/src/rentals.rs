//! Shared vehicles as they are now, each system as a whole, and what its stations counted over time.

use std::collections::HashMap;

use domain::rental::System;
use domain::{FeedId, MunicipalityId, UtcMicros};

use crate::{Pool, Result, Ts, codec};

/// Format of a body. One of another version is not read: the next fetch replaces it.
const BODY_VERSION: u8 = 1;

/// Which system of which feed.
pub type SystemKey = (FeedId, String);

/// Replaces a system, and appends what its stations count where that has changed, or has been the same for a quarter of an hour,
/// the step of forecasts.
///
/// # Errors
/// The database is not available.
pub async fn replace(
    pool: &Pool,
    feed: FeedId,
    municipality: MunicipalityId,
    system: &System,
    received_at: UtcMicros,
) -> Result<()> {
    let body = codec::encode(BODY_VERSION, system)?;
    let mut tx = pool.begin().await?;
    sqlx::query(
        "INSERT INTO rental_system (feed, system, municipality, received_at, body) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (feed, system) DO UPDATE SET municipality = excluded.municipality,
             version = nextval('rental_version'), received_at = excluded.received_at, body = excluded.body",
    )
    .bind(feed.0)
    .bind(&system.id)
    .bind(municipality.0)
    .bind(Ts(received_at))
    .bind(body)
    .execute(&mut *tx)
    .await?;
    let counted: Vec<_> =
        system.stations.iter().filter_map(|s| Some((s.id.as_str(), s.status.as_ref()?))).collect();
    let count = |n: Option<u32>| n.map(|n| n as i32);
    sqlx::query(
        "INSERT INTO rental_count (municipality, feed, system, station, observed_at, vehicles, docks)
         SELECT $1, $2, $3, new.* FROM unnest($4::text[], $5::timestamptz[], $6::integer[], $7::integer[])
             AS new(station, observed_at, vehicles, docks)
         LEFT JOIN LATERAL (
             SELECT * FROM rental_count held
             WHERE (held.municipality, held.feed, held.system, held.station) = ($1, $2, $3, new.station)
             ORDER BY held.observed_at DESC LIMIT 1
         ) held ON true
         WHERE held.station IS NULL OR held.observed_at < new.observed_at AND (
             (held.vehicles, held.docks) IS DISTINCT FROM (new.vehicles, new.docks)
             OR held.observed_at <= new.observed_at - interval '15 minutes')
         ON CONFLICT DO NOTHING",
    )
    .bind(municipality.0)
    .bind(feed.0)
    .bind(&system.id)
    .bind(counted.iter().map(|(id, _)| (*id).to_owned()).collect::<Vec<_>>())
    .bind(counted.iter().map(|(_, status)| Ts(status.at)).collect::<Vec<_>>())
    .bind(counted.iter().map(|(_, status)| count(status.rentable())).collect::<Vec<_>>())
    .bind(counted.iter().map(|(_, status)| count(status.returnable())).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Removes the systems of a feed other than these.
///
/// # Errors
/// The database is not available.
pub async fn keep(pool: &Pool, feed: FeedId, systems: &[String]) -> Result<()> {
    sqlx::query("DELETE FROM rental_system WHERE feed = $1 AND system <> ALL($2)")
        .bind(feed.0)
        .bind(systems)
        .execute(pool)
        .await?;
    Ok(())
}

/// The version of each system that is held.
///
/// # Errors
/// The database is not available.
pub async fn versions(pool: &Pool) -> Result<HashMap<SystemKey, i64>> {
    let rows: Vec<(i32, String, i64)> =
        sqlx::query_as("SELECT feed, system, version FROM rental_system").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(feed, system, version)| ((FeedId(feed), system), version)).collect())
}

/// A system, with its version; `None`: it has gone, or another version of the program wrote it.
///
/// # Errors
/// The database is not available.
pub async fn load(pool: &Pool, (feed, system): &SystemKey) -> Result<Option<(i64, System)>> {
    let row: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, body FROM rental_system WHERE feed = $1 AND system = $2")
            .bind(feed.0)
            .bind(system)
            .fetch_optional(pool)
            .await?;
    let Some((version, body)) = row else { return Ok(None) };
    Ok(codec::decode("shared vehicles", BODY_VERSION, &body).ok().map(|system| (version, system)))
}
