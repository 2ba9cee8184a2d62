//! Service alerts of feeds.

use std::collections::BTreeMap;

use domain::alert::AlertObservation;
use domain::live::Change;
use domain::{FeedId, MunicipalityId};
use sqlx::PgConnection;

use crate::alerts::BODY_VERSION;
use crate::bind::BindRows;
use crate::{Result, Ts, codec};

/// Moves the latest statement of each part forward; returns those that moved.
pub(super) async fn write<'r>(
    conn: &mut PgConnection,
    rows: &'r [AlertObservation],
    changes: &mut Vec<Change>,
) -> Result<Vec<&'r AlertObservation>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // In the key's order: two writers never deadlock.
    let mut latest: BTreeMap<(MunicipalityId, FeedId, &str, i16), &AlertObservation> = BTreeMap::new();
    for o in rows {
        let set = &o.report.set;
        let key = (o.provenance.municipality, o.provenance.feed, &*set.topic, i16::from(set.share));
        let held = latest.entry(key).or_insert(o);
        if held.report.rank() < o.report.rank() {
            *held = o;
        }
    }
    let body = |o: &&AlertObservation| codec::encode(BODY_VERSION, &*o.report.set);
    let moved: Vec<(i32, i32, String, i16)> = sqlx::query_as(
        "INSERT INTO alert_state AS held (municipality, feed, topic, share, confirmed_at, digest, body)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (municipality, feed, topic, share) DO UPDATE
         SET confirmed_at = excluded.confirmed_at, digest = excluded.digest, body = excluded.body
         -- Statements ahead of the clock give way to others.
         WHERE (held.confirmed_at <= now() + interval '5 minutes', held.confirmed_at, held.digest)
             < (excluded.confirmed_at <= now() + interval '5 minutes', excluded.confirmed_at, excluded.digest)
         RETURNING municipality, feed, topic, share",
    )
    .bind_rows(
        latest.keys().map(|(municipality, feed, topic, share)| (municipality.0, feed.0, *topic, *share)),
    )
    .bind_rows(latest.values().map(|o| (Ts(o.report.confirmed_at), o.report.digest)))
    .bind(latest.values().map(body).collect::<Result<Vec<_>>>()?)
    .fetch_all(conn)
    .await?;
    changes.extend(
        latest.values().map(|o| Change::Alerts { feed: o.provenance.feed, report: o.report.clone() }),
    );
    let moved = moved.iter().filter_map(|(municipality, feed, topic, share)| {
        latest.get(&(MunicipalityId(*municipality), FeedId(*feed), topic.as_str(), *share)).copied()
    });
    Ok(moved.collect())
}
