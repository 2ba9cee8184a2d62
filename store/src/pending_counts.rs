//! Counts that are stored and not derived yet: the change log carries the states of sites, not their counts over time.

use domain::{MunicipalityId, SiteId, UtcMicros};
use sqlx::{FromRow, PgConnection};

use crate::bind::BindRows;
use crate::{Result, Ts};

/// Requests that are derived in one step.
const AT_ONCE: i64 = 100;

/// A site was counted from `first_at` to `last_at`, both among them.
#[derive(Debug, Clone, Copy, FromRow)]
pub(crate) struct PendingSpan {
    #[sqlx(try_from = "i32")]
    pub(crate) municipality: MunicipalityId,
    #[sqlx(try_from = "i32")]
    pub(crate) site: SiteId,
    #[sqlx(try_from = "Ts")]
    pub(crate) first_at: UtcMicros,
    #[sqlx(try_from = "Ts")]
    pub(crate) last_at: UtcMicros,
}

/// A request to derive the counts of a span.
#[derive(Debug, FromRow)]
pub(crate) struct PendingCounts {
    id: i64,
    #[sqlx(flatten)]
    pub(crate) span: PendingSpan,
    /// Whose spaces were counted then; `""`: all.
    pub(crate) audiences: Vec<String>,
}

/// Requests the derivation of what was counted in `spans`.
pub(crate) async fn request(conn: &mut PgConnection, spans: impl Iterator<Item = PendingSpan>) -> Result<()> {
    sqlx::query(
        "INSERT INTO derive_wanted (municipality, site, from_utc, until_utc)
         SELECT m, s, min(f), max(l) FROM unnest($1, $2, $3, $4) AS t(m, s, f, l) GROUP BY m, s ORDER BY m, s",
    )
    .bind_rows(spans.map(|span| (span.municipality.0, span.site.0, Ts(span.first_at), Ts(span.last_at))))
    .execute(conn)
    .await?;
    Ok(())
}

/// The oldest requests.
pub(crate) async fn oldest(conn: &mut PgConnection) -> Result<Vec<PendingCounts>> {
    Ok(sqlx::query_as(
        "SELECT w.id, w.municipality, w.site, w.from_utc AS first_at, w.until_utc AS last_at,
                ARRAY(SELECT DISTINCT audience FROM site_count c
                      WHERE c.municipality = w.municipality AND c.site = w.site
                        AND c.observed_at BETWEEN w.from_utc AND w.until_utc) AS audiences
         FROM (SELECT * FROM derive_wanted ORDER BY id LIMIT $1) w",
    )
    .bind(AT_ONCE)
    .fetch_all(conn)
    .await?)
}

/// Deletes requests that were served.
pub(crate) async fn delete(conn: &mut PgConnection, served: &[PendingCounts]) -> Result<()> {
    sqlx::query("DELETE FROM derive_wanted WHERE id = ANY($1)")
        .bind(served.iter().map(|request| request.id).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}
