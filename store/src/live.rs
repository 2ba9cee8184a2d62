//! The initial state of a reader: places, latest states, and the position in the change log.

use domain::live::Change;
use domain::{FeedId, Registry, UtcMicros, VehicleId, observation::VehicleFix};
use sqlx::Executor;
use sqlx::types::Json;

use crate::bay_row::BayRow;
use crate::changes::{LogCursor, LogLimit, Positions, WriterId};
use crate::{Pool, Result, Ts, site_states};

/// A consistent picture of the store.
#[derive(Debug)]
pub struct Loaded {
    /// All places, sensors and feeds.
    pub registry: Registry,
    /// The latest states, to be applied to an empty map.
    pub states: Vec<Change>,
    /// Follow the log from here.
    pub positions: Positions,
    /// When that was, by the database's clock.
    pub at: UtcMicros,
}

/// Loads all in one snapshot of the database.
///
/// # Errors
/// The database is not available, or something stored does not read back.
pub async fn load(pool: &Pool) -> Result<Loaded> {
    let mut tx = pool.begin().await?;
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let at = crate::pool::now(&mut tx).await?;
    let positions: Vec<(WriterId, i64)> =
        sqlx::query_as("SELECT writer, max(seq) FROM change GROUP BY writer").fetch_all(&mut *tx).await?;
    let registry = crate::places::registry(&mut tx).await?;
    let bays: Vec<BayRow> =
        sqlx::query_as("SELECT bay, feed, sensor, observed_at, seq, state FROM bay_state")
            .fetch_all(&mut *tx)
            .await?;
    let pending_states = LogCursor::BayStates.unread(&mut tx, LogLimit::NONE).await?;
    let sites = site_states::all(&mut tx).await?;
    let vehicles: Vec<(i32, i32, Ts, i64, Json<VehicleFix>)> =
        sqlx::query_as("SELECT vehicle, feed, observed_at, digest, fix FROM vehicle_state")
            .fetch_all(&mut *tx)
            .await?;
    let trips = crate::trips::load(&mut tx).await?;
    let alerts = crate::alerts::load(&mut tx).await?;
    tx.commit().await?;

    let mut states: Vec<Change> = Vec::with_capacity(bays.len() + sites.len() + vehicles.len() + trips.len());
    states.extend(bays.iter().map(|row| Change::Bay { bay: row.bay, reading: row.reading() }));
    for row in &pending_states {
        states.extend(row.changes()?.into_iter().filter(|change| matches!(change, Change::Bay { .. })));
    }
    states.extend(sites.into_iter().map(Change::from));
    states.extend(vehicles.into_iter().map(|(vehicle, feed, observed_at, digest, fix)| Change::Vehicle {
        vehicle: VehicleId(vehicle),
        feed: FeedId(feed),
        observed_at: observed_at.0,
        digest,
        fix: fix.0,
    }));
    states.extend(trips);
    states.extend(alerts);
    Ok(Loaded { registry, states, positions: positions.into_iter().collect(), at })
}
