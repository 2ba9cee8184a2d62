//! The embedded MQTT broker, for instances without one of their own.

mod access;
mod clients;
mod frames;
mod gate;
mod intake;
mod metrics;
mod passwords;
mod retained;
mod sessions;
#[cfg(test)]
mod tests;
mod topic;
mod users;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ingest::inlet::Inlet;
use ingest::quota::Addresses;
use ingest::sessions::Publish;
use mqtt5::QoS;
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, DynamicStorage, MqttBroker, StorageConfig};
use mqtt5::packet::publish::PublishPacket;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::reachable;
use crate::toml_file;
use access::Access;
pub use gate::DESCRIPTORS_OF_CLIENT;
use gate::{Gate, MAX_PACKET_BYTES};
use intake::Intake;
pub use intake::OnUnread;
pub use metrics::BrokerMetrics;
use passwords::Passwords;
use sessions::Sessions;
pub use users::UsersFile;

/// Messages in flight to a connected subscriber, and queued for it, before publishers are slowed down.
const MAX_UNACKNOWLEDGED: u16 = 32;
const CLIENT_CHANNEL_MESSAGES: usize = 16;
/// Messages of QoS 1 and 2 that an MQTT 5 publisher may have in flight: their acknowledgements wait for the database.
const RECEIVE_MAXIMUM: u16 = 1_024;
/// Messages queued for a subscriber that is disconnected or does not read, in memory and, as JSON of ten times that, on
/// disk; beyond it the oldest are dropped, with a warning in the log.
const MAX_QUEUED_MESSAGES: usize = 1_000;
const MAX_QUEUED_BYTES: usize = 512 << 10;
/// Expiry of a session whose client does not reconnect.
const SESSION_EXPIRY: Duration = Duration::from_secs(7 * 86_400);
/// Most topic filters of one client.
const MAX_SUBSCRIPTIONS: usize = 500;
/// The library gives up a wait for its writer after 5 s, without an error.
const FLUSH_GIVEN_UP: Duration = Duration::from_millis(4_900);

/// An MQTT 5.0 and 3.1.1 broker in this process.
///
/// **When a publisher gets its acknowledgement.** Of a message that a feed reads, after the transaction that holds it has
/// committed: the message goes to the ingest without another broker between, and the gate holds PUBACK and PUBREC back. So
/// a `kill -9` or a power failure loses nothing that was acknowledged, and a database that is away or a disk that is full
/// slows publishers down instead of filling a queue.
///
/// **Of everything else** (other subscribers, retained messages) the acknowledgement comes first. Sessions, subscriptions
/// and queued messages live in the storage directory, written every 250 ms and without fsync: a `kill -9` may lose so much
/// of them, a power failure what the system had not written back. A will message is not read by feeds.
pub struct EmbeddedBroker {
    local_addr: SocketAddr,
    storage: Option<Arc<DynamicStorage>>,
    router: Weak<MessageRouter>,
    shutdown: BrokerShutdownHandle,
    running: JoinHandle<mqtt5::Result<()>>,
    ended: CancellationToken,
    /// The gate and the other tasks around the library.
    tasks: TaskTracker,
    cancel: CancellationToken,
    /// Where the gate connects to.
    #[cfg(test)]
    behind: SocketAddr,
}

/// Connections between the broker and the rest of the process.
pub struct Around {
    pub inlet: Arc<Inlet>,
    /// Filters of feeds that are new: see [`Inlet::new`].
    pub new_filters: mpsc::UnboundedReceiver<String>,
    pub on_unread: OnUnread,
    pub meters: Arc<BrokerMetrics>,
    /// Most clients.
    pub connections: usize,
    pub addresses: Arc<Addresses>,
}

