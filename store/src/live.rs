//! The initial state of a reader: places, latest states, and the position in the change log.

use domain::live::Change;
use domain::site_count::CountState;
use domain::{FeedId, Registry, SiteId, UtcMicros, VehicleId, observation::VehicleFix};
use sqlx::Executor;
use sqlx::types::Json;

use crate::StoreError;
use crate::bay_row::BayRow;
use crate::changes::Positions;
use crate::pool::Pool;
use crate::ts::Ts;
use crate::writer::bay_states;

/// A consistent picture of the store.
#[derive(Debug)]
pub struct Loaded {
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
pub async fn load(pool: &Pool) -> Result<Loaded, StoreError> {
    let mut tx = pool.begin().await?;
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let (at,): (Ts,) = sqlx::query_as("SELECT now()").fetch_one(&mut *tx).await?;
    let positions: Vec<(i64, i64)> =
        sqlx::query_as("SELECT writer, max(seq) FROM change GROUP BY writer").fetch_all(&mut *tx).await?;
    let registry = crate::places::registry(&mut tx).await?;
    let bays: Vec<BayRow> =
        sqlx::query_as("SELECT bay, feed, sensor, observed_at, seq, state FROM bay_state")
            .fetch_all(&mut *tx)
            .await?;
    let pending_states = bay_states::pending_states(&mut tx, i64::MAX).await?;
    let sites: Vec<(i32, String, i64, Json<CountState>)> =
        sqlx::query_as("SELECT site, audience, version, count FROM site_state").fetch_all(&mut *tx).await?;
    let vehicles: Vec<(i32, i32, Ts, i64, Json<VehicleFix>)> =
        sqlx::query_as("SELECT vehicle, feed, observed_at, digest, fix FROM vehicle_state")
            .fetch_all(&mut *tx)
            .await?;
    let trips = crate::trips::load(&mut tx).await?;
    tx.commit().await?;

    let mut states: Vec<Change> = Vec::with_capacity(bays.len() + sites.len() + vehicles.len() + trips.len());
    states.extend(bays.iter().map(|row| Change::Bay { bay: row.bay(), reading: row.reading() }));
    let bay_changes = |c: &Change| matches!(c, Change::Bay { .. });
    states.extend(pending_states.into_iter().flat_map(|row| row.changes).filter(bay_changes));
    states.extend(sites.into_iter().map(|(site, audience, version, count)| Change::Site {
        site: SiteId(site),
        audience: audience.parse().ok(),
        version,
        count: count.0,
    }));
    states.extend(vehicles.into_iter().map(|(vehicle, feed, observed_at, digest, fix)| Change::Vehicle {
        vehicle: VehicleId(vehicle),
        feed: FeedId(feed),
        observed_at: observed_at.0,
        digest,
        fix: fix.0,
    }));
    states.extend(trips);
    Ok(Loaded { registry, states, positions: positions.into_iter().collect(), at: at.0 })
}
