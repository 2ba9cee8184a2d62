//! Reads derived data for planners.

use std::collections::{BTreeMap, BTreeSet};

use domain::intervals::{BayInterval, CountInterval, HOUR_US, HourSums, ScopeId, Span, Timeline};
use domain::place::{Bay, PlaceKind, Purpose};
use domain::{BayId, MunicipalityId, SiteId, UtcMicros};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::StoreError;
use crate::derive::observations::BayKey;
use crate::derive::scopes::{self, Area, Basis, ScopeKey};
use crate::derive::{bays, changed_places, hours, sites};
use crate::places::kind;
use crate::ts::Ts;

/// What a scope sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    Site,
    Zone,
    Municipality,
}

/// A group of places whose hours are summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub id: ScopeId,
    pub kind: ScopeKind,
    pub site: Option<SiteId>,
    pub zone: Option<String>,
    /// Whose spaces: `None` all, `none` those open to everyone, else an audience.
    pub audience: Option<String>,
    /// Whether it sums up counted sites, not bays.
    pub is_counted: bool,
    /// What was parked there.
    pub purpose: Purpose,
}

/// All scopes of a municipality.
///
/// # Errors
/// The database is not available.
pub async fn scopes(conn: &mut PgConnection, municipality: MunicipalityId) -> Result<Vec<Scope>, StoreError> {
    let scope = |(key, id): (ScopeKey, ScopeId)| {
        let (kind, site, zone) = match key.area {
            Area::Site(site) => (ScopeKind::Site, Some(site), None),
            Area::Zone(zone) => (ScopeKind::Zone, None, Some(zone)),
            Area::Municipality => (ScopeKind::Municipality, None, None),
        };
        Scope {
            id,
            kind,
            site,
            zone,
            audience: Some(key.audience).filter(|audience| !audience.is_empty()),
            is_counted: key.basis == Basis::Counts,
            purpose: key.purpose,
        }
    };
    Ok(scopes::stored(conn, Some(municipality)).await?.into_iter().map(scope).collect())
}

/// Those of `scopes` that have any summed hours.
///
/// # Errors
/// The database is not available.
pub async fn summed_up(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    scopes: Vec<ScopeId>,
) -> Result<Vec<ScopeId>, StoreError> {
    if scopes.is_empty() {
        return Ok(scopes);
    }
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
pub async fn timelines(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
) -> Result<Timelines, StoreError> {
    let rows: Vec<(i32, i16, String, Vec<u8>)> = sqlx::query_as(
        "SELECT d.place, p.kind, d.audience, d.layout FROM derived_place d JOIN place p ON p.id = d.place
         WHERE d.municipality = $1",
    )
    .bind(municipality.0)
    .fetch_all(conn)
    .await?;
    let mut timelines = Timelines::default();
    for (place, kind, audience, timeline) in rows {
        let timeline = changed_places::decode(&timeline)?;
        match kind::of_code(kind) {
            PlaceKind::Bay => drop(timelines.bays.insert(BayId(place), timeline)),
            PlaceKind::Site => drop(timelines.sites.insert((SiteId(place), audience), timeline)),
        }
    }
    Ok(timelines)
}

/// The versions with a limited stay, of bays that ever had one, and when they held.
///
/// # Errors
/// The database is not available, or a definition does not read back.
pub async fn limited_bays(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
) -> Result<BTreeMap<BayId, Vec<(Span, Bay)>>, StoreError> {
    type Row = (i32, Option<Ts>, Option<Ts>, Json<Bay>);
    let rows: Vec<Row> = sqlx::query_as(
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
pub async fn hours_until(conn: &mut PgConnection) -> Result<UtcMicros, StoreError> {
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
) -> Result<Vec<(ScopeId, i64, HourSums)>, StoreError> {
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
) -> Result<Vec<(BayId, Vec<BayInterval>)>, StoreError> {
    // Each once, however often it is asked for.
    let bays: BTreeSet<BayId> = bays.iter().copied().collect();
    let wanted: Vec<_> = bays.into_iter().map(|bay| (BayKey { municipality, bay }, span)).collect();
    let intervals = bays::around(conn, &wanted).await?;
    Ok(intervals.into_iter().map(|(key, intervals)| (key.bay, intervals.into_vec())).collect())
}

/// Intervals of a counted site that overlap `span`.
///
/// # Errors
/// The database is not available.
pub async fn count_intervals(
    conn: &mut PgConnection,
    municipality: MunicipalityId,
    site: SiteId,
    audience: &str,
    span: Span,
) -> Result<Vec<CountInterval>, StoreError> {
    sites::within(conn, municipality, site, audience, span).await
}
