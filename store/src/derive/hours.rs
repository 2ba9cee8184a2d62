//! The sums of hours in the store.

use domain::UtcMicros;
pub(super) use domain::intervals::Delta;
use domain::intervals::{HOUR_US, HourSums, ScopeId};
use sqlx::PgConnection;

use crate::StoreError;
use crate::ts::Ts;

/// Hours that are read and written at once.
const AT_ONCE: usize = 20_000;

/// Format of `detail`.
const VERSION: u8 = 1;

/// Packs an hour for the store.
fn encode(sums: &HourSums) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(sums, vec![VERSION]).map_err(|e| StoreError::Decode(e.to_string()))
}

/// Reads a stored hour.
///
/// # Errors
/// It was written by a newer version, or is damaged.
pub(crate) fn decode(detail: &[u8]) -> Result<HourSums, StoreError> {
    match detail.split_first() {
        Some((&VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|e| StoreError::Decode(format!("hour: {e}")))
        }
        _ => Err(StoreError::Decode("hour: unknown version".into())),
    }
}

/// Applies `delta`. There is one deriver, so nobody else moves these rows.
pub(super) async fn write(conn: &mut PgConnection, delta: Delta) -> Result<(), StoreError> {
    let mut changes: Vec<((ScopeId, i64), HourSums)> =
        delta.0.into_iter().filter(|(_, sums)| !sums.is_zero()).collect();
    changes.sort_unstable_by_key(|(key, _)| *key);
    for changes in changes.chunks_mut(AT_ONCE) {
        write_some(conn, changes).await?;
    }
    Ok(())
}

async fn write_some(
    conn: &mut PgConnection,
    changes: &mut [((ScopeId, i64), HourSums)],
) -> Result<(), StoreError> {
    let scopes: Vec<i32> = changes.iter().map(|((scope, _), _)| scope.0).collect();
    let hours: Vec<Ts> = changes.iter().map(|((_, hour), _)| Ts(UtcMicros(hour * HOUR_US))).collect();
    let held: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT t.i, h.detail
         FROM unnest($1::int[], $2::timestamptz[]) WITH ORDINALITY AS t(scope, hour, i)
         JOIN occupancy_scope s ON s.id = t.scope
         JOIN occupancy_hour h ON h.municipality = s.municipality AND h.scope = t.scope AND h.hour = t.hour",
    )
    .bind(&scopes)
    .bind(&hours)
    .fetch_all(&mut *conn)
    .await?;
    for (ordinal, detail) in held {
        changes[ordinal as usize - 1].1.add(&decode(&detail)?);
    }
    let sum = |part: fn(&HourSums) -> i64| changes.iter().map(|(_, s)| part(s)).collect::<Vec<_>>();
    let details: Vec<Vec<u8>> =
        changes.iter().map(|(_, sums)| encode(sums)).collect::<Result<_, StoreError>>()?;
    sqlx::query(
        "INSERT INTO occupancy_hour
             (municipality, scope, hour, occupied_us, observed_us, closed_us, arrivals, departures, detail)
         SELECT s.municipality, t.* FROM unnest($1::int[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[],
             $6::int[], $7::int[], $8::bytea[]) AS t(scope, hour, a, b, c, d, e, f)
         JOIN occupancy_scope s ON s.id = t.scope
         ON CONFLICT (municipality, scope, hour) DO UPDATE
         SET occupied_us = excluded.occupied_us, observed_us = excluded.observed_us, closed_us = excluded.closed_us,
             arrivals = excluded.arrivals, departures = excluded.departures, detail = excluded.detail",
    )
    .bind(&scopes)
    .bind(&hours)
    .bind(sum(|s| s.occupied_us.iter().sum()))
    .bind(sum(|s| s.observed_us.iter().sum()))
    .bind(sum(|s| s.closed_us))
    .bind(changes.iter().map(|(_, s)| s.arrivals.iter().sum::<i32>()).collect::<Vec<_>>())
    .bind(changes.iter().map(|(_, s)| s.departures.iter().sum::<i32>()).collect::<Vec<_>>())
    .bind(details)
    .execute(&mut *conn)
    .await?;
    // An hour that is empty again is as if it had never been.
    let empty: Vec<usize> = (0..changes.len()).filter(|i| changes[*i].1.is_zero()).collect();
    if !empty.is_empty() {
        sqlx::query(
            "DELETE FROM occupancy_hour h USING occupancy_scope s, unnest($1::int[], $2::timestamptz[]) AS t(scope, hour)
             WHERE s.id = t.scope AND h.municipality = s.municipality AND h.scope = t.scope AND h.hour = t.hour",
        )
        .bind(empty.iter().map(|i| scopes[*i]).collect::<Vec<_>>())
        .bind(empty.iter().map(|i| hours[*i]).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    }
    Ok(())
}
