//! The command line: every flag is also an environment variable `KV_...`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Parking and transit for a county: sensor streams in, vacant spaces and ways from A to B out.
#[derive(Debug, Parser)]
#[command(name = "kreisverkehr", version, after_help = "Try it: kreisverkehr demo")]
pub struct Cli {
    /// How log lines are written to standard error.
    #[arg(long, env = "KV_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything with a sample county and the simulator.
    Demo(DemoArgs),
    /// Run ingest and API in one process, with a private PostgreSQL and an embedded MQTT broker
    /// where none is configured.
    #[command(
        after_help = "Examples:\n  kreisverkehr serve\n  kreisverkehr serve --mqtt-url mqtt://broker.example:1883 --database-url postgres://kv@db.example/kv"
    )]
    Serve(ServeArgs),
    /// Run the ingest alone: MQTT to database.
    Ingest(IngestArgs),
    /// Run the API alone: database to HTTP.
    Api(ApiArgs),
    /// Send what the sensors of the sample county would, or load, or a past.
    Simulate(SimulateArgs),
    /// Load places from files or folders: municipalities.csv, sites.geojson, bays.geojson,
    /// sensors.csv, vehicles.csv, feeds.toml, closures.csv, calendar.csv. Works while the product runs.
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        after_help = "Examples:\n  kreisverkehr import places/\n  kreisverkehr import --check sites.geojson\n  kreisverkehr import --missing close bays.geojson"
    )]
    Import(ImportArgs),
    /// Write the places as the same files.
    Export(ExportArgs),
    /// Bring the database's structure up to date.
    Migrate(MigrateArgs),
    /// Make, list and revoke keys of the API.
    Key(KeyArgs),
    /// Ways from A to B: build what the search needs, evaluate it.
    Journey(JourneyArgs),
    /// Drop what is older than retention allows.
    #[command(
        after_help = "Examples:\n  kreisverkehr prune --dry-run\n  kreisverkehr prune --keep-positions-days 7 --json"
    )]
    Prune(PruneArgs),
    /// Train the forecast of vacant spaces, and measure it on years past.
    #[command(subcommand)]
    Forecast(ForecastCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Ask a running instance whether it is ready: exit code 0 when it is.
    Healthcheck(HealthcheckArgs),
}

/// Which database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// PostgreSQL to use, e.g. postgres://kv:secret@db.example/kv. Without it a private one runs
    /// in the data directory.
    #[arg(long, env = "KV_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// File that holds the database URL.
    #[arg(long, env = "KV_DATABASE_URL_FILE", conflicts_with = "database_url")]
    pub database_url_file: Option<PathBuf>,
    /// Where everything of this instance lives. Default: /var/lib/kreisverkehr as root, else
    /// kreisverkehr in the user's data directory.
    #[arg(long, env = "KV_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Whether a fresh database uses TimescaleDB where it is preloaded.
    #[arg(long, env = "KV_TIMESCALEDB", default_value_t = true, action = clap::ArgAction::Set)]
    pub timescaledb: bool,
}

#[derive(Debug, Clone, Args)]
pub struct HttpArgs {
    /// Address of the API. Port 0 picks a free one.
    #[arg(long, env = "KV_HTTP", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// File of `journey build`. Default: journey.kvj in the data directory. A new one is taken in while
    /// the product runs.
    #[arg(long, env = "KV_JOURNEY_FILE")]
    pub journey_file: Option<PathBuf>,
    /// Own address for /healthz, /readyz, /metrics, /docs and /openapi.json.
    #[arg(long, env = "KV_OPS_HTTP")]
    pub ops_http: Option<SocketAddr>,
}

