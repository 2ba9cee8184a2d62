//! Reads the observations of bays again.

use std::collections::HashMap;

use domain::intervals::Span;
use domain::{BayId, BayReading, MunicipalityId, UtcMicros};
use sqlx::PgConnection;

use crate::bay_row::BayRow;
use crate::{Result, Ts};

/// A bay as intervals are stored of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BayKey {
    pub(crate) municipality: MunicipalityId,
    pub(crate) bay: BayId,
}

/// A bay at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BayInstant {
    pub(super) key: BayKey,
    pub(super) at: UtcMicros,
}

/// What is stored of bays within `span`, each bay's in the order of time.
pub(super) async fn readings(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    bays: Vec<i32>,
    span: Span,
) -> Result<HashMap<BayId, Vec<BayReading>>> {
    let mut found: HashMap<BayId, Vec<BayReading>> = HashMap::new();
    if bays.is_empty() {
        return Ok(found);
    }
    let rows: Vec<BayRow> = sqlx::query_as(
        "SELECT bay, observed_at, feed, sensor, seq, state FROM bay_observation
         WHERE municipality = $1 AND observed_at >= $2 AND observed_at < $3
           AND bay IN (SELECT unnest($4::int[]))
         ORDER BY observed_at",
    )
    .bind(municipality.0)
    .bind(Ts(span.from))
    .bind(Ts(span.until))
    .bind(bays)
    .fetch_all(conn)
    .await?;
    for row in rows {
        found.entry(row.bay).or_default().push(row.reading());
    }
    Ok(found)
}
