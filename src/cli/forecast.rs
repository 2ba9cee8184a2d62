//! Arguments of `forecast`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::VisitArgs;

/// What `forecast` does.
#[derive(Debug, Subcommand)]
pub enum ForecastCommand {
    /// Forecast years past, quarter-hour by quarter-hour, each from what was known before it, and
    /// report the errors: beside the count at the time (persistence), and beside the
    /// mean of the same quarter-hour in all weeks before (weekly mean).
    #[command(
        after_help = "Example:\n  kreisverkehr forecast evaluate --history data/ --mapping docs/history/muenster.toml \\\n    --train-until 2023-07-01 --test-until 2024-07-01"
    )]
    Evaluate(ForecastEvaluateArgs),
    /// Learn again from everything that is stored: after an import of history, or when a town has changed.
    /// Works while the product runs, which takes the result over within seconds.
    #[command(
        after_help = "Example:\n  kreisverkehr forecast train --municipality nordkirchen --from 2024-01-01"
    )]
    Train(ForecastTrainArgs),
}

/// `forecast train`.
#[derive(Debug, Clone, Args)]
pub struct ForecastTrainArgs {
    #[command(flatten)]
    pub database: VisitArgs,
    /// Slug of one town; else all.
    #[arg(long, value_name = "SLUG")]
    pub municipality: Option<String>,
    /// The first day that is learned from, as 2024-01-01; else the first that is stored.
    #[arg(long, value_name = "DATE")]
    pub from: Option<jiff::civil::Date>,
}

/// `forecast evaluate`.
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
