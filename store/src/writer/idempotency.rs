//! Selects the new rows of a batch: each observation once, in the order of its table's key.
//!
//! An observation that is timestamped with our receipt carries an idempotency key, a hash of its content: without it
//! a redelivery would look like a new observation. Of equal keys the first receipt wins, whether the copies come in
//! one batch or years apart.

use std::collections::{HashMap, HashSet};

use domain::observation::IdempotencyKey;
use domain::{MunicipalityId, UtcMicros};
use sqlx::PgConnection;

use super::observation::Observation;
use super::{Batch, Keyed};
use crate::bind::BindRows;
use crate::{Result, Ts};

/// An idempotency key, unique within its municipality.
type OwnedKey = (MunicipalityId, IdempotencyKey);

/// Idempotency keys of earlier transactions.
pub(super) struct Known(HashSet<OwnedKey>);

impl Known {
    /// The rows that are new, sorted by key: quicker for the index, and two writers never deadlock.
    pub(super) fn select<'a, T: Observation>(&self, rows: &'a [Keyed<T>]) -> Vec<&'a T> {
        let mut firsts: HashMap<OwnedKey, &T> = HashMap::new();
        for (key, row) in keys_of(rows).filter(|(key, _)| !self.0.contains(key)) {
            let first = firsts.entry(key).or_insert(row);
            if row.provenance().received_at < first.provenance().received_at {
                *first = row;
            }
        }
        let without_key = rows.iter().filter(|g| g.idempotency_key.is_none()).map(|g| &g.observation);
        let mut selected: Vec<&T> = without_key.chain(firsts.into_values()).collect();
        selected.sort_by_key(|row| row.key());
        selected.dedup_by_key(|row| row.key());
        selected
    }
}

/// Stores the batch's idempotency keys; returns those that were stored before.
pub(super) async fn register(conn: &mut PgConnection, batch: &Batch) -> Result<Known> {
    let mut all: Vec<(OwnedKey, UtcMicros)> = (receipts(&batch.bays))
        .chain(receipts(&batch.sites))
        .chain(receipts(&batch.vehicles))
        .chain(receipts(&batch.passengers))
        .collect();
    if all.is_empty() {
        return Ok(Known(HashSet::new()));
    }
    // All writers use the same order: no deadlocks.
    all.sort_unstable();
    all.dedup_by_key(|(key, _)| *key);
    let new: Vec<(i32, i64)> = sqlx::query_as(
        "INSERT INTO receipt_claim (municipality, claim, received_at)
         SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING municipality, claim",
    )
    .bind_rows(all.iter().map(|((municipality, key), received_at)| (municipality.0, *key, Ts(*received_at))))
    .fetch_all(conn)
    .await?;
    let new: HashSet<(i32, i64)> = new.into_iter().collect();
    Ok(Known(all.into_iter().map(|(key, _)| key).filter(|(m, key)| !new.contains(&(m.0, *key))).collect()))
}

fn receipts<T: Observation>(rows: &[Keyed<T>]) -> impl Iterator<Item = (OwnedKey, UtcMicros)> {
    keys_of(rows).map(|(key, row)| (key, row.provenance().received_at))
}

fn keys_of<T: Observation>(rows: &[Keyed<T>]) -> impl Iterator<Item = (OwnedKey, &T)> {
    rows.iter()
        .filter_map(|g| Some(((g.observation.provenance().municipality, g.idempotency_key?), &g.observation)))
}
