//! The change stream, watched: a minimal client for server-sent events.

use std::io::{self, Error};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

use super::files::bay_number;
use super::{MUNICIPALITY, Measured, Unseen, lock};
use crate::http::ApiUrl;

/// Pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Nobody sends a longer line than a snapshot of 1,000 items.
const MAX_LINE_BYTES: usize = 4 << 20;

/// The watcher at work.
pub(super) struct Watcher {
    task: JoinHandle<u64>,
    snapshot: watch::Receiver<bool>,
    stop: CancellationToken,
}

/// Begins to watch `{url}/v1/changes`.
pub(super) fn start(url: ApiUrl, measured: Measured, stop: &CancellationToken) -> Watcher {
    let (snapshot_in, snapshot) = watch::channel(false);
    let stop = stop.child_token();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let mut reconnects = 0;
        let mut stream = Stream { measured, snapshot: snapshot_in, event: String::new() };
        loop {
            tokio::select! {
                result = stream.read(&url) => {
                    if let Err(error) = result {
                        tracing::warn!(address = url.address, %error, "change stream lost; trying again");
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
    Watcher { task, snapshot, stop }
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
}

impl Stream {
    /// One connection, until it ends.
    async fn read(&mut self, url: &ApiUrl) -> io::Result<()> {
        self.event.clear();
        let body = url.get(&format!("/v1/changes?municipality={MUNICIPALITY}")).await?.into_data_stream();
        let lines = LinesCodec::new_with_max_length(MAX_LINE_BYTES);
        let mut lines = FramedRead::new(StreamReader::new(body.map_err(Error::other)), lines);
        while let Some(line) = lines.next().await {
            self.on_line(&line.map_err(Error::other)?, Instant::now());
        }
        Ok(())
    }

    fn on_line(&mut self, line: &str, now: Instant) {
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

#[cfg(test)]
mod tests;
