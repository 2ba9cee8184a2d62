//! Names of messages whose time is our receipt.

use sqlx::PgConnection;

use super::{Batch, Known};
use crate::StoreError;
use crate::ts::Ts;

/// Takes the batch's claims; returns those that were taken before.
pub(super) async fn take(conn: &mut PgConnection, batch: &Batch) -> Result<Known, StoreError> {
    let mut all: Vec<_> = batch.claims().collect();
    if all.is_empty() {
        return Ok(Known(Default::default()));
    }
    // One order for all writers: no deadlocks.
    all.sort_unstable();
    all.dedup_by_key(|c| (c.0, c.1));
    let municipalities: Vec<i32> = all.iter().map(|c| c.0.0).collect();
    let claims: Vec<i64> = all.iter().map(|c| c.1).collect();
    let received: Vec<Ts> = all.iter().map(|c| Ts(c.2)).collect();
    let taken: Vec<(i32, i64)> = sqlx::query_as(
        "INSERT INTO receipt_claim (municipality, claim, received_at)
         SELECT * FROM unnest($1::int[], $2::bigint[], $3::timestamptz[])
         ON CONFLICT DO NOTHING RETURNING municipality, claim",
    )
    .bind(&municipalities)
    .bind(&claims)
    .bind(&received)
    .fetch_all(conn)
    .await?;
    let taken: std::collections::HashSet<(i32, i64)> = taken.into_iter().collect();
    let known = all.iter().map(|c| (c.0, c.1)).filter(|(m, c)| !taken.contains(&(m.0, *c)));
    Ok(Known(known.collect()))
}
