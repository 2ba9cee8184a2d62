//! What rides cost: imported, and read back.

use std::collections::BTreeMap;

use domain::fare::FareList;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::report::ImportCounts;
use crate::Result;

/// The whole list, in the order of its file.
pub(super) async fn all(conn: &mut PgConnection) -> Result<FareList> {
    let of = async |conn: &mut PgConnection, is_pass: bool| {
        let rows: Vec<Json<Value>> =
            sqlx::query_scalar("SELECT def FROM fare WHERE is_pass = $1 ORDER BY id")
                .bind(is_pass)
                .fetch_all(conn)
                .await?;
        Ok::<_, sqlx::Error>(rows.into_iter().map(|row| row.0).collect::<Vec<_>>())
    };
    let list = json!({"fares": of(&mut *conn, false).await?, "passes": of(conn, true).await?});
    serde_json::from_value(list).map_err(|error| sqlx::Error::Decode(error.into()).into())
}

/// Replaces the whole list. `held`: that which is stored.
pub(super) async fn import(conn: &mut PgConnection, new: &FareList, held: &FareList) -> Result<ImportCounts> {
    let total = new.fares.len() + new.passes.len();
    if new == held {
        return Ok(ImportCounts { unchanged: total, ..ImportCounts::default() });
    }
    sqlx::query("DELETE FROM fare").execute(&mut *conn).await?;
    sqlx::query(
        "INSERT INTO fare (is_pass, def)
         SELECT false, t.def FROM jsonb_array_elements($1) WITH ORDINALITY AS t(def, n) ORDER BY t.n",
    )
    .bind(Json(&new.fares))
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO fare (is_pass, def)
         SELECT true, t.def FROM jsonb_array_elements($1) WITH ORDINALITY AS t(def, n) ORDER BY t.n",
    )
    .bind(Json(&new.passes))
    .execute(conn)
    .await?;
    let (were, are) = (definitions(held), definitions(new));
    let kept = are.iter().filter(|(id, _)| were.contains_key(*id)).count();
    let unchanged = are.iter().filter(|(id, (_, def))| were.get(*id).is_some_and(|(_, was)| was == def));
    let unchanged = unchanged.count();
    Ok(ImportCounts {
        added: total - kept,
        changed: kept - unchanged,
        unchanged,
        removed: were.len() - kept,
        missing: Vec::new(),
    })
}

/// Fares and passes by their names in the audit, each with whether it is a pass.
pub(super) fn definitions(list: &FareList) -> BTreeMap<String, (bool, Value)> {
    fn value(of: &impl Serialize) -> Value {
        serde_json::to_value(of).unwrap_or_default()
    }
    let fares = list.fares.iter().map(|fare| (fare.id.clone(), (false, value(fare))));
    let passes = list.passes.iter().map(|pass| (format!("pass {}", pass.id), (true, value(pass))));
    fares.chain(passes).collect()
}
