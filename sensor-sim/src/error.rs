//! Why a simulation failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::faults::BadFault;
use crate::http::NotAWatchUrl;
use crate::mqtt::NotABroker;

/// Why a run, a past or a load failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages name the fields")]
pub enum SimulationError {
    /// A setting is out of its range.
    #[error("{field} is {value}; it must be {remedy}")]
    Config { field: &'static str, value: String, remedy: &'static str },
    /// The county cannot live that fast.
    #[error("speed {0} must be above 0 and at most 1000")]
    Speed(f64),
    /// The broker's address cannot be read.
    #[error(transparent)]
    Broker(#[from] NotABroker),
    /// The API's address cannot be read.
    #[error(transparent)]
    Watch(#[from] NotAWatchUrl),
    /// A fault's setting is out of its range.
    #[error(transparent)]
    Fault(#[from] BadFault),
    /// The broker does not answer.
    #[error("no connection to the broker within {within_s} s")]
    NoBroker { within_s: u64 },
    /// The API does not answer.
    #[error("no complete snapshot from {url}/v1/changes within {within_s} s")]
    NoSnapshot { url: String, within_s: u64 },
    /// An output file cannot be written.
    #[error("the {what} cannot be written to {}: {error}", path.display())]
    File { what: &'static str, path: PathBuf, error: io::Error },
}

impl SimulationError {
    /// Makes an error of the file at `path` of an I/O error.
    pub(crate) fn of_file(what: &'static str, path: Option<&Path>) -> impl Fn(io::Error) -> Self {
        let path = path.unwrap_or(Path::new("")).to_owned();
        move |error| SimulationError::File { what, path: path.clone(), error }
    }
}
