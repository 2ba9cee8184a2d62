//! Vehicle positions and passenger counts.

use std::collections::BTreeMap;

use domain::live::{Change, VehiclePart};
use domain::{FeedId, PassengerCount, UtcMicros, VehiclePosition};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{NewByFeed, by_feed};
use crate::StoreError;
use crate::ts::Ts;

/// Appends positions that are new and moves the latest forward; returns how many were new, by feed.
pub(super) async fn write_positions(
    conn: &mut PgConnection,
    rows: &[&VehiclePosition],
    stored_at: UtcMicros,
    changes: &mut Vec<Change>,
) -> Result<NewByFeed, StoreError> {
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
pub(crate) async fn move_latest(
    conn: &mut PgConnection,
    rows: &[&VehiclePosition],
) -> Result<(), StoreError> {
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
         SELECT * FROM unnest($1::int[], $2::int[], $3::smallint[], $4::int[], $5::timestamptz[], $6::bigint[],
             $7::jsonb[])
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
) -> Result<NewByFeed, StoreError> {
    let text = |f: fn(&VehiclePosition) -> Option<&str>| rows.iter().map(|o| f(o)).collect::<Vec<_>>();
    let real = |f: fn(&VehiclePosition) -> Option<f32>| rows.iter().map(|o| f(o)).collect::<Vec<_>>();
    let feeds: Vec<i32> = sqlx::query_scalar(
        "INSERT INTO vehicle_position (stored_at, municipality, observed_at, vehicle, digest, received_at, feed,
             lat, lon, speed_mps, bearing_deg, trip_id, start_date, route_id, stop_id, delay_s, occupancy_pct,
             clock_corrected)
         SELECT $1, * FROM unnest($2::int[], $3::timestamptz[], $4::int[], $5::bigint[], $6::timestamptz[],
             $7::int[], $8::float8[], $9::float8[], $10::real[], $11::real[], $12::text[], $13::text[], $14::text[],
             $15::text[], $16::int[], $17::real[], $18::bool[])
         ON CONFLICT DO NOTHING RETURNING feed",
    )
    .bind(Ts(stored_at))
    .bind(rows.iter().map(|o| o.provenance.municipality.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| Ts(o.observed_at)).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.vehicle.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.digest).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| Ts(o.provenance.received_at)).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.provenance.feed.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.fix.position.map(|p| p.lat)).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.fix.position.map(|p| p.lon)).collect::<Vec<_>>())
    .bind(real(|o| o.fix.speed_mps))
    .bind(real(|o| o.fix.bearing_deg))
    .bind(text(|o| o.fix.trip_id.as_deref()))
    .bind(text(|o| o.fix.start_date.as_deref()))
    .bind(text(|o| o.fix.route_id.as_deref()))
    .bind(text(|o| o.fix.stop_id.as_deref()))
    .bind(rows.iter().map(|o| o.fix.delay_s).collect::<Vec<_>>())
    .bind(real(|o| o.fix.occupancy_pct))
    .bind(rows.iter().map(|o| o.provenance.clock_corrected).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(by_feed(feeds.into_iter().map(FeedId)))
}

/// Appends passenger counts that are new; returns how many were.
pub(super) async fn write_passengers(
    conn: &mut PgConnection,
    rows: &[&PassengerCount],
    stored_at: UtcMicros,
) -> Result<NewByFeed, StoreError> {
    if rows.is_empty() {
        return Ok(NewByFeed::new());
    }
    let text = |f: fn(&PassengerCount) -> Option<&str>| rows.iter().map(|o| f(o)).collect::<Vec<_>>();
    let sum = |f: fn(&domain::observation::DoorCount) -> i32| {
        rows.iter().map(|o| o.doors.iter().map(f).sum::<i32>()).collect::<Vec<_>>()
    };
    let feeds: Vec<i32> = sqlx::query_scalar(
        "INSERT INTO passenger_count (stored_at, municipality, observed_at, vehicle, digest, received_at, feed,
             stop_id, trip_id, doors, entries, exits, on_board, source, seq, clock_corrected)
         SELECT $1, * FROM unnest($2::int[], $3::timestamptz[], $4::int[], $5::bigint[], $6::timestamptz[],
             $7::int[], $8::text[], $9::text[], $10::jsonb[], $11::int[], $12::int[], $13::int[], $14::text[],
             $15::bigint[], $16::bool[])
         ON CONFLICT DO NOTHING RETURNING feed",
    )
    .bind(Ts(stored_at))
    .bind(rows.iter().map(|o| o.provenance.municipality.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| Ts(o.observed_at)).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.vehicle.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.digest).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| Ts(o.provenance.received_at)).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.provenance.feed.0).collect::<Vec<_>>())
    .bind(text(|o| o.stop_id.as_deref()))
    .bind(text(|o| o.trip_id.as_deref()))
    .bind(rows.iter().map(|o| Json(&o.doors)).collect::<Vec<_>>())
    .bind(sum(|d| d.entries))
    .bind(sum(|d| d.exits))
    .bind(rows.iter().map(|o| o.on_board).collect::<Vec<_>>())
    .bind(text(|o| o.source.as_deref()))
    .bind(rows.iter().map(|o| o.seq).collect::<Vec<_>>())
    .bind(rows.iter().map(|o| o.provenance.clock_corrected).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(by_feed(feeds.into_iter().map(FeedId)))
}