#[derive(Debug, Clone, Args)]
pub struct MqttArgs {
    /// MQTT broker of the feeds that name none, e.g. mqtts://user:secret@broker.example. Without
    /// it an embedded broker runs.
    #[arg(long, env = "KV_MQTT_URL", hide_env_values = true)]
    pub mqtt_url: Option<String>,
    /// File that holds the broker's URL.
    #[arg(long, env = "KV_MQTT_URL_FILE", conflicts_with = "mqtt_url")]
    pub mqtt_url_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct EmbeddedBrokerArgs {
    /// Address of the embedded MQTT broker; ignored with --mqtt-url. It acknowledges a publisher
    /// before it writes to disk: after a kill -9 up to 250 ms of messages may be lost, an orderly
    /// stop loses none. Who needs more connects a durable broker by --mqtt-url.
    #[arg(long, env = "KV_MQTT_LISTEN", default_value = "127.0.0.1:1883")]
    pub mqtt_listen: SocketAddr,
    /// Who may publish and subscribe what at the embedded broker (TOML: `[[user]]` with name, password,
    /// publish, subscribe). Required unless it listens on this machine only.
    #[arg(long, env = "KV_MQTT_USERS")]
    pub mqtt_users: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Days that rejected messages are kept.
    #[arg(long, env = "KV_KEEP_REJECTIONS_DAYS", default_value_t = 14)]
    pub keep_rejections_days: u32,
    /// Days that the bytes of LoRaWAN messages are kept.
    #[arg(long, env = "KV_KEEP_UPLINKS_DAYS", default_value_t = 90)]
    pub keep_uplinks_days: u32,
    /// Days that vehicle positions, and what was said of trips, are kept.
    #[arg(long, env = "KV_KEEP_POSITIONS_DAYS", default_value_t = 14)]
    pub keep_positions_days: u32,
    /// Days that bay, site and passenger observations are kept, and what is derived of each of them.
    #[arg(long, env = "KV_KEEP_OBSERVATIONS_DAYS", default_value_t = 1095)]
    pub keep_observations_days: u32,
    /// Days that is kept how late each run passed each stop; which vehicle it was only as long as positions.
    #[arg(long, env = "KV_KEEP_PASSAGES_DAYS", default_value_t = 1095)]
    pub keep_passages_days: u32,
    /// Days that sums per hour are kept, and what remains of vehicle positions. Default: for ever.
    #[arg(long, env = "KV_KEEP_AGGREGATES_DAYS")]
    pub keep_aggregates_days: Option<u32>,
}

impl RetentionArgs {
    /// As the store wants it.
    pub fn retention(&self) -> store::retention::Retention {
        let days = |n: u32| std::time::Duration::from_secs(u64::from(n) * 86_400);
        store::retention::Retention {
            rejections: days(self.keep_rejections_days),
            uplinks: days(self.keep_uplinks_days),
            vehicle_positions: days(self.keep_positions_days),
            observations: days(self.keep_observations_days),
            passages: days(self.keep_passages_days),
            aggregates: self.keep_aggregates_days.map(days),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct DiskArgs {
    /// Percent of the data directory's disk that must be free. With less nothing is stored or
    /// acknowledged; reading goes on, and /readyz says why.
    #[arg(long, env = "KV_MIN_FREE_DISK_PCT", default_value_t = crate::disk::MIN_FREE_PCT)]
    pub min_free_disk_pct: f64,
}

#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub http: HttpArgs,
    #[command(flatten)]
    pub mqtt: MqttArgs,
    #[command(flatten)]
    pub embedded: EmbeddedBrokerArgs,
    #[command(flatten)]
    pub retention: RetentionArgs,
    #[command(flatten)]
    pub disk: DiskArgs,
}

#[derive(Debug, Clone, Args)]
pub struct IngestArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub mqtt: MqttArgs,
    #[command(flatten)]
    pub retention: RetentionArgs,
    #[command(flatten)]
    pub disk: DiskArgs,
    /// Address for /healthz, /readyz and /metrics.
    #[arg(long, env = "KV_OPS_HTTP")]
    pub ops_http: Option<SocketAddr>,
}

#[derive(Debug, Clone, Args)]
pub struct ApiArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub http: HttpArgs,
}

#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Which sample county: the same seed gives the same one.
    #[arg(long, env = "KV_SEED", default_value_t = 1)]
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

/// What is to happen in the sample county.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What happens in the county")]
pub struct OrderArgs {
    /// This site (its id in sites.geojson) fills up and stays full. May be given several times.
    #[arg(long, value_name = "SITE")]
    pub fill: Vec<String>,
    /// This line, or vehicle, runs late by so many seconds: its vehicles stand still until they are,
    /// and say so at once. May be given several times.
    #[arg(long, value_name = "LINE=SECONDS")]
    pub delay: Vec<String>,
    /// File with more of this, one a line: `fill SITE`, `delay LINE=SECONDS`. It is read every
    /// second while the county runs: what you add happens, what you remove ends. The demo has one
    /// in its data directory: orders.txt.
    #[arg(long, value_name = "FILE")]
    pub orders: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  kreisverkehr simulate --write-places places/\n  kreisverkehr simulate --mqtt-url mqtt://127.0.0.1:1883 --loss 0.01 --double 0.02 --truth truth.jsonl\n  kreisverkehr simulate --fill steverstadt-parkhaus-altstadt --delay 540=600\n  kreisverkehr simulate --load 2000 --bays 10000 --watch http://127.0.0.1:8080 --report load.json\n  kreisverkehr simulate --history 365d --write-places past/ && kreisverkehr import past/\n  kreisverkehr simulate --history 365d --watch http://127.0.0.1:8080 --truth past.jsonl"
)]
pub struct SimulateArgs {
    /// Broker to publish to.
    #[arg(long, env = "KV_MQTT_URL", default_value = "mqtt://127.0.0.1:1883", hide_env_values = true)]
    pub mqtt_url: String,
    /// Which sample county: the same seed gives the same one.
    #[arg(long, env = "KV_SEED", default_value_t = 1)]
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
    /// Write what really happened and what was sent, one JSON line each.
    #[arg(long)]
    pub truth: Option<PathBuf>,
    #[command(flatten)]
    pub orders: OrderArgs,
    #[command(flatten)]
    pub faults: FaultArgs,
    /// Load instead of a county: so many messages a second, whatever the answer (open loop).
    #[arg(long)]
    pub load: Option<f64>,
    /// A past instead of a county: what the bays of a town said over so many days (365d, 26w, 12h),
    /// in the order of time, as fast as it is taken. Each bay says about 6,000 things a year. Of the
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

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Faults")]
pub struct FaultArgs {
    /// Share of messages that never arrive.
    #[arg(long, default_value_t = 0.0)]
    pub loss: f64,
    /// Share of messages that are sent twice.
    #[arg(long, default_value_t = 0.0)]
    pub double: f64,
    /// Share of messages that are overtaken by later ones.
    #[arg(long, default_value_t = 0.0)]
    pub reorder: f64,
    /// Every message is held back by up to so many seconds.
    #[arg(long, default_value_t = 0.0)]
    pub delay_s: f64,
    /// Share of places and vehicles whose clock is wrong.
    #[arg(long, default_value_t = 0.0)]
    pub wrong_clock: f64,
    /// Share of bays whose sensor never changes.
    #[arg(long, default_value_t = 0.0)]
    pub stuck: f64,
    /// Share of bays whose sensor wavers around each change.
    #[arg(long, default_value_t = 0.0)]
    pub flapping: f64,
    /// Share of bays whose sensor falls silent.
    #[arg(long, default_value_t = 0.0)]
    pub dead: f64,
    /// Share of devices with a nearly empty battery.
    #[arg(long, default_value_t = 0.0)]
    pub low_battery: f64,
    /// Share of bays whose old state is sent again and again with a fresh time.
    #[arg(long, default_value_t = 0.0)]
    pub restamp: f64,
    /// Share of bays whose device is replaced.
    #[arg(long, default_value_t = 0.0)]
    pub device_swap: f64,
}

#[derive(Debug, Subcommand)]
pub enum ForecastCommand {
    /// Forecast years past, quarter-hour by quarter-hour, each from what was known before it, and
    /// say how far off that was: beside the sign's state at the time (persistence), and beside the
    /// mean of the same quarter-hour in all weeks before (weekly mean).
    #[command(
        after_help = "Example:\n  kreisverkehr forecast evaluate --history data/ --mapping docs/history/muenster.toml \\\n    --train-until 2023-07-01 --test-until 2024-07-01"
    )]
    Evaluate(ForecastEvaluateArgs),
    /// Learn anew from everything that is stored: after an import of history, or when a town has changed.
    /// Works while the product runs, which takes the result over within seconds.
    #[command(
        after_help = "Example:\n  kreisverkehr forecast train --municipality nordkirchen --from 2024-01-01"
    )]
    Train(ForecastTrainArgs),
}

