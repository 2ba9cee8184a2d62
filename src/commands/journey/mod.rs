//! `kreisverkehr journey`: journeys from A to B.

pub mod build;
mod measured;
mod pairs;
mod stop_pairs;
mod streets;
mod table;
mod transit;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::{EvaluateArgs, JourneyArgs, JourneyCommand};

/// Runs the command.
///
/// # Errors
/// A file cannot be read, or there is nothing to do.
pub async fn run(args: JourneyArgs) -> Result<ExitCode> {
    match args.command {
        JourneyCommand::Build(args) => build::run(args).await,
        JourneyCommand::Evaluate(args) => tokio::task::spawn_blocking(|| evaluate(args)).await?,
    }
}

fn evaluate(args: EvaluateArgs) -> Result<ExitCode> {
    if !args.transit.gtfs.is_empty() {
        return transit::evaluate(&args.transit, args.json);
    }
    if let Some(pairs) = &args.streets.pairs {
        return streets::evaluate(&args.streets.streets, pairs, args.streets.mode, args.json);
    }
    bail!(
        "nothing to evaluate: give --gtfs FILE.zip --date YYYY-MM-DD --queries FILE.csv, or --streets FILE.osm.pbf \
         --pairs FILE.csv"
    );
}
