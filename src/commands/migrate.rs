//! `kreisverkehr migrate`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{MigrateArgs, VisitArgs};
use crate::database::Database;

/// Opening a database brings it up to date, and makes it where there is none.
///
/// # Errors
/// The database cannot be opened.
pub async fn run(args: MigrateArgs) -> Result<ExitCode> {
    let database = Database::visit(&VisitArgs { database: args.database, create: true }).await?;
    outln!("the database is up to date ({:?} observations)", database.partitioning);
    if args.derive_again {
        store::derive::request_all(&database.pool).await?;
        outln!(
            "occupancy and stays are derived again by the process that ingests; see kv_derive_waiting in /metrics"
        );
    }
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}