#[derive(Debug, Clone, Args)]
pub struct ForecastTrainArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Slug of one town; else all.
    #[arg(long, value_name = "SLUG")]
    pub municipality: Option<String>,
    /// The first day that is learned from, as 2024-01-01; else the first that is stored.
    #[arg(long, value_name = "DATE")]
    pub from: Option<jiff::civil::Date>,
}

#[derive(Debug, Clone, Args)]
pub struct ForecastEvaluateArgs {
    /// CSV files, archives of them (.tar.xz, .tar.gz), or folders.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub history: Vec<PathBuf>,
    /// What the columns mean (TOML; examples in docs/history/).
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// The day, as 2023-07-01, with whose first minute the test begins.
    #[arg(long, value_name = "DATE")]
    pub train_until: jiff::civil::Date,
    /// The day with whose first minute the test ends.
    #[arg(long, value_name = "DATE")]
    pub test_until: jiff::civil::Date,
    /// Only these sites (ids of the mapping, or headers); the others still teach.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub sites: Vec<String>,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
    /// Write every forecast up to two hours ahead beside what came (CSV), to compare with others.
    #[arg(long, value_name = "FILE.csv")]
    pub pairs: Option<PathBuf>,
    /// Draw the chances against what happened (a reliability diagram).
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    pub command: Option<ImportCommand>,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Files, or folders that hold them.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub check: bool,
    /// What becomes of places that the files no longer mention.
    #[arg(long, value_enum, default_value = "keep")]
    pub missing: MissingArg,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ImportCommand {
    /// Load counts of years past from CSV files, to sites that exist: occupancy and forecast begin with
    /// them. What is there already stays; importing twice changes nothing. Works while the product runs.
    #[command(
        after_help = "Example:\n  kreisverkehr import history data/ --mapping docs/history/muenster.toml --check"
    )]
    History(ImportHistoryArgs),
}

