//! Reads derived data for planners.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::ScopeId;
use domain::intervals::{BayInterval, HOUR_US, HourSums, Span, Timeline};
use domain::place::Bay;
use domain::{BayId, MunicipalityId, SiteId, UtcMicros};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::derive::layouts::{self, Layouts};
use crate::derive::observations::BayKey;
pub use crate::derive::scopes::{Scope, ScopeKey, ScopeKind, of_town as scopes};
pub use crate::derive::sites::within as count_intervals;
use crate::derive::{bays, hours};
use crate::{Result, Ts};

/// Those of `scopes` that have any summed hours.
///
/// # Errors
/// The database is not available.
pub async fn summed_up(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    scopes: Vec<ScopeId>,
) -> Result<Vec<ScopeId>> {
    let found: Vec<i32> = sqlx::query_scalar(
        "SELECT t.id FROM unnest($2::int[]) AS t(id)
         WHERE EXISTS (SELECT FROM occupancy_hour h WHERE h.municipality = $1 AND h.scope = t.id)",
    )
    .bind(municipality.0)
    .bind(scopes.iter().map(|scope| scope.0).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(ScopeId).collect())
}

/// The timelines of places.
#[derive(Debug, Default)]
pub struct Timelines {
    /// By bay.
    pub bays: BTreeMap<BayId, Timeline>,
    /// By site and audience (`""` = the whole site).
    pub sites: BTreeMap<(SiteId, String), Timeline>,
}

impl Timelines {
    /// The scopes in which any place counts, or did.
    pub fn scopes(&self) -> BTreeSet<ScopeId> {
        let timelines = self.bays.values().chain(self.sites.values());
        timelines
            .flat_map(|timeline| &timeline.pieces)
            .flat_map(|piece| piece.scopes.iter().copied())
            .collect()
    }
}

/// The timelines of a municipality's places, as far as anything was derived of them.
///
/// # Errors
/// The database is not available.
pub async fn timelines(conn: &mut PgConnection, municipality: MunicipalityId) -> Result<Timelines> {
    let Layouts { bays, sites } = layouts::stored(conn, Some(municipality)).await?;
    Ok(Timelines {
        bays: bays.into_iter().map(|(bay, placed)| (bay, placed.timeline)).collect(),
        sites: sites.into_iter().map(|(key, placed)| (key, placed.timeline)).collect(),
    })
}

/// The versions with a limited stay, of bays that ever had one, and when they held.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn limited_bays(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
) -> Result<BTreeMap<BayId, Vec<(Span, Bay)>>> {
    type VersionColumns = (i32, Option<Ts>, Option<Ts>, Json<Bay>);
    let rows: Vec<VersionColumns> = sqlx::query_as(
        // The first version also holds before its beginning.
        "SELECT place, CASE WHEN number > 1 THEN from_utc END, until_utc, def FROM (
             SELECT v.*, row_number() OVER (PARTITION BY v.place ORDER BY v.from_utc) AS number
             FROM place_version v JOIN place p ON p.id = v.place
             WHERE v.municipality = $1 AND p.kind = 2) v
         WHERE def ->> 'max_stay_min' IS NOT NULL OR jsonb_path_exists(def, '$.restrictions[*].max_stay_min')
         ORDER BY place, number",
    )
    .bind(municipality.0)
    .fetch_all(conn)
    .await?;
    let mut bays: BTreeMap<BayId, Vec<(Span, Bay)>> = BTreeMap::new();
    for (bay, from, until, Json(def)) in rows {
        let span = Span::of(from.map(|at| at.0), until.map(|at| at.0));
        bays.entry(BayId(bay)).or_default().push((span, def));
    }
    Ok(bays)
}

/// Up to when hours are summed up; the epoch when nothing ever was.
///
/// # Errors
/// The database is not available.
pub async fn hours_until(conn: &mut PgConnection) -> Result<UtcMicros> {
    let until: Option<Ts> =
        sqlx::query_scalar("SELECT hours_until FROM derive_state").fetch_optional(conn).await?;
    Ok(until.map_or(UtcMicros::EPOCH, |until| until.0))
}

/// The sums of full hours within `span`, in the order of time.
///
/// # Errors
/// The database is not available.
pub async fn hours(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    scopes: &[ScopeId],
    span: Span,
) -> Result<Vec<(ScopeId, i64, HourSums)>> {
    let rows: Vec<(i32, Ts, Vec<u8>)> = sqlx::query_as(
        "SELECT scope, hour, detail FROM occupancy_hour
         WHERE municipality = $1 AND scope = ANY($2) AND hour >= $3 AND hour < $4",
    )
    .bind(municipality.0)
    .bind(scopes.iter().map(|scope| scope.0).collect::<Vec<_>>())
    .bind(Ts(span.from))
    .bind(Ts(span.until))
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(scope, hour, detail)| {
            Ok((ScopeId(scope), hour.0.0.div_euclid(HOUR_US), hours::decode(&detail)?))
        })
        .collect()
}

/// Intervals of bays that overlap `span`, with those next to it.
///
/// # Errors
/// The database is not available.
pub async fn bay_intervals(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    bays: &[BayId],
    span: Span,
) -> Result<Vec<(BayId, Vec<BayInterval>)>> {
    // Each once, however often it is asked for.
    let bays: BTreeSet<BayId> = bays.iter().copied().collect();
    let wanted: Vec<_> = bays.into_iter().map(|bay| (BayKey { municipality, bay }, span)).collect();
    let intervals = bays::around(conn, &wanted).await?;
    Ok(intervals.into_iter().map(|(key, intervals)| (key.bay, intervals.into_vec())).collect())
}
