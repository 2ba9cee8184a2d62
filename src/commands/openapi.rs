//! `kreisverkehr openapi`.

use std::process::ExitCode;

use anyhow::Result;

/// Prints the document.
///
/// # Errors
/// It cannot be written as JSON.
pub fn run() -> Result<ExitCode> {
    outln!("{}", api::openapi_json()?);
    Ok(ExitCode::SUCCESS)
}
