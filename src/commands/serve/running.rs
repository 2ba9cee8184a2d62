//! A running instance: how it starts and stops.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ingest::service::Ingest;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::start::start_on;
use super::{Parts, Ready};
use crate::broker::EmbeddedBroker;
use crate::database::Database;
use crate::server::Server;
use crate::shutdown::Stop;
use crate::tasks::Tasks;

/// Longest stop, whatever the database does: service managers kill what does not end, many
/// after 10 s.
const STOP_WITHIN: Duration = Duration::from_millis(9_500);

/// The part of it that is reserved for the database when the broker has much to write.
const DATABASE_STOPS_WITHIN: Duration = Duration::from_secs(2);

/// A running instance.
pub struct Running {
    pub ready: Ready,
    pub database: Database,
    /// Stop signals, from the beginning of the start.
    pub stop: Stop,
    broker: Option<EmbeddedBroker>,
    ingest: Ingest,
    servers: Vec<Server>,
    /// Ends reading: HTTP, live state, retention.
    reading: CancellationToken,
    /// Ends the task that watches the private database.
    supervision: CancellationToken,
    tasks: Tasks,
}

impl Running {
    /// Also answers a request to stop that comes before everything runs: reading live state and journeys may take its time.
    pub(super) async fn start(parts: Parts) -> Result<Self> {
        let stop = Stop::listen()?;
        let database = Database::open(&parts.database, &stop).await?;
        let (reading, supervision) = (CancellationToken::new(), CancellationToken::new());
        let tasks = Tasks::new();
        let starting = start_on(&database, &parts, &tasks, &reading, &supervision);
        match stop.unless_requested(starting).await {
            Ok((ready, broker, ingest, servers)) => {
                Ok(Running { ready, database, stop, broker, ingest, servers, reading, supervision, tasks })
            }
            Err(error) => {
                tasks.stop();
                reading.cancel();
                supervision.cancel();
                database.close_within(STOP_WITHIN).await?;
                Err(error)
            }
        }
    }

    /// Starts, prints the ready line, and runs until a stop signal, or until a part ends by itself; then stops.
    ///
    /// # Errors
    /// A part cannot be started. See [`Running::stop_requested`] and [`Running::stop`].
    pub(super) async fn run(parts: Parts) -> Result<ExitCode> {
        let running = Self::start(parts).await?;
        outln!("{}", serde_json::to_string(&running.ready)?);
        let why = running.stop_requested().await;
        let stopped = running.stop().await;
        why.and(stopped)
    }

    /// Resolves at a stop signal.
    ///
    /// # Errors
    /// A part of the process ended by itself: the process must stop too.
    pub async fn stop_requested(&self) -> Result<()> {
        let mut failed = self.tasks.failed();
        tokio::select! {
            () = self.stop.requested() => Ok(()),
            failed = failed.wait_for(Option::is_some) => {
                let name = failed.ok().and_then(|f| *f).unwrap_or("a part of the process");
                bail!("{name} ended unexpectedly; the log says why")
            }
        }
    }

    /// Stops in the order that loses nothing: the ingest stores and acknowledges what it has,
    /// then readers end, then the broker and at last the database. Each part has what the ones before
    /// it left of [`STOP_WITHIN`].
    ///
    /// # Errors
    /// The private database does not stop.
    pub async fn stop(self) -> Result<ExitCode> {
        info!("stopping");
        self.tasks.stop();
        let end = Instant::now() + STOP_WITHIN;
        let left = || end.saturating_duration_since(Instant::now());
        self.ingest.stop().await;
        self.reading.cancel();
        for server in self.servers {
            server.finished().await;
        }
        if let Some(broker) = self.broker {
            broker.stop(left().saturating_sub(DATABASE_STOPS_WITHIN)).await;
        }
        self.supervision.cancel();
        self.database.close_within(left()).await?;
        Ok(ExitCode::SUCCESS)
    }
}
