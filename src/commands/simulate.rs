//! `kreisverkehr simulate`: the sample county, load, or a past.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use sensor_sim::history::{self, HistoryConfig};
use sensor_sim::load::{self, LoadConfig};
use sensor_sim::{County, Orders, RunConfig, StartClock};
use tokio_util::sync::CancellationToken;

use crate::cli::{OrderArgs, SimulateArgs};
use crate::database::secret;
use crate::shutdown::Stop;

mod health_report;
pub mod rentals;

/// Bays of the load and of the past, unless the command line says otherwise.
const LOAD_BAYS: u32 = 10_000;
const HISTORY_BAYS: u32 = 5_000;

/// How many days older a past may become before it is sent, and be held back.
const MORE_DAYS: u64 = 60;

/// Runs the command until it is done, the time is over or somebody stops it.
///
/// # Errors
/// The broker's URL is not one, or a file cannot be written.
pub async fn run(mut args: SimulateArgs) -> Result<ExitCode> {
    if args.health_report {
        return health_report::run(&args);
    }
    if let Some(path) = &args.mqtt_url_file {
        args.mqtt_url = secret(path, "--mqtt-url-file")?;
    }
    if let Some(folder) = &args.write_places {
        std::fs::create_dir_all(folder)?;
        match (args.load, args.history) {
            (Some(_), _) => load::write_files(folder, args.bays.unwrap_or(LOAD_BAYS))?,
            (None, Some(span)) => {
                let max_age_days = days_until_now(span, args.until) + MORE_DAYS;
                history::write_files(folder, args.bays.unwrap_or(HISTORY_BAYS), max_age_days)?;
            }
            (None, None) => {
                let county = county(args.seed, &args.orders);
                let county = match args.gbfs_listen {
                    Some(addr) => county.with_rentals_at(&rentals::base(addr)),
                    None => county,
                };
                county.write_files(folder, county.today())?;
            }
        }
        outln!("written to {}; next: kreisverkehr import {}", folder.display(), folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let asked = Stop::listen()?;
    tokio::spawn(async move {
        asked.requested().await;
        stop.cancel();
    });
    match (args.load, args.history) {
        (None, Some(span)) => {
            let config = HistoryConfig {
                mqtt_url: args.mqtt_url,
                bays: args.bays.unwrap_or(HISTORY_BAYS),
                seed: args.seed,
                until: args.until.unwrap_or_else(Timestamp::now),
                span,
                faults: args.faults,
                truth: args.truth,
                watch_url: args.watch,
            };
            let summary = history::run(config, cancel).await?;
            outln!("{}", serde_json::to_string_pretty(&summary)?);
        }
        (Some(rate_per_s), _) => {
            let config = LoadConfig {
                rate_per_s,
                bays: args.bays.unwrap_or(LOAD_BAYS),
                connections: args.connections,
                duration_s: args.duration_s.unwrap_or(30.0),
                batch: args.batch,
                watch_url: args.watch,
                report: args.report,
                ..LoadConfig::new(&args.mqtt_url)
            };
            let report = load::run(config, cancel).await?;
            outln!("{}", serde_json::to_string_pretty(&report)?);
        }
        (None, None) => {
            let county = county(args.seed, &args.orders);
            let (county, rentals) = match args.gbfs_listen {
                Some(addr) => {
                    let served = rentals::serve(addr, county, cancel.clone()).await?;
                    (served.county, Some(served.operator))
                }
                None => (county, None),
            };
            let county = Arc::new(county);
            let config = RunConfig {
                seed: args.seed,
                speed: args.speed,
                start: start_clock(&args.clock)?,
                truth: args.truth,
                faults: args.faults,
                orders: orders(&args.orders, &county)?,
                orders_file: args.orders.orders,
                rentals,
                max_duration: args.duration_s.map(Duration::from_secs_f64),
                ..RunConfig::new(&args.mqtt_url, county)
            };
            let summary = sensor_sim::run(config, cancel).await?;
            outln!("{summary:?}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The sample county as it is ordered.
pub fn county(seed: u64, args: &OrderArgs) -> County {
    let county = County::sample(seed);
    if args.lanes { county.with_lanes() } else { county }
}

/// How far back a past reaches, whole days, rounded up.
fn days_until_now(span: SignedDuration, until: Option<Timestamp>) -> u64 {
    let ago = until.map_or(SignedDuration::ZERO, |until| Timestamp::now().duration_since(until));
    let whole_s = (ago.as_secs().max(0)).saturating_add(span.as_secs()).max(0) as u64;
    whole_s.div_ceil(86_400)
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

/// The orders on the command line.
///
/// # Errors
/// There is no such site, line or vehicle.
pub fn orders(args: &OrderArgs, county: &County) -> Result<Orders> {
    let mut orders = Orders::default();
    for site in &args.fill {
        orders.fill(site, county).context("--fill")?;
    }
    for late in &args.delay {
        orders.delay(late, county).context("--delay")?;
    }
    Ok(orders)
}