#[derive(Debug, Clone, Args)]
pub struct ImportHistoryArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// CSV files, archives of them (.tar.xz, .tar.gz), or folders.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the columns mean (TOML; examples in docs/history/).
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Slug of the town whose sites these must be.
    #[arg(long, value_name = "SLUG")]
    pub municipality: Option<String>,
    /// Feed that the counts are stored under. Default: history-SLUG, made when it is not there.
    #[arg(long, value_name = "ID")]
    pub feed: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingArg {
    /// They stay; the report lists them.
    Keep,
    /// They end now; their past stays.
    Close,
}

#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Folder to write to; it is made when it is not there.
    pub folder: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    pub command: KeyCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once: only its hash is kept.
    #[command(
        after_help = "Example:\n  kreisverkehr key create --role installer --municipality nordkirchen --name 'Elektro Meier'"
    )]
    Create(KeyCreateArgs),
    /// List keys, without the keys themselves.
    List(DatabaseArgs),
    /// End a key.
    Revoke(KeyRevokeArgs),
}

#[derive(Debug, Clone, Args)]
pub struct KeyCreateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What it may do.
    #[arg(long, value_enum)]
    pub role: RoleArg,
    /// Slug of a municipality it holds for; may be given several times. Not for admin.
    #[arg(long)]
    pub municipality: Vec<String>,
    /// Whose key it is.
    #[arg(long)]
    pub name: Option<String>,
    /// When it ends, e.g. 2027-12-31T00:00:00Z.
    #[arg(long)]
    pub expires: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    Installer,
    Planner,
    Operator,
    Admin,
}

