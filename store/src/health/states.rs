//! The state of the tests as rows, and how far it goes.

use domain::UtcMicros;
use domain::health::{Part, Watch};
use sqlx::PgConnection;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

use crate::bind::BindRows;
use crate::changes::HEARD_VERSION;
use crate::{Result, StoreError, Ts, codec};

/// Tells apart the forms in which versions of the program store a part.
fn form() -> Result<i64> {
    let specimen = codec::encode(Part::VERSION, &(HEARD_VERSION, Part::specimen(UtcMicros::EPOCH)))?;
    Ok(xxh3_64(&specimen) as i64)
}

/// A part that was stored: how, its bytes, and their checksum.
type Row = (i16, i64, i64, Vec<u8>);

/// Reads what is stored into `watch`. What another version wrote, or what is damaged, is left out: it is made again of the kept
/// messages.
pub(super) async fn load(conn: &mut PgConnection, watch: &mut Watch) -> Result<()> {
    let at: Option<Ts> =
        sqlx::query_scalar("SELECT at_utc FROM health_progress").fetch_optional(&mut *conn).await?;
    let Some(Ts(at)) = at else { return Ok(()) };
    let form = form()?;
    let rows: Vec<Row> =
        sqlx::query_as("SELECT part, form, checksum, body FROM health_state").fetch_all(conn).await?;
    let (mut other, mut damaged) = (0, 0);
    for (_, written, checksum, body) in rows {
        if written != form {
            other += 1;
            continue;
        }
        let part = (xxh3_64(&body) as i64 == checksum).then(|| codec::decode("health", Part::VERSION, &body));
        match part {
            Some(Ok(part)) => watch.restore(part, at),
            _ => damaged += 1,
        }
    }
    if other + damaged > 0 {
        warn!(
            "of what is known of the health of devices {other} parts are of another version and {damaged} damaged: their \
             devices' kept messages are read again"
        );
    }
    watch.resume(at);
    Ok(())
}

/// Stores the parts of `watch` that have changed.
pub(super) async fn save(conn: &mut PgConnection, watch: &mut Watch) -> Result<usize> {
    let form = form()?;
    let encoded = (watch.changed_parts().into_iter())
        .map(|(number, part)| {
            let body = codec::encode(Part::VERSION, &part)?;
            let number = i16::try_from(number).map_err(|e| StoreError::Decode(e.to_string()))?;
            Ok((number, form, xxh3_64(&body) as i64, body))
        })
        .collect::<Result<Vec<Row>>>()?;
    let n = encoded.len();
    sqlx::query(
        "INSERT INTO health_state (part, form, checksum, body) SELECT * FROM unnest($1, $2, $3, $4)
         ON CONFLICT (part) DO UPDATE SET form = excluded.form, checksum = excluded.checksum, body = excluded.body",
    )
    .bind_rows(encoded.into_iter())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO health_progress (at_utc) VALUES ($1) ON CONFLICT (id) DO UPDATE SET at_utc = excluded.at_utc",
    )
    .bind(Ts(watch.at()))
    .execute(conn)
    .await?;
    Ok(n)
}
