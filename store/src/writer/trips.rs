//! Trip updates of feeds.

use std::collections::BTreeMap;

use domain::live::Change;
use domain::{FeedId, MunicipalityId, TripKey, TripObservation};
use sqlx::PgConnection;

use crate::bind::BindRows;
use crate::trips::BODY_VERSION;
use crate::{Result, Ts, codec};

/// A run's key as the table has it.
type TripRow = (i32, i32, String, String, String, String, i16);

/// Moves the latest report of each run forward; returns those that moved.
pub(super) async fn write<'r>(
    conn: &mut PgConnection,
    rows: &'r [TripObservation],
    changes: &mut Vec<Change>,
) -> Result<Vec<&'r TripObservation>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // In the key's order: two writers never deadlock.
    let mut latest: BTreeMap<(MunicipalityId, FeedId, TripKey), &TripObservation> = BTreeMap::new();
    for o in rows {
        let key = (o.provenance.municipality, o.provenance.feed, o.report.update.key());
        let held = latest.entry(key).or_insert(o);
        if held.report.rank() < o.report.rank() {
            *held = o;
        }
    }
    let body = |o: &&TripObservation| codec::encode(BODY_VERSION, &*o.report.update);
    let moved: Vec<TripRow> = sqlx::query_as(
        "INSERT INTO trip_state AS held (municipality, feed, trip_id, start_date, start_time, route_id,
             direction, observed_at, confirmed_at, digest, body)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (municipality, feed, trip_id, start_date, start_time, route_id, direction) DO UPDATE
         SET observed_at = excluded.observed_at, confirmed_at = excluded.confirmed_at, digest = excluded.digest,
             body = excluded.body
         -- Reports ahead of the clock give way to others.
         WHERE (greatest(held.observed_at, held.confirmed_at) <= now() + interval '5 minutes', held.observed_at,
                held.confirmed_at, held.digest)
             < (greatest(excluded.observed_at, excluded.confirmed_at) <= now() + interval '5 minutes',
                excluded.observed_at, excluded.confirmed_at, excluded.digest)
         RETURNING municipality, feed, trip_id, start_date, start_time, route_id, direction",
    )
    .bind_rows(latest.keys().map(|(municipality, feed, key)| (municipality.0, feed.0, &*key.trip_id)))
    .bind_rows(latest.keys().map(|(.., key)| (&*key.start_date, &*key.start_time, &*key.route_id)))
    .bind_rows(latest.keys().map(|(.., key)| (key.direction,)))
    .bind_rows(latest.values().map(|o| &o.report).map(|r| (Ts(r.observed_at), Ts(r.confirmed_at), r.digest)))
    .bind(latest.values().map(body).collect::<Result<Vec<_>>>()?)
    .fetch_all(conn)
    .await?;
    changes
        .extend(latest.values().map(|o| Change::Trip { feed: o.provenance.feed, report: o.report.clone() }));
    let moved = moved.into_iter().map(
        |(municipality, feed, trip_id, start_date, start_time, route_id, direction)| {
            (
                MunicipalityId(municipality),
                FeedId(feed),
                TripKey { trip_id, start_date, start_time, route_id, direction },
            )
        },
    );
    Ok(moved.filter_map(|key| latest.get(&key).copied()).collect())
}
