//! Log lines go to standard error; standard output is for results.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::terminal::LogLines;

/// What is logged unless `KV_LOG` says otherwise (syntax of tracing's `EnvFilter`).
const DEFAULT: &str = "info,sqlx=warn,mqtt5=error,rumqttc=warn,hyper=warn";

/// Starts logging.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("KV_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| LogLines(std::io::stderr()))
        .with_target(false);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().init(),
    }
}
