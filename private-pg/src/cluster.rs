//! The cluster on disk: created once, its settings and directories corrected at each start.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::process::Child;

use crate::PrivatePgError;
use crate::access::{self, Access};
use crate::account::Account;
use crate::binaries::Binaries;
use crate::paths::{NAME, Paths};
use crate::settings::PrivatePgSettings;

/// A log beyond this is set aside at the next start (one old one is kept).
const LOG_MAX_BYTES: u64 = 20 << 20;
/// How much of the log an error shows.
const LOG_TAIL_BYTES: u64 = 2_000;

/// A cluster that is there, and what starts it.
#[derive(Debug)]
pub struct Cluster {
    pub paths: Paths,
    pub binaries: Binaries,
    account: Account,
    settings_text: String,
}

impl Cluster {
    /// Finds PostgreSQL and makes the cluster if there is none. The caller holds the data directory's lock.
    pub async fn prepare(
        paths: Paths,
        account: Account,
        settings: PrivatePgSettings,
    ) -> Result<Self, PrivatePgError> {
        let binaries = Binaries::find(&paths.cluster)?;
        account.must_enter(&paths.data_dir, &binaries.program("postgres"))?;
        let settings_text = settings.render(&binaries, &paths);
        let cluster = Self { paths, binaries, account, settings_text };
        if !cluster.paths.cluster.is_dir() {
            cluster.init().await?;
        }
        cluster.account.make_own_dir(&cluster.paths.cluster)?;
        cluster.make_socket_dir()?;
        Ok(cluster)
    }

    /// Made under another name and then renamed: a half-made cluster is never taken for one.
    async fn init(&self) -> Result<(), PrivatePgError> {
        let unfinished = self.paths.data_dir.join("postgres.unfinished");
        tracing::info!(
            dir = %self.paths.cluster.display(),
            version = self.binaries.major,
            "creating the private PostgreSQL"
        );
        // C.UTF-8 knows the case of letters beyond ASCII; where the system lacks it, C must do.
        // The order is C's in any case: it is fast and no update of the system's library can change it.
        if let Err(error) = self.run_initdb(&unfinished, "C.UTF-8").await {
            self.run_initdb(&unfinished, "C").await.map_err(|_| error)?;
        }
        let conf = unfinished.join("postgresql.conf");
        File::options()
            .append(true)
            .open(&conf)
            .and_then(|mut file| {
                file.write_all(
                    b"\ninclude '../postgres.conf'\n# Your own settings below: the last one counts.\n",
                )?;
                file.sync_all()
            })
            .map_err(PrivatePgError::io("write", &conf))?;
        fs::rename(&unfinished, &self.paths.cluster).map_err(PrivatePgError::io("rename", &unfinished))
    }

    async fn run_initdb(&self, dir: &Path, ctype: &str) -> Result<(), PrivatePgError> {
        remove_dir(dir)?;
        self.account.make_own_dir(dir)?;
        let program = self.binaries.program("initdb");
        let mut command = self.account.command(&program);
        command
            .arg("--pgdata")
            .arg(dir)
            .args(["--username", NAME, "--auth-local=peer", "--auth-host=reject", "--data-checksums"])
            .args(["--encoding=UTF8", "--locale=C", "--lc-ctype", ctype, "--no-instructions"]);
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(PrivatePgError::io("run", &program))?;
        if output.status.success() {
            return Ok(());
        }
        Err(PrivatePgError::Command {
            program,
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    fn make_socket_dir(&self) -> Result<(), PrivatePgError> {
        let dir = &self.paths.socket_dir;
        let is_inside = dir.starts_with(&self.paths.data_dir);
        // In /tmp anybody may have made it before us.
        if !is_inside && dir.symlink_metadata().is_ok() && !self.account.owns_alone(dir) {
            return Err(PrivatePgError::UnsafeSocketDir { dir: dir.clone() });
        }
        self.account.make_own_dir(dir)
    }

    /// Whether a server that runs now was started with the settings it would be started with now.
    pub fn settings_are_current(&self) -> bool {
        fs::read_to_string(&self.paths.settings).is_ok_and(|text| text == self.settings_text)
            && Access::of(&self.paths.cluster, &self.account).is_ok_and(|access| access.is_current())
    }

    /// Lets our users log in as every role of the server, which must be running.
    pub async fn admit_roles(&self) -> Result<(), PrivatePgError> {
        access::admit_roles(&self.paths.url(), &self.paths.cluster, &self.account).await
    }

    /// Starts the postmaster as our child, its output going to the log. Returns also where in the log it begins.
    pub fn launch(&self) -> Result<(Child, u64), PrivatePgError> {
        let Paths { settings, log, .. } = &self.paths;
        self.account.write_own(settings, &self.settings_text)?;
        Access::of(&self.paths.cluster, &self.account)?.write(&self.paths.cluster, &self.account)?;
        let out = self.open_log()?;
        let log_start = out.metadata().map_err(PrivatePgError::io("read", log))?.len();
        let program = self.binaries.program("postgres");
        let mut command: Command = self.account.command(&program);
        let err = out.try_clone().map_err(PrivatePgError::io("open", log))?;
        command.arg("-D").arg(&self.paths.cluster).stdout(Stdio::from(out)).stderr(Stdio::from(err));
        let child =
            tokio::process::Command::from(command).spawn().map_err(PrivatePgError::io("run", &program))?;
        Ok((child, log_start))
    }

    fn open_log(&self) -> Result<File, PrivatePgError> {
        let log = &self.paths.log;
        if fs::metadata(log).is_ok_and(|meta| meta.len() > LOG_MAX_BYTES) {
            let old = log.with_extension("log.1");
            fs::rename(log, &old).map_err(PrivatePgError::io("rename", log))?;
        }
        File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(log)
            .map_err(PrivatePgError::io("open", log))
    }

    /// What the server wrote since `log_start`, at most the last lines of it.
    pub fn exited(&self, log_start: u64) -> PrivatePgError {
        let log = self.paths.log.clone();
        let tail = tail(&log, log_start).unwrap_or_else(|error| format!("(cannot read it: {error})"));
        PrivatePgError::ServerExited { log, tail }
    }
}

fn tail(log: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let from = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES).max(start);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn remove_dir(dir: &Path) -> Result<(), PrivatePgError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(PrivatePgError::io("remove", dir)(error))
        }
        _ => Ok(()),
    }
}
