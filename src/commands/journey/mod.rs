//! `kreisverkehr journey`: ways from A to B.

mod measured;
mod pairs;
mod streets;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::{EvaluateArgs, JourneyArgs, JourneyCommand};

/// Runs the command.
///
/// # Errors
/// A file cannot be read, or there is nothing to do.
pub async fn run(args: JourneyArgs) -> Result<ExitCode> {
    match args.command {
        JourneyCommand::Evaluate(args) => tokio::task::spawn_blocking(|| evaluate(args)).await?,
    }
}

fn evaluate(args: EvaluateArgs) -> Result<ExitCode> {
    match &args.pairs {
        Some(pairs) => streets::evaluate(&args.streets, pairs, args.mode, args.json),
        None => bail!("nothing to evaluate: give --streets FILE.osm.pbf --pairs FILE.csv"),
    }
}
