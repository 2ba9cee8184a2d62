//! Arguments of `journey`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use evaluate::streets::StreetsArgs;
use evaluate::transit::TransitArgs;

use super::VisitArgs;

/// What `journey` does.
#[derive(Debug, Clone, Subcommand)]
pub enum JourneyCommand {
    /// Build the file that journeys rest on: streets, timetable, and the links between them.
    #[command(
        after_help = "Examples:\n  kreisverkehr journey build --osm kreis.osm.pbf --gtfs bus.zip rail.zip\n  kreisverkehr journey build --osm town.osm.pbf --out town.kvj --no-places\n  kreisverkehr journey build --sources journey-sources.toml"
    )]
    Build(BuildArgs),
    /// Answer queries from a file, and report the time taken.
    #[command(
        after_help = "Examples:\n  kreisverkehr journey evaluate --gtfs bus.zip rail.zip --date 2026-11-24 --queries stops.csv --json\n  kreisverkehr journey evaluate --streets town.osm.pbf --pairs pairs.csv --mode foot --json"
    )]
    Evaluate(EvaluateArgs),
}

/// `journey build`.
#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
    /// OpenStreetMap extracts (.osm.pbf).
    #[arg(long, num_args = 1.., required_unless_present = "sources")]
    pub osm: Vec<PathBuf>,
    /// GTFS feeds (zip files or folders).
    #[arg(long, num_args = 1..)]
    pub gtfs: Vec<PathBuf>,
    /// Licence of a GTFS feed, which GTFS itself cannot state: NAME=LICENCE, NAME being the file's name without its
    /// ending, e.g. bus=CC-BY-4.0. It is shown with every answer that rests on the feed.
    #[arg(long, value_name = "NAME=LICENCE", num_args = 1..)]
    pub gtfs_licence: Vec<String>,
    /// Whom to name for a GTFS feed: NAME=TEXT. Default: the publisher that the feed states, else its agencies.
    #[arg(long, value_name = "NAME=TEXT", num_args = 1..)]
    pub gtfs_attribution: Vec<String>,
    /// File that names extracts and timetables instead (TOML): each is an `[[extract]]` or a `[[timetable]]`, with path = "rail.zip"
    /// or with name = "bus", url = "https://..." and every = "1d". Those that have a url are fetched, where they have changed, into
    /// the folder journey.sources beside the file that is built; nothing is built where nothing has changed. One that cannot be
    /// fetched, or used, stays as it was: exit code 1.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["osm", "gtfs", "gtfs_licence", "gtfs_attribution"])]
    pub sources: Option<PathBuf>,
    /// Of --sources ask only for what is due by its `every`, and do not build what has failed of late: for a timer.
    #[arg(long, requires = "sources")]
    pub due: bool,
    /// Of --sources also take what holds less than half of what it held before.
    #[arg(long, requires = "sources")]
    pub accept_smaller: bool,
    /// Where to write. Default: journey.kvj in the data directory, where `serve` and `api` find it.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Do not look whether the imported sites can be linked (needs no database).
    #[arg(long)]
    pub no_places: bool,
    /// Write the file even if it cannot serve: the timetable has expired, or no stop has a street.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub database: VisitArgs,
}

/// `journey evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub transit: TransitArgs,
    #[command(flatten)]
    pub streets: StreetsArgs,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}
