//! Timetables and extracts that are fetched by themselves: a file names them, `journey build --sources` fetches and builds, and [`Keeper`]
//! runs it when something is due.

mod fetch;
mod file;
mod folder;
mod metrics;
mod update;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use ingest::now_utc;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::metrics::Metrics;
use self::update::{Look, look};

pub use self::file::Kind;
pub use self::folder::Served;
pub use self::update::{Build, Update, Updated};

/// How often it is looked whether something is due: some small files are read.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Pause, at most, where a child process has ended and what it should have done is still due.
const RETRY_EVERY: Duration = Duration::from_secs(60);

/// The child process yields to whoever answers riders.
const NICENESS: &str = "10";

/// The child process is the first to be ended where memory runs out (Linux, -1000 to 1000).
const OOM_SCORE: &str = "800";

/// Seconds since 1970.
pub fn now_s() -> i64 {
    now_utc().0.div_euclid(1_000_000)
}

/// Keeps the file of journeys up to date, in child processes: a build takes minutes, and memory that goes back with the
/// process.
pub struct Keeper {
    sources: PathBuf,
    out: PathBuf,
    metrics: Metrics,
}

impl Keeper {
    /// # Errors
    /// The file of sources is wrong.
    pub fn new(sources: &Path, out: &Path, registry: &mut Registry) -> Result<Self> {
        file::read(sources).context("--journey-sources")?;
        let metrics = Metrics::register(registry);
        Ok(Keeper { sources: sources.to_owned(), out: out.to_owned(), metrics })
    }

    /// Runs until cancelled; a build that is under way ends then, and leaves the file as it was.
    pub async fn run(self, cancel: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_problem = None;
        let mut not_before = Instant::now();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = tick.tick() => {}
            }
            let is_due = match self.look().await {
                Ok(look) => {
                    last_problem = None;
                    look.is_due
                }
                Err(problem) => {
                    let problem = format!("{problem:#}");
                    if last_problem.as_ref() != Some(&problem) {
                        warn!("journeys: {problem}; nothing is fetched until that is right");
                    }
                    last_problem = Some(problem);
                    false
                }
            };
            if !is_due || Instant::now() < not_before {
                continue;
            }
            if let Err(problem) = self.update(&cancel).await {
                warn!("journeys: the sources cannot be brought up to date: {problem:#}; trying again");
            }
            if let Ok(Look { is_due: true, shortest_s, .. }) = self.look().await {
                not_before = Instant::now() + RETRY_EVERY.min(Duration::from_secs(shortest_s.unsigned_abs()));
            }
        }
    }

    async fn look(&self) -> Result<Look> {
        let (sources, out) = (self.sources.clone(), self.out.clone());
        let look = tokio::task::spawn_blocking(move || look(&sources, &out, now_s())).await??;
        self.metrics.set(&look.states, &look.built);
        Ok(look)
    }

    /// Runs `journey build --sources --due`. What it says goes to the log.
    async fn update(&self, cancel: &CancellationToken) -> Result<()> {
        let mut child = self.start().context("no process can be started")?;
        if let Some(id) = child.id() {
            // Elsewhere than on Linux there is no such file.
            let _ = tokio::fs::write(format!("/proc/{id}/oom_score_adj"), OOM_SCORE).await;
        }
        if let Some(out) = child.stdout.take() {
            tokio::spawn(each_line(out, |line| info!("journeys: {line}")));
        }
        if let Some(err) = child.stderr.take() {
            tokio::spawn(each_line(err, |line| debug!("journeys: {line}")));
        }
        let status = tokio::select! {
            status = child.wait() => status?,
            () = cancel.cancelled() => {
                child.kill().await?;
                return Ok(());
            }
        };
        // Killed: it could not say why.
        if status.code().is_none() {
            warn!("journeys: the build was ended from outside ({status}); memory may have run out");
        }
        Ok(())
    }

    fn start(&self) -> std::io::Result<Child> {
        let program = own_program()?;
        let mut nice = Command::new("nice");
        nice.args(["-n", NICENESS]).arg(&program);
        self.spawn(nice).or_else(|_| self.spawn(Command::new(&program)))
    }

    fn spawn(&self, mut command: Command) -> std::io::Result<Child> {
        let flags = ["journey", "build", "--no-places", "--due", "--sources"];
        command.args(flags).arg(&self.sources).arg("--out").arg(&self.out);
        // Settings of this process must not become those of the build.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KV_") {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()
    }
}

/// This program. Where it was replaced on the disk by another version, it is still this one on Linux: what a newer one
/// builds could not be read.
fn own_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}

async fn each_line(output: impl AsyncRead + Unpin, other: impl Fn(&str)) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.split_once(": ") {
            Some(("warning" | "error", problem)) => warn!("journeys: {problem}"),
            _ => other(&line),
        }
    }
}
