//! Arguments of commands for operators: `key`, `migrate`, `prune`, `healthcheck`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

use super::{DatabaseArgs, RetentionArgs, VisitArgs};

/// What `key` does.
#[derive(Debug, Clone, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once: only its hash is kept.
    #[command(
        after_help = "Examples:\n  kreisverkehr key create --role installer --municipality nordkirchen --name 'Elektro Meier'\n  kreisverkehr key create --role feed --feed nordkirchen-ttn --name 'The Things Stack'"
    )]
    Create(KeyCreateArgs),
    /// List keys, without the keys themselves.
    #[command(after_help = "Example:\n  kreisverkehr key list")]
    List(VisitArgs),
    /// End a key.
    #[command(after_help = "Example:\n  kreisverkehr key revoke 3")]
    Revoke(KeyRevokeArgs),
}

/// `key create`.
#[derive(Debug, Clone, Args)]
pub struct KeyCreateArgs {
    #[command(flatten)]
    pub database: VisitArgs,
    /// Its role.
    #[arg(long, value_parser = ["installer", "planner", "operator", FEED, ADMIN])]
    pub role: String,
    /// Slug of a municipality it holds for; may be given several times. Not for admin and feed.
    #[arg(long, value_name = "SLUG", value_delimiter = ',')]
    pub municipality: Vec<String>,
    /// Id of the feed whose messages it may post over HTTP, and nothing else. For the role feed.
    #[arg(long, value_name = "ID")]
    pub feed: Option<String>,
    /// Whose key it is.
    #[arg(long)]
    pub name: Option<String>,
    /// When it ends, e.g. 2027-12-31T00:00:00Z.
    #[arg(long)]
    pub expires: Option<String>,
}

/// The role of a key that holds for the county.
pub const ADMIN: &str = "admin";

/// The role of a key that posts to one feed.
pub const FEED: &str = "feed";

/// `key revoke`.
#[derive(Debug, Clone, Args)]
pub struct KeyRevokeArgs {
    #[command(flatten)]
    pub database: VisitArgs,
    /// The key's number in `key list`.
    pub id: i32,
}

/// `migrate`.
#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Have intervals, stays and hours of occupancy derived again from the observations.
    #[arg(long)]
    pub derive_again: bool,
}

/// `prune`.
#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    #[command(flatten)]
    pub database: VisitArgs,
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// Report what would be dropped, and drop nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

/// `healthcheck`.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// Base URL of the instance, where it is not on this machine.
    #[arg(long)]
    pub url: Option<String>,
    /// Address of the API, as `serve` has it.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// Address for operators, as `serve` and `ingest` have it: asked in place of --http.
    #[arg(long)]
    pub ops_http: Option<SocketAddr>,
}
