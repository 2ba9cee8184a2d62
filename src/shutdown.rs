//! SIGTERM and Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a command may go on before it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(3);

/// As shells and service managers know it: 128 and the number of SIGTERM.
const CUT_SHORT: u8 = 143;

/// Somebody asked the process to stop before it had done what it was about.
#[derive(Debug)]
pub struct Asked;

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped on request")
    }
}

impl std::error::Error for Asked {}

/// A request to stop, heard from the moment on when this is made: one that comes between two waits for it is not lost.
#[derive(Clone)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system lets us listen to no signal.
    pub fn listen() -> std::io::Result<Self> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let asked = CancellationToken::new();
        let stop = Self(asked.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            asked.cancel();
        });
        Ok(stop)
    }

    /// Resolves when somebody asks the process to stop, or has asked already.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// The outcome of `work`, unless somebody asks the process to stop before that: then `work` is dropped.
    ///
    /// # Errors
    /// Those of `work`, or [`Asked`].
    pub async fn unless_requested<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.requested() => Err(Asked.into()),
        }
    }
}

/// Runs a command that comes and goes, until it is done or somebody asks the process to stop: then it is dropped, and a
/// database that it started for itself is asked to stop. Where it computes without a pause, the process ends all the same.
///
/// # Errors
/// Those of the command.
pub async fn cut_short_when_requested(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let stop = Stop::listen()?;
    let asked = stop.clone();
    tokio::spawn(async move {
        asked.requested().await;
        tokio::time::sleep(LISTENS_WITHIN).await;
        std::process::exit(CUT_SHORT.into());
    });
    tokio::select! {
        done = command => done,
        () = stop.requested() => {
            errln!("stopped before it was done");
            Ok(ExitCode::from(CUT_SHORT))
        }
    }
}
