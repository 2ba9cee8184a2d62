//! Scopes: the groups of places whose hours are summed up, and their numbers.

use std::collections::{BTreeSet, HashMap};

use domain::ids::ScopeId;
use domain::place::{Publish, Purpose, Site};
use domain::{MunicipalityId, SiteId};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Type};

use crate::Result;
use crate::bind::BindRows;
use crate::column::{MaybeId, MaybeWord};

/// The audience of spaces that are open to everyone.
pub(super) const EVERYONE: &str = "none";

/// What a scope sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Type)]
#[repr(i16)]
pub enum ScopeKind {
    /// One site.
    Site = 1,
    /// All places of a zone.
    Zone = 2,
    /// All places of a municipality.
    Municipality = 3,
}

/// Which places a scope sums up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, FromRow)]
pub struct ScopeKey {
    /// Where its places are.
    #[sqlx(try_from = "i32")]
    pub municipality: MunicipalityId,
    /// Which of these places it sums up.
    pub kind: ScopeKind,
    /// The site, of [`ScopeKind::Site`].
    #[sqlx(try_from = "MaybeId")]
    pub site: Option<SiteId>,
    /// The zone, of [`ScopeKind::Zone`].
    pub zone: Option<String>,
    /// Whose spaces: `None` all, `none` for those reserved for nobody, or an audience's name.
    pub audience: Option<String>,
    /// Whether it sums up counted sites, not bays.
    pub is_counted: bool,
    /// What was parked there.
    #[sqlx(try_from = "MaybeWord")]
    pub purpose: Purpose,
}

impl ScopeKey {
    pub(super) fn of_town(
        municipality: MunicipalityId,
        audience: Option<&str>,
        is_counted: bool,
        purpose: Purpose,
    ) -> Self {
        let (kind, audience) = (ScopeKind::Municipality, audience.map(str::to_owned));
        ScopeKey { municipality, kind, site: None, zone: None, audience, is_counted, purpose }
    }

    /// The same of one site only.
    pub(super) fn of_site(&self, site: SiteId) -> Self {
        ScopeKey { kind: ScopeKind::Site, site: Some(site), ..self.clone() }
    }

    /// The same of one zone only.
    pub(super) fn of_zone(&self, zone: &str) -> Self {
        ScopeKey { kind: ScopeKind::Zone, zone: Some(zone.to_owned()), ..self.clone() }
    }
}

/// A group of places whose hours are summed up.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Scope {
    /// Its number.
    #[sqlx(try_from = "i32")]
    pub id: ScopeId,
    /// What it sums up.
    #[sqlx(flatten)]
    pub key: ScopeKey,
}

impl From<MaybeWord> for Purpose {
    fn from(word: MaybeWord) -> Self {
        Option::from(word).unwrap_or(Purpose::Car)
    }
}

const COLUMNS: &str = "id, municipality, kind, nullif(site, 0) AS site, nullif(zone, '') AS zone,
    nullif(audience, '') AS audience, basis = 2 AS is_counted, purpose";

/// All scopes of a municipality, in the order of their numbers.
///
/// # Errors
/// The database is not available.
pub async fn of_town(conn: &mut PgConnection, municipality: MunicipalityId) -> Result<Vec<Scope>> {
    let sql = format!("SELECT {COLUMNS} FROM occupancy_scope WHERE municipality = $1 ORDER BY id");
    Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(municipality.0).fetch_all(conn).await?)
}

/// The numbers of all scopes; those of `needed` that have none are given one.
pub(super) async fn numbers(
    conn: &mut PgConnection,
    needed: BTreeSet<ScopeKey>,
) -> Result<HashMap<ScopeKey, ScopeId>> {
    let sql = format!("SELECT {COLUMNS} FROM occupancy_scope");
    let all: Vec<Scope> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *conn).await?;
    let mut numbers: HashMap<ScopeKey, ScopeId> = all.into_iter().map(|s| (s.key, s.id)).collect();
    let new: Vec<ScopeKey> = needed.into_iter().filter(|key| !numbers.contains_key(key)).collect();
    let sql = format!(
        "INSERT INTO occupancy_scope (municipality, kind, site, zone, audience, basis, purpose)
         SELECT m, k, coalesce(s, 0), coalesce(z, ''), coalesce(a, ''), CASE WHEN c THEN 2 ELSE 1 END, p
         FROM unnest($1, $2, $3, $4, $5, $6, $7) AS t(m, k, s, z, a, c, p)
         RETURNING {COLUMNS}"
    );
    let added: Vec<Scope> = sqlx::query_as(AssertSqlSafe(sql))
        .bind_rows(new.iter().map(|key| (key.municipality.0, key.kind as i16, key.site.map(|site| site.0))))
        .bind_rows(new.iter().map(|key| (key.zone.as_deref(), key.audience.as_deref())))
        .bind_rows(new.iter().map(|key| (key.is_counted, key.purpose.as_str())))
        .fetch_all(conn)
        .await?;
    numbers.extend(added.into_iter().map(|s| (s.key, s.id)));
    Ok(numbers)
}

/// The scopes in which a site's counts of `audience` (`""`: all spaces) are summed up.
pub(super) fn of_counts(
    municipality: MunicipalityId,
    site: SiteId,
    def: &Site,
    audience: &str,
) -> Vec<ScopeKey> {
    if def.publish == Publish::None {
        return Vec::new();
    }
    let audience = Some(audience).filter(|audience| !audience.is_empty());
    let town = ScopeKey::of_town(municipality, audience, true, def.purpose);
    let zone = def.zone.as_deref().map(|zone| town.of_zone(zone));
    [town.of_site(site), town].into_iter().chain(zone).collect()
}
