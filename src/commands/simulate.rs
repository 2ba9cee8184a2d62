//! `kreisverkehr simulate`: the sample county, or load.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use sensor_sim::load::{self, LoadConfig};
use sensor_sim::{County, Faults, RunConfig, StartClock};
use tokio_util::sync::CancellationToken;

use crate::cli::{FaultArgs, SimulateArgs};
use crate::shutdown;

/// Runs the command until it is done, the time is over or somebody stops it.
///
/// # Errors
/// The broker's URL is not one, or a file cannot be written.
pub async fn run(args: SimulateArgs) -> Result<ExitCode> {
    if let Some(folder) = &args.write_places {
        std::fs::create_dir_all(folder)?;
        match args.load {
            Some(_) => load::write_files(folder, args.bays)?,
            None => {
                let county = County::sample(args.seed);
                county.write_files(folder, county.today())?;
            }
        }
        println!("written to {}; next: kreisverkehr import {}", folder.display(), folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        if shutdown::requested().await.is_ok() {
            stop.cancel();
        }
    });
    match args.load {
        Some(rate_per_s) => {
            let config = LoadConfig {
                rate_per_s,
                bays: args.bays,
                connections: args.connections,
                duration_s: args.duration_s.unwrap_or(30.0),
                batch: args.batch,
                watch_url: args.watch,
                report: args.report,
                ..LoadConfig::new(&args.mqtt_url)
            };
            let report = load::run(config, cancel).await?;
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        None => {
            let config = RunConfig {
                seed: args.seed,
                speed: args.speed,
                start: start_clock(&args.clock)?,
                truth: args.truth,
                faults: faults(&args.faults),
                max_duration: args.duration_s.map(Duration::from_secs_f64),
                ..RunConfig::new(&args.mqtt_url, Arc::new(County::sample(args.seed)))
            };
            let summary = sensor_sim::run(config, cancel).await?;
            println!("{summary:?}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The county's own clock, from the command line.
///
/// # Errors
/// The text is neither `now` nor a weekday and a time of day.
pub fn start_clock(text: &str) -> Result<StartClock> {
    if text == "now" {
        return Ok(StartClock::real(jiff::Timestamp::now(), "Europe/Berlin"));
    }
    text.parse().with_context(|| format!("--clock '{text}'"))
}

fn faults(a: &FaultArgs) -> Faults {
    Faults {
        loss: a.loss,
        double: a.double,
        reorder: a.reorder,
        delay_s: a.delay_s,
        wrong_clock: a.wrong_clock,
        stuck: a.stuck,
        flapping: a.flapping,
        dead: a.dead,
        low_battery: a.low_battery,
        restamp: a.restamp,
        device_swap: a.device_swap,
    }
}
