//! The bound of the quarantine: whatever a feed sends, it cannot fill the disk, and pushes out its own
//! older rejections only.

use std::collections::BTreeSet;

use domain::{FeedId, Rejection};
use sqlx::PgConnection;

use crate::StoreError;

/// Rejections that are kept of each feed; the newest stay.
pub const MAX_ROWS: i64 = 10_000;

/// Bytes of payloads that are kept of each feed.
pub const MAX_BYTES: i64 = 64 << 20;

/// How many of the oldest are looked at at a time where the bytes are too many.
const STEP: i64 = 100;

/// Removes what is too much of the feeds of `new`, which have just been added: within the same transaction,
/// so the bound holds at every moment.
pub(super) async fn bound(conn: &mut PgConnection, new: &[Rejection]) -> Result<(), StoreError> {
    let feeds: BTreeSet<FeedId> = new.iter().map(|r| r.feed).collect();
    for feed in feeds {
        loop {
            let (rows, bytes): (i64, i64) =
                sqlx::query_as("SELECT rows, bytes FROM quarantine WHERE feed = $1")
                    .bind(feed.0)
                    .fetch_one(&mut *conn)
                    .await?;
            if rows <= MAX_ROWS && bytes <= MAX_BYTES {
                break;
            }
            // The oldest, as long as what comes before each of them does not suffice.
            let removed = sqlx::query(
                "DELETE FROM rejection r USING (
                     SELECT municipality, id,
                            row_number() OVER o - 1 AS rows_before,
                            sum(octet_length(payload)) OVER o - octet_length(payload) AS bytes_before
                     FROM (SELECT municipality, id, payload FROM rejection WHERE feed = $1 ORDER BY id LIMIT $2) x
                     WINDOW o AS (ORDER BY id)
                 ) oldest
                 WHERE r.municipality = oldest.municipality AND r.id = oldest.id
                   AND (oldest.rows_before < $3 OR oldest.bytes_before < $4)",
            )
            .bind(feed.0)
            .bind(STEP.max(rows - MAX_ROWS))
            .bind(rows - MAX_ROWS)
            .bind(bytes - MAX_BYTES)
            .execute(&mut *conn)
            .await?;
            if removed.rows_affected() == 0 {
                break;
            }
        }
    }
    Ok(())
}
