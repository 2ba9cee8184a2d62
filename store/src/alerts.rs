//! Encoding of service alerts, and loading the latest ones.

use std::time::Duration;

use domain::FeedId;
use domain::alert::{AlertReport, AlertSet};
use domain::live::Change;
use sqlx::PgConnection;
use tracing::warn;

use crate::{Result, Ts, codec};

/// Format of a body; one of another format is skipped: its feed repeats it.
pub(crate) const BODY_VERSION: u8 = 1;

/// The age up to which alerts are loaded.
const LOADED: Duration = Duration::from_secs(86_400);

/// What feeds stated of their alerts within the last day.
pub(crate) async fn load(conn: &mut PgConnection) -> Result<Vec<Change>> {
    let rows: Vec<(i32, Ts, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT feed, confirmed_at, digest, body FROM alert_state
         WHERE confirmed_at >= now() - make_interval(secs => $1)",
    )
    .bind(LOADED.as_secs_f64())
    .fetch_all(conn)
    .await?;
    let stored = rows.len();
    let read = rows.into_iter().filter_map(|(feed, confirmed_at, digest, body)| {
        let set: AlertSet = codec::decode("alerts", BODY_VERSION, &body).ok()?;
        let report = AlertReport { confirmed_at: confirmed_at.0, digest, set: Box::new(set) };
        Some(Change::Alerts { feed: FeedId(feed), report })
    });
    let read: Vec<Change> = read.collect();
    if read.len() < stored {
        warn!(
            "{} statements of alerts are of another version; their feeds will repeat them",
            stored - read.len()
        );
    }
    Ok(read)
}
