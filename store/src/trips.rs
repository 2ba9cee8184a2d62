//! Encoding of trip updates, and loading the latest ones.

use std::time::Duration;

use domain::live::Change;
use domain::{FeedId, TripReport, TripUpdate};
use sqlx::PgConnection;
use tracing::warn;

use crate::{Result, Ts, codec};

/// Format of a body; one of another format is skipped: its feed repeats it.
pub(crate) const BODY_VERSION: u8 = 2;

/// The age up to which updates are loaded.
const LOADED: Duration = Duration::from_secs(86_400);

/// Trip updates of the last day.
pub(crate) async fn load(conn: &mut PgConnection) -> Result<Vec<Change>> {
    let rows: Vec<(i32, Ts, Ts, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT feed, observed_at, confirmed_at, digest, body FROM trip_state
         WHERE confirmed_at >= now() - make_interval(secs => $1)",
    )
    .bind(LOADED.as_secs_f64())
    .fetch_all(conn)
    .await?;
    let stored = rows.len();
    let read = rows.into_iter().filter_map(|(feed, observed_at, confirmed_at, digest, body)| {
        let update: TripUpdate = codec::decode("trip", BODY_VERSION, &body).ok()?;
        let report = TripReport {
            observed_at: observed_at.0,
            confirmed_at: confirmed_at.0,
            digest,
            update: update.into(),
        };
        Some(Change::Trip { feed: FeedId(feed), report })
    });
    let read: Vec<Change> = read.collect();
    if read.len() < stored {
        warn!("{} trip updates are of another version; their feeds will repeat them", stored - read.len());
    }
    Ok(read)
}
