//! Which database this instance uses, and where its data directory is.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use private_pg::{PrivatePg, PrivatePgHandle, PrivatePgSettings};
use store::Pool;
use store::migrate::{Partitioning, is_migrated, migrate};
use store::pool::without_password;
use tracing::{info, warn};

use crate::cli::{DatabaseArgs, VisitArgs};
use crate::shutdown::Stop;

/// An open database.
pub struct Database {
    pub url: String,
    pub pool: Pool,
    pub partitioning: Partitioning,
    private: Option<Private>,
}

enum Private {
    Owned(Arc<PrivatePg>),
    Shared(PrivatePgHandle),
}

/// Time for an orderly stop of a private database after a failed migration or an aborted start.
const UNUSED_STOPS_WITHIN: Duration = Duration::from_secs(8);

/// The data directory as root.
const SYSTEM_DIR: &str = "/var/lib/kreisverkehr";

/// The demo's directory in the data directory.
pub const DEMO_DIR: &str = "demo";

impl Database {
    /// For a long-lived process: with a private database it must be the only one of its data
    /// directory. Makes what is not there.
    ///
    /// # Errors
    /// The database cannot be reached or started, or its structure cannot be brought up to date; or somebody asks the
    /// process to stop meanwhile.
    pub async fn open(args: &DatabaseArgs, stop: &Stop) -> Result<Self> {
        if let Some(url) = args.url()? {
            return stop.unless_requested(Self::connect(url, None, args.timescaledb)).await;
        }
        let dir = data_dir(args)?;
        let start = async { Ok(Arc::new(PrivatePg::start_with(&dir, settings(args)).await?)) };
        let private = stop.unless_requested(start).await?;
        let owned = Some(Private::Owned(private.clone()));
        let connected = stop.unless_requested(Self::connect(private.url(), owned, args.timescaledb)).await;
        if connected.is_err() {
            private.stop_within(UNUSED_STOPS_WITHIN).await?;
        }
        connected
    }

    /// For a short-lived command: uses the private database of a running instance, or starts
    /// it for that time. Names the database on standard error.
    ///
    /// # Errors
    /// See [`Database::open`]; and there is none yet, and the command may not make it: nothing is
    /// made then.
    pub async fn visit(args: &VisitArgs) -> Result<Self> {
        let VisitArgs { database: args, create } = args;
        if let Some(url) = args.url()? {
            errln!("database: {}", without_password(&url));
            let pool = store::connect(&url).await?;
            if !create && !is_migrated(&pool).await? {
                bail!("the database {} {NOT_OURS}\n  remedy: {REMEDY}", without_password(&url));
            }
            pool.close().await;
            return Self::connect(url, None, args.timescaledb).await;
        }
        let dir = data_dir_path(args)?;
        errln!("database: the private one in {}", dir.display());
        if !create && !PrivatePg::exists(&dir) {
            bail!(none_in(&dir));
        }
        let private = PrivatePg::start_or_attach(&data_dir(args)?, settings(args)).await?;
        Self::connect(private.url(), Some(Private::Shared(private)), args.timescaledb).await
    }

    async fn connect(url: String, private: Option<Private>, timescaledb: bool) -> Result<Self> {
        let pool = store::connect(&url).await?;
        let partitioning = migrate(&pool, timescaledb).await?;
        Ok(Database { url, pool, partitioning, private })
    }

    /// Where the database keeps its data, when that is on this machine and not within the data
    /// directory; says so when it cannot be known.
    pub async fn directory(&self) -> Option<PathBuf> {
        if self.private.is_some() {
            return None;
        }
        match store::pool::data_directory(&self.pool).await {
            Ok(Some(path)) if path.exists() => Some(path),
            Ok(_) => {
                info!(
                    "the disk of the database is not watched: it is on another machine, or our user may not \
                     ask where it is (GRANT pg_read_all_settings)"
                );
                None
            }
            Err(error) => {
                warn!("the disk of the database is not watched: {error}");
                None
            }
        }
    }

    /// The private database, when this process owns one: it must be looked after.
    pub fn owned(&self) -> Option<&Arc<PrivatePg>> {
        match &self.private {
            Some(Private::Owned(private)) => Some(private),
            _ => None,
        }
    }

