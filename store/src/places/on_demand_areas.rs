//! Areas in which vehicles come on demand: imported, and read back.

use std::collections::{BTreeMap, BTreeSet};

use domain::booking::OnDemandArea;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::report::ImportCounts;
use crate::Result;

/// All areas, in the order of their ids.
pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<OnDemandArea>> {
    let sql = "SELECT def FROM on_demand_area ORDER BY key COLLATE \"C\"";
    let areas: Vec<Json<OnDemandArea>> = sqlx::query_scalar(sql).fetch_all(conn).await?;
    Ok(areas.into_iter().map(|area| area.0).collect())
}

/// Replaces the areas of each municipality that `new` names; all where it has none. `held`: those that are stored.
pub(super) async fn import(
    conn: &mut PgConnection,
    new: &[OnDemandArea],
    held: &[OnDemandArea],
) -> Result<ImportCounts> {
    let owners: BTreeSet<&str> = new.iter().map(|area| area.municipality.as_str()).collect();
    let is_replaced = |area: &&OnDemandArea| owners.is_empty() || owners.contains(area.municipality.as_str());
    let held: BTreeMap<&str, &OnDemandArea> =
        held.iter().filter(is_replaced).map(|area| (area.id.as_str(), area)).collect();
    let ids: BTreeSet<&str> = new.iter().map(|area| area.id.as_str()).collect();
    let removed: Vec<&str> = held.keys().copied().filter(|id| !ids.contains(id)).collect();
    let differing: Vec<&OnDemandArea> =
        new.iter().filter(|area| held.get(area.id.as_str()) != Some(area)).collect();
    let changed = differing.iter().filter(|area| held.contains_key(area.id.as_str())).count();
    let counts = ImportCounts {
        added: differing.len() - changed,
        changed,
        unchanged: new.len() - differing.len(),
        removed: removed.len(),
        missing: Vec::new(),
    };
    sqlx::query("DELETE FROM on_demand_area WHERE key = ANY($1)").bind(removed).execute(&mut *conn).await?;
    sqlx::query(
        "INSERT INTO on_demand_area (key, municipality, def)
         SELECT t.def ->> 'id', m.id, t.def FROM jsonb_array_elements($1) AS t(def)
         JOIN municipality m ON m.slug = t.def ->> 'municipality'
         ON CONFLICT (key) DO UPDATE SET municipality = excluded.municipality, def = excluded.def",
    )
    .bind(Json(&differing))
    .execute(conn)
    .await?;
    Ok(counts)
}
