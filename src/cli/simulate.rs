//! Arguments of the simulator and the demo.

use std::path::PathBuf;

use clap::Args;

use super::ServeArgs;

/// `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Which sample county: the same seed gives the same one.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Weekday and time of day at which the county's own clock starts, or `now`.
    #[arg(long, default_value = "tue 10:30")]
    pub clock: String,
    /// How much faster than real the county lives. Buses keep their timetable at 1 only.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    #[command(flatten)]
    pub orders: OrderArgs,
}

/// Orders to the sample county.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What happens in the county")]
pub struct OrderArgs {
    /// This site (its id in sites.geojson) fills up and stays full. May be given several times.
    #[arg(long, value_name = "SITE", value_delimiter = ',')]
    pub fill: Vec<String>,
    /// This line, or vehicle, runs late by so many seconds: its vehicles stand still until they are,
    /// and report so at once. May be given several times.
    #[arg(long, value_name = "LINE=SECONDS", value_delimiter = ',')]
    pub delay: Vec<String>,
    /// Radars over LoRaWAN report who passes the gates of car parks, in place of these. They stand in sensors.csv.
    #[arg(long)]
    pub lanes: bool,
    /// File with more of this, one a line: `fill SITE`, `fill STATION` and `empty STATION` (of shared vehicles),
    /// `delay LINE=SECONDS`, `cancel LINE` or `cancel TRIP` (the next run), `works STOP` and `detour LINE` (alerts). It is read
    /// every second while the county runs: what you add happens, what you remove ends. The demo has one in its data
    /// directory: orders.txt.
    #[arg(long, value_name = "FILE")]
    pub orders: Option<PathBuf>,
}

/// `simulate`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  kreisverkehr simulate --write-places places/\n  kreisverkehr simulate --mqtt-url mqtt://127.0.0.1:1883 --loss 0.01 --double 0.02 --truth truth.jsonl\n  kreisverkehr simulate --fill steverstadt-parkhaus-altstadt --delay 540=600\n  kreisverkehr simulate --load 2000 --bays 10000 --watch http://127.0.0.1:8080 --report load.json\n  kreisverkehr simulate --history 365d --write-places past/ && kreisverkehr import past/\n  kreisverkehr simulate --history 365d --watch http://127.0.0.1:8080 --truth past.jsonl\n  kreisverkehr simulate --health-report --seed 7 --sensors 500 --days 30 --faults stuck=0.02,misbound=0.02"
)]
pub struct SimulateArgs {
    /// Broker to publish to.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883", hide_env_values = true)]
    pub mqtt_url: String,
    /// File that holds the broker's URL.
    #[arg(long, conflicts_with = "mqtt_url")]
    pub mqtt_url_file: Option<PathBuf>,
    /// Which sample county: the same seed gives the same one.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the sample county's (or with --load or --history that town's) input files into this
    /// folder, send nothing.
    #[arg(long)]
    pub write_places: Option<PathBuf>,
    /// Weekday and time of day at which the county's own clock starts, or `now`.
    #[arg(long, default_value = "tue 10:30")]
    pub clock: String,
    /// How much faster than real the county lives.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Stop after so many seconds.
    #[arg(long)]
    pub duration_s: Option<f64>,
    /// Serve the county's shared vehicles as GBFS at this address, `http://ADDRESS/gbfs.json`. With --write-places:
    /// feeds.toml has a feed that asks there.
    #[arg(long, value_name = "ADDRESS")]
    pub gbfs_listen: Option<std::net::SocketAddr>,
    /// Write what really happened and what was sent, one JSON line each.
    #[arg(long)]
    pub truth: Option<PathBuf>,
    #[command(flatten)]
    pub orders: OrderArgs,
    #[command(flatten)]
    pub faults: sensor_sim::Faults,
    /// A trial of the health tests instead of a county: devices fail in virtual time, without a broker, and what is found is
    /// printed as JSON (see docs/HEALTH.md).
    #[arg(long, conflicts_with_all = ["load", "history", "write_places", "truth"])]
    pub health_report: bool,
    /// Devices of the trial.
    #[arg(long, default_value_t = 500, requires = "health_report", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub sensors: u32,
    /// Days of the trial. Faults begin between a fifth and three fifths of them.
    #[arg(long, default_value_t = 30, requires = "health_report", value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    /// Faults of the trial: shares of its devices by code (stuck=0.02,flapping=0.01,...; `none`: no faults).
    /// Default: two of a hundred each.
    #[arg(long = "faults", value_name = "CODE=SHARE", requires = "health_report")]
    pub injected: Option<String>,
    /// Load instead of a county: so many messages a second, whatever the answer (open loop).
    #[arg(long)]
    pub load: Option<f64>,
    /// A past instead of a county: the statements of a town's bays over so many days (365d, 26w, 12h),
    /// in the order of time, as fast as it is taken. Each bay makes about 6,000 statements a year. Of the
    /// faults --loss, --double, --reorder and --delay-s apply, to each of them.
    #[arg(long, value_name = "SPAN", conflicts_with = "load", value_parser = span)]
    pub history: Option<jiff::SignedDuration>,
    /// Where the past ends, e.g. 2026-11-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", requires = "history")]
    pub until: Option<jiff::Timestamp>,
    /// Bays of the load (default 10000) or of the past (default 5000).
    #[arg(long)]
    pub bays: Option<u32>,
    /// Connections of the load.
    #[arg(long, default_value_t = 4)]
    pub connections: u32,
    /// Observations in each message of the load.
    #[arg(long, default_value_t = 1)]
    pub batch: u32,
    /// Base URL of an API: the load measures until a change is seen there; the past does not run
    /// ahead of what is received there (by /metrics), so that no broker has to drop what it cannot hold.
    #[arg(long)]
    pub watch: Option<String>,
    /// Where the load's JSON report is written.
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// A length of time, days having 24 hours.
fn span(text: &str) -> Result<jiff::SignedDuration, String> {
    let parse = || text.parse::<jiff::Span>()?.to_duration(jiff::SpanRelativeTo::days_are_24_hours());
    parse().map_err(|e| format!("{e}; write for example 365d, 26w or 12h"))
}
