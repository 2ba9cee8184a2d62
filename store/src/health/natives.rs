//! Bays that feeds name themselves: what is kept of them are their observations.

use std::collections::HashMap;

use domain::health::{DeviceKey, Message};
use domain::{BayId, BayState, FeedId, Registry, UtcMicros};
use sqlx::{FromRow, PgConnection};

use crate::{Result, Ts};

/// Of each bay the newest observations, at most.
const MOST_OF_BAY: usize = 2_000;

/// Of all that are read at once, at most: some 30 MB.
const MOST: i64 = 200_000;

/// The bays of which feeds have stated something.
pub(super) async fn named(conn: &mut PgConnection) -> Result<Vec<DeviceKey>> {
    let rows: Vec<(i32, i32)> =
        sqlx::query_as("SELECT feed, bay FROM bay_state WHERE sensor IS NULL ORDER BY feed, bay")
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|(feed, bay)| DeviceKey::native(FeedId(feed), BayId(bay))).collect())
}

#[derive(FromRow)]
struct Row {
    bay: i32,
    feed: i32,
    #[sqlx(try_from = "Ts")]
    observed_at: UtcMicros,
    #[sqlx(try_from = "Ts")]
    received_at: UtcMicros,
    state: i16,
    clock_corrected: bool,
    battery_v: Option<f32>,
    temperature_c: Option<f32>,
}

impl Row {
    /// As [`Message::from`] an observation.
    fn message(&self) -> Message {
        Message {
            received_at: self.received_at,
            observed_at: (!self.clock_corrected).then_some(self.observed_at),
            battery_v: self.battery_v,
            temperature_c: self.temperature_c,
            state: Some(BayState::from_code(self.state)),
            ..Message::default()
        }
    }
}

/// What feeds stated of these bays of one town since `since`, in the order of receipt. The observations of a town lie in the
/// order of time, so the newest are read backwards along the key, until there are enough.
pub(super) async fn kept(
    conn: &mut PgConnection,
    registry: &Registry,
    devices: &[DeviceKey],
    since: UtcMicros,
) -> Result<Vec<(DeviceKey, Message)>> {
    let bays: Vec<BayId> = devices.iter().filter_map(|key| key.bay).collect();
    let Some(town) = bays.iter().find_map(|bay| Some(registry.bay(*bay)?.municipality)) else {
        return Ok(Vec::new());
    };
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT bay, feed, observed_at, received_at, state, clock_corrected, battery_v, temperature_c FROM bay_observation
         WHERE municipality = $1 AND observed_at > $2 AND sensor IS NULL AND bay = ANY($3)
         ORDER BY observed_at DESC LIMIT $4",
    )
    .bind(town.0)
    .bind(Ts(since))
    .bind(bays.iter().map(|bay| bay.0).collect::<Vec<_>>())
    .bind(MOST)
    .fetch_all(conn)
    .await?;
    let mut left: HashMap<DeviceKey, usize> = devices.iter().map(|key| (*key, MOST_OF_BAY)).collect();
    let mut kept: Vec<(DeviceKey, Message)> = Vec::with_capacity(rows.len());
    for row in &rows {
        let key = DeviceKey::native(FeedId(row.feed), BayId(row.bay));
        // Another feed names the same bay, or there are enough.
        let Some(left) = left.get_mut(&key).filter(|left| **left > 0) else { continue };
        *left -= 1;
        kept.push((key, row.message()));
    }
    kept.sort_by_key(|(_, message)| message.received_at);
    Ok(kept)
}
