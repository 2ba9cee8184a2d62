//! Metrics of the embedded broker. Refusals are logged once a minute per reason and address, so that a flood of them does
//! not fill the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt5::protocol::v5::reason_codes::ReasonCode;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tracing::warn;

use crate::server::connections;

const LOGGED_EVERY: Duration = Duration::from_secs(60);
/// Addresses whose refusals are logged apart; those of further ones are counted only.
const MAX_ADDRESSES: usize = 1_000;

domain::wire_enum! {
    /// Why a connection was refused or closed; its word is the label of the counter.
    Refusal {
        TooMany = "too_many_connections",
        TooManyOfUser = "too_many_of_user",
        TooManySessions = "too_many_sessions",
        TooManyRetained = "too_many_retained",
        NoConnect = "no_connect",
        ConnectTooLarge = "connect_too_large",
        Malformed = "malformed",
        PacketTooLarge = "packet_too_large",
        TooMuchUnreleased = "too_much_unreleased",
        NotReading = "not_reading",
        Password = "password",
        TooManyFailures = "too_many_failures",
        ClientId = "client_id",
        NotGranted = "not_granted",
    }
}

/// What a client is answered, and why.
pub type Denial = (ReasonCode, Refusal);

impl Refusal {
    /// As a sentence for the log.
    fn explained(self) -> &'static str {
        match self {
            Refusal::TooMany => {
                "there are as many connections as the broker takes (1,000), or as one address may have (100)"
            }
            Refusal::TooManyOfUser => {
                "the user has as many connections as one may have (50); let clients share, or give them users of their own"
            }
            Refusal::TooManySessions => {
                "the user has as many sessions of clients that are away as one may have (20); connect with a clean start, or by fewer client ids"
            }
            Refusal::TooManyRetained => {
                "a retained message of more than 16 KiB, or there are as many as one user (1,000) or all (5,000) may have: it is \
                 delivered and not kept, a client with such a will is refused; clear those that nobody needs with an empty message"
            }
            Refusal::NoConnect => "no CONNECT came within 10 s, or others needed the place",
            Refusal::ConnectTooLarge => "a CONNECT of more than 64 KiB",
            Refusal::Malformed => "what came is not MQTT 3.1.1 or 5.0",
            Refusal::PacketTooLarge => {
                "a packet of more than 16 MiB, or of more than 64 KiB on a topic that no feed reads"
            }
            Refusal::TooMuchUnreleased => {
                "too many messages of QoS 2 without their PUBREL (128 messages, 1 MiB)"
            }
            Refusal::NotReading => "the client took nothing for 30 s",
            Refusal::Password => "unknown user or wrong password",
            Refusal::TooManyFailures => {
                "too many wrong passwords from this address; it is not asked again for a minute"
            }
            Refusal::ClientId => "the client id belongs to another user; choose another",
            Refusal::NotGranted => "the users file does not grant the topic",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// See the module's description.
#[derive(Default)]
pub struct BrokerMetrics {
    pub connections: connections::ConnectionMetrics,
    refused: Family<ReasonLabel, Counter>,
    logged: Mutex<HashMap<(Refusal, IpAddr), (Instant, u64)>>,
}

impl BrokerMetrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let connections = connections::ConnectionMetrics::register(registry, "kv_broker");
        let meters = Arc::new(Self { connections, ..Self::default() });
        let r = registry.sub_registry_with_prefix("kv_broker");
        r.register(
            "refused",
            "Connections, logins and topics that the embedded broker refused",
            meters.refused.clone(),
        );
        meters
    }

    /// Counts a refusal.
    pub fn refused(&self, refusal: Refusal, address: IpAddr) {
        let label = ReasonLabel { reason: refusal.as_str() };
        self.refused.get_or_create(&label).inc();
        let mut logged = self.logged.lock();
        let now = Instant::now();
        if logged.len() >= MAX_ADDRESSES {
            logged.retain(|_, (at, _)| now.duration_since(*at) < LOGGED_EVERY);
        }
        let (is_full, key) = (logged.len() >= MAX_ADDRESSES, (refusal, address));
        let count = match logged.get_mut(&key) {
            Some((at, count)) if now.duration_since(*at) < LOGGED_EVERY => {
                *count += 1;
                return;
            }
            None if is_full => return,
            Some(entry) => std::mem::replace(entry, (now, 0)).1 + 1,
            None => {
                logged.insert(key, (now, 0));
                1
            }
        };
        drop(logged);
        warn!(%address, count, "refused at the embedded broker: {}", refusal.explained());
    }
}