impl EmbeddedBroker {
    /// Starts the broker and returns when it accepts connections. Port 0 picks a free one.
    ///
    /// # Errors
    /// Without `users` when `listen` is more than loopback; when the address is in use; when `storage_dir` cannot be
    /// used or another broker uses it.
    pub async fn start(
        listen: SocketAddr,
        users: Option<&UsersFile>,
        storage_dir: &Path,
        around: Around,
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
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot start the embedded MQTT broker on {listen}"))?;
        let local_addr = listener.local_addr()?;
        let Around { inlet, new_filters, on_unread, meters, connections, addresses } = around;
        let intake = Intake { inlet, clients: Arc::default(), on_unread, retained: Arc::default(), meters };
        let sessions = Arc::new(OnceLock::new());
        let passwords = users.cloned().map(Passwords::new).transpose()?;
        let access = Access { intake: intake.clone(), passwords, sessions: sessions.clone() };
        let failed = |error| anyhow!("cannot start the embedded MQTT broker: {error}");
        let mut broker = MqttBroker::with_config(config(storage_dir, intake.clone()))
            .await
            .map_err(failed)?
            .with_auth_provider(Arc::new(access));
        let behind = broker.local_addr().context("the embedded MQTT broker has no address")?;
        let mut ready = broker.ready_receiver();
        let (storage, router) = (broker.storage(), broker.router());
        if let Some(storage) = &storage {
            let _ = sessions.set(Sessions::load(storage.clone(), users).await.map_err(failed)?);
        }
        let shutdown = broker.shutdown_handle();
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let mut running = tokio::spawn(async move {
            // Also when it panics.
            let _guard = guard;
            broker.run().await
        });
        tokio::select! {
            ready = ready.wait_for(|is_ready| *is_ready) => { ready.context("the embedded MQTT broker ended while starting")?; }
            ended = &mut running => bail!("the embedded MQTT broker ended while starting: {:?}", ended?),
        }
        intake.retained.load(&router).await;
        let own_router = Arc::downgrade(&router);
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let offering = intake::offer_retained(intake.inlet.clone(), router, new_filters);
        tasks.spawn(cancel.clone().run_until_cancelled_owned(offering));
        let gate = Gate::new(behind, intake, tasks.clone());
        tasks.spawn(gate.run(listener, gate::Limits { connections, addresses }, cancel.clone()));
        tasks.close();
        Ok(Self {
            local_addr,
            storage,
            router: own_router,
            shutdown,
            running,
            ended,
            tasks,
            cancel,
            #[cfg(test)]
            behind,
        })
    }

    /// The address by which this machine reaches it, also when it listens on all; with the port that was picked.
    pub fn connect_addr(&self) -> SocketAddr {
        SocketAddr::new(reachable(self.local_addr.ip()), self.local_addr.port())
    }

    /// Publishes messages of our own, which no feed reads.
    pub fn publisher(&self) -> Publish {
        let router = self.router.clone();
        Arc::new(move |topic, payload| {
            let router = router.upgrade();
            Box::pin(async move {
                if let Some(router) = router {
                    router.route_message(&PublishPacket::new(topic, payload, QoS::AtLeastOnce), None).await;
                }
            })
        })
    }

    /// Resolves when it has ended, which it does by itself only when something is wrong with it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        self.ended.clone().cancelled_owned()
    }

    /// Disconnects the clients and writes what is not written yet, within `patience`.
    pub async fn stop(mut self, patience: Duration) {
        self.cancel.cancel();
        self.shutdown.shutdown();
        let storage = self.storage.take();
        let running = &mut self.running;
        let stopped = tokio::time::timeout(patience, async {
            let ended = running.await;
            self.tasks.wait().await;
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
        self.cancel.cancel();
        self.shutdown.shutdown();
    }
}

fn config(storage_dir: &Path, intake: Intake) -> BrokerConfig {
    let storage = StorageConfig::new()
        .with_base_dir(storage_dir.to_owned())
        .with_max_queued_messages_per_client(MAX_QUEUED_MESSAGES)
        .with_max_queued_bytes_per_client(MAX_QUEUED_BYTES);
    // Rates per client stay at 0, which is unlimited: a limit would drop messages.
    let mut config = BrokerConfig::new()
        .with_bind_address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .with_max_packet_size(MAX_PACKET_BYTES)
        .with_max_outbound_inflight(MAX_UNACKNOWLEDGED)
        .with_client_channel_capacity(CLIENT_CHANNEL_MESSAGES)
        .with_sys_topics_enabled(false)
        .with_storage(storage);
    config.max_subscriptions_per_client = MAX_SUBSCRIPTIONS;
    config.server_receive_maximum = Some(RECEIVE_MAXIMUM);
    config.session_expiry_interval = SESSION_EXPIRY;
    config.event_handler = Some(Arc::new(intake));
    config
}
