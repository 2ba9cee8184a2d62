//! Bounds of data with ids that senders can invent: rejections, devices, runs. They hold after each transaction, since
//! the writer that adds also removes the excess, one transaction at a time.
//!
//! Data with ids of imported places needs none beside retention.

use std::collections::BTreeSet;

use domain::{FeedId, MunicipalityId};
use sqlx::PgConnection;

use super::Batch;
use crate::Result;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Rejections of each feed; the newest stay.
    pub rejections: i64,
    /// Bytes of rejections of each feed, payloads and what describes them.
    pub rejected_bytes: i64,
    /// Bytes of rejections of all feeds together, those of sixteen at their bound: a county may have a hundred.
    pub rejected_bytes_in_all: i64,
    /// Messages of devices that are no sensors of their feed, of each feed; the newest stay. Of such devices, too:
    /// installers look for new ones within days, and a town has some hundreds of them at most.
    pub strangers: i64,
    /// Runs of each feed of which the latest report is kept: some five times what a large county runs in a day.
    pub runs: i64,
    /// Bytes of these reports.
    pub run_bytes: i64,
    /// Rows of [`domain::alert::AlertSet`] of each feed: those of a thousand topics.
    pub alert_rows: i64,
    /// Bytes of these.
    pub alert_bytes: i64,
    /// Passages of each municipality and service day: some five times those of a large county.
    pub passages_a_day: i64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            rejections: 10_000,
            rejected_bytes: 64 << 20,
            rejected_bytes_in_all: 1 << 30,
            strangers: 10_000,
            runs: 100_000,
            run_bytes: 128 << 20,
            alert_rows: 16_000,
            alert_bytes: 64 << 20,
            passages_a_day: 2_000_000,
        }
    }
}

/// Advisory lock of transactions that add bounded rows.
const BOUNDS_LOCK: i64 = 0x6b76_626f_756e; // "kvboun"

/// Waits for other transactions that add bounded rows, where `batch` does, so that each sees the others'. Call it
/// before adding any.
pub(super) async fn lock(conn: &mut PgConnection, batch: &Batch, is_replay: bool) -> Result<()> {
    let adds = !batch.rejections.is_empty()
        || !batch.trips.is_empty()
        || !batch.alerts.is_empty()
        || batch.uplinks.iter().any(|u| u.is_stranger);
    if adds || is_replay {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(BOUNDS_LOCK).execute(conn).await?;
    }
    Ok(())
}

/// Removes the oldest excess messages of unknown devices, and the devices that were heard from least recently.
pub(super) async fn strangers(conn: &mut PgConnection, batch: &Batch, bounds: &Bounds) -> Result<()> {
    let feeds: BTreeSet<FeedId> = batch.uplinks.iter().filter(|u| u.is_stranger).map(|u| u.feed).collect();
    for feed in feeds {
        for sql in [
            "DELETE FROM uplink u USING (
                 SELECT municipality, device, dedup_id, copy FROM uplink WHERE feed = $1 AND is_stranger
                 -- Messages received while the clock was ahead do not count as newer.
                 ORDER BY received_at <= now() + interval '5 minutes' DESC, received_at DESC, dedup_id DESC OFFSET $2
             ) old
             WHERE u.municipality = old.municipality AND u.device = old.device AND u.dedup_id = old.dedup_id
               AND u.copy = old.copy",
            "DELETE FROM device_state d USING (
                 SELECT municipality, device FROM device_state d
                 WHERE feed = $1 AND NOT EXISTS (SELECT FROM sensor s WHERE s.key = d.device AND s.feed = d.feed)
                 ORDER BY last_heard <= now() + interval '5 minutes' DESC, last_heard DESC, device DESC OFFSET $2
             ) old
             WHERE d.municipality = old.municipality AND d.device = old.device",
        ] {
            sqlx::query(sql).bind(feed.0).bind(bounds.strangers).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// Removes the excess runs that were confirmed least recently. A tenth more than necessary goes, so that
/// not every transaction of a flood has to search.
pub(super) async fn runs(conn: &mut PgConnection, batch: &Batch, bounds: &Bounds) -> Result<()> {
    let feeds: BTreeSet<(MunicipalityId, FeedId)> =
        batch.trips.iter().map(|o| (o.provenance.municipality, o.provenance.feed)).collect();
    for (municipality, feed) in feeds {
        let (rows, bytes): (i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(pg_column_size(body)), 0)::bigint
             FROM trip_state WHERE municipality = $1 AND feed = $2",
        )
        .bind(municipality.0)
        .bind(feed.0)
        .fetch_one(&mut *conn)
        .await?;
        if rows <= bounds.runs && bytes <= bounds.run_bytes {
            continue;
        }
        sqlx::query(
            "DELETE FROM trip_state WHERE ctid IN (
                 SELECT ctid FROM (
                     SELECT ctid, row_number() OVER newest AS nth, sum(pg_column_size(body)) OVER newest AS bytes
                     FROM trip_state WHERE municipality = $1 AND feed = $2
                     WINDOW newest AS (ORDER BY confirmed_at DESC, trip_id, start_date, start_time, route_id, direction)
                 ) x
                 WHERE nth > $3 OR bytes > $4)",
        )
        .bind(municipality.0)
        .bind(feed.0)
        .bind(bounds.runs / 10 * 9)
        .bind(bounds.run_bytes / 10 * 9)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Removes the excess statements of alerts that were confirmed least recently, as [`runs`] does.
pub(super) async fn alerts(conn: &mut PgConnection, batch: &Batch, bounds: &Bounds) -> Result<()> {
    let feeds: BTreeSet<(MunicipalityId, FeedId)> =
        batch.alerts.iter().map(|o| (o.provenance.municipality, o.provenance.feed)).collect();
    for (municipality, feed) in feeds {
        let (rows, bytes): (i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(pg_column_size(body)), 0)::bigint
             FROM alert_state WHERE municipality = $1 AND feed = $2",
        )
        .bind(municipality.0)
        .bind(feed.0)
        .fetch_one(&mut *conn)
        .await?;
        if rows <= bounds.alert_rows && bytes <= bounds.alert_bytes {
            continue;
        }
        sqlx::query(
            "DELETE FROM alert_state WHERE ctid IN (
                 SELECT ctid FROM (
                     SELECT ctid, row_number() OVER newest AS nth, sum(pg_column_size(body)) OVER newest AS bytes
                     FROM alert_state WHERE municipality = $1 AND feed = $2
                     WINDOW newest AS (ORDER BY confirmed_at DESC, topic, share)
                 ) x
                 WHERE nth > $3 OR bytes > $4)",
        )
        .bind(municipality.0)
        .bind(feed.0)
        .bind(bounds.alert_rows / 10 * 9)
        .bind(bounds.alert_bytes / 10 * 9)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
