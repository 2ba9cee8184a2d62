//! The quarantine.

use domain::Rejection;
use sqlx::PgConnection;

use crate::StoreError;
use crate::ts::Ts;

/// Keeps rejected messages.
pub(super) async fn write(conn: &mut PgConnection, rows: &[Rejection]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO rejection (municipality, feed, reason, topic, received_at, detail, payload, qos)
         SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
                              $7::bytea[], $8::smallint[])",
    )
    .bind(rows.iter().map(|r| r.municipality.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.feed.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>())
    // PostgreSQL's text knows no NUL, which a detail may quote from a payload.
    .bind(rows.iter().map(|r| r.topic.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| Ts(r.received_at)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.detail.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.payload.as_slice()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| i16::from(r.qos)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
