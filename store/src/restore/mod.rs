//! A clock that was ahead is right again: the latest states that it left are made again from the observations that do not
//! lie ahead of it. Readers learn it from the change log, like everything else.
//!
//! What was taken in meanwhile stays where it is stored, with the time that the clock said then.

mod bays;
mod devices;
mod passages;
mod vehicles;

use domain::UtcMicros;
use domain::feed::MAX_AHEAD_S;
use domain::live::Change;
use sqlx::{Connection, PgConnection};
use tracing::info;

use crate::StoreError;
use crate::changes;
use crate::ts::Ts;
use crate::writer::sites;

/// How far back is looked for what was said before, days: nearly everything is found at once. `None`: all that is stored.
const DAYS_BACK: [Option<i64>; 3] = [Some(1), Some(30), None];

/// The latest instant that does not lie ahead of `now`.
fn last(now: UtcMicros) -> Ts {
    Ts(now.plus_s(MAX_AHEAD_S))
}

/// The spans that [`DAYS_BACK`] reach: an instant lies within where it is later than the first and not than the second.
fn spans(now: UtcMicros) -> impl Iterator<Item = (Ts, Ts)> {
    let mut until = last(now);
    DAYS_BACK.into_iter().map(move |days| {
        let from = Ts(days.map_or(UtcMicros::EPOCH, |days| now.plus_s(-days * 86_400)));
        (from, std::mem::replace(&mut until, from))
    })
}

/// Makes again what lies ahead of `now`; whether there was anything. Each kind of state in a transaction of its own.
///
/// # Errors
/// The database is not available.
pub(crate) async fn latest_states(conn: &mut PgConnection, now: UtcMicros) -> Result<bool, StoreError> {
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
                    + forget_repeated(&mut tx, now).await?
            }
        };
        append(&mut tx, &changes).await?;
        tx.commit().await?;
    }
    if restored > 0 {
        info!("the clock was ahead: {restored} latest states are made again from what was observed before");
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

async fn append(conn: &mut PgConnection, changes: &[Change]) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let writer = changes::new_writer(&mut *conn).await?;
    changes::append(conn, writer, 1, changes, false).await
}

/// What is said again and again is forgotten: of trips only the latest word is stored, and of topics that nobody reads
/// examples.
async fn forget_repeated(conn: &mut PgConnection, now: UtcMicros) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for sql in [
        "DELETE FROM trip_state WHERE greatest(observed_at, confirmed_at) > $1",
        "DELETE FROM unmatched_topic WHERE last_at > $1",
    ] {
        forgotten += sqlx::query(sql).bind(last(now)).execute(&mut *conn).await?.rows_affected();
    }
    Ok(forgotten)
}
