//! What of a batch is to be stored: each statement once, in the order of its table's key.
//!
//! A statement whose time is our receipt carries a claim, a name made of its content: without it a
//! redelivery would look like a new observation. Of equal claims the first receipt holds, whether the
//! copies come in one batch or years apart.

use std::collections::{HashMap, HashSet};

use domain::observation::{Claim, Heard};
use domain::{BayObservation, MunicipalityId, PassengerCount, SiteCount, UtcMicros, VehiclePosition};
use sqlx::PgConnection;

use super::{Batch, Gated};
use crate::StoreError;
use crate::ts::Ts;

/// The primary key of an observation: (municipality, time, place, digest).
pub(super) type Key = (MunicipalityId, UtcMicros, i32, i64);

/// An observation as its table knows it.
pub(super) trait Row {
    fn heard(&self) -> &Heard;
    fn key(&self) -> Key;
}

macro_rules! row {
    ($row:ty, $place:ident) => {
        impl Row for $row {
            fn heard(&self) -> &Heard {
                &self.heard
            }

            fn key(&self) -> Key {
                (self.heard.municipality, self.observed_at, self.$place.0, self.digest)
            }
        }
    };
}

row!(BayObservation, bay);
row!(SiteCount, site);
row!(VehiclePosition, vehicle);
row!(PassengerCount, vehicle);

/// Claims that earlier transactions hold.
pub(super) struct Known(HashSet<(MunicipalityId, Claim)>);

impl Known {
    /// What is to be stored of `rows`. The key's order is quicker for the index and lets two writers
    /// never wait for each other crosswise.
    pub(super) fn wanted<'a, T: Row>(&self, rows: &'a [Gated<T>]) -> Vec<&'a T> {
        let claimed = rows
            .iter()
            .filter_map(|g| Some(((g.observation.heard().municipality, g.claim?), &g.observation)));
        let mut firsts: HashMap<(MunicipalityId, Claim), &T> = HashMap::new();
        for (name, row) in claimed.filter(|(name, _)| !self.0.contains(name)) {
            let first = firsts.entry(name).or_insert(row);
            if row.heard().received_at < first.heard().received_at {
                *first = row;
            }
        }
        let unclaimed = rows.iter().filter(|g| g.claim.is_none()).map(|g| &g.observation);
        let mut wanted: Vec<&T> = unclaimed.chain(firsts.into_values()).collect();
        wanted.sort_by_key(|row| row.key());
        wanted.dedup_by_key(|row| row.key());
        wanted
    }
}

/// Takes the batch's claims; returns those that were taken before.
pub(super) async fn take(conn: &mut PgConnection, batch: &Batch) -> Result<Known, StoreError> {
    let mut all: Vec<(MunicipalityId, Claim, UtcMicros)> = Vec::new();
    claims_of(&batch.bays, &mut all);
    claims_of(&batch.sites, &mut all);
    claims_of(&batch.vehicles, &mut all);
    claims_of(&batch.passengers, &mut all);
    if all.is_empty() {
        return Ok(Known(HashSet::new()));
    }
    // One order for all writers: no deadlocks.
    all.sort_unstable();
    all.dedup_by_key(|c| (c.0, c.1));
    let municipalities: Vec<i32> = all.iter().map(|c| c.0.0).collect();
    let claims: Vec<i64> = all.iter().map(|c| c.1).collect();
    let received: Vec<Ts> = all.iter().map(|c| Ts(c.2)).collect();
    let taken: Vec<(i32, i64)> = sqlx::query_as(
        "INSERT INTO receipt_claim (municipality, claim, received_at)
         SELECT * FROM unnest($1::int[], $2::bigint[], $3::timestamptz[])
         ON CONFLICT DO NOTHING RETURNING municipality, claim",
    )
    .bind(&municipalities)
    .bind(&claims)
    .bind(&received)
    .fetch_all(conn)
    .await?;
    let taken: HashSet<(i32, i64)> = taken.into_iter().collect();
    let known = all.iter().map(|c| (c.0, c.1)).filter(|(m, c)| !taken.contains(&(m.0, *c)));
    Ok(Known(known.collect()))
}

fn claims_of<T: Row>(rows: &[Gated<T>], into: &mut Vec<(MunicipalityId, Claim, UtcMicros)>) {
    into.extend(rows.iter().filter_map(|g| {
        let heard = g.observation.heard();
        Some((heard.municipality, g.claim?, heard.received_at))
    }));
}
