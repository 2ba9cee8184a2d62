//! The processes of the database, read from `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::watch;

use crate::PrivatePgError;
use crate::paths::Paths;

/// A fast shutdown that takes longer is cut off: the next start then recovers from the write-ahead log.
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(5);
/// How long the backends of a dead postmaster may take to notice it before they are made to end.
const ORPHANS_END: Duration = Duration::from_secs(3);
/// Of processes that are not our children the kernel reports no end.
const POLL: Duration = Duration::from_millis(50);

/// A running postmaster, started by us or found.
#[derive(Debug, Clone)]
pub struct Postmaster {
    pid: Pid,
    ended: watch::Receiver<bool>,
}

impl Postmaster {
    /// The server that is the child process; `None`: it has ended already.
    pub fn started(child: Child) -> Option<Self> {
        let pid = pid_from(child.id()?)?;
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            let mut child = child;
            match child.wait().await {
                Ok(status) => tracing::debug!(%pid, %status, "the private PostgreSQL has ended"),
                Err(error) => tracing::warn!(%pid, %error, "cannot wait for PostgreSQL"),
            }
            end.send_replace(true);
        });
        Some(Self { pid, ended })
    }

    /// The postmaster that runs in `cluster`, if one does.
    pub fn running_in(cluster: &Path) -> Option<Self> {
        let pid = recorded_pid(cluster).filter(|pid| runs_in(*pid, cluster))?;
        let (end, ended) = watch::channel(false);
        let cluster = cluster.to_owned();
        tokio::spawn(async move {
            while runs_in(pid, &cluster) && !end.is_closed() {
                tokio::time::sleep(POLL).await;
            }
            end.send_replace(true);
        });
        Some(Self { pid, ended })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Resolves once it has ended.
    pub async fn ended(&self) {
        // An error means that the watching task is gone, which only a runtime that shuts down does.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Asks it to disconnect its clients and stop, without waiting for it.
    pub fn request_fast_shutdown(&self) {
        self.signal(Signal::SIGINT);
    }

    /// Stops the server within `patience`: clients are disconnected, what is committed is safe in any case. Most of
    /// the time is for an orderly shutdown; after the others the next start recovers.
    pub async fn stop(&self, patience: Duration, log: &Path) -> Result<(), PrivatePgError> {
        for (signal, patience) in [
            (Signal::SIGINT, patience.mul_f64(0.7)),
            (Signal::SIGQUIT, patience.mul_f64(0.2)),
            (Signal::SIGKILL, patience.mul_f64(0.1)),
        ] {
            self.signal(signal);
            if tokio::time::timeout(patience, self.ended()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(pid = self.pid(), %signal, "PostgreSQL does not stop, asking harder");
        }
        Err(PrivatePgError::Unstoppable { pid: self.pid(), log: log.to_owned() })
    }

    fn signal(&self, signal: Signal) {
        if !*self.ended.borrow() {
            let _ = kill(self.pid, signal);
        }
    }
}

/// Whether a server runs in `cluster`, whoever started it.
pub fn is_running_in(cluster: &Path) -> bool {
    recorded_pid(cluster).is_some_and(|pid| runs_in(pid, cluster))
}

/// Whether the postmaster recorded in `cluster` has begun to shut down.
pub fn is_stopping(cluster: &Path) -> bool {
    const STATUS_LINE: usize = 7;
    line_of(&pid_file(cluster), STATUS_LINE).is_some_and(|status| status.trim() == "stopping")
}

/// Clears what a killed postmaster left, after which a new one may start: its backends, which a new one would refuse
/// to run beside, and lock files whose process number now belongs to something else (after a reboot, in a new
/// container, or to a zombie that nobody reaps), which it would take for a running server.
pub async fn clear_remains(paths: &Paths) -> Result<(), PrivatePgError> {
    let cluster = &paths.cluster;
    let began = tokio::time::Instant::now();
    loop {
        let orphans = processes_in(cluster);
        let Some(&first) = orphans.first() else { break };
        if is_running_in(cluster) {
            // It was starting when its owner was killed. The caller's next attempt adopts it.
            return Ok(());
        }
        let waited = began.elapsed();
        if waited > ORPHANS_END + IMMEDIATE_SHUTDOWN * 2 {
            return Err(PrivatePgError::Unstoppable { pid: first.as_raw(), log: paths.log.clone() });
        } else if waited > ORPHANS_END + IMMEDIATE_SHUTDOWN {
            signal_all(&orphans, Signal::SIGKILL);
        } else if waited > ORPHANS_END {
            signal_all(&orphans, Signal::SIGQUIT);
        }
        tokio::time::sleep(POLL).await;
    }
    for lock_file in [pid_file(cluster), paths.socket_lock_file()] {
        if pid_in(&lock_file).is_some_and(exists) {
            fs::remove_file(&lock_file).map_err(PrivatePgError::io("remove the stale", &lock_file))?;
            tracing::info!(file = %lock_file.display(), "removed: its process is not a PostgreSQL of ours");
        }
    }
    Ok(())
}

fn signal_all(pids: &[Pid], signal: Signal) {
    for pid in pids {
        let _ = kill(*pid, signal);
    }
}

/// PostgreSQL's processes work inside their data directory: that, unlike a number in a file, is never stale.
/// A zombie has no directory any more and does not count.
fn runs_in(pid: Pid, cluster: &Path) -> bool {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd == cluster)
        && fs::read_to_string(proc.join("comm")).is_ok_and(|comm| comm.starts_with("post"))
}

fn processes_in(cluster: &Path) -> Vec<Pid> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(pid_from)
        .filter(|pid| runs_in(*pid, cluster))
        .collect()
}

fn exists(pid: Pid) -> bool {
    kill(pid, None) != Err(nix::errno::Errno::ESRCH)
}

fn recorded_pid(cluster: &Path) -> Option<Pid> {
    pid_in(&pid_file(cluster))
}

/// PostgreSQL's lock files begin with a process number; the postmaster's is negative in a single-user server.
fn pid_in(lock_file: &Path) -> Option<Pid> {
    line_of(lock_file, 0).and_then(|line| pid_from(line.trim().parse().ok()?))
}

fn line_of(file: &Path, index: usize) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().nth(index).map(str::to_owned)
}

fn pid_file(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

fn pid_from(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().filter(|raw| *raw > 0).map(Pid::from_raw)
}
