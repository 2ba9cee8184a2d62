//! The latest state of each part of each vehicle.

use std::collections::BTreeSet;

use domain::live::{Change, VehiclePart};
use domain::observation::{Provenance, VehicleFix};
use domain::{FeedId, LatLon, MunicipalityId, UtcMicros, VehicleId, VehiclePosition};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::{last, spans};
use crate::StoreError;
use crate::ts::Ts;
use crate::writer::vehicles::move_latest;

/// Municipality, vehicle, code of the part.
type Key = (i32, i32, i16);

/// The columns of [`PositionRow`].
pub(super) const COLUMNS: &str = "o.municipality, o.vehicle, o.observed_at, o.received_at, o.feed, o.digest, o.lat, o.lon, o.speed_mps,
    o.bearing_deg, o.trip_id, o.start_date, o.route_id, o.stop_id, o.delay_s, o.occupancy_pct, o.clock_corrected";

/// A stored vehicle position.
#[derive(FromRow)]
pub(super) struct PositionRow {
    municipality: i32,
    vehicle: i32,
    observed_at: Ts,
    received_at: Ts,
    feed: i32,
    digest: i64,
    lat: Option<f64>,
    lon: Option<f64>,
    speed_mps: Option<f32>,
    bearing_deg: Option<f32>,
    trip_id: Option<String>,
    start_date: Option<String>,
    route_id: Option<String>,
    stop_id: Option<String>,
    delay_s: Option<i32>,
    occupancy_pct: Option<f32>,
    clock_corrected: bool,
}

impl From<PositionRow> for VehiclePosition {
    fn from(r: PositionRow) -> Self {
        VehiclePosition {
            provenance: Provenance {
                municipality: MunicipalityId(r.municipality),
                feed: FeedId(r.feed),
                sensor: None,
                received_at: r.received_at.0,
                clock_corrected: r.clock_corrected,
            },
            vehicle: VehicleId(r.vehicle),
            observed_at: r.observed_at.0,
            digest: r.digest,
            fix: VehicleFix {
                position: r.lat.zip(r.lon).map(|(lat, lon)| LatLon { lat, lon }),
                speed_mps: r.speed_mps,
                bearing_deg: r.bearing_deg,
                trip_id: r.trip_id,
                start_date: r.start_date,
                route_id: r.route_id,
                stop_id: r.stop_id,
                delay_s: r.delay_s,
                occupancy_pct: r.occupancy_pct,
            },
        }
    }
}

/// Replaces states that lie ahead of `now`; how many there were.
pub(super) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64, StoreError> {
    // Deleted first: then earlier positions move the state forward as usual.
    let ahead: Vec<Key> = sqlx::query_as(
        "DELETE FROM vehicle_state WHERE observed_at > $1 RETURNING municipality, vehicle, part",
    )
    .bind(last(now))
    .fetch_all(&mut *conn)
    .await?;
    let mut missing: BTreeSet<Key> = ahead.iter().copied().collect();
    let mut found: Vec<VehiclePosition> = Vec::new();
    for span in spans(now) {
        if missing.is_empty() {
            break;
        }
        for position in newest(conn, &missing, span).await? {
            for part in VehiclePart::ALL.into_iter().filter(|part| part.is_in(&position.fix)) {
                missing.remove(&(position.provenance.municipality.0, position.vehicle.0, part.code()));
            }
            found.push(position);
        }
    }
    move_latest(conn, &found.iter().collect::<Vec<_>>()).await?;
    changes.extend(found.into_iter().map(|o| Change::Vehicle {
        vehicle: o.vehicle,
        feed: o.provenance.feed,
        observed_at: o.observed_at,
        digest: o.digest,
        fix: o.fix,
    }));
    Ok(ahead.len() as u64)
}

/// The newest statement within a span of each part: the rule is `VehiclePart::is_in`.
async fn newest(
    conn: &mut PgConnection,
    keys: &BTreeSet<Key>,
    (after, until): (Ts, Ts),
) -> Result<Vec<VehiclePosition>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT ON (k.municipality, k.vehicle, k.part) {COLUMNS}
         FROM unnest($1::int[], $2::int[], $3::smallint[]) AS k(municipality, vehicle, part)
         JOIN vehicle_position o ON o.municipality = k.municipality AND o.vehicle = k.vehicle
         WHERE o.observed_at > $4 AND o.observed_at <= $5
           AND CASE k.part WHEN 0 THEN num_nulls(o.lat, o.lon) = 0
                           WHEN 1 THEN num_nonnulls(o.trip_id, o.start_date, o.route_id, o.stop_id) > 0
                           WHEN 2 THEN o.delay_s IS NOT NULL
                           ELSE o.occupancy_pct IS NOT NULL END
         ORDER BY k.municipality, k.vehicle, k.part, o.observed_at DESC, o.digest DESC"
    );
    let rows: Vec<PositionRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(keys.iter().map(|k| k.0).collect::<Vec<_>>())
        .bind(keys.iter().map(|k| k.1).collect::<Vec<_>>())
        .bind(keys.iter().map(|k| k.2).collect::<Vec<_>>())
        .bind(after)
        .bind(until)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(VehiclePosition::from).collect())
}
