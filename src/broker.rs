//! The embedded MQTT broker, for who has none of their own.

mod access;
#[cfg(test)]
mod tests;
mod topic;
mod users;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, DynamicStorage, MqttBroker, StorageConfig};
use tokio::task::JoinHandle;

use access::Access;
pub use access::{InternalCredentials, OnPublish};
pub use users::UsersFile;

/// Above every limit of the wire formats (`gtfs-rt`: 8 MiB): a broker discards what is larger, and nobody learns of it.
const MAX_PACKET_BYTES: usize = 16 << 20;
/// How much a subscriber may leave unacknowledged. The broker searches all of it for each message it sends: measured
/// with acknowledgements every 50 ms, 2,000 to 4,000 carry over 20,000 messages/s, 20,000 only half of that.
const MAX_UNACKNOWLEDGED: u16 = 4_000;
/// What may wait between a publisher and a connected subscriber before the publisher is slowed down.
const CLIENT_CHANNEL_MESSAGES: usize = 20_000;
/// What may wait for a subscriber that is away, on disk and in memory; beyond it the oldest are dropped, with a
/// warning in the log.
const MAX_QUEUED_MESSAGES: usize = 100_000;
const MAX_QUEUED_BYTES: usize = 256 << 20;
/// The library gives up a single wait for its writer after 5 s, and does not say so.
const FLUSH_GIVEN_UP: Duration = Duration::from_millis(4_900);

/// An MQTT 5.0 and 3.1.1 broker in this process.
///
/// Sessions, their subscriptions and the messages queued for them live in the storage directory. They survive a
/// restart, and a `kill -9` within these limits.
///
/// **How long it may hold a message unwritten.** The broker acknowledges a publisher (PUBACK) before it writes. What
/// waits for a subscriber, or was sent to one that has not acknowledged it yet, goes to disk every 250 ms, one file a
/// message and without fsync. Measured on two cores that is 1,000 to 2,000 messages a second. A `kill -9` of this
/// process therefore loses
/// - of a slower stream what arrived in the last 250 ms (measured at 200 messages/s: 20 to 50 messages),
/// - of a faster one also what could not be written in time (at 2,000 messages/s with the subscriber away for 3 s:
///   2,700 to 3,400 of 6,000),
/// - never what ingest has acknowledged: that is in the database.
///
/// A power failure also takes what the system had not written back (Linux: up to 30 s). An orderly stop writes
/// everything that can be written within the stop's 10 s. Who must not lose a message for which the publisher has a PUBACK connects a
/// durable broker by `--mqtt-url`.
pub struct EmbeddedBroker {
    local_addr: SocketAddr,
    internal: InternalCredentials,
    storage: Option<Arc<DynamicStorage>>,
    shutdown: BrokerShutdownHandle,
    running: JoinHandle<mqtt5::Result<()>>,
}

impl EmbeddedBroker {
    /// Starts the broker and returns when it accepts connections. Port 0 picks a free one. By `client_id` our own ingest
    /// connects, and nobody else.
    ///
    /// # Errors
    /// Without `users` when `listen` is more than loopback; when the address is in use; when `storage_dir` cannot be
    /// used or another broker uses it.
    pub async fn start(
        listen: SocketAddr,
        users: Option<&UsersFile>,
        storage_dir: &Path,
        client_id: &str,
        on_publish: OnPublish,
    ) -> Result<Self> {
        if users.is_none() && !listen.ip().to_canonical().is_loopback() {
            bail!(
                "the embedded MQTT broker at {listen} could be used by everybody who reaches this machine: name a \
                 users file with --mqtt-users FILE, or listen on this machine only with --mqtt-listen 127.0.0.1:{}",
                listen.port()
            );
        }
        std::fs::create_dir_all(storage_dir)
            .with_context(|| format!("cannot create the MQTT storage directory {}", storage_dir.display()))?;
        let internal = InternalCredentials::random(client_id);
        let access = Access::new(users.cloned(), &internal, on_publish);
        let mut broker = MqttBroker::with_config(config(listen, storage_dir))
            .await
            .map_err(|error| anyhow!("cannot start the embedded MQTT broker on {listen}: {error}"))?
            .with_auth_provider(Arc::new(access));
        let local_addr = broker.local_addr().context("the embedded MQTT broker has no address")?;
        let mut ready = broker.ready_receiver();
        let storage = broker.storage();
        let shutdown = broker.shutdown_handle();
        let mut running = tokio::spawn(async move { broker.run().await });
        tokio::select! {
            ready = ready.wait_for(|is_ready| *is_ready) => { ready.context("the embedded MQTT broker ended while starting")?; }
            ended = &mut running => bail!("the embedded MQTT broker ended while starting: {:?}", ended?),
        }
        Ok(Self { local_addr, internal, storage, shutdown, running })
    }

    /// The address by which this machine reaches it, also when it listens on all; with the port that was picked.
    pub fn connect_addr(&self) -> SocketAddr {
        let ip = match self.local_addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.local_addr.port())
    }

    /// With these our own ingest may do everything, whatever the users file says. They last as long as this broker.
    pub fn internal_credentials(&self) -> &InternalCredentials {
        &self.internal
    }

    /// Disconnects the clients and writes what is not written yet, within `patience`.
    pub async fn stop(mut self, patience: Duration) {
        self.shutdown.shutdown();
        let storage = self.storage.take();
        let running = &mut self.running;
        let stopped = tokio::time::timeout(patience, async {
            let ended = running.await;
            if let Some(storage) = storage {
                flush(&storage).await;
            }
            ended
        });
        match stopped.await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(%error, "the embedded MQTT broker ended with an error"),
            Ok(Err(error)) => tracing::error!(%error, "the embedded MQTT broker's task failed"),
            Err(_) => tracing::error!(
                "the embedded MQTT broker could not write all queued messages within {patience:.1?}: the rest is lost"
            ),
        }
    }
}

/// Returns when everything queued has been written.
async fn flush(storage: &DynamicStorage) {
    let DynamicStorage::File(files) = storage else { return };
    loop {
        let began = Instant::now();
        files.flush_queue_writes().await;
        if began.elapsed() < FLUSH_GIVEN_UP {
            return;
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.shutdown.shutdown();
    }
}

fn config(listen: SocketAddr, storage_dir: &Path) -> BrokerConfig {
    let storage = StorageConfig::new()
        .with_base_dir(storage_dir.to_owned())
        .with_max_queued_messages_per_client(MAX_QUEUED_MESSAGES)
        .with_max_queued_bytes_per_client(MAX_QUEUED_BYTES);
    // Rates per client stay at 0, which is unlimited: a limit would drop messages.
    BrokerConfig::new()
        .with_bind_address(listen)
        .with_max_packet_size(MAX_PACKET_BYTES)
        .with_max_outbound_inflight(MAX_UNACKNOWLEDGED)
        .with_client_channel_capacity(CLIENT_CHANNEL_MESSAGES)
        .with_sys_topics_enabled(false)
        .with_storage(storage)
}
