//! `kreisverkehr export`.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::ExportArgs;
use crate::database::Database;

/// Writes all places as the files that `import` reads.
///
/// # Errors
/// The database cannot be opened, or the folder cannot be written.
pub async fn run(args: ExportArgs) -> Result<ExitCode> {
    let database = Database::visit(&args.database).await?;
    let catalogue = store::places::catalogue(&mut *database.pool.acquire().await?).await;
    database.close().await?;
    let folder = &args.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    places::write(folder, &catalogue?).with_context(|| format!("{} cannot be written", folder.display()))?;
    outln!("written to {}", folder.display());
    Ok(ExitCode::SUCCESS)
}
