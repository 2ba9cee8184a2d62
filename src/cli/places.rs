//! Arguments of `import` and `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::VisitArgs;

/// `import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    pub command: Option<ImportCommand>,
    #[command(flatten)]
    pub database: VisitArgs,
    /// Files, or folders that hold them.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Report what would be done, and do nothing.
    #[arg(long)]
    pub check: bool,
    /// The files state what was always meant: the version in force of each site and bay is rewritten from its own
    /// beginning, and figures that rest on it are derived again. Without it they state what holds from now on.
    #[arg(long)]
    pub correct: bool,
    /// What becomes of places that the files no longer mention.
    #[arg(long, value_enum, default_value = "keep")]
    pub missing: MissingArg,
}

/// What else `import` does.
#[derive(Debug, Clone, Subcommand)]
pub enum ImportCommand {
    /// Load counts of years past from CSV files, to sites that exist, or that are made (--make-sites): occupancy and
    /// forecast begin with them. What is there already stays; importing twice changes nothing. Works while the product runs.
    #[command(
        after_help = "Example:\n  kreisverkehr import history data/ --mapping docs/history/muenster.toml --make-sites --check"
    )]
    History(ImportHistoryArgs),
}

/// `import history`.
#[derive(Debug, Clone, Args)]
pub struct ImportHistoryArgs {
    #[command(flatten)]
    pub database: VisitArgs,
    /// CSV files, archives of them (.tar.xz, .tar.gz), or folders.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the columns mean (TOML; examples in docs/history/).
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Make the sites that the mapping names and that are not there yet, with what the mapping and the counts say of
    /// them; and their town, where the mapping describes it.
    #[arg(long)]
    pub make_sites: bool,
    /// Slug of the town whose sites these must be.
    #[arg(long, value_name = "SLUG")]
    pub municipality: Option<String>,
    /// Feed that the counts are stored under. Default: history-SLUG, made when it is not there.
    #[arg(long, value_name = "ID")]
    pub feed: Option<String>,
    /// Report what would be done, and do nothing.
    #[arg(long)]
    pub check: bool,
}

/// What becomes of places that are not in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingArg {
    /// They stay; the report lists them.
    Keep,
    /// They end now; their past stays.
    Close,
}

/// `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub database: VisitArgs,
    /// Folder to write to; it is made when it is not there.
    pub folder: PathBuf,
}
