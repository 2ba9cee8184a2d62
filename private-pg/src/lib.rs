//! A private PostgreSQL server inside the data directory, for users without one of their own.
//!
//! Durable like any other (fsync on), reachable only through a unix socket in a directory closed to other users. It
//! outlives a `kill -9` of this process; the next [`PrivatePg::start`] adopts it, and never runs two.
//!
//! Needs Linux: what runs in a cluster is read from `/proc`.

mod access;
mod account;
mod binaries;
mod closed;
mod cluster;
mod error;
mod lock;
mod paths;
mod process;
mod readiness;
mod settings;

use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use account::Account;
pub use closed::make_data_dir;
use cluster::Cluster;
pub use error::PrivatePgError;
use lock::DataDirLock;
use paths::Paths;
use process::Postmaster;
use readiness::Answer;
pub use settings::PrivatePgSettings;

/// Recovery after a crash replays at most about `max_wal_size`, which takes a minute on a slow disk.
const READY_DEADLINE: Duration = Duration::from_secs(600);
const READY_POLL: Duration = Duration::from_millis(20);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Most refusals to start are for good; some end when the remains of another server do.
const START_ATTEMPTS: u32 = 3;
/// How long a command waits for another process's server that is just being started.
const ATTACH_DEADLINE: Duration = Duration::from_secs(60);
/// What a command that is in no hurry gives the server to stop.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// A start costs little, and every second without a database is one in which nothing is acknowledged.
const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(3);

/// The private server, owned by this process. Dropping it asks the server to stop without waiting for that;
/// [`stop`](Self::stop) waits.
#[derive(Debug)]
pub struct PrivatePg {
    cluster: Cluster,
    state: Mutex<State>,
    _lock: DataDirLock,
}

#[derive(Debug, Default)]
struct State {
    server: Option<Server>,
    is_stopping: bool,
}

#[derive(Debug, Clone)]
struct Server {
    postmaster: Postmaster,
    log_start: u64,
}

impl PrivatePg {
    /// Starts or adopts the server of `data_dir` and waits until it accepts connections. The first start creates the
    /// data directory, the cluster and the database.
    pub async fn start(data_dir: &Path) -> Result<Self, PrivatePgError> {
        Self::start_with(data_dir, PrivatePgSettings::default()).await
    }

    /// As [`start`](Self::start). A running server with other settings is restarted instead of adopted.
    pub async fn start_with(data_dir: &Path, settings: PrivatePgSettings) -> Result<Self, PrivatePgError> {
        make_data_dir(data_dir)?;
        let paths = Paths::of(data_dir)?;
        let account = Account::of_database(&paths.cluster)?;
        let lock = DataDirLock::acquire(&paths.data_dir)?;
        let cluster = Cluster::prepare(paths, account, settings).await?;
        let this = Self { cluster, state: Mutex::default(), _lock: lock };
        this.bring_up().await?;
        this.cluster.admit_roles().await?;
        Ok(this)
    }

    /// Whether `data_dir` holds a database, or another process is just making one there. Changes nothing.
    pub fn exists(data_dir: &Path) -> bool {
        Paths::of(data_dir).is_ok_and(|paths| paths.cluster.is_dir() || DataDirLock::is_held(data_dir))
    }

    /// The address of the server of `data_dir` if one runs and answers, whoever started it.
    pub async fn attach(data_dir: &Path) -> Option<String> {
        let paths = Paths::of(data_dir).ok()?;
        if !process::is_running_in(&paths.cluster) {
            return None;
        }
        match readiness::ask(&paths).await {
            Ok(Answer::Ready) => Some(paths.url()),
            _ => None,
        }
    }

