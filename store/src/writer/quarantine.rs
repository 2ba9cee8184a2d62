//! The bound of the quarantine: a feed cannot fill the disk, and displaces its own
//! older rejections only. Beyond the total bound the largest feed loses its oldest.

use std::collections::BTreeSet;

use domain::FeedId;
use sqlx::PgConnection;

use super::bounds::Bounds;
use crate::Result;

/// How many of the oldest are examined at a time where the bytes exceed the bound.
const STEP: i64 = 100;

/// Removes the excess of `feeds`, to which something has just been added: within the same transaction,
/// so the bound always holds.
pub(super) async fn bound(conn: &mut PgConnection, feeds: BTreeSet<FeedId>, bounds: &Bounds) -> Result<()> {
    for feed in &feeds {
        loop {
            let (rows, bytes): (i64, i64) =
                sqlx::query_as("SELECT rows, bytes FROM quarantine WHERE feed = $1")
                    .bind(feed.0)
                    .fetch_optional(&mut *conn)
                    .await?
                    .unwrap_or_default();
            let excess = Excess { rows: rows - bounds.rejections, bytes: bytes - bounds.rejected_bytes };
            if excess.rows.max(excess.bytes) <= 0 || remove(conn, *feed, excess).await? == 0 {
                break;
            }
        }
    }
    while !feeds.is_empty() {
        let (feed, total): (i32, i64) = sqlx::query_as(
            "SELECT feed, (sum(bytes) OVER ())::bigint FROM quarantine ORDER BY bytes DESC, feed LIMIT 1",
        )
        .fetch_optional(&mut *conn)
        .await?
        .unwrap_or_default();
        let excess = Excess { rows: 0, bytes: total - bounds.rejected_bytes_in_all };
        if excess.bytes <= 0 || remove(conn, FeedId(feed), excess).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// What is too much.
struct Excess {
    rows: i64,
    bytes: i64,
}

/// Removes the oldest of `feed` until as many rows and bytes are gone, at most some at a time; returns how many
/// went.
async fn remove(conn: &mut PgConnection, feed: FeedId, excess: Excess) -> Result<u64> {
    let removed = sqlx::query(
        "DELETE FROM rejection r USING (
             SELECT municipality, id, row_number() OVER o - 1 AS rows_before, sum(size) OVER o - size AS bytes_before
             FROM (SELECT municipality, id, rejection_bytes(payload, topic, detail, devices, examples) AS size
                   FROM rejection WHERE feed = $1 ORDER BY id LIMIT $2) x
             WINDOW o AS (ORDER BY id)
         ) oldest
         WHERE r.municipality = oldest.municipality AND r.id = oldest.id
           AND (oldest.rows_before < $3 OR oldest.bytes_before < $4)",
    )
    .bind(feed.0)
    .bind(STEP.max(excess.rows))
    .bind(excess.rows)
    .bind(excess.bytes)
    .execute(conn)
    .await?;
    Ok(removed.rows_affected())
}
