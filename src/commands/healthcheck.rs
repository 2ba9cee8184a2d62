//! `kreisverkehr healthcheck`.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::HealthcheckArgs;

/// Asks `/readyz`.
///
/// # Errors
/// The question could not be asked.
pub async fn run(args: HealthcheckArgs) -> Result<ExitCode> {
    let url = format!("{}/readyz", args.url.trim_end_matches('/'));
    let asked = url.clone();
    let answer = tokio::task::spawn_blocking(move || ureq::get(&asked).call()).await?;
    match answer {
        Ok(_) => {
            println!("ready");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("not ready: {url}: {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}
