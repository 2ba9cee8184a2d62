//! Rules for lines that run on request: imported, and read back.

use std::collections::{BTreeSet, HashSet};

use domain::booking::OnDemandLine;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::report::ImportCounts;
use crate::Result;

/// All rules: those of municipalities before those of the county, then in the order of their files.
pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<OnDemandLine>> {
    let sql = "SELECT def FROM on_demand_line ORDER BY municipality IS NULL, id";
    let rules: Vec<Json<OnDemandLine>> = sqlx::query_scalar(sql).fetch_all(conn).await?;
    Ok(rules.into_iter().map(|rule| rule.0).collect())
}

/// Replaces the rules of each municipality that `new` names, and those of the county where `new` has some of the county, or
/// none at all. `held`: those that are stored.
pub(super) async fn import(
    conn: &mut PgConnection,
    new: &[OnDemandLine],
    held: &[OnDemandLine],
) -> Result<ImportCounts> {
    // The county has no slug.
    let owner = |rule: &OnDemandLine| rule.municipality.clone().unwrap_or_default();
    let mut owners: BTreeSet<String> = new.iter().map(owner).collect();
    if owners.is_empty() {
        owners.insert(String::new());
    }
    let held: Vec<&OnDemandLine> = held.iter().filter(|rule| owners.contains(&owner(rule))).collect();
    let mut new: Vec<&OnDemandLine> = new.iter().collect();
    new.sort_by_key(|rule| rule.municipality.is_none());
    if new == held {
        return Ok(ImportCounts { unchanged: new.len(), ..ImportCounts::default() });
    }
    sqlx::query("DELETE FROM on_demand_line WHERE coalesce(def ->> 'municipality', '') = ANY($1)")
        .bind(owners.into_iter().collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO on_demand_line (municipality, def)
         SELECT m.id, t.def FROM jsonb_array_elements($1) WITH ORDINALITY AS t(def, n)
         LEFT JOIN municipality m ON m.slug = t.def ->> 'municipality' ORDER BY t.n",
    )
    .bind(Json(&new))
    .execute(conn)
    .await?;
    Ok(counts(&held, &new))
}

/// A rule that stands at another place among those that stay is changed, since the first that matches counts.
fn counts(held: &[&OnDemandLine], new: &[&OnDemandLine]) -> ImportCounts {
    fn common<'a>(of: &[&'a OnDemandLine], with: &[&OnDemandLine]) -> Vec<&'a OnDemandLine> {
        let scopes: HashSet<_> = with.iter().map(|rule| rule.scope()).collect();
        of.iter().copied().filter(|rule| scopes.contains(&rule.scope())).collect()
    }
    let (were, are) = (common(held, new), common(new, held));
    let unchanged = were.iter().zip(&are).filter(|(was, is)| was == is).count();
    ImportCounts {
        added: new.len() - are.len(),
        changed: are.len() - unchanged,
        unchanged,
        removed: held.len() - were.len(),
        missing: Vec::new(),
    }
}
