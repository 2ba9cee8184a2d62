//! Vehicle positions and passenger counts.

use std::collections::BTreeMap;

use domain::live::{Change, VehiclePart};
use domain::observation::{DoorCount, VehicleFix};
use domain::{PassengerCount, UtcMicros, VehiclePosition};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::observation::append;
use super::{NewByFeed, by_feed};
use crate::{Result, Ts};

/// Appends positions that are new and moves the latest forward; returns how many were new, by feed.
pub(super) async fn write_positions(
    conn: &mut PgConnection,
    rows: &[&VehiclePosition],
    stored_at: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<NewByFeed> {
    if rows.is_empty() {
        return Ok(NewByFeed::new());
    }
    let new = append_positions(conn, rows, stored_at).await?;
    move_latest(conn, rows).await?;
    changes.extend(rows.iter().map(|o| Change::Vehicle {
        vehicle: o.vehicle,
        feed: o.provenance.feed,
        observed_at: o.observed_at,
        digest: o.digest,
        fix: o.fix.clone(),
    }));
    Ok(new)
}

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
    .bind(latest.keys().map(|k| k.0).collect::<Vec<_>>())
    .bind(latest.keys().map(|k| k.1).collect::<Vec<_>>())
    .bind(latest.keys().map(|k| k.2.code()).collect::<Vec<_>>())
    .bind(latest.values().map(|o| o.provenance.feed.0).collect::<Vec<_>>())
    .bind(latest.values().map(|o| Ts(o.observed_at)).collect::<Vec<_>>())
    .bind(latest.values().map(|o| o.digest).collect::<Vec<_>>())
    .bind(latest.values().map(|o| Json(&o.fix)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn append_positions(
    conn: &mut PgConnection,
    rows: &[&VehiclePosition],
    stored_at: UtcMicros,
) -> Result<NewByFeed> {
    let text = |f: fn(&VehicleFix) -> Option<&str>| rows.iter().map(|o| f(&o.fix)).collect::<Vec<_>>();
    let real = |f: fn(&VehicleFix) -> Option<f32>| rows.iter().map(|o| f(&o.fix)).collect::<Vec<_>>();
    let sql = "INSERT INTO vehicle_position (stored_at, municipality, observed_at, vehicle, digest, received_at, feed,
             clock_corrected, lat, lon, speed_mps, bearing_deg, trip_id, start_date, route_id, stop_id, delay_s,
             occupancy_pct)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT DO NOTHING RETURNING municipality, observed_at, vehicle, digest";
    let new = append(conn, sql, rows, stored_at, |insert| {
        insert
            .bind(rows.iter().map(|o| o.fix.position.map(|p| p.lat)).collect::<Vec<_>>())
            .bind(rows.iter().map(|o| o.fix.position.map(|p| p.lon)).collect::<Vec<_>>())
            .bind(real(|fix| fix.speed_mps))
            .bind(real(|fix| fix.bearing_deg))
            .bind(text(|fix| fix.trip_id.as_deref()))
            .bind(text(|fix| fix.start_date.as_deref()))
            .bind(text(|fix| fix.route_id.as_deref()))
            .bind(text(|fix| fix.stop_id.as_deref()))
            .bind(rows.iter().map(|o| o.fix.delay_s).collect::<Vec<_>>())
            .bind(real(|fix| fix.occupancy_pct))
    });
    Ok(by_feed(new.await?.iter().map(|o| o.provenance.feed)))
}

/// Appends passenger counts that are new; returns how many were, by feed.
pub(super) async fn write_passengers(
    conn: &mut PgConnection,
    rows: &[&PassengerCount],
    stored_at: UtcMicros,
) -> Result<NewByFeed> {
    if rows.is_empty() {
        return Ok(NewByFeed::new());
    }
    let text = |f: fn(&PassengerCount) -> Option<&str>| rows.iter().map(|o| f(o)).collect::<Vec<_>>();
    let sum = |f: fn(&DoorCount) -> i32| {
        rows.iter().map(|o| o.doors.iter().map(f).sum::<i32>()).collect::<Vec<_>>()
    };
    let sql = "INSERT INTO passenger_count (stored_at, municipality, observed_at, vehicle, digest, received_at, feed,
             clock_corrected, stop_id, trip_id, doors, entries, exits, on_board, source, seq)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT DO NOTHING RETURNING municipality, observed_at, vehicle, digest";
    let new = append(conn, sql, rows, stored_at, |insert| {
        insert
            .bind(text(|o| o.stop_id.as_deref()))
            .bind(text(|o| o.trip_id.as_deref()))
            .bind(rows.iter().map(|o| Json(&o.doors)).collect::<Vec<_>>())
            .bind(sum(|d| d.entries))
            .bind(sum(|d| d.exits))
            .bind(rows.iter().map(|o| o.on_board).collect::<Vec<_>>())
            .bind(text(|o| o.source.as_deref()))
            .bind(rows.iter().map(|o| o.seq).collect::<Vec<_>>())
    });
    Ok(by_feed(new.await?.iter().map(|o| o.provenance.feed)))
}
