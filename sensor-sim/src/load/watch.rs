//! The change stream, watched: a minimal client for server-sent events over plain HTTP/1.1.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::files::bay_number;
use super::{MUNICIPALITY, Measured, Unseen, lock};

/// Pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Nobody sends a longer line than a snapshot of 1,000 items.
const MAX_LINE_BYTES: usize = 4 << 20;

/// Not the address of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the address of an API without TLS; write http://HOST:PORT")]
pub struct NotAWatchUrl(String);

/// The watcher at work.
pub(super) struct Watcher {
    task: JoinHandle<u64>,
    snapshot: watch::Receiver<bool>,
    stop: CancellationToken,
}

/// Begins to watch `{url}/v1/changes`.
pub(super) fn start(url: &str, measured: Measured, stop: CancellationToken) -> Result<Watcher, NotAWatchUrl> {
    let (address, path) = address(url)?;
    let (snapshot_in, snapshot) = watch::channel(false);
    let stop = stop.child_token();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let mut reconnects = 0;
        let mut stream = Stream { measured, snapshot: snapshot_in, event: String::new(), line: Vec::new() };
        loop {
            tokio::select! {
                result = stream.read(&address, &path) => {
                    if let Err(error) = result {
                        tracing::warn!(%address, %error, "change stream lost; trying again");
                    }
                }
                () = stopped.cancelled() => return reconnects,
            }
            reconnects += 1;
            tokio::select! {
                () = tokio::time::sleep(RECONNECT_PAUSE) => {}
                () = stopped.cancelled() => return reconnects,
            }
        }
    });
    Ok(Watcher { task, snapshot, stop })
}

impl Watcher {
    /// Whether the whole current state came within this time.
    pub(super) async fn snapshot_within(&self, limit: Duration) -> bool {
        let mut snapshot = self.snapshot.clone();
        let complete = snapshot.wait_for(|is_complete| *is_complete);
        matches!(tokio::time::timeout(limit, complete).await, Ok(Ok(_)))
    }

    /// Waits until everything is seen, for so long at most; returns how often the stream broke.
    pub(super) async fn finish(self, unseen: &Unseen, limit: Duration, cancel: &CancellationToken) -> u64 {
        let end = Instant::now() + limit;
        while !lock(unseen).is_empty() && Instant::now() < end && !cancel.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.stop.cancel();
        self.task.await.unwrap_or_default()
    }
}

/// `HOST:PORT` and the path in front of `/v1`.
pub(crate) fn address(url: &str) -> Result<(String, String), NotAWatchUrl> {
    let bad = || NotAWatchUrl(url.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(h, p)| (h, p.trim_end_matches('/')));
    if host.is_empty() || host.contains('@') {
        return Err(bad());
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { host.to_owned() } else { format!("{host}:80") };
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    Ok((address, path))
}

#[derive(Deserialize)]
struct Change<'a> {
    kind: &'a str,
    id: &'a str,
    observed_at: Option<&'a str>,
}

struct Stream {
    measured: Measured,
    snapshot: watch::Sender<bool>,
    /// Name of the event whose data is being read.
    event: String,
    /// The line that is not yet complete.
    line: Vec<u8>,
}

impl Stream {
    /// One connection, until it ends.
    async fn read(&mut self, address: &str, path: &str) -> std::io::Result<()> {
        self.event.clear();
        self.line.clear();
        let mut socket = BufReader::with_capacity(256 << 10, TcpStream::connect(address).await?);
        socket.get_ref().set_nodelay(true)?;
        let request = format!(
            "GET {path}/v1/changes?municipality={MUNICIPALITY} HTTP/1.1\r\nHost: {address}\r\n\
             Accept: text/event-stream\r\nAccept-Encoding: identity\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await?;
        let is_chunked = read_head(&mut socket).await?;
        let mut buffer = Vec::new();
        loop {
            if is_chunked {
                if !read_chunk(&mut socket, &mut buffer).await? {
                    return Ok(());
                }
            } else {
                buffer.clear();
                if socket.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            }
            self.take(&buffer, Instant::now())?;
        }
    }

    /// Bytes of the body that arrived at `now`.
    fn take(&mut self, mut bytes: &[u8], now: Instant) -> std::io::Result<()> {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let mut line = std::mem::take(&mut self.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.on_line(&line, now);
            line.clear();
            self.line = line;
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > MAX_LINE_BYTES {
            return Err(std::io::Error::other("a line of the change stream has no end"));
        }
        Ok(())
    }

    fn on_line(&mut self, line: &[u8], now: Instant) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        if let Some(name) = line.strip_prefix("event:") {
            self.event.clear();
            self.event.push_str(name.trim());
        } else if let Some(data) = line.strip_prefix("data:") {
            match self.event.as_str() {
                "change" => self.on_change(data, now),
                "snapshot" if is_complete(data) => {
                    self.snapshot.send_replace(true);
                }
                _ => {}
            }
        } else if line.is_empty() {
            self.event.clear();
        }
    }

    fn on_change(&mut self, data: &str, now: Instant) {
        let Ok(Change { kind: "bay", id, observed_at: Some(at) }) = serde_json::from_str(data) else {
            return;
        };
        let (Some(bay), Ok(at)) = (bay_number(id), at.parse::<Timestamp>()) else { return };
        let intended = lock(&self.measured.unseen).remove(&(bay, at.as_microsecond()));
        if let Some(intended) = intended {
            let us = now.saturating_duration_since(intended).as_micros() as u64;
            lock(&self.measured.seen).saturating_record(us);
        }
    }
}

fn is_complete(snapshot: &str) -> bool {
    #[derive(Deserialize)]
    struct Snapshot {
        #[serde(default)]
        complete: bool,
    }
    serde_json::from_str::<Snapshot>(snapshot).is_ok_and(|s| s.complete)
}

/// Reads the head of the answer; whether the body comes in chunks.
async fn read_head(socket: &mut BufReader<TcpStream>) -> std::io::Result<bool> {
    let mut line = String::new();
    socket.read_line(&mut line).await?;
    if line.split(' ').nth(1) != Some("200") {
        return Err(std::io::Error::other(format!("the API answers: {}", line.trim())));
    }
    let mut is_chunked = false;
    loop {
        line.clear();
        socket.read_line(&mut line).await?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            return Ok(is_chunked);
        }
        is_chunked |= header.starts_with("transfer-encoding:") && header.ends_with("chunked");
    }
}

/// Reads one chunk into `buffer`; `false` at the end of the body.
async fn read_chunk(socket: &mut BufReader<TcpStream>, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut line = String::new();
    if socket.read_line(&mut line).await? == 0 {
        return Ok(false);
    }
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16)
        .ok()
        .filter(|size| *size <= MAX_LINE_BYTES)
        .ok_or_else(|| std::io::Error::other(format!("'{}' is not the size of a chunk", line.trim())))?;
    buffer.resize(size, 0);
    socket.read_exact(buffer).await?;
    socket.read_exact(&mut [0; 2]).await?;
    Ok(size > 0)
}

#[cfg(test)]
mod tests;
