//! `kreisverkehr serve`, `ingest`, `api`: which parts run.

mod running;
mod start;

use std::process::ExitCode;

use anyhow::Result;
use ingest::mqtt::SecretFiles;
use serde::Serialize;
use store::retention::Retention;

pub use self::running::Running;
use crate::cli::{
    ApiArgs, DatabaseArgs, EmbeddedBrokerArgs, HttpArgs, IngestArgs, MqttArgs, QuotaArgs, ServeArgs,
};
use crate::database::given;

/// What runs in this process.
struct Parts {
    database: DatabaseArgs,
    /// What feeds and towns may send.
    quotas: QuotaArgs,
    /// Brokers and polled feeds.
    ingest: Option<IngestParts>,
    /// Also where messages are posted.
    http: Option<HttpArgs>,
    ops_http: Option<std::net::SocketAddr>,
    retention: Option<Retention>,
    min_free_disk_pct: f64,
    judges_health: bool,
}

struct IngestParts {
    broker: Broker,
    secret_files: SecretFiles,
}

/// The broker of feeds that name none.
enum Broker {
    Given(String),
    Embedded(EmbeddedBrokerArgs),
    /// Only those of `feeds.toml`.
    None,
}

/// The line on standard output when everything runs.
#[derive(Debug, Serialize)]
pub struct Ready {
    pub ready: bool,
    pub http: Option<String>,
    /// Where /metrics, /docs and /openapi.json are; null where they are on `http`.
    pub ops_http: Option<String>,
    pub mqtt: Option<String>,
    /// Without its password.
    pub database_url: String,
}

/// Everything in one process.
///
/// # Errors
/// A part cannot be started.
pub async fn serve(args: ServeArgs) -> Result<ExitCode> {
    Running::run(serve_parts(args)?).await
}

/// Starts everything in one process, for the demo.
///
/// # Errors
/// A part cannot be started.
pub async fn start(args: ServeArgs) -> Result<Running> {
    Running::start(serve_parts(args)?).await
}

fn serve_parts(args: ServeArgs) -> Result<Parts> {
    Ok(Parts {
        ingest: Some(IngestParts {
            broker: match mqtt_url(&args.mqtt)? {
                Some(url) => Broker::Given(url),
                None => Broker::Embedded(args.embedded),
            },
            secret_files: args.mqtt.secret_files()?,
        }),
        quotas: args.quotas,
        database: args.database,
        ops_http: args.http.ops_http,
        http: Some(args.http),
        retention: Some(args.retention.retention()),
        min_free_disk_pct: args.disk.min_free_disk_pct,
        judges_health: args.health.health,
    })
}

/// MQTT to database.
///
/// # Errors
/// A part cannot be started.
pub async fn ingest(args: IngestArgs) -> Result<ExitCode> {
    Running::run(Parts {
        ingest: Some(IngestParts {
            broker: mqtt_url(&args.mqtt)?.map_or(Broker::None, Broker::Given),
            secret_files: args.mqtt.secret_files()?,
        }),
        quotas: args.quotas,
        database: args.database,
        http: None,
        ops_http: args.ops_http,
        retention: Some(args.retention.retention()),
        min_free_disk_pct: args.disk.min_free_disk_pct,
        judges_health: args.health.health,
    })
    .await
}

/// Database to HTTP, and what is posted to the database.
///
/// # Errors
/// A part cannot be started.
pub async fn api(args: ApiArgs) -> Result<ExitCode> {
    Running::run(Parts {
        ingest: None,
        quotas: args.quotas,
        database: args.database,
        ops_http: args.http.ops_http,
        http: Some(args.http),
        retention: None,
        min_free_disk_pct: args.disk.min_free_disk_pct,
        judges_health: args.health.health,
    })
    .await
}

fn mqtt_url(args: &MqttArgs) -> Result<Option<String>> {
    given(args.mqtt_url.as_ref(), args.mqtt_url_file.as_ref(), "--mqtt-url-file")
}
