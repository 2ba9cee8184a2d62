//! `kreisverkehr journey`: journeys from A to B.

pub mod build;

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::cli::{EvaluateArgs, JourneyCommand};

/// Runs the command.
///
/// # Errors
/// A file cannot be read, or there is nothing to do.
pub async fn run(command: JourneyCommand) -> Result<ExitCode> {
    match command {
        JourneyCommand::Build(args) => build::run(args).await,
        JourneyCommand::Evaluate(args) => tokio::task::spawn_blocking(move || evaluate(&args)).await?,
    }
}

/// The answers go to standard output, all else to standard error.
fn evaluate(args: &EvaluateArgs) -> Result<ExitCode> {
    let note = |note: String| errln!("{note}");
    if !args.transit.gtfs.is_empty() {
        print(&evaluate::transit::evaluate(&args.transit, note)?, args.json)
    } else if args.streets.pairs.is_some() {
        print(&evaluate::streets::evaluate(&args.streets, note)?, args.json)
    } else {
        bail!(
            "nothing to evaluate: give --gtfs FILE.zip --date YYYY-MM-DD --queries FILE.csv, or --streets FILE.osm.pbf \
             --pairs FILE.csv"
        )
    }
}

fn print<R: Serialize + Display>(report: &R, json: bool) -> Result<ExitCode> {
    if json {
        outln!("{}", serde_json::to_string(report)?);
    } else {
        crate::terminal::out_part(&report.to_string());
    }
    Ok(ExitCode::SUCCESS)
}
