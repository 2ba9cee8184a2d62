//! What rows of all observations have in common.

use std::collections::HashSet;

use domain::observation::Provenance;
use domain::{BayObservation, MunicipalityId, PassengerCount, SiteCount, UtcMicros, VehiclePosition};
use sqlx::PgConnection;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryAs;

use crate::bind::BindRows;
use crate::{Result, Ts};

/// The primary key of an observation: (municipality, time, place, digest).
pub(crate) type ObservationKey = (MunicipalityId, UtcMicros, i32, i64);

/// A row of an observation table.
pub(crate) trait Observation {
    fn provenance(&self) -> &Provenance;
    fn key(&self) -> ObservationKey;
}

macro_rules! observation {
    ($row:ty, $place:ident) => {
        impl Observation for $row {
            fn provenance(&self) -> &Provenance {
                &self.provenance
            }

            fn key(&self) -> ObservationKey {
                (self.provenance.municipality, self.observed_at, self.$place.0, self.digest)
            }
        }
    };
}

observation!(BayObservation, bay);
observation!(SiteCount, site);
observation!(VehiclePosition, vehicle);
observation!(PassengerCount, vehicle);

/// A statement that appends observations, and returns the keys of those that are new.
pub(super) type Insert<'q> = QueryAs<'q, Postgres, (i32, Ts, i32, i64), PgArguments>;

/// Appends observations by `sql`, and returns those that are new. Its parameters: $1 when they are stored; $2 to $8 as
/// arrays their municipality, time, place, digest, time of receipt, feed, and whether their clock was corrected; then
/// what `bind` adds.
pub(super) async fn append<'r, T: Observation>(
    conn: &mut PgConnection,
    sql: &'static str,
    rows: &[&'r T],
    stored_at: UtcMicros,
    bind: impl FnOnce(Insert<'r>) -> Insert<'r>,
) -> Result<Vec<&'r T>> {
    let insert = sqlx::query_as(sql)
        .bind(Ts(stored_at))
        .bind_rows(rows.iter().map(|row| row.key()).map(|(town, at, place, n)| (town.0, Ts(at), place, n)))
        .bind_rows(
            rows.iter().map(|row| row.provenance()).map(|p| (Ts(p.received_at), p.feed.0, p.clock_corrected)),
        );
    Ok(new_ones(rows, bind(insert).fetch_all(conn).await?))
}

/// Of `rows` those whose keys were returned.
pub(super) fn new_ones<'r, T: Observation>(rows: &[&'r T], keys: Vec<(i32, Ts, i32, i64)>) -> Vec<&'r T> {
    let key = |(municipality, at, place, digest): (i32, Ts, _, _)| {
        (MunicipalityId(municipality), at.0, place, digest)
    };
    let new: HashSet<ObservationKey> = keys.into_iter().map(key).collect();
    rows.iter().copied().filter(|row| new.contains(&row.key())).collect()
}
