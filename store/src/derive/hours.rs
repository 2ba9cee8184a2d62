//! The sums of hours in the store.

use domain::UtcMicros;
pub(super) use domain::intervals::Delta;
use domain::intervals::{HOUR_US, HourSums, ScopeId};
use sqlx::PgConnection;

use crate::copy::CopyRows;
use crate::{Result, Ts, codec};

/// Hours that are read and written at once.
const AT_ONCE: usize = 20_000;

/// Bytes of an hour in binary COPY, for the first allocation.
const ROW_BYTES: usize = 260;

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

async fn write_some(conn: &mut PgConnection, changes: &[((ScopeId, i64), HourSums)]) -> Result<()> {
    let held: Vec<(i64, i32, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT t.i, s.municipality, h.detail
         FROM unnest($1, $2) WITH ORDINALITY AS t(scope, hour, i)
         JOIN occupancy_scope s ON s.id = t.scope
         LEFT JOIN occupancy_hour h ON h.municipality = s.municipality AND h.scope = t.scope AND h.hour = t.hour
         ORDER BY t.i",
    )
    .bind(changes.iter().map(|((scope, _), _)| scope.0).collect::<Vec<_>>())
    .bind(changes.iter().map(|((_, hour), _)| Ts(UtcMicros(hour * HOUR_US))).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    let mut rows: Vec<HourRow> = Vec::with_capacity(held.len());
    for (ordinal, municipality, detail) in held {
        let ((scope, hour), mut sums) = changes[ordinal as usize - 1];
        if let Some(detail) = &detail {
            sums.add(&decode(detail)?);
        }
        let hour = UtcMicros(hour * HOUR_US);
        rows.push(HourRow { municipality, scope: scope.0, hour, sums, is_there: detail.is_some() });
    }
    // There is one deriver, so what was not there is new.
    let (there, new): (Vec<HourRow>, Vec<HourRow>) = rows.into_iter().partition(|row| row.is_there);
    let (empty, changed): (Vec<HourRow>, Vec<HourRow>) =
        there.into_iter().partition(|row| row.sums.is_zero());
    append(conn, &new).await?;
    update(conn, &changed).await?;
    delete(conn, &empty).await
}

struct HourRow {
    municipality: i32,
    scope: i32,
    hour: UtcMicros,
    sums: HourSums,
    is_there: bool,
}

/// Occupied, observed and closed, as columns.
fn totals_us(sums: &HourSums) -> [i64; 3] {
    [sums.occupied_us.iter().sum(), sums.observed_us.iter().sum(), sums.closed_us]
}

/// Arrivals and departures, as columns.
fn passages(sums: &HourSums) -> [i32; 2] {
    [sums.arrivals.iter().sum(), sums.departures.iter().sum()]
}

async fn append(conn: &mut PgConnection, rows: &[HourRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns =
        "municipality, scope, hour, occupied_us, observed_us, closed_us, arrivals, departures, detail";
    let mut data = CopyRows::new(columns, rows.len() * ROW_BYTES);
    for HourRow { municipality, scope, hour, sums, .. } in rows {
        let [occupied_us, observed_us, closed_us] = totals_us(sums);
        let [arrivals, departures] = passages(sums);
        let detail = codec::encode(VERSION, sums)?;
        data.row(&[
            municipality,
            scope,
            hour,
            &occupied_us,
            &observed_us,
            &closed_us,
            &arrivals,
            &departures,
            &detail,
        ]);
    }
    data.send(conn, "occupancy_hour").await
}

async fn update(conn: &mut PgConnection, rows: &[HourRow]) -> Result<()> {
    let total = |i: usize| rows.iter().map(|r| totals_us(&r.sums)[i]).collect::<Vec<_>>();
    let passages = |i: usize| rows.iter().map(|r| passages(&r.sums)[i]).collect::<Vec<_>>();
    let details: Vec<Vec<u8>> =
        rows.iter().map(|r| codec::encode(VERSION, &r.sums)).collect::<Result<_, _>>()?;
    sqlx::query(
        "UPDATE occupancy_hour h
         SET occupied_us = t.a, observed_us = t.b, closed_us = t.c, arrivals = t.d, departures = t.e, detail = t.f
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS t(m, s, h, a, b, c, d, e, f)
         WHERE h.municipality = t.m AND h.scope = t.s AND h.hour = t.h",
    )
    .bind(rows.iter().map(|r| r.municipality).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.scope).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| Ts(r.hour)).collect::<Vec<_>>())
    .bind(total(0))
    .bind(total(1))
    .bind(total(2))
    .bind(passages(0))
    .bind(passages(1))
    .bind(details)
    .execute(conn)
    .await?;
    Ok(())
}

/// An hour that is empty again is as if it had never been.
async fn delete(conn: &mut PgConnection, rows: &[HourRow]) -> Result<()> {
    sqlx::query(
        "DELETE FROM occupancy_hour h USING unnest($1, $2, $3) AS t(m, s, h)
         WHERE h.municipality = t.m AND h.scope = t.s AND h.hour = t.h",
    )
    .bind(rows.iter().map(|r| r.municipality).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.scope).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| Ts(r.hour)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
