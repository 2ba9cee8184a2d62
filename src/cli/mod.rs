//! The command line: every flag is also an environment variable `KV_...`.

mod care;
mod feed;
mod forecast;
mod instance;
mod journey;
mod places;
mod simulate;
#[cfg(test)]
mod tests;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use care::*;
pub use feed::*;
pub use forecast::*;
pub use instance::*;
pub use journey::*;
pub use places::*;
pub use simulate::*;

/// Parking and transit for a county: sensor streams in, vacant spaces and journeys from A to B out.
#[derive(Debug, Parser)]
#[command(name = "kreisverkehr", version, after_help = "Example:\n  kreisverkehr demo")]
pub struct Cli {
    /// How log lines are written to standard error.
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line of this process; ends it when that cannot be understood or asks for help.
    pub fn of_process() -> Self {
        Self::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// All commands and flags.
pub fn command() -> clap::Command {
    with_variables(Cli::command())
}

/// Gives each flag its environment variable: `--data-dir` is `KV_DATA_DIR`.
fn with_variables(command: clap::Command) -> clap::Command {
    let named = command.mut_args(|flag| {
        let Some(name) = flag.get_long() else { return flag };
        let variable = format!("KV_{}", name.to_uppercase().replace('-', "_"));
        let is_switch = matches!(flag.get_action(), ArgAction::SetTrue);
        let flag = flag.env(variable);
        // A switch is off by `false`, `no` or `0`, and on by anything else.
        if is_switch { flag.value_parser(FalseyValueParser::new()) } else { flag }
    });
    named.mut_subcommands(with_variables)
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// What the executable does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything with a sample county and the simulator.
    #[command(
        after_help = "Examples:\n  kreisverkehr demo\n  kreisverkehr demo --http 127.0.0.1:0 --clock now\n  kreisverkehr demo --fill steverstadt-parkhaus-altstadt --delay 540=600"
    )]
    Demo(DemoArgs),
    /// Run ingest and API in one process, with a private PostgreSQL and an embedded MQTT broker
    /// where none is configured.
    #[command(
        after_help = "Examples:\n  kreisverkehr serve\n  kreisverkehr serve --mqtt-url mqtt://broker.example:1883 --database-url postgres://kv@db.example/kv"
    )]
    Serve(ServeArgs),
    /// Run the ingest alone: MQTT to database.
    #[command(
        after_help = "Example:\n  kreisverkehr ingest --database-url postgres://kv@db.example/kv --mqtt-url mqtt://broker.example:1883 --ops-http 127.0.0.1:9090"
    )]
    Ingest(IngestArgs),
    /// Run the API alone: database to HTTP.
    #[command(
        after_help = "Example:\n  kreisverkehr api --database-url postgres://kv@db.example/kv --http 127.0.0.1:8080"
    )]
    Api(ApiArgs),
    /// Simulate the sensors of the sample county, a load, or a past.
    Simulate(SimulateArgs),
    /// Load places from files or folders: municipalities.csv, sites.geojson, bays.geojson,
    /// sensors.csv, vehicles.csv, feeds.toml, closures.csv, calendar.csv, on_demand.csv,
    /// on_demand_areas.geojson, fares.toml, taxis.csv, notices.toml. Works while the product runs.
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        after_help = "Examples:\n  kreisverkehr import places/\n  kreisverkehr import --check sites.geojson\n  kreisverkehr import --missing close bays.geojson"
    )]
    Import(ImportArgs),
    /// Write the places as the same files.
    #[command(after_help = "Example:\n  kreisverkehr export places-now/")]
    Export(ExportArgs),
    /// Bring the database's structure up to date; make the database where there is none.
    #[command(after_help = "Examples:\n  kreisverkehr migrate\n  kreisverkehr migrate --derive-again")]
    Migrate(MigrateArgs),
    /// Look at suppliers' feeds.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Record the messages of a topic into a file, with the times of their receipt.
    #[command(
        after_help = "Examples:\n  kreisverkehr capture --url mqtts://broker.example --username kv --password-file pw --topic 'application/#' street.kvcap\n  kreisverkehr capture --url mqtt://127.0.0.1:1883 --topic 'kv/1/musterdorf/#' --seconds 86400 day.kvcap"
    )]
    Capture(Box<CaptureArgs>),
    /// Publish a capture again, at any speed, or write what its messages decode to.
    #[command(
        after_help = "Examples:\n  kreisverkehr replay day.kvcap --url mqtt://127.0.0.1:1883 --speed 60 --shift-to-now\n  kreisverkehr replay day.kvcap --results results.jsonl --places places/"
    )]
    Replay(Box<ReplayArgs>),
    /// Make, list and revoke keys of the API.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Journeys from A to B: build what the search needs, evaluate it.
    #[command(subcommand)]
    Journey(JourneyCommand),
    /// Drop what is older than retention allows.
    #[command(
        after_help = "Examples:\n  kreisverkehr prune --dry-run\n  kreisverkehr prune --keep-positions-days 7 --json"
    )]
    Prune(PruneArgs),
    /// Train the forecast of vacant spaces, and measure it on years past.
    #[command(subcommand)]
    Forecast(ForecastCommand),
    /// Print the OpenAPI document.
    #[command(after_help = "Example:\n  kreisverkehr openapi")]
    Openapi,
    /// Ask a running instance whether it is ready: exit code 0 when it is.
    #[command(
        after_help = "Examples:\n  kreisverkehr healthcheck\n  kreisverkehr healthcheck --ops-http 127.0.0.1:9090\n  kreisverkehr healthcheck --url https://parken.example"
    )]
    Healthcheck(HealthcheckArgs),
}

impl Command {
    /// Whether it writes into the data directory, or may start the database there.
    pub fn uses_data_dir(&self) -> bool {
        !matches!(
            self,
            Command::Simulate(_)
                | Command::Feed(_)
                | Command::Capture(_)
                | Command::Replay(_)
                | Command::Journey(JourneyCommand::Evaluate(_))
                | Command::Forecast(ForecastCommand::Evaluate(_))
                | Command::Openapi
                | Command::Healthcheck(_)
        )
    }
}
