//! What the parts share: mosquitto, a database, the product's process.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

/// The product's executable, built in the same profile.
pub const BIN: &str = env!("CARGO_BIN_EXE_kreisverkehr");

/// A number from the environment.
pub fn size(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A mosquitto of our own, without limits on windows and queues.
pub struct Mosquitto {
    child: Child,
    pub port: u16,
}

impl Mosquitto {
    pub fn start(dir: &Path) -> Result<Self> {
        let port = free_port()?;
        let config = dir.join("mosquitto.conf");
        std::fs::write(
            &config,
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n"
            ),
        )?;
        let binary =
            ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find(|b| b.len() == 9 || Path::new(b).exists());
        let child = Command::new(binary.unwrap_or("mosquitto"))
            .args(["-c", &config.to_string_lossy()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("mosquitto is missing: apt-get install mosquitto")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("mosquitto does not start");
            }
            #[expect(clippy::disallowed_methods, reason = "another program does not say when it listens")]
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Mosquitto { child, port })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `kreisverkehr`.
pub struct Product {
    child: tokio::process::Child,
    pub ready: Value,
}

impl Product {
    /// Starts it and waits for its ready line.
    pub async fn start(args: &[&str]) -> Result<Self> {
        let mut child = tokio::process::Command::new(BIN)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .env("KV_LOG", "warn")
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("no standard output")?;
        let line = BufReader::new(out).lines().next_line().await?.context("ended before it was ready")?;
        Ok(Product { child, ready: serde_json::from_str(&line)? })
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    pub fn text(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap_or_default().to_owned()
    }

    /// Asks it to stop, and waits.
    pub async fn stop(mut self) -> Result<()> {
        let pid = nix::unistd::Pid::from_raw(self.pid() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        self.child.wait().await?;
        Ok(())
    }
}

/// A command of the product that comes and goes.
pub fn command(args: &[&str]) -> Result<()> {
    let done = Command::new(BIN).args(args).env("KV_LOG", "warn").stdout(Stdio::null()).status()?;
    if !done.success() {
        bail!("kreisverkehr {} failed", args.join(" "));
    }
    Ok(())
}

/// Writes the places of a load with `bays` bays and imports them.
pub fn import_load(dir: &Path, bays: u32, database: &[&str]) -> Result<PathBuf> {
    let places = dir.join(format!("places-{bays}"));
    std::fs::create_dir_all(&places)?;
    sensor_sim::load::write_files(&places, bays)?;
    let mut args = vec!["import"];
    args.extend(database);
    let path = places.to_string_lossy().into_owned();
    args.push(&path);
    command(&args)?;
    Ok(places)
}

/// One counter of `/metrics`, by its full name.
pub async fn metric(base: &str, name: &str) -> Result<f64> {
    let url = format!("{base}/metrics");
    let text = tokio::task::spawn_blocking(move || -> Result<String> {
        Ok(ureq::get(&url).call()?.body_mut().read_to_string()?)
    })
    .await??;
    let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    Ok(line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0))
}

/// Waits until the load's feed is subscribed: what is published before has no receiver.
pub async fn subscribed(base: &str) -> Result<()> {
    while metric(base, "kv_ingest_subscriptions").await? < 1.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
