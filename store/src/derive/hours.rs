//! The sums of hours in the store.

use std::collections::{BTreeSet, HashMap};

use domain::UtcMicros;
pub(super) use domain::intervals::Delta;
use domain::intervals::{HOUR_US, HourSums, ScopeId};
use sqlx::PgConnection;

use crate::StoreError;
use crate::copy::CopyRows;
use crate::ts::Ts;

/// Hours that are read and written at once.
const AT_ONCE: usize = 20_000;

/// Bytes of an hour in binary COPY, for the first allocation.
const ROW_BYTES: usize = 260;

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
    let scopes: BTreeSet<i32> = changes.iter().map(|((scope, _), _)| scope.0).collect();
    let owners: HashMap<i32, i32> =
        sqlx::query_as("SELECT id, municipality FROM occupancy_scope WHERE id = ANY($1)")
            .bind(scopes.into_iter().collect::<Vec<_>>())
            .fetch_all(&mut *conn)
            .await?
            .into_iter()
            .collect();
    let mut rows: Vec<HourRow> = changes
        .iter()
        .filter_map(|((scope, hour), sums)| {
            let (municipality, hour) = (*owners.get(&scope.0)?, UtcMicros(hour * HOUR_US));
            Some(HourRow { municipality, scope: scope.0, hour, sums: *sums, is_there: false })
        })
        .collect();
    let held: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT t.i, h.detail
         FROM unnest($1::int[], $2::int[], $3::timestamptz[]) WITH ORDINALITY AS t(m, s, h, i)
         JOIN occupancy_hour h ON h.municipality = t.m AND h.scope = t.s AND h.hour = t.h",
    )
    .bind(rows.iter().map(|r| r.municipality).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.scope).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| Ts(r.hour)).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    for (ordinal, detail) in held {
        let row = &mut rows[ordinal as usize - 1];
        row.sums.add(&decode(&detail)?);
        row.is_there = true;
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

impl HourRow {
    fn totals_us(&self) -> [i64; 3] {
        let s = &self.sums;
        [s.occupied_us.iter().sum(), s.observed_us.iter().sum(), s.closed_us]
    }

    fn passages(&self) -> [i32; 2] {
        [self.sums.arrivals.iter().sum(), self.sums.departures.iter().sum()]
    }
}

async fn append(conn: &mut PgConnection, rows: &[HourRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut data = CopyRows::new(rows.len() * ROW_BYTES);
    for row in rows {
        data.row(9).int4(row.municipality).int4(row.scope).timestamptz(row.hour);
        for us in row.totals_us() {
            data.int8(us);
        }
        for n in row.passages() {
            data.int4(n);
        }
        data.bytes(&encode(&row.sums)?);
    }
    let mut copy = conn
        .copy_in_raw(
            "COPY occupancy_hour (municipality, scope, hour, occupied_us, observed_us, closed_us, arrivals, departures,
                 detail) FROM STDIN (FORMAT binary)",
        )
        .await?;
    copy.send(data.finish()).await?;
    copy.finish().await?;
    Ok(())
}

async fn update(conn: &mut PgConnection, rows: &[HourRow]) -> Result<(), StoreError> {
    let total = |i: usize| rows.iter().map(|r| r.totals_us()[i]).collect::<Vec<_>>();
    let passages = |i: usize| rows.iter().map(|r| r.passages()[i]).collect::<Vec<_>>();
    let details: Vec<Vec<u8>> = rows.iter().map(|r| encode(&r.sums)).collect::<Result<_, StoreError>>()?;
    sqlx::query(
        "UPDATE occupancy_hour h
         SET occupied_us = t.a, observed_us = t.b, closed_us = t.c, arrivals = t.d, departures = t.e, detail = t.f
         FROM unnest($1::int[], $2::int[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::bigint[], $7::int[],
                     $8::int[], $9::bytea[]) AS t(m, s, h, a, b, c, d, e, f)
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
async fn delete(conn: &mut PgConnection, rows: &[HourRow]) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM occupancy_hour h USING unnest($1::int[], $2::int[], $3::timestamptz[]) AS t(m, s, h)
         WHERE h.municipality = t.m AND h.scope = t.s AND h.hour = t.h",
    )
    .bind(rows.iter().map(|r| r.municipality).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.scope).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| Ts(r.hour)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
