//! Arguments of `serve`, `ingest`, `api` and `demo`, and those that most commands share.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ingest::mqtt::SecretFiles;
use ingest::quota::{DefaultLimits, Limits, OfAddress};

/// Which database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// PostgreSQL to use, e.g. postgres://kv:secret@db.example/kv. Without it a private one runs
    /// in the data directory.
    #[arg(long, hide_env_values = true)]
    pub database_url: Option<String>,
    /// File that holds the database URL.
    #[arg(long, conflicts_with = "database_url")]
    pub database_url_file: Option<PathBuf>,
    /// Where everything of this instance lives. Default: /var/lib/kreisverkehr as root, else
    /// kreisverkehr in the user's data directory.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Whether a fresh database uses TimescaleDB where it is preloaded.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub timescaledb: bool,
}

/// The database of a short-lived command.
#[derive(Debug, Clone, Args)]
pub struct VisitArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Make a new database where there is none; else that is an error.
    #[arg(long)]
    pub create: bool,
}

/// Where HTTP is answered, and for whom.
#[derive(Debug, Clone, Args)]
pub struct HttpArgs {
    /// Address of the API. Port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// File of `journey build`. Default: journey.kvj in the data directory. A new one is taken in while
    /// the product runs.
    #[arg(long)]
    pub journey_file: Option<PathBuf>,
    /// File that names the timetables and extracts of that file (TOML, as `journey build --sources` has it): they are fetched
    /// by themselves, and the file is built again when one of them has changed.
    #[arg(long, value_name = "FILE")]
    pub journey_sources: Option<PathBuf>,
    /// Limits by which sensors are accepted, each with its reason (TOML). Default: those of
    /// docs/INSTALLERS.md.
    #[arg(long, value_name = "FILE")]
    pub acceptance_limits: Option<PathBuf>,
    /// Own address for /healthz, /readyz, /metrics, /docs and /openapi.json.
    #[arg(long)]
    pub ops_http: Option<SocketAddr>,
    /// Addresses of reverse proxies, e.g. 127.0.0.1 or 10.0.0.0/8, separated by commas: only their
    /// X-Forwarded-For is believed.
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<api::Cidr>,
    /// HTTP connections at once. Default: half of the files that the process may have open and that are not
    /// kept for the database and brokers, at most 4096.
    #[arg(long)]
    pub max_connections: Option<NonZeroUsize>,
    /// HTTP connections at once from one address (of IPv6: from one /64). Default: a quarter of all; as many as
    /// there are from this machine and from --trusted-proxy.
    #[arg(long)]
    pub max_connections_per_address: Option<NonZeroUsize>,
}

impl HttpArgs {
    /// Proxies whose X-Forwarded-For is believed.
    pub fn proxies(&self) -> api::TrustedProxies {
        api::TrustedProxies(self.trusted_proxy.clone().into())
    }

    /// Bounds of connections where the process may have so many files open.
    pub fn bounds(&self, descriptors: u64) -> crate::server::Bounds {
        let fitting = crate::server::descriptors::connections(descriptors);
        let connections = self.max_connections.map_or(fitting, NonZeroUsize::get);
        let per_address = self.max_connections_per_address.map_or(connections.div_ceil(4), NonZeroUsize::get);
        crate::server::Bounds { connections, per_address }
    }

    /// Addresses that may have all connections: this machine's and trusted proxies', which stand for other clients.
    pub fn is_unlimited(&self) -> impl Fn(std::net::IpAddr) -> bool + Send + Sync + 'static {
        let (proxies, is_bounded) = (self.proxies(), self.max_connections_per_address.is_some());
        move |address| proxies.contains(address) || (address.is_loopback() && !is_bounded)
    }
}

