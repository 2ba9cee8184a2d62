//! Since when places are public that once were not.

use domain::{Audience, PlaceId, UtcMicros};
use sqlx::PgConnection;

use crate::{Result, Ts};

/// Of the places that the public may see and once could not: the end of the last version in which a place, or the site
/// that it belonged to then, was hidden. See [`domain::place::Bay::publish`] for the rule.
///
/// # Errors
/// The database is not available.
pub(super) async fn public_since(conn: &mut PgConnection) -> Result<Vec<(PlaceId, UtcMicros)>> {
    let personal: Vec<&str> = Audience::ALL
        .iter()
        .filter(|audience| audience.is_personal())
        .map(|audience| audience.as_str())
        .collect();
    let rows: Vec<(i32, Ts)> = sqlx::query_as(
        "WITH version AS (
             SELECT v.place, p.kind, p.key, v.from_utc, coalesce(v.until_utc, 'infinity') AS until_utc, v.def
             FROM place_version v JOIN place p ON p.id = v.place),
         hidden AS (
             SELECT * FROM version v
             WHERE CASE WHEN v.kind = 1 THEN v.def ->> 'publish' = 'none'
                        WHEN v.def ->> 'publish' IS NOT NULL THEN v.def ->> 'publish' <> 'public'
                        ELSE EXISTS (SELECT FROM jsonb_array_elements(v.def -> 'restrictions') r WHERE r ->> 'for' = ANY($1))
                   END)
         SELECT place, max(until_utc) FROM (
             SELECT place, until_utc FROM hidden
             UNION ALL
             SELECT bay.place, least(bay.until_utc, site.until_utc)
             FROM hidden site JOIN version bay ON bay.kind = 2 AND bay.def ->> 'site' = site.key
                 AND bay.from_utc < site.until_utc AND site.from_utc < bay.until_utc
             WHERE site.kind = 1) h
         GROUP BY place HAVING max(until_utc) < 'infinity'",
    )
    .bind(personal)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(place, since)| (PlaceId(place), since.0)).collect())
}
