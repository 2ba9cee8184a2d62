//! Bay observations: COPY.

use domain::live::Change;
use domain::{BayObservation, UtcMicros};
use sqlx::PgConnection;

use super::InsertMode;
use super::observation::new_ones;
use crate::Result;
use crate::copy::CopyRows;

const COLUMNS: &str = "municipality, observed_at, bay, digest, received_at, stored_at, feed, sensor, seq, state, \
                       clock_corrected, battery_v, rssi_dbm, temperature_c";

/// Bytes of one row in binary COPY, for the first allocation.
const ROW_BYTES: usize = 160;

/// Appends the new ones of `rows`, and returns them.
pub(super) async fn write<'r>(
    conn: &mut PgConnection,
    rows: &[&'r BayObservation],
    stored_at: UtcMicros,
    mode: InsertMode,
    changes: &mut Vec<Change>,
) -> Result<Vec<&'r BayObservation>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let new = match mode {
        InsertMode::Copy => {
            copy(conn, "bay_observation", rows, stored_at).await?;
            rows.to_vec()
        }
        InsertMode::Staged => {
            copy(conn, "staged_bay", rows, stored_at).await?;
            let keys = sqlx::query_as(
                "INSERT INTO bay_observation SELECT * FROM staged_bay
                 ORDER BY municipality, observed_at, bay, digest ON CONFLICT DO NOTHING
                 RETURNING municipality, observed_at, bay, digest",
            )
            .fetch_all(&mut *conn)
            .await?;
            new_ones(rows, keys)
        }
    };
    changes.extend(rows.iter().map(|o| Change::Bay { bay: o.bay, reading: o.reading() }));
    Ok(new)
}

/// Creates the table of [`InsertMode::Staged`]; every transaction finds it empty.
pub(super) async fn make_stage(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("CREATE TEMP TABLE staged_bay (LIKE bay_observation) ON COMMIT DELETE ROWS")
        .execute(conn)
        .await?;
    Ok(())
}

async fn copy(
    conn: &mut PgConnection,
    table: &str,
    rows: &[&BayObservation],
    stored_at: UtcMicros,
) -> Result<()> {
    let mut data = CopyRows::new(COLUMNS, rows.len() * ROW_BYTES);
    for o in rows {
        data.row(&[
            &o.provenance.municipality.0,
            &o.observed_at,
            &o.bay.0,
            &o.digest,
            &o.provenance.received_at,
            &stored_at,
            &o.provenance.feed.0,
            &o.provenance.sensor.map(|s| s.0),
            &o.seq,
            &o.state.code(),
            &o.provenance.clock_corrected,
            &o.battery_v,
            &o.rssi_dbm,
            &o.temperature_c,
        ]);
    }
    data.send(conn, table).await
}
