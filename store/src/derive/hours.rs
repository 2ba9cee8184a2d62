//! The sums of hours in the store.

use domain::UtcMicros;
use domain::ids::ScopeId;
pub(super) use domain::intervals::Delta;
use domain::intervals::{HOUR_US, HourSums};
use sqlx::PgConnection;

use crate::bind::BindRows;
use crate::copy::CopyRows;
use crate::{Result, Ts, codec};

/// Hours that are read and written at once.
const AT_ONCE: usize = 20_000;

/// Bytes of an hour in binary COPY, for the first allocation.
const ROW_BYTES: usize = 260;

const COLUMNS: &str =
    "municipality, scope, hour, occupied_us, observed_us, closed_us, arrivals, departures, detail";

/// Format of `detail`.
const VERSION: u8 = 1;

/// Reads a stored hour.
///
/// # Errors
/// It was written by a newer version, or is damaged.
pub(crate) fn decode(detail: &[u8]) -> Result<HourSums> {
    codec::decode("hour", VERSION, detail)
}

/// Applies `delta`. There is one deriver, so nobody else moves these rows.
pub(super) async fn write(conn: &mut PgConnection, delta: Delta) -> Result<()> {
    let mut changes: Vec<((ScopeId, i64), HourSums)> =
        delta.0.into_iter().filter(|(_, sums)| !sums.is_zero()).collect();
    changes.sort_unstable_by_key(|(key, _)| *key);
    for changes in changes.chunks(AT_ONCE) {
        write_some(conn, changes).await?;
    }
    Ok(())
}

/// Takes out the hours that are there, and stores their new sums: an hour that is empty again is as if it had never been.
async fn write_some(conn: &mut PgConnection, changes: &[((ScopeId, i64), HourSums)]) -> Result<()> {
    let at = |hour: i64| UtcMicros(hour * HOUR_US);
    let held: Vec<(i64, i32, Option<Vec<u8>>)> = sqlx::query_as(
        "WITH wanted AS (
             SELECT t.i, s.municipality, t.scope, t.hour
             FROM unnest($1, $2) WITH ORDINALITY AS t(scope, hour, i) JOIN occupancy_scope s ON s.id = t.scope),
         held AS (
             DELETE FROM occupancy_hour h USING wanted w
             WHERE h.municipality = w.municipality AND h.scope = w.scope AND h.hour = w.hour RETURNING w.i, h.detail)
         SELECT i, municipality, detail FROM wanted LEFT JOIN held USING (i) ORDER BY i",
    )
    .bind_rows(changes.iter().map(|((scope, hour), _)| (scope.0, Ts(at(*hour)))))
    .fetch_all(&mut *conn)
    .await?;
    let mut data = CopyRows::new(COLUMNS, held.len() * ROW_BYTES);
    for (ordinal, municipality, detail) in held {
        let ((scope, hour), mut sums) = changes[ordinal as usize - 1];
        if let Some(detail) = &detail {
            sums.add(&decode(detail)?);
        }
        if sums.is_zero() {
            continue;
        }
        let [occupied_us, observed_us] =
            [sums.occupied_us, sums.observed_us].map(|us| us.iter().sum::<i64>());
        let [arrivals, departures] = [sums.arrivals, sums.departures].map(|n| n.iter().sum::<i32>());
        let (hour, detail) = (at(hour), codec::encode(VERSION, &sums)?);
        data.row(&[
            &municipality,
            &scope.0,
            &hour,
            &occupied_us,
            &observed_us,
            &sums.closed_us,
            &arrivals,
            &departures,
            &detail,
        ]);
    }
    data.send(conn, "occupancy_hour").await
}
