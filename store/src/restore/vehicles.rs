//! The latest state of each part of each vehicle.

use std::collections::BTreeSet;

use domain::live::{Change, VehiclePart};
use domain::{MunicipalityId, UtcMicros, VehicleId, VehiclePosition};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::{SearchSpan, last, spans};
use crate::Result;
use crate::bind::BindRows;
use crate::writer::vehicles::move_latest;

/// A part of a vehicle's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromRow)]
struct PartKey {
    #[sqlx(try_from = "i32")]
    municipality: MunicipalityId,
    #[sqlx(try_from = "i32")]
    vehicle: VehicleId,
    /// [`VehiclePart::code`].
    part: i16,
}

/// A stored position `o`, as JSON of [`VehiclePosition`].
pub(super) const POSITION: &str = "jsonb_build_object(
    'provenance', jsonb_build_object('municipality', o.municipality, 'feed', o.feed, 'sensor', NULL,
        'received_at', o.received_at, 'clock_corrected', o.clock_corrected),
    'vehicle', o.vehicle, 'observed_at', o.observed_at, 'digest', o.digest,
    'fix', jsonb_build_object(
        'position', CASE WHEN num_nulls(o.lat, o.lon) = 0 THEN jsonb_build_object('lat', o.lat, 'lon', o.lon) END,
        'speed_mps', o.speed_mps, 'bearing_deg', o.bearing_deg, 'trip_id', o.trip_id, 'start_date', o.start_date,
        'route_id', o.route_id, 'stop_id', o.stop_id, 'delay_s', o.delay_s, 'occupancy_pct', o.occupancy_pct))";

/// Replaces states that lie ahead of `now`; how many there were.
pub(super) async fn restore(
    conn: &mut PgConnection,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<u64> {
    // Deleted first: then earlier positions move the state forward as usual.
    let ahead: Vec<PartKey> = sqlx::query_as(
        "DELETE FROM vehicle_state WHERE observed_at > $1 RETURNING municipality, vehicle, part",
    )
    .bind(last(now))
    .fetch_all(&mut *conn)
    .await?;
    let mut missing: BTreeSet<PartKey> = ahead.iter().copied().collect();
    let mut found: Vec<VehiclePosition> = Vec::new();
    for within in spans(now) {
        if missing.is_empty() {
            break;
        }
        for position in newest(conn, &missing, within).await? {
            for part in VehiclePart::ALL.into_iter().filter(|part| part.is_in(&position.fix)) {
                let (municipality, vehicle) = (position.provenance.municipality, position.vehicle);
                missing.remove(&PartKey { municipality, vehicle, part: part.code() });
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
    keys: &BTreeSet<PartKey>,
    within: SearchSpan,
) -> Result<Vec<VehiclePosition>> {
    let sql = format!(
        "SELECT DISTINCT ON (k.municipality, k.vehicle, k.part) {POSITION}
         FROM unnest($1, $2, $3) AS k(municipality, vehicle, part)
         JOIN vehicle_position o ON o.municipality = k.municipality AND o.vehicle = k.vehicle
         WHERE o.observed_at > $4 AND o.observed_at <= $5
           AND CASE k.part WHEN 0 THEN num_nulls(o.lat, o.lon) = 0
                           WHEN 1 THEN num_nonnulls(o.trip_id, o.start_date, o.route_id, o.stop_id) > 0
                           WHEN 2 THEN o.delay_s IS NOT NULL
                           ELSE o.occupancy_pct IS NOT NULL END
         ORDER BY k.municipality, k.vehicle, k.part, o.observed_at DESC, o.digest DESC"
    );
    let rows: Vec<(Json<VehiclePosition>,)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind_rows(keys.iter().map(|key| (key.municipality.0, key.vehicle.0, key.part)))
        .bind(within.after)
        .bind(within.until)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|(position,)| position.0).collect())
}
