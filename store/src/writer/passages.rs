//! When runs passed stops: see the rule in `domain::punctuality`.

use domain::punctuality::Passage;
use domain::{TripObservation, UtcMicros, VehiclePosition};
use sqlx::PgConnection;

use crate::StoreError;
use crate::ts::Ts;

/// Moves each passage that these rows speak of forward to its newest statement.
///
/// Where no service date is told, it is the town's date three hours before: after midnight the last
/// vehicles of a day still run, and at three o'clock hardly any do.
pub(super) async fn write(
    conn: &mut PgConnection,
    vehicles: &[&VehiclePosition],
    trips: &[TripObservation],
) -> Result<(), StoreError> {
    let trips = trips.iter().flat_map(|o| {
        o.passed.iter().map(|p| Passage::of_trip(&o.heard, &o.report.update, o.report.observed_at, p))
    });
    let said: Vec<Passage> = vehicles.iter().filter_map(|o| Passage::of_vehicle(o)).chain(trips).collect();
    if said.is_empty() {
        return Ok(());
    }
    let time = |f: fn(&Passage) -> UtcMicros| said.iter().map(|p| Ts(f(p))).collect::<Vec<_>>();
    // In the key's order: two writers never wait for each other crosswise.
    sqlx::query(
        "INSERT INTO stop_passage AS held (municipality, service_date, trip_id, stop_id, route_id, feed, vehicle,
             passed_at, said_at, delay_s, digest)
         SELECT DISTINCT ON (s.municipality, service_date, s.trip_id, s.stop_id)
             s.municipality, service_date, s.trip_id, s.stop_id, s.route_id, s.feed, s.vehicle, s.passed_at,
             s.said_at, s.delay_s, s.digest
         FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[],
                  $8::timestamptz[], $9::timestamptz[], $10::int[], $11::bigint[])
             AS s(municipality, day, trip_id, stop_id, route_id, feed, vehicle, passed_at, said_at, delay_s, digest)
         JOIN municipality m ON m.id = s.municipality
         CROSS JOIN LATERAL (SELECT coalesce(s.day::date,
             (s.passed_at AT TIME ZONE (m.def ->> 'tz') - interval '3 hours')::date) AS service_date) AS day
         ORDER BY s.municipality, service_date, s.trip_id, s.stop_id, s.said_at DESC, s.digest DESC
         ON CONFLICT (municipality, service_date, trip_id, stop_id) DO UPDATE
         SET route_id = excluded.route_id, feed = excluded.feed, vehicle = excluded.vehicle,
             passed_at = excluded.passed_at, said_at = excluded.said_at, delay_s = excluded.delay_s,
             digest = excluded.digest
         WHERE (held.said_at, held.digest) < (excluded.said_at, excluded.digest)",
    )
    .bind(said.iter().map(|p| p.municipality.0).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.service_date.map(|d| d.to_string())).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.trip_id.as_str()).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.stop_id.as_str()).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.route_id.as_deref()).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.feed.0).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.vehicle.map(|v| v.0)).collect::<Vec<_>>())
    .bind(time(|p| p.passed_at))
    .bind(time(|p| p.said_at))
    .bind(said.iter().map(|p| p.delay_s).collect::<Vec<_>>())
    .bind(said.iter().map(|p| p.digest).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
