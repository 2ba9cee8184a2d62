//! The quarantine.

use std::collections::BTreeMap;

use domain::{MunicipalityId, RejectedElement, Rejection, UtcMicros};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::text::{UNIT_SEPARATOR, storable};
use crate::bind::BindRows;
use crate::{Result, Ts};

/// A rejected message that was replayed, with its new rejection; `None`: it is accepted now.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Whose feed it came over.
    pub municipality: MunicipalityId,
    /// The rejection's number, which it keeps.
    pub id: i64,
    /// The new one.
    pub rejection: Option<Rejection>,
}

/// Keeps rejected messages.
pub(super) async fn write(conn: &mut PgConnection, rows: &[Rejection]) -> Result<()> {
    insert(conn, rows.iter().map(|rejection| RejectionRow::of(rejection, None)), None).await
}

/// Replaces replayed rejections by their new ones.
pub(super) async fn replace(
    conn: &mut PgConnection,
    replayed: &[Replayed],
    replayed_at: UtcMicros,
) -> Result<()> {
    sqlx::query(
        "DELETE FROM rejection r USING unnest($1, $2) AS n(municipality, id)
         WHERE r.municipality = n.municipality AND r.id = n.id",
    )
    .bind_rows(replayed.iter().map(|r| (r.municipality.0, r.id)))
    .execute(&mut *conn)
    .await?;
    let again = replayed.iter().filter_map(|r| Some(RejectionRow::of(r.rejection.as_ref()?, Some(r.id))));
    insert(conn, again, Some(replayed_at)).await
}

struct RejectionRow<'a> {
    /// `None`: the next one.
    id: Option<i64>,
    times: i32,
    count: u32,
    rejection: &'a Rejection,
}

impl<'a> RejectionRow<'a> {
    fn of(rejection: &'a Rejection, id: Option<i64>) -> Self {
        RejectionRow { id, times: 1, count: rejection.count, rejection }
    }
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
        let (times, count) = (row.times, row.count);
        let held = repeated.entry((row.rejection.municipality, repeats)).and_modify(|held| {
            held.times += times;
            held.count = held.count.saturating_add(count);
        });
        held.or_insert(row);
    }
    all.extend(repeated.into_values());
    all
}

async fn insert(
    conn: &mut PgConnection,
    rows: impl Iterator<Item = RejectionRow<'_>>,
    replayed_at: Option<UtcMicros>,
) -> Result<()> {
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
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $10, $11, $12, $13, $14, $15, $16,
             $17) AS x(m, f, r, t, a, d, p, q, i, re, de, rs, c, n, e, s)
         ON CONFLICT (municipality, repeats) WHERE repeats IS NOT NULL DO UPDATE
         SET count = least(held.count::bigint + excluded.count, 2147483647), times = held.times + excluded.times,
             last_received_at = greatest(held.last_received_at, held.received_at, excluded.received_at)",
    )
    .bind_rows(rejections().map(|r| (r.municipality.0, r.feed.0, r.reason.as_str(), storable(&r.topic))))
    .bind_rows(rejections().map(|r| (Ts(r.received_at), storable(&r.detail), &*r.payload, i16::from(r.qos))))
    .bind(replayed_at.map(Ts))
    .bind_rows(rows.iter().map(|row| (row.id, row.rejection.remedy.as_deref().map(storable))))
    .bind_rows(rejections().map(|r| (storable(&r.devices.join(UNIT_SEPARATOR)).into_owned(), reasons(r))))
    .bind_rows(rows.iter().map(|row| (i32::try_from(row.count).unwrap_or(i32::MAX), row.times)))
    .bind_rows(rejections().map(|r| (Json(examples(r)), r.repeats)))
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
