//! When runs passed stops: see the rule in `domain::punctuality`.

use std::collections::BTreeMap;

use domain::punctuality::Passage;
use domain::{TripObservation, VehiclePosition};
use sqlx::PgConnection;
use tracing::warn;

use crate::bind::BindRows;
use crate::{Result, Ts};

/// Municipality and service day.
type ServiceDay = (i32, String);

/// New passages, by municipality and service day.
pub(crate) type NewPassages = Vec<(i32, String, i64)>;

/// The number of passages of recent days. A day is counted when it first occurs; what
/// other writers add meanwhile is not seen, so each of them may add up to the bound.
#[derive(Debug, Default)]
pub(crate) struct Days(BTreeMap<ServiceDay, i64>);

/// The most days that are cached, some of each municipality.
const MAX_DAYS: usize = 10_000;

impl Days {
    /// Moves each passage of these rows forward to its newest statement. A day that has `most` accepts no new
    /// ones. Returns how many were new, to be passed to [`Days::committed`].
    ///
    /// Where no service date is given, it is the town's date three hours before: after midnight the last
    /// vehicles of a day still run, and at three o'clock hardly any do.
    pub(crate) async fn write(
        &mut self,
        conn: &mut PgConnection,
        vehicles: &[&VehiclePosition],
        trips: &[TripObservation],
        most: i64,
    ) -> Result<NewPassages> {
        let trips = trips.iter().flat_map(|o| {
            o.passed
                .iter()
                .filter_map(|p| Passage::of_trip(&o.provenance, &o.report.update, o.report.observed_at, p))
        });
        let statements: Vec<Passage> =
            vehicles.iter().filter_map(|o| Passage::of_vehicle(o)).chain(trips).collect();
        if statements.is_empty() {
            return Ok(NewPassages::new());
        }
        let full: Vec<&ServiceDay> = self.0.iter().filter(|(_, n)| **n >= most).map(|(day, _)| day).collect();
        // In the key's order: two writers never deadlock.
        let new: NewPassages = sqlx::query_as(
            "WITH moved AS (
             INSERT INTO stop_passage AS held (municipality, service_date, trip_id, stop_id, route_id, feed, vehicle,
                 passed_at, said_at, delay_s, digest)
             SELECT DISTINCT ON (s.municipality, service_date, s.trip_id, s.stop_id)
                 s.municipality, service_date, s.trip_id, s.stop_id, s.route_id, s.feed, s.vehicle, s.passed_at,
                 s.said_at, s.delay_s, s.digest
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                 AS s(municipality, day, trip_id, stop_id, route_id, feed, vehicle, passed_at, said_at, delay_s, digest)
             JOIN municipality m ON m.id = s.municipality
             CROSS JOIN LATERAL (SELECT coalesce(s.day::date,
                 (s.passed_at AT TIME ZONE (m.def ->> 'tz') - interval '3 hours')::date) AS service_date) AS day
             WHERE (s.municipality, service_date) NOT IN (SELECT * FROM unnest($12, $13::text[]::date[]))
                OR EXISTS (SELECT FROM stop_passage p WHERE (p.municipality, p.service_date, p.trip_id, p.stop_id)
                               = (s.municipality, day.service_date, s.trip_id, s.stop_id))
             ORDER BY s.municipality, service_date, s.trip_id, s.stop_id, s.said_at DESC, s.digest DESC
             ON CONFLICT (municipality, service_date, trip_id, stop_id) DO UPDATE
             SET route_id = excluded.route_id, feed = excluded.feed, vehicle = excluded.vehicle,
                 passed_at = excluded.passed_at, said_at = excluded.said_at, delay_s = excluded.delay_s,
                 digest = excluded.digest
             WHERE (held.said_at <= now() + interval '5 minutes', held.said_at, held.digest)
                 < (excluded.said_at <= now() + interval '5 minutes', excluded.said_at, excluded.digest)
             RETURNING municipality, service_date, xmax = 0 AS is_new)
             SELECT municipality, service_date::text, count(*) FROM moved WHERE is_new GROUP BY 1, 2",
        )
        .bind_rows(statements.iter().map(|p| (p.municipality.0, p.service_date.map(|day| day.to_string()))))
        .bind_rows(statements.iter().map(|p| (p.trip_id.as_str(), p.stop_id.as_str(), p.route_id.as_deref())))
        .bind_rows(statements.iter().map(|p| (p.feed.0, p.vehicle.map(|vehicle| vehicle.0))))
        .bind_rows(statements.iter().map(|p| (Ts(p.passed_at), Ts(p.stated_at), p.delay_s, p.digest)))
        .bind_rows(full.iter().map(|(municipality, day)| (*municipality, day.as_str())))
        .fetch_all(&mut *conn)
        .await?;
        for (municipality, day, n) in &new {
            let key = (*municipality, day.clone());
            if self.0.contains_key(&key) {
                continue;
            }
            let there: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM stop_passage WHERE municipality = $1 AND service_date = $2::text::date",
            )
            .bind(municipality)
            .bind(day)
            .fetch_one(&mut *conn)
            .await?;
            if self.0.len() >= MAX_DAYS {
                self.0.clear();
            }
            self.0.insert(key, there - n);
        }
        Ok(new)
    }

    /// Counts the passages of a transaction, once it has committed.
    pub(super) fn committed(&mut self, new: NewPassages, most: i64) {
        for (municipality, day, n) in new {
            let Some(rows) = self.0.get_mut(&(municipality, day.clone())) else { continue };
            let was_full = *rows >= most;
            *rows += n;
            if *rows >= most && !was_full {
                warn!("municipality {municipality}, {day}: {rows} passages of stops, no new ones are taken");
            }
        }
    }
}