    /// For commands that work beside the running product as well as alone: uses the server of the process that owns
    /// `data_dir`, or starts one for as long as the handle lives.
    pub async fn start_or_attach(
        data_dir: &Path,
        settings: PrivatePgSettings,
    ) -> Result<PrivatePgHandle, PrivatePgError> {
        let deadline = Instant::now() + ATTACH_DEADLINE;
        loop {
            match Self::start_with(data_dir, settings).await {
                Ok(server) => return Ok(PrivatePgHandle::Owned(Box::new(server))),
                Err(PrivatePgError::InUse { .. }) if Instant::now() < deadline => {}
                Err(error) => return Err(error),
            }
            if let Some(url) = Self::attach(data_dir).await {
                return Ok(PrivatePgHandle::Attached { url });
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// The address for sqlx and for libpq's programs (psql, pg_dump).
    pub fn url(&self) -> String {
        self.cluster.paths.url()
    }

    /// The server's process id while one runs.
    pub fn postmaster_pid(&self) -> Option<i32> {
        self.state.lock().server.as_ref().map(|server| server.postmaster.pid())
    }

    /// Restarts the server whenever it ends by itself, until `cancel` or [`stop`](Self::stop).
    pub async fn supervise(&self, cancel: CancellationToken) {
        let restarting = async {
            while let Some(server) = self.server() {
                server.postmaster.ended().await;
                if self.state.lock().is_stopping {
                    return;
                }
                tracing::error!(log = %self.cluster.paths.log.display(), "the private PostgreSQL has ended, restarting it");
                self.restart().await;
            }
        };
        cancel.run_until_cancelled(restarting).await;
    }

    async fn restart(&self) {
        let mut pause = Duration::from_secs(1);
        loop {
            match self.bring_up().await {
                Ok(()) => return tracing::info!("the private PostgreSQL is back"),
                Err(PrivatePgError::Stopping) => return,
                Err(error) => {
                    tracing::error!(%error, retry_in_s = pause.as_secs(), "cannot restart PostgreSQL");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RESTART_BACKOFF_MAX);
                }
            }
        }
    }

    /// Stops the server with [`PATIENCE`]. Also ends [`supervise`](Self::supervise).
    ///
    /// # Errors
    /// It does not end, not even when it is killed.
    pub async fn stop(&self) -> Result<(), PrivatePgError> {
        self.stop_within(PATIENCE).await
    }

    /// Stops the server within `patience`, most of it for an orderly shutdown, which disconnects clients; after a
    /// disorderly one the next start recovers. Also ends [`supervise`](Self::supervise).
    ///
    /// # Errors
    /// It does not end, not even when it is killed.
    pub async fn stop_within(&self, patience: Duration) -> Result<(), PrivatePgError> {
        let server = {
            let mut state = self.state.lock();
            state.is_stopping = true;
            state.server.take()
        };
        match server {
            Some(server) => server.postmaster.stop(patience, &self.cluster.paths.log).await,
            None => Ok(()),
        }
    }

    fn server(&self) -> Option<Server> {
        self.state.lock().server.clone()
    }

    async fn bring_up(&self) -> Result<(), PrivatePgError> {
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let server = self.adopt_or_launch().await?;
            let ready = tokio::select! {
                ready = self.ask_until_ready() => ready,
                () = server.postmaster.ended() => Err(self.cluster.exited(server.log_start)),
            };
            match ready {
                Err(error @ PrivatePgError::ServerExited { .. }) if attempt < START_ATTEMPTS => {
                    tracing::warn!(attempt, %error, "trying again");
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    tracing::info!(
                        after_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                        socket_dir = %self.cluster.paths.socket_dir.display(),
                        "the private PostgreSQL is ready"
                    );
                    return Ok(());
                }
            }
        }
    }

    async fn adopt_or_launch(&self) -> Result<Server, PrivatePgError> {
        let Paths { cluster, log, .. } = &self.cluster.paths;
        if let Some(postmaster) = Postmaster::running_in(cluster) {
            let pid = postmaster.pid();
            if self.cluster.settings_are_current() && !process::is_stopping(cluster) {
                tracing::info!(pid, "adopting the private PostgreSQL that already runs");
                return self.record(|| Ok(Server { postmaster, log_start: 0 }));
            }
            tracing::info!(pid, "stopping the old private PostgreSQL");
            postmaster.stop(PATIENCE, log).await?;
        }
        process::clear_remains(&self.cluster.paths).await?;
        tracing::info!(version = self.cluster.binaries.major, "starting the private PostgreSQL");
        self.record(|| {
            let (child, log_start) = self.cluster.launch()?;
            let postmaster = Postmaster::started(child).ok_or_else(|| self.cluster.exited(log_start))?;
            Ok(Server { postmaster, log_start })
        })
    }

    /// Under one lock with the check for `stop`, so that no server starts behind its back.
    fn record(
        &self,
        make: impl FnOnce() -> Result<Server, PrivatePgError>,
    ) -> Result<Server, PrivatePgError> {
        let mut state = self.state.lock();
        if state.is_stopping {
            return Err(PrivatePgError::Stopping);
        }
        let server = make()?;
        state.server = Some(server.clone());
        Ok(server)
    }

    async fn ask_until_ready(&self) -> Result<(), PrivatePgError> {
        let began = Instant::now();
        let mut reported = began;
        loop {
            let Answer::NotYet(last) = readiness::ask(&self.cluster.paths).await? else {
                return Ok(());
            };
            let waited_s = began.elapsed().as_secs();
            if began.elapsed() > READY_DEADLINE {
                return Err(PrivatePgError::NotReady { waited_s, last, log: self.cluster.paths.log.clone() });
            }
            if reported.elapsed() > PROGRESS_EVERY {
                reported = Instant::now();
                tracing::info!(waited_s, last, "waiting for the private PostgreSQL");
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }
}

impl Drop for PrivatePg {
    fn drop(&mut self) {
        if let Some(server) = self.state.get_mut().server.take() {
            server.postmaster.request_fast_shutdown();
        }
    }
}

/// See [`PrivatePg::start_or_attach`].
#[derive(Debug)]
pub enum PrivatePgHandle {
    /// Started here, and stopped with this handle.
    Owned(Box<PrivatePg>),
    /// Another process's server, left as it is.
    Attached { url: String },
}

impl PrivatePgHandle {
    /// See [`PrivatePg::url`].
    pub fn url(&self) -> String {
        match self {
            Self::Owned(server) => server.url(),
            Self::Attached { url } => url.clone(),
        }
    }

    /// Stops the server if this handle started it.
    pub async fn stop(&self) -> Result<(), PrivatePgError> {
        match self {
            Self::Owned(server) => server.stop().await,
            Self::Attached { .. } => Ok(()),
        }
    }
}
