//! `kreisverkehr prune`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::PruneArgs;
use crate::database::Database;

/// Enforces retention now.
///
/// # Errors
/// The database cannot be opened.
pub async fn run(args: PruneArgs) -> Result<ExitCode> {
    let database = Database::visit(&args.database).await?;
    let pruned = store::retention::enforce(&database.pool, &args.retention.retention()).await?;
    println!(
        "dropped {} partitions, {} LoRaWAN messages, {} rejected messages, {} log entries",
        pruned.partitions.len(),
        pruned.uplinks,
        pruned.rejections,
        pruned.changes
    );
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}
