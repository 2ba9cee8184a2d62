//! Scopes: the groups of places whose hours are summed up, and their numbers.

use std::collections::{BTreeSet, HashMap};

use domain::intervals::ScopeId;
use domain::place::{Publish, Purpose, Site};
use domain::{MunicipalityId, SiteId};
use sqlx::PgConnection;

use crate::StoreError;

/// The audience of all spaces, and of those that are open to everyone.
pub(super) const ALL: &str = "";
pub(super) const EVERYONE: &str = "none";

/// Where the places of a scope are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Area {
    Site(SiteId),
    Zone(String),
    Municipality,
}

impl Area {
    /// As the columns `kind`, `site` and `zone`.
    fn columns(&self) -> (i16, i32, &str) {
        match self {
            Area::Site(site) => (1, site.0, ""),
            Area::Zone(zone) => (2, 0, zone),
            Area::Municipality => (3, 0, ""),
        }
    }

    fn read(kind: i16, site: i32, zone: String) -> Area {
        match kind {
            1 => Area::Site(SiteId(site)),
            2 => Area::Zone(zone),
            _ => Area::Municipality,
        }
    }
}

/// What the sums of a scope are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Basis {
    Bays = 1,
    Counts = 2,
}

/// What a scope sums up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeKey {
    pub(crate) municipality: MunicipalityId,
    pub(crate) area: Area,
    /// [`ALL`], [`EVERYONE`], or an audience's name.
    pub(crate) audience: String,
    pub(crate) basis: Basis,
    pub(crate) purpose: Purpose,
}

#[derive(sqlx::FromRow)]
struct ScopeRow {
    id: i32,
    municipality: i32,
    kind: i16,
    site: i32,
    zone: String,
    audience: String,
    basis: i16,
    purpose: String,
}

impl From<ScopeRow> for (ScopeKey, ScopeId) {
    fn from(row: ScopeRow) -> Self {
        let key = ScopeKey {
            municipality: MunicipalityId(row.municipality),
            area: Area::read(row.kind, row.site, row.zone),
            audience: row.audience,
            basis: if row.basis == Basis::Counts as i16 { Basis::Counts } else { Basis::Bays },
            purpose: row.purpose.parse().unwrap_or(Purpose::Car),
        };
        (key, ScopeId(row.id))
    }
}

/// All scopes, or those of one municipality, in the order of their numbers.
pub(crate) async fn stored(
    conn: &mut PgConnection,
    municipality: Option<MunicipalityId>,
) -> Result<Vec<(ScopeKey, ScopeId)>, StoreError> {
    let rows: Vec<ScopeRow> = sqlx::query_as(
        "SELECT id, municipality, kind, site, zone, audience, basis, purpose FROM occupancy_scope
         WHERE $1::int IS NULL OR municipality = $1 ORDER BY id",
    )
    .bind(municipality.map(|m| m.0))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The numbers of all scopes; those of `needed` that have none are given one.
pub(super) async fn numbers(
    conn: &mut PgConnection,
    needed: BTreeSet<ScopeKey>,
) -> Result<HashMap<ScopeKey, ScopeId>, StoreError> {
    let mut numbers: HashMap<ScopeKey, ScopeId> = stored(conn, None).await?.into_iter().collect();
    let new: Vec<ScopeKey> = needed.into_iter().filter(|key| !numbers.contains_key(key)).collect();
    if new.is_empty() {
        return Ok(numbers);
    }
    let areas = || new.iter().map(|key| key.area.columns());
    let added: Vec<ScopeRow> = sqlx::query_as(
        "INSERT INTO occupancy_scope (municipality, kind, site, zone, audience, basis, purpose)
         SELECT * FROM unnest($1::int[], $2::smallint[], $3::int[], $4::text[], $5::text[], $6::smallint[], $7::text[])
         RETURNING id, municipality, kind, site, zone, audience, basis, purpose",
    )
    .bind(new.iter().map(|key| key.municipality.0).collect::<Vec<_>>())
    .bind(areas().map(|(kind, _, _)| kind).collect::<Vec<_>>())
    .bind(areas().map(|(_, site, _)| site).collect::<Vec<_>>())
    .bind(areas().map(|(_, _, zone)| zone).collect::<Vec<_>>())
    .bind(new.iter().map(|key| key.audience.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|key| key.basis as i16).collect::<Vec<_>>())
    .bind(new.iter().map(|key| key.purpose.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    numbers.extend(added.into_iter().map(<(ScopeKey, ScopeId)>::from));
    Ok(numbers)
}

/// The scopes in which a site's counts of `audience` are summed up.
pub(super) fn of_counts(
    municipality: MunicipalityId,
    site: SiteId,
    def: &Site,
    audience: &str,
) -> Vec<ScopeKey> {
    if def.publish == Publish::None {
        return Vec::new();
    }
    let areas = [Some(Area::Site(site)), Some(Area::Municipality), def.zone.clone().map(Area::Zone)];
    let key = |area| ScopeKey {
        municipality,
        area,
        audience: audience.to_owned(),
        basis: Basis::Counts,
        purpose: def.purpose,
    };
    areas.into_iter().flatten().map(key).collect()
}