    /// Closes all connections, and stops a private database that this process started.
    ///
    /// # Errors
    /// The private database does not stop.
    pub async fn close(self) -> Result<()> {
        self.close_within(private_pg::PATIENCE).await
    }

    /// The same within `patience`, whatever state the database is in.
    ///
    /// # Errors
    /// The private database does not stop.
    pub async fn close_within(self, patience: Duration) -> Result<()> {
        // Connections to a database that does not answer do not close either.
        let _ = tokio::time::timeout(patience / 4, self.pool.close()).await;
        match self.private {
            Some(Private::Owned(private)) => {
                info!("stopping the private PostgreSQL");
                private.stop_within(patience * 3 / 4).await?;
            }
            Some(Private::Shared(private)) => private.stop().await?,
            None => {}
        }
        Ok(())
    }
}

fn settings(args: &DatabaseArgs) -> PrivatePgSettings {
    PrivatePgSettings { timescaledb: args.timescaledb }
}

/// The URL that was given, or is in a file.
///
/// # Errors
/// The file cannot be read; the message names its flag.
pub fn given(url: Option<&String>, file: Option<&PathBuf>, flag: &str) -> Result<Option<String>> {
    match (url, file) {
        (Some(url), _) => Ok(Some(url.clone())),
        (None, Some(path)) => secret(path, flag).map(Some),
        (None, None) => Ok(None),
    }
}

impl DatabaseArgs {
    fn url(&self) -> Result<Option<String>> {
        given(self.database_url.as_ref(), self.database_url_file.as_ref(), "--database-url-file")
    }
}

/// Reads a secret from a file.
///
/// # Errors
/// The file cannot be read; the message names the flag.
pub fn secret(path: &Path, flag: &str) -> Result<String> {
    let text =
        places::read_regular(path).with_context(|| format!("{flag} {} cannot be read", path.display()))?;
    Ok(text.trim().to_owned())
}

const NOT_OURS: &str = "holds nothing of Kreisverkehr";
const REMEDY: &str = "name the right one by --database-url or --data-dir, or add --create to make a new one";

/// The message when no private database was found.
fn none_in(dir: &Path) -> String {
    let found = match dir.read_dir().map(|mut entries| entries.next().is_none()) {
        Err(error) if error.kind() == ErrorKind::NotFound => "there is no such directory".to_owned(),
        Err(error) => format!("it cannot be read by this user ({error})"),
        Ok(true) => "the directory is empty".to_owned(),
        Ok(false) => format!("the directory {NOT_OURS}"),
    };
    let elsewhere: Vec<String> = [dir.join(DEMO_DIR), PathBuf::from(SYSTEM_DIR)]
        .iter()
        .filter(|other| *other != dir && PrivatePg::exists(other))
        .map(|other| format!("\n  there is one in {}", other.display()))
        .collect();
    format!("no database in {}: {found}{}\n  remedy: {REMEDY}", dir.display(), elsewhere.concat())
}

/// The data directory, made when it is not there, and closed to other users of this machine.
///
/// # Errors
/// It cannot be made, or there is no place for it.
pub fn data_dir(args: &DatabaseArgs) -> Result<PathBuf> {
    let dir = data_dir_path(args)?;
    private_pg::make_data_dir(&dir)
        .with_context(|| format!("the data directory {} cannot be used; give --data-dir", dir.display()))?;
    dir.canonicalize().with_context(|| format!("the data directory {} cannot be used", dir.display()))
}

/// Where the data directory is, or would be.
///
/// # Errors
/// There is no place for it.
pub fn data_dir_path(args: &DatabaseArgs) -> Result<PathBuf> {
    match &args.data_dir {
        Some(dir) => Ok(dir.clone()),
        None if nix::unistd::geteuid().is_root() => Ok(PathBuf::from(SYSTEM_DIR)),
        None => {
            let data_home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
            let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
            let base =
                data_home.or_else(home).context("no data directory: HOME is not set; give --data-dir")?;
            Ok(base.join("kreisverkehr"))
        }
    }
}