/// Which broker, and as whom.
#[derive(Debug, Clone, Args)]
pub struct MqttArgs {
    /// MQTT broker of the feeds that name none, e.g. mqtts://user:secret@broker.example. Without
    /// it an embedded broker runs.
    #[arg(long, hide_env_values = true)]
    pub mqtt_url: Option<String>,
    /// File that holds the broker's URL.
    #[arg(long, conflicts_with = "mqtt_url")]
    pub mqtt_url_file: Option<PathBuf>,
    /// Directory in which the files must lie that brokers and feeds in feeds.toml (password_file, ca_file, cert_file, key_file, headers_file) and
    /// rules in notices.toml (secret_file, password_file) name, e.g. /etc/kreisverkehr/secrets. Give it when others write
    /// these: without it they may name any file that this process can read.
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

impl MqttArgs {
    /// Which files brokers in feeds.toml and rules in notices.toml may name.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn secret_files(&self) -> anyhow::Result<SecretFiles> {
        let Some(directory) = &self.secrets_dir else { return Ok(SecretFiles::default()) };
        SecretFiles::within(directory).with_context(|| format!("--secrets-dir {}", directory.display()))
    }
}

/// The broker that comes with it.
#[derive(Debug, Clone, Args)]
pub struct EmbeddedBrokerArgs {
    /// Address of the embedded MQTT broker; ignored with --mqtt-url. It acknowledges a message that a
    /// feed reads once it is stored in the database: nothing acknowledged is lost, however the
    /// process ends. For other subscribers up to 250 ms of messages may be lost after a kill -9.
    #[arg(long, default_value = "127.0.0.1:1883")]
    pub mqtt_listen: SocketAddr,
    /// Who may publish and subscribe what at the embedded broker (TOML: `[[user]]` with name, password,
    /// publish, subscribe). Required unless it listens on this machine only.
    #[arg(long)]
    pub mqtt_users: Option<PathBuf>,
}

/// What may be sent; a publisher who sends more waits for its acknowledgement, and nothing is lost.
#[derive(Debug, Clone, Args)]
pub struct QuotaArgs {
    /// Messages per second of one feed, unless feeds.toml says max_messages_per_s.
    #[arg(long, default_value_t = DefaultLimits::default().feed.messages_per_s)]
    pub feed_messages_per_s: NonZeroU32,
    /// Bytes per second of one feed, unless feeds.toml says max_bytes_per_s.
    #[arg(long, default_value_t = DefaultLimits::default().feed.bytes_per_s)]
    pub feed_bytes_per_s: NonZeroU32,
    /// Messages per hour of which something is rejected, of one feed, unless feeds.toml says max_rejections_per_h.
    #[arg(long, default_value_t = DefaultLimits::default().feed.rejections_per_h)]
    pub feed_rejections_per_h: NonZeroU32,
    /// Messages per second of all feeds of one municipality.
    #[arg(long, default_value_t = DefaultLimits::default().town.messages_per_s)]
    pub town_messages_per_s: NonZeroU32,
    /// Bytes per second of all feeds of one municipality.
    #[arg(long, default_value_t = DefaultLimits::default().town.bytes_per_s)]
    pub town_bytes_per_s: NonZeroU32,
    /// Messages per hour of which something is rejected, likewise.
    #[arg(long, default_value_t = DefaultLimits::default().town.rejections_per_h)]
    pub town_rejections_per_h: NonZeroU32,
    /// Messages per second from one address to the embedded broker, or by HTTP. Default: 40000; from this
    /// machine as many as come.
    #[arg(long)]
    pub address_messages_per_s: Option<NonZeroU32>,
    /// Bytes per second, likewise. Default: 40000000.
    #[arg(long)]
    pub address_bytes_per_s: Option<NonZeroU32>,
    /// Messages per hour of which something is rejected, likewise. Default: 2000000.
    #[arg(long)]
    pub address_rejections_per_h: Option<NonZeroU32>,
}

impl QuotaArgs {
    /// As the ingest takes it.
    pub fn usual(&self) -> DefaultLimits {
        DefaultLimits {
            feed: Limits {
                messages_per_s: self.feed_messages_per_s,
                bytes_per_s: self.feed_bytes_per_s,
                rejections_per_h: self.feed_rejections_per_h,
            },
            town: Limits {
                messages_per_s: self.town_messages_per_s,
                bytes_per_s: self.town_bytes_per_s,
                rejections_per_h: self.town_rejections_per_h,
            },
        }
    }

