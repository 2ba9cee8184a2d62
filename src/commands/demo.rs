//! `kreisverkehr demo`: everything, with a sample county and its simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use journey::area::{self, Area};
use sensor_sim::{County, RunConfig};
use store::places::{Holds, Missing};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::simulate::{county, orders, rentals, start_clock};
use super::{import, serve};
use crate::cli::DemoArgs;
use crate::database::{DEMO_DIR, data_dir};
use crate::journeys::AREA_FILE;

/// Runs until it is stopped.
///
/// # Errors
/// A part cannot be started.
pub async fn run(mut args: DemoArgs) -> Result<ExitCode> {
    let start = start_clock(&args.clock)?;
    let cancel = CancellationToken::new();
    let port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let rentals = rentals::serve(port, county(args.seed, &args.orders), cancel.clone()).await?;
    let county = Arc::new(rentals.county);
    let ordered = orders(&args.orders, &county)?;
    // The demo's county never mixes with a real one.
    if args.serve.database.data_dir.is_none() && args.serve.database.database_url.is_none() {
        args.serve.database.data_dir = Some(data_dir(&args.serve.database)?.join(DEMO_DIR));
    }
    let dir = data_dir(&args.serve.database)?;
    errln!("starting PostgreSQL, the MQTT broker, the ingest and the API in {}", dir.display());
    let given_broker = args.serve.mqtt.mqtt_url.clone();
    let running = serve::start(args.serve).await?;

    if let Err(error) = running.stop.unless_requested(prepare(&running, &county, &dir)).await {
        running.stop().await?;
        return Err(error);
    }
    let mqtt_url =
        running.ready.mqtt.clone().or(given_broker).unwrap_or_else(|| "mqtt://127.0.0.1:1883".to_owned());
    let orders_file = match args.orders.orders {
        Some(file) => file,
        None => fresh_orders(&dir)?,
    };
    let config = RunConfig {
        seed: args.seed,
        speed: args.speed,
        start,
        orders: ordered,
        orders_file: Some(orders_file.clone()),
        rentals: Some(rentals.operator),
        ..RunConfig::new(&mqtt_url, county.clone())
    };
    let simulator = tokio::spawn(sensor_sim::run(config, cancel.clone()));

    outln!("{}", serde_json::to_string(&running.ready)?);
    welcome(&running.ready, &county, &orders_file);
    let why = running.stop_requested().await;
    errln!("stopping");
    cancel.cancel();
    if let Ok(Err(error)) = simulator.await {
        warn!("the simulator ended: {error}");
    }
    rentals.server.finished().await;
    let stopped = running.stop().await;
    why.and(stopped)
}

/// Imports the sample county, and joins its streets and timetable.
async fn prepare(running: &serve::Running, county: &County, dir: &Path) -> Result<()> {
    let places_dir = dir.join("places");
    std::fs::create_dir_all(&places_dir)?;
    county.write_files(&places_dir, county.today())?;
    errln!("importing the sample county from {}", places_dir.display());
    let files = places::read(std::slice::from_ref(&places_dir)).map_err(|p| anyhow!("{}", problems(&p)))?;
    let mode = import::Mode { missing: Missing::Keep, holds: Holds::FromNow, is_check: false };
    if let Err(p) = import::import(&running.database.pool, files, mode).await? {
        bail!("{}", problems(&p));
    }
    for sentence in import::served::wait(&running.database.pool).await? {
        errln!("note: {sentence}");
    }

    let (osm, gtfs) = (places_dir.join("streets.osm.pbf"), places_dir.join("gtfs.zip"));
    let file = dir.join(AREA_FILE);
    let build = move || {
        let (area, _) = Area::build(&[osm], &[gtfs], &mut |_| ())?;
        area::write(&area, &file)?;
        anyhow::Ok(())
    };
    errln!("joining its streets and timetable");
    tokio::task::spawn_blocking(build).await?
}

fn problems(problems: &[places::FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The file of orders to the simulator; those of the last demo are discarded.
fn fresh_orders(dir: &Path) -> Result<PathBuf> {
    let file = dir.join("orders.txt");
    let notes = "# What happens in the sample county, one a line. What you add happens within a second or two, what\n\
                 # you remove ends. Examples:\n\
                 # fill steverstadt-parkhaus-altstadt\n\
                 # delay 540=600\n\
                 # cancel 541\n\
                 # empty st-bahnhof\n\
                 # detour 540\n\
                 works Steverstadt, Markt\n";
    std::fs::write(&file, notes).with_context(|| file.display().to_string())?;
    Ok(file)
}

fn welcome(ready: &serve::Ready, county: &County, orders: &Path) {
    let http = ready.http.as_deref().unwrap_or_default();
    let docs = ready.ops_http.as_deref().unwrap_or(http);
    let town = county.county_town();
    let near = format!("{:.5},{:.5}", town.lat, town.lon);
    errln!("");
    errln!("Kreisverkehr is running with a sample county. Open:");
    errln!("  {http}/                    vacant parking near a point");
    errln!("  {http}/sign/{}    sites of {}, as a sign", town.slug, town.name);
    errln!("  {docs}/docs                the API");
    errln!("Or ask it:");
    errln!("  curl '{http}/v1/parking?near={near}&limit=3'");
    errln!("  curl '{http}/v1/sites?municipality={}&limit=3'", town.slug);
    errln!("  curl -N '{http}/v1/changes?municipality={}'", town.slug);
    errln!("  curl '{http}/v1/journeys?from={:.5},{:.5}&to={near}'", town.lat + 0.008, town.lon + 0.014);
    errln!("Alerts, what runs on request, and what one may rent:");
    errln!("  curl '{http}/v1/alerts'");
    errln!("  curl '{http}/v1/on-demand?near=51.975,7.33'");
    errln!("  curl '{http}/v1/rentals?near={near}'");
    errln!(
        "Fill a car park, delay a bus line, cancel the next run, empty a station of scooters (remove the line to end it):"
    );
    errln!("  echo 'fill steverstadt-parkhaus-altstadt' >> '{}'", orders.display());
    for order in ["delay 540=600", "cancel 541", "empty st-bahnhof"] {
        errln!("  echo '{order}' >> '{}'", orders.display());
    }
    errln!("Ctrl-C stops everything.");
}