#[derive(Debug, Clone, Args)]
pub struct KeyRevokeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The key's number in `key list`.
    pub id: i32,
}

#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Have intervals, stays and hours of occupancy derived again from the observations.
    #[arg(long)]
    pub derive_again: bool,
}

#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// Say what would go, and drop nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// Base URL of the instance.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
}

#[derive(Debug, Clone, Args)]
pub struct JourneyArgs {
    #[command(subcommand)]
    pub command: JourneyCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum JourneyCommand {
    /// Make the file that answers about ways stand on: streets, timetable, and how they hang together.
    #[command(
        after_help = "Examples:\n  kreisverkehr journey build --osm kreis.osm.pbf --gtfs bus.zip rail.zip\n  kreisverkehr journey build --osm town.osm.pbf --out town.kvj --no-places"
    )]
    Build(BuildArgs),
    /// Answer queries from a file, and say how long it took.
    #[command(
        after_help = "Examples:\n  kreisverkehr journey evaluate --gtfs bus.zip rail.zip --date 2026-11-24 --queries stops.csv --json\n  kreisverkehr journey evaluate --streets town.osm.pbf --pairs pairs.csv --mode foot --json"
    )]
    Evaluate(EvaluateArgs),
}

#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
    /// OpenStreetMap extracts (.osm.pbf).
    #[arg(long, num_args = 1.., required = true)]
    pub osm: Vec<PathBuf>,
    /// GTFS feeds (zip files or folders).
    #[arg(long, num_args = 1..)]
    pub gtfs: Vec<PathBuf>,
    /// Where to write. Default: journey.kvj in the data directory, where `serve` and `api` find it.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Do not look whether the imported sites can be linked (needs no database).
    #[arg(long)]
    pub no_places: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub transit: TransitEvaluateArgs,
    #[command(flatten)]
    pub streets: StreetsEvaluateArgs,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Transit")]
pub struct TransitEvaluateArgs {
    /// GTFS feeds (zip files or folders) to search from stop to stop.
    #[arg(long, num_args = 1.., requires_all = ["date", "queries"])]
    pub gtfs: Vec<PathBuf>,
    /// Service day, e.g. 2026-11-24.
    #[arg(long, requires = "gtfs")]
    pub date: Option<jiff::civil::Date>,
    /// Queries: CSV with from,to,dep (stop ids; seconds after midnight) and optionally q.
    #[arg(long, requires = "gtfs")]
    pub queries: Option<PathBuf>,
    /// Real-time updates of that day: a GTFS-Realtime FeedMessage with TripUpdates.
    #[arg(long, requires = "gtfs")]
    pub gtfs_rt: Option<PathBuf>,
    /// Allow changes between platforms of a station where transfers.txt has none.
    #[arg(long, requires = "gtfs")]
    pub station_changes: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Streets")]
pub struct StreetsEvaluateArgs {
    /// OpenStreetMap extracts (.osm.pbf) whose streets are searched.
    #[arg(long, num_args = 1.., requires = "pairs")]
    pub streets: Vec<PathBuf>,
    /// Queries on streets: CSV with from_lat,from_lon,to_lat,to_lon and optionally q.
    #[arg(long, requires = "streets")]
    pub pairs: Option<PathBuf>,
    /// How to move on streets.
    #[arg(long, value_enum, default_value = "foot")]
    pub mode: StreetModeArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StreetModeArg {
    Foot,
    Bike,
    Car,
    Wheelchair,
}
