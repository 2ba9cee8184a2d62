//! Taxis: imported, and read back.

use std::collections::{BTreeMap, BTreeSet};

use domain::taxi::Taxi;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::report::ImportCounts;
use crate::Result;

/// All taxis, in the order of their files.
pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<Taxi>> {
    let taxis: Vec<Json<Taxi>> =
        sqlx::query_scalar("SELECT def FROM taxi ORDER BY id").fetch_all(conn).await?;
    Ok(taxis.into_iter().map(|taxi| taxi.0).collect())
}

/// Replaces the taxis of each municipality that `new` names. `held`: those that are stored.
pub(super) async fn import(conn: &mut PgConnection, new: &[Taxi], held: &[Taxi]) -> Result<ImportCounts> {
    let owners: BTreeSet<&str> = new.iter().map(|taxi| &*taxi.municipality).collect();
    let held: Vec<&Taxi> = held.iter().filter(|taxi| owners.contains(&*taxi.municipality)).collect();
    if new.iter().eq(held.iter().copied()) {
        return Ok(ImportCounts { unchanged: new.len(), ..ImportCounts::default() });
    }
    sqlx::query("DELETE FROM taxi WHERE municipality IN (SELECT id FROM municipality WHERE slug = ANY($1))")
        .bind(owners.into_iter().collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO taxi (municipality, def)
         SELECT m.id, t.def FROM jsonb_array_elements($1) WITH ORDINALITY AS t(def, n)
         JOIN municipality m ON m.slug = t.def ->> 'municipality' ORDER BY t.n",
    )
    .bind(Json(new))
    .execute(conn)
    .await?;
    let were: BTreeMap<&str, &Taxi> = held.iter().map(|taxi| (&*taxi.id, *taxi)).collect();
    let kept = new.iter().filter(|taxi| were.contains_key(&*taxi.id)).count();
    let unchanged = new.iter().filter(|taxi| were.get(&*taxi.id) == Some(taxi)).count();
    Ok(ImportCounts {
        added: new.len() - kept,
        changed: kept - unchanged,
        unchanged,
        removed: were.len() - kept,
        missing: Vec::new(),
    })
}
