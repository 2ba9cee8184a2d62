//! Observations of a town's parking, read back for training.

use domain::intervals::Span;
use domain::{BayId, BayReading, MunicipalityId, SiteCount, UtcMicros};
use sqlx::AssertSqlSafe;

use crate::bay_row::BayRow;
use crate::count_row::{COUNT_COLUMNS, CountRow};
use crate::{Pool, Result, Ts};

/// The observations of a town's parking in a span, in the order of time.
#[derive(Debug, Default)]
pub struct Observed {
    /// Counts of sites.
    pub counts: Vec<SiteCount>,
    /// Statements about bays.
    pub bays: Vec<(BayId, BayReading)>,
}

/// When the first observation of a town's parking was made.
///
/// # Errors
/// The database is not available.
pub async fn first_observed(pool: &Pool, municipality: MunicipalityId) -> Result<Option<UtcMicros>> {
    let first: Option<Ts> = sqlx::query_scalar(
        "SELECT least((SELECT min(observed_at) FROM site_count WHERE municipality = $1),
                      (SELECT min(observed_at) FROM bay_observation WHERE municipality = $1))",
    )
    .bind(municipality.0)
    .fetch_one(pool)
    .await?;
    Ok(first.map(|first| first.0))
}

/// Reads observations. A day of a town at a time fits into memory.
///
/// # Errors
/// The database is not available.
pub async fn observed(pool: &Pool, municipality: MunicipalityId, span: Span) -> Result<Observed> {
    let counts: Vec<CountRow> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT {COUNT_COLUMNS} FROM site_count
         WHERE municipality = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at, site, audience"
    )))
    .bind(municipality.0)
    .bind(Ts(span.from))
    .bind(Ts(span.until))
    .fetch_all(pool)
    .await?;
    let bays: Vec<BayRow> = sqlx::query_as(
        "SELECT bay, observed_at, feed, sensor, seq, state FROM bay_observation
         WHERE municipality = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at, bay",
    )
    .bind(municipality.0)
    .bind(Ts(span.from))
    .bind(Ts(span.until))
    .fetch_all(pool)
    .await?;
    Ok(Observed {
        counts: counts.into_iter().map(|row| row.count(municipality)).collect(),
        bays: bays.iter().map(|row| (row.bay, row.reading())).collect(),
    })
}