    /// As the embedded broker and HTTP take it.
    pub fn of_address(&self) -> OfAddress {
        let usual = DefaultLimits::default().town;
        let own = [self.address_messages_per_s, self.address_bytes_per_s, self.address_rejections_per_h];
        OfAddress {
            limits: Limits {
                messages_per_s: own[0].unwrap_or(usual.messages_per_s),
                bytes_per_s: own[1].unwrap_or(usual.bytes_per_s),
                rejections_per_h: own[2].unwrap_or(usual.rejections_per_h),
            },
            holds_on_this_machine: own.iter().any(Option::is_some),
        }
    }
}

/// For how long each class of data is stored.
#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Days that rejected messages are kept.
    #[arg(long, default_value_t = 14)]
    pub keep_rejections_days: u32,
    /// Days that the bytes of LoRaWAN messages are kept.
    #[arg(long, default_value_t = 90)]
    pub keep_uplinks_days: u32,
    /// Days that vehicle positions and trip updates are kept.
    #[arg(long, default_value_t = 14)]
    pub keep_positions_days: u32,
    /// Days that bay, site and passenger observations are kept, and what is derived of each of them.
    #[arg(long, default_value_t = 1095)]
    pub keep_observations_days: u32,
    /// Days that is kept how late each run passed each stop; which vehicle it was only as long as positions.
    #[arg(long, default_value_t = 1095)]
    pub keep_passages_days: u32,
    /// Days that sums per hour are kept, and what remains of vehicle positions. Default: for ever.
    #[arg(long)]
    pub keep_aggregates_days: Option<u32>,
}

impl RetentionArgs {
    /// As the store takes it.
    pub fn retention(&self) -> store::retention::Retention {
        let days = |n: u32| std::time::Duration::from_secs(u64::from(n) * 86_400);
        store::retention::Retention {
            rejections: days(self.keep_rejections_days),
            uplinks: days(self.keep_uplinks_days),
            vehicle_positions: days(self.keep_positions_days),
            observations: days(self.keep_observations_days),
            passages: days(self.keep_passages_days),
            aggregates: self.keep_aggregates_days.map(days),
        }
    }
}

/// How much of the disk stays free.
#[derive(Debug, Clone, Args)]
pub struct DiskArgs {
    /// Percent of the data directory's disk that must be free. With less nothing is stored or
    /// acknowledged; reading goes on, and /readyz says why.
    #[arg(long, default_value_t = crate::disk::MIN_FREE_PCT)]
    pub min_free_disk_pct: f64,
}

/// Whether devices are judged.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Whether the health of devices is judged from their messages. All processes on one database must agree.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub health: bool,
}

/// `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub http: HttpArgs,
    #[command(flatten)]
    pub mqtt: MqttArgs,
    #[command(flatten)]
    pub embedded: EmbeddedBrokerArgs,
    #[command(flatten)]
    pub retention: RetentionArgs,
    #[command(flatten)]
    pub disk: DiskArgs,
    #[command(flatten)]
    pub quotas: QuotaArgs,
    #[command(flatten)]
    pub health: HealthArgs,
}

/// `ingest`.
#[derive(Debug, Clone, Args)]
pub struct IngestArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub mqtt: MqttArgs,
    #[command(flatten)]
    pub retention: RetentionArgs,
    #[command(flatten)]
    pub disk: DiskArgs,
    #[command(flatten)]
    pub quotas: QuotaArgs,
    #[command(flatten)]
    pub health: HealthArgs,
    /// Address for /healthz, /readyz and /metrics.
    #[arg(long)]
    pub ops_http: Option<SocketAddr>,
}

/// `api`.
#[derive(Debug, Clone, Args)]
pub struct ApiArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub http: HttpArgs,
    #[command(flatten)]
    pub disk: DiskArgs,
    #[command(flatten)]
    pub quotas: QuotaArgs,
    #[command(flatten)]
    pub health: HealthArgs,
}
