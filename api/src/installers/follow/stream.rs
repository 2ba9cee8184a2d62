//! One client's view of the stream, for as long as its key is valid and it keeps up.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::MunicipalityId;
use futures_util::stream::{Stream, unfold};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::http::auth::{Asker, Role};
use crate::http::shares::Share;
use crate::hub::devices::{DeviceHub, Read};
use crate::hub::{LiveHub, frame};

/// A comment keeps proxies from closing a quiet stream; so often it is seen whether the key is still valid.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

const COMMENT: Bytes = Bytes::from_static(b": still here\n\n");

/// How long a client waits before it comes back.
const RETRY: &str = "retry: 3000\n\n";

/// See the module's description.
pub struct Client {
    devices: Arc<DeviceHub>,
    live: Arc<LiveHub>,
    asker: Asker,
    towns: Vec<MunicipalityId>,
    only: Option<String>,
    /// `Err`: it is to be said that something was missed before.
    position: Result<u64, u64>,
    has_begun: bool,
    positions: watch::Receiver<u64>,
    comments: Interval,
    stop: CancellationToken,
    /// Counts it among those who follow.
    _share: Share<IpAddr>,
}

impl Client {
    #[expect(clippy::too_many_arguments, reason = "what one stream consists of")]
    pub fn new(
        devices: Arc<DeviceHub>,
        live: Arc<LiveHub>,
        asker: Asker,
        towns: Vec<MunicipalityId>,
        only: Option<String>,
        last_event_id: Option<String>,
        share: Share<IpAddr>,
        stop: CancellationToken,
    ) -> Self {
        let positions = devices.subscribe();
        let position = devices.start(last_event_id.as_deref());
        let mut comments = interval(COMMENT_EVERY);
        comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
        comments.reset();
        Client {
            devices,
            live,
            asker,
            towns,
            only,
            position,
            has_begun: false,
            positions,
            comments,
            stop,
            _share: share,
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Some(Bytes::from_static(RETRY.as_bytes()));
        }
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            self.positions.borrow_and_update();
            match self.position {
                Err(position) => {
                    self.position = Ok(position);
                    let id = self.devices.id(position);
                    return Some(Bytes::from(frame(&id, "missed", &serde_json::Map::new())));
                }
                Ok(position) => match self.devices.read_after(position, &self.towns, self.only.as_deref()) {
                    Read::Missed(position) => {
                        self.position = Err(position);
                        continue;
                    }
                    Read::Events(bytes, reached) => {
                        self.position = Ok(reached);
                        if !bytes.is_empty() {
                            return Some(bytes);
                        }
                        if reached != position {
                            continue;
                        }
                    }
                },
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                _ = self.comments.tick() => return self.is_still_allowed().await.then_some(COMMENT),
                changed = self.positions.changed() => changed.ok()?,
            }
        }
    }

    /// Whether the key is valid; it may be for other municipalities by now.
    async fn is_still_allowed(&mut self) -> bool {
        match self.asker.with(&[Role::Installer]).await {
            Ok(caller) => {
                self.towns = caller.municipalities(self.live.read().map.registry());
                true
            }
            // While the database does not answer there is nothing to see either.
            Err(problem) => problem.is_unavailable(),
        }
    }
}

/// Follows the devices until the client leaves, its key ends or the server stops.
pub fn follow(client: Client) -> impl Stream<Item = Bytes> + Send + 'static {
    unfold(client, |mut client| async {
        let bytes = client.next().await?;
        Some((bytes, client))
    })
}
