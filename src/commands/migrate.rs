//! `kreisverkehr migrate`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::DatabaseArgs;
use crate::database::Database;

/// Opening a database brings it up to date.
///
/// # Errors
/// The database cannot be opened.
pub async fn run(args: DatabaseArgs) -> Result<ExitCode> {
    let database = Database::visit(&args).await?;
    println!("the database is up to date ({:?} observations)", database.layout);
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}
