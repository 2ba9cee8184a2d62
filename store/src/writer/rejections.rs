//! The quarantine.

use domain::{MunicipalityId, Rejection, UtcMicros};
use sqlx::PgConnection;

use crate::StoreError;
use crate::ts::Ts;

/// A rejected message that was replayed, and what is wrong with it now; nothing, when it is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    pub municipality: MunicipalityId,
    /// The rejection's number: the first of `rejections` gets it again.
    pub id: i64,
    pub rejections: Vec<Rejection>,
}

/// Keeps rejected messages.
pub(super) async fn write(conn: &mut PgConnection, rows: &[Rejection]) -> Result<(), StoreError> {
    let rows: Vec<Row> = rows.iter().map(|rejection| Row { id: None, rejection }).collect();
    insert(conn, &rows, None).await
}

/// Replaces replayed rejections, with their rests and elements, by what is wrong with them now.
pub(super) async fn replace(
    conn: &mut PgConnection,
    replayed: &[Replayed],
    replayed_at: UtcMicros,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM rejection r
         USING unnest($1::int[], $2::bigint[]) AS n(municipality, id)
         JOIN rejection w ON w.municipality = n.municipality AND w.id = n.id
         WHERE r.municipality = w.municipality
           AND (r.id = w.id
                OR (r.feed = w.feed AND r.topic = w.topic AND r.received_at = w.received_at
                    AND rejection_is_part(r.topic, r.payload) AND NOT rejection_is_part(w.topic, w.payload)))",
    )
    .bind(replayed.iter().map(|r| r.municipality.0).collect::<Vec<_>>())
    .bind(replayed.iter().map(|r| r.id).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let again = replayed.iter().flat_map(|r| {
        let ids = std::iter::once(Some(r.id)).chain(std::iter::repeat(None));
        r.rejections.iter().zip(ids).map(|(rejection, id)| Row { id, rejection })
    });
    insert(conn, &again.collect::<Vec<_>>(), Some(replayed_at)).await
}

struct Row<'a> {
    /// `None`: the next one.
    id: Option<i64>,
    rejection: &'a Rejection,
}

async fn insert(
    conn: &mut PgConnection,
    rows: &[Row<'_>],
    replayed_at: Option<UtcMicros>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rejections = || rows.iter().map(|r| r.rejection);
    sqlx::query(
        "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos, replayed_at, id)
         OVERRIDING SYSTEM VALUE
         SELECT m, f, r, t, a, d, p, q, $9, coalesce(i, nextval(pg_get_serial_sequence('rejection', 'id')))
         FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bytea[],
                     $8::smallint[], $10::bigint[]) AS x(m, f, r, t, a, d, p, q, i)",
    )
        .bind(rejections().map(|r| r.municipality.0).collect::<Vec<_>>())
        .bind(rejections().map(|r| r.feed.0).collect::<Vec<_>>())
        .bind(rejections().map(|r| r.reason.as_str()).collect::<Vec<_>>())
        // PostgreSQL's text knows no NUL, which a detail may quote from a payload.
        .bind(rejections().map(|r| r.topic.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
        .bind(rejections().map(|r| Ts(r.received_at)).collect::<Vec<_>>())
        .bind(rejections().map(|r| r.detail.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
        .bind(rejections().map(|r| r.payload.as_slice()).collect::<Vec<_>>())
        .bind(rejections().map(|r| i16::from(r.qos)).collect::<Vec<_>>())
        .bind(replayed_at.map(Ts))
        .bind(rows.iter().map(|r| r.id).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}
