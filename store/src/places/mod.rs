//! Places, sensors and feeds: loaded into a registry, imported from files, read back for export.

mod audited;
mod days;
mod import;
pub(crate) mod kind;
mod publicity;
mod read;
mod report;
mod versions;

use sqlx::PgConnection;

pub use days::calendar;
pub(crate) use days::ever_closed;
pub use import::Import;
pub use read::{catalogue, registry};
pub use report::{ImportCounts, ImportReport, Missing};
pub use versions::{Correction, Holds};

use crate::Result;

/// The number of a new generation of places, which is stored.
pub(crate) async fn next_generation(conn: &mut PgConnection) -> Result<i64> {
    let next = "UPDATE place_generation SET generation = generation + 1 RETURNING generation";
    Ok(sqlx::query_scalar(next).fetch_one(conn).await?)
}
