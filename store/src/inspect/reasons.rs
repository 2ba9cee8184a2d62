//! What is wrong with devices now.

use domain::ids::SourceKey;
use domain::{BayId, MunicipalityId, UtcMicros};
use sqlx::FromRow;

use super::numbers;
use crate::column::MaybeId;
use crate::{Pool, Result, Ts};

/// Something that is wrong with a source of statements, and still is.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct LastingReason {
    /// Whose source it is.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// The sensor, or the feed that names the bay itself.
    #[sqlx(try_from = "i32")]
    pub source: SourceKey,
    /// What its statements are about; `None`: no bay.
    #[sqlx(rename = "place", try_from = "MaybeId")]
    pub bay: Option<BayId>,
    /// What is wrong.
    pub code: String,
    /// Since when it is so.
    #[sqlx(rename = "from_utc", try_from = "Ts")]
    pub since: UtcMicros,
    /// What was measured; its unit depends on the code.
    pub value: Option<f64>,
    /// Where it began to count as a fault, in the same unit.
    #[sqlx(rename = "limit_value")]
    pub limit: Option<f64>,
}

/// What is wrong with these sources: sensors whatever they are bound to, feeds about these bays.
///
/// # Errors
/// The database is not available.
pub async fn lasting_reasons(
    pool: &Pool,
    municipalities: &[MunicipalityId],
    sources: &[SourceKey],
    bays: &[BayId],
) -> Result<Vec<LastingReason>> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as(
        "SELECT municipality, source, place, code, from_utc, value, limit_value FROM health_reason
         WHERE municipality = ANY($1) AND source = ANY($2) AND until_utc = 'infinity' AND (source > 0 OR place = ANY($3))
         ORDER BY from_utc, code",
    )
    .bind(numbers(municipalities))
    .bind(sources.iter().map(|source| source.0).collect::<Vec<_>>())
    .bind(bays.iter().map(|bay| bay.0).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?)
}
