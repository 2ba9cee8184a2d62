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

/// A stop signal came before the work was done.
#[derive(Debug, thiserror::Error)]
#[error("stopped on request")]
pub struct StopRequested;

/// Stop signals from the moment of creation: one that comes between two waits is not lost.
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
        let token = CancellationToken::new();
        let stop = Self(token.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
        });
        Ok(stop)
    }

    /// Resolves at a stop signal, or at once after one.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether a stop signal came.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// The outcome of `work`, unless a stop signal comes first: then `work` is dropped.
    ///
    /// # Errors
    /// Those of `work`, or [`StopRequested`].
    pub async fn unless_requested<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.requested() => Err(StopRequested.into()),
        }
    }
}

/// Runs a short-lived command until it is done or a stop signal comes: then it is dropped, and a database that it
/// started is stopped. Where it computes without a pause, the process ends all the same.
///
/// # Errors
/// Those of the command.
pub async fn cut_short_when_requested(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let stop = Stop::listen()?;
    let watched = stop.clone();
    tokio::spawn(async move {
        watched.requested().await;
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
