//! The latest state of each part of each vehicle: moved forward by new positions, computed from the stored ones where it was
//! withdrawn.

use std::collections::{BTreeMap, BTreeSet};

use domain::live::{Change, VehiclePart};
use domain::{MunicipalityId, UtcMicros, VehicleId, VehiclePosition};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use crate::bind::BindRows;
use crate::search_spans::{SearchSpan, spans};
use crate::{Result, Ts};

/// A part of a vehicle's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub(crate) struct PartKey {
    #[sqlx(try_from = "i32")]
    municipality: MunicipalityId,
    #[sqlx(try_from = "i32")]
    pub(crate) vehicle: VehicleId,
    /// [`VehiclePart::code`].
    part: i16,
}

/// A stored position `o`, as JSON of [`VehiclePosition`].
pub(crate) const POSITION: &str = "jsonb_build_object(
    'provenance', jsonb_build_object('municipality', o.municipality, 'feed', o.feed, 'sensor', NULL,
        'received_at', o.received_at, 'clock_corrected', o.clock_corrected),
    'vehicle', o.vehicle, 'observed_at', o.observed_at, 'digest', o.digest,
    'fix', jsonb_build_object(
        'position', CASE WHEN num_nulls(o.lat, o.lon) = 0 THEN jsonb_build_object('lat', o.lat, 'lon', o.lon) END,
        'speed_mps', o.speed_mps, 'bearing_deg', o.bearing_deg, 'trip_id', o.trip_id, 'start_date', o.start_date,
        'route_id', o.route_id, 'stop_id', o.stop_id, 'delay_s', o.delay_s, 'occupancy_pct', o.occupancy_pct))";

/// Moves each part of the vehicles' states forward: see [`VehiclePart`].
pub(crate) async fn move_latest(conn: &mut PgConnection, rows: &[&VehiclePosition]) -> Result<()> {
    let mut latest: BTreeMap<(i32, i32, VehiclePart), &VehiclePosition> = BTreeMap::new();
    for o in rows {
        for part in VehiclePart::ALL.into_iter().filter(|part| part.is_in(&o.fix)) {
            let held = latest.entry((o.provenance.municipality.0, o.vehicle.0, part)).or_insert(o);
            if (held.observed_at, held.digest) < (o.observed_at, o.digest) {
                *held = o;
            }
        }
    }
    sqlx::query(
        "INSERT INTO vehicle_state AS held (municipality, vehicle, part, feed, observed_at, digest, fix)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (municipality, vehicle, part) DO UPDATE
         SET feed = excluded.feed, observed_at = excluded.observed_at, digest = excluded.digest, fix = excluded.fix
         -- States ahead of the clock give way to others.
         WHERE (held.observed_at <= now() + interval '5 minutes', held.observed_at, held.digest)
             < (excluded.observed_at <= now() + interval '5 minutes', excluded.observed_at, excluded.digest)",
    )
    .bind_rows(latest.keys().map(|(municipality, vehicle, part)| (*municipality, *vehicle, part.code())))
    .bind_rows(latest.values().map(|o| (o.provenance.feed.0, Ts(o.observed_at), o.digest, Json(&o.fix))))
    .execute(conn)
    .await?;
    Ok(())
}

/// Computes parts of states that were deleted from the positions that are stored.
pub(crate) async fn refill(
    conn: &mut PgConnection,
    mut missing: BTreeSet<PartKey>,
    now: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<()> {
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
    Ok(())
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
