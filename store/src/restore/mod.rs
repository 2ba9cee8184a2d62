//! Recovery from a clock that was ahead: latest states ahead of the corrected clock are recomputed from the other
//! observations. Readers follow through the change log.
//!
//! Observations of that time stay stored, with their wrong times.

mod bays;
mod devices;
mod passages;
mod sites;
mod vehicles;

use domain::UtcMicros;
use sqlx::{Connection, PgConnection};
use tracing::info;

use crate::search_spans::last;
use crate::{Result, changes};

/// Recomputes states ahead of `now`; whether there were any. Each kind of state in a transaction of its own.
///
/// # Errors
/// The database is not available.
pub(crate) async fn latest_states(conn: &mut PgConnection, now: UtcMicros) -> Result<bool> {
    let mut restored = 0;
    for kind in [Kind::Bays, Kind::Sites, Kind::Vehicles, Kind::Others] {
        let mut tx = conn.begin().await?;
        let mut changes = Vec::new();
        restored += match kind {
            Kind::Bays => bays::restore(&mut tx, now, &mut changes).await?,
            Kind::Sites => sites::restore(&mut tx, now, &mut changes).await?,
            Kind::Vehicles => vehicles::restore(&mut tx, now, &mut changes).await?,
            Kind::Others => {
                passages::restore(&mut tx, now).await?
                    + devices::restore(&mut tx, now).await?
                    + delete_repeated(&mut tx, now).await?
            }
        };
        if !changes.is_empty() {
            changes::append_alone(&mut tx, &changes).await?;
        }
        tx.commit().await?;
    }
    if restored > 0 {
        info!("the clock was ahead: {restored} latest states are recomputed from earlier observations");
    }
    Ok(restored > 0)
}

#[derive(Clone, Copy)]
enum Kind {
    Bays,
    Sites,
    Vehicles,
    Others,
}

/// Deletes what senders repeat anyway: only the latest update of a trip is stored, and only examples of unmatched
/// topics.
async fn delete_repeated(conn: &mut PgConnection, now: UtcMicros) -> Result<u64> {
    let mut deleted = 0;
    for sql in [
        "DELETE FROM trip_state WHERE greatest(observed_at, confirmed_at) > $1",
        "DELETE FROM alert_state WHERE confirmed_at > $1",
        "DELETE FROM unmatched_topic WHERE last_at > $1",
    ] {
        deleted += sqlx::query(sql).bind(last(now)).execute(&mut *conn).await?.rows_affected();
    }
    Ok(deleted)
}
