//! The quarantine.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::{MunicipalityId, RejectedElement, Rejection, UtcMicros};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::text::{UNIT_SEPARATOR, storable};
use crate::StoreError;
use crate::ts::Ts;

/// A rejected message that was replayed, with its new rejection; `None`: it is accepted now.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    pub municipality: MunicipalityId,
    /// The rejection's number, which it keeps.
    pub id: i64,
    pub rejection: Option<Rejection>,
}

/// Keeps rejected messages.
pub(super) async fn write(conn: &mut PgConnection, rows: &[Rejection]) -> Result<(), StoreError> {
    insert(
        conn,
        rows.iter().map(|rejection| RejectionRow { id: None, times: 1, count: rejection.count, rejection }),
        None,
    )
    .await
}

/// Replaces replayed rejections by their new ones.
pub(super) async fn replace(
    conn: &mut PgConnection,
    replayed: &[Replayed],
    replayed_at: UtcMicros,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM rejection r USING unnest($1::int[], $2::bigint[]) AS n(municipality, id)
         WHERE r.municipality = n.municipality AND r.id = n.id",
    )
    .bind(replayed.iter().map(|r| r.municipality.0).collect::<Vec<_>>())
    .bind(replayed.iter().map(|r| r.id).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let again = replayed.iter().filter_map(|r| {
        let rejection = r.rejection.as_ref()?;
        Some(RejectionRow { id: Some(r.id), times: 1, count: rejection.count, rejection })
    });
    insert(conn, again, Some(replayed_at)).await
}

struct RejectionRow<'a> {
    /// `None`: the next one.
    id: Option<i64>,
    times: i32,
    count: u32,
    rejection: &'a Rejection,
}

/// Merges rows with the same `repeats` into the first; these come last and in the order of
/// `repeats`, so that two writers never deadlock.
fn merged<'a>(rows: impl Iterator<Item = RejectionRow<'a>>) -> Vec<RejectionRow<'a>> {
    let (mut all, mut repeated): (Vec<RejectionRow<'_>>, BTreeMap<_, RejectionRow<'_>>) = Default::default();
    for row in rows {
        let Some(repeats) = row.rejection.repeats else {
            all.push(row);
            continue;
        };
        match repeated.entry((row.rejection.municipality, repeats)) {
            Entry::Vacant(entry) => drop(entry.insert(row)),
            Entry::Occupied(mut held) => {
                held.get_mut().times += row.times;
                held.get_mut().count = held.get().count.saturating_add(row.count);
            }
        }
    }
    all.extend(repeated.into_values());
    all
}

async fn insert(
    conn: &mut PgConnection,
    rows: impl Iterator<Item = RejectionRow<'_>>,
    replayed_at: Option<UtcMicros>,
) -> Result<(), StoreError> {
    let rows = merged(rows);
    if rows.is_empty() {
        return Ok(());
    }
    let rejections = || rows.iter().map(|r| r.rejection);
    sqlx::query(
        "INSERT INTO rejection AS held (municipality, feed, reason, topic, received_at, detail, payload, qos,
             replayed_at, id, remedy, devices, reasons, count, times, examples, repeats)
         OVERRIDING SYSTEM VALUE
         SELECT m, f, r, t, a, d, p, q, $9, coalesce(i, nextval(pg_get_serial_sequence('rejection', 'id'))), re,
             string_to_array(de, $18), string_to_array(rs, $18), c, n, e, s
         FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bytea[],
                     $8::smallint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::int[], $15::int[],
                     $16::jsonb[], $17::bigint[]) AS x(m, f, r, t, a, d, p, q, i, re, de, rs, c, n, e, s)
         ON CONFLICT (municipality, repeats) WHERE repeats IS NOT NULL DO UPDATE
         SET count = least(held.count::bigint + excluded.count, 2147483647), times = held.times + excluded.times,
             last_received_at = greatest(held.last_received_at, held.received_at, excluded.received_at)",
    )
    .bind(rejections().map(|r| r.municipality.0).collect::<Vec<_>>())
    .bind(rejections().map(|r| r.feed.0).collect::<Vec<_>>())
    .bind(rejections().map(|r| r.reason.as_str()).collect::<Vec<_>>())
    .bind(rejections().map(|r| storable(&r.topic)).collect::<Vec<_>>())
    .bind(rejections().map(|r| Ts(r.received_at)).collect::<Vec<_>>())
    .bind(rejections().map(|r| storable(&r.detail)).collect::<Vec<_>>())
    .bind(rejections().map(|r| r.payload.as_slice()).collect::<Vec<_>>())
    .bind(rejections().map(|r| i16::from(r.qos)).collect::<Vec<_>>())
    .bind(replayed_at.map(Ts))
    .bind(rows.iter().map(|r| r.id).collect::<Vec<_>>())
    .bind(rejections().map(|r| r.remedy.as_deref().map(storable)).collect::<Vec<_>>())
    .bind(rejections().map(|r| storable(&r.devices.join(UNIT_SEPARATOR)).into_owned()).collect::<Vec<_>>())
    .bind(rejections().map(reasons).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| i32::try_from(r.count).unwrap_or(i32::MAX)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.times).collect::<Vec<_>>())
    .bind(rejections().map(|r| Json(examples(r))).collect::<Vec<_>>())
    .bind(rejections().map(|r| r.repeats).collect::<Vec<_>>())
    .bind(UNIT_SEPARATOR)
    .execute(conn)
    .await?;
    Ok(())
}

/// All reasons of a message.
fn reasons(rejection: &Rejection) -> String {
    let mut all: Vec<&str> = rejection.examples.iter().map(|e| e.reason.as_str()).collect();
    all.push(rejection.reason.as_str());
    all.sort_unstable();
    all.dedup();
    all.join(UNIT_SEPARATOR)
}

fn examples(rejection: &Rejection) -> Vec<RejectedElement> {
    let text = |text: &str| storable(text).into_owned();
    let example = |e: &RejectedElement| RejectedElement {
        reason: e.reason,
        device: e.device.as_deref().map(text),
        detail: text(&e.detail),
    };
    rejection.examples.iter().map(example).collect()
}
