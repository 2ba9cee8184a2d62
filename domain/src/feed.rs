//! Brokers and feeds: where streams come from and how to read them.

use serde::{Deserialize, Serialize};

use crate::geo::Bbox;
use crate::place::wire_enum;
use crate::rental::{self, ReturnRule, System};
use crate::time::UtcMicros;

wire_enum! {
    /// The wire format of a feed.
    FeedFormat {
        Native = "native", Chirpstack = "chirpstack", Tts = "tts", Hfp = "hfp", GtfsRt = "gtfs-rt",
        /// Sites and spots as ParkAPI's clients push them; over HTTP only.
        ParkapiV3 = "parkapi-v3",
        /// Counts of years past, from `import history`: nothing is received.
        History = "history",
        /// Shared vehicles: polled by HTTP only.
        Gbfs = "gbfs",
    }
}

impl FeedFormat {
    /// Whether messages come from LoRaWAN devices: an impossible clock is then the gateway's
    /// fault, and the state is kept at its receipt.
    pub const fn is_lorawan(self) -> bool {
        matches!(self, FeedFormat::Chirpstack | FeedFormat::Tts)
    }
}

wire_enum! {
    /// Whose clock says when something was observed.
    ClockPolicy { Payload = "payload", Network = "network", Receipt = "receipt" }
}

wire_enum! {
    /// What to do with an observation whose clock is impossible.
    OnBadClock { Reject = "reject", Receipt = "receipt" }
}

wire_enum! {
    /// The protocol version spoken to a broker.
    MqttVersion { V5 = "5.0", V311 = "3.1.1" }
}

/// The heartbeat of native bays and sites when the feed names none: one day.
pub const DEFAULT_HEARTBEAT_S: u32 = 86_400;

/// How old an observation may be on arrival when the feed says nothing: 30 days.
const DEFAULT_MAX_AGE_S: i64 = 30 * 86_400;

/// How far ahead of our clock an observation may be: 5 minutes.
pub const MAX_AHEAD_S: i64 = 300;

/// Whether `at` lies so far ahead of `now` that a clock was wrong: the sender's, or ours at the receipt. Such an
/// observation is never the latest one.
pub fn is_ahead(at: UtcMicros, now: UtcMicros) -> bool {
    at > now.plus_s(MAX_AHEAD_S)
}

/// One MQTT server that the product connects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// Its name in the files.
    pub id: String,
    /// `mqtt://host:port` or `mqtts://host:port`.
    pub url: String,
    /// `None`: it asks for none.
    pub username: Option<String>,
    /// Path of a file that holds the password; the password itself is never stored.
    pub password_file: Option<String>,
    /// Path of the certificates that are trusted (PEM); `None`: those of the system.
    pub ca_file: Option<String>,
    /// Path of a client certificate (PEM).
    pub cert_file: Option<String>,
    /// Path of the key of the client certificate (PEM).
    pub key_file: Option<String>,
    /// `None`: one is made up and kept.
    pub client_id: Option<String>,
    /// The protocol spoken there.
    pub version: MqttVersion,
}

/// What a web server asks for before it answers: files, read at each question; what they hold is never stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebCredentials {
    /// Path of a file of HTTP headers, one to a line.
    pub headers_file: Option<String>,
    /// Path of the certificates that are trusted (PEM); `None`: those that browsers trust.
    pub ca_file: Option<String>,
    /// Path of a client certificate (PEM).
    pub cert_file: Option<String>,
    /// Path of the key of the client certificate (PEM).
    pub key_file: Option<String>,
}

impl WebCredentials {
    /// The keys of feeds.toml with the files that they name.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("headers_file", &self.headers_file),
            ("ca_file", &self.ca_file),
            ("cert_file", &self.cert_file),
            ("key_file", &self.key_file),
        ]
        .into_iter()
        .filter_map(|(key, file)| Some((key, file.as_deref()?)))
    }
}

/// How shared vehicles of a feed are taken (`gbfs`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RentalSettings {
    /// See [`RentalSettings::stale_after_s`].
    pub stale_after_s: Option<u32>,
    /// Ids of the systems that are taken of a manifest; empty: all.
    pub systems: Vec<String>,
    /// Where all its vehicles may be returned, whatever the operator says of it.
    pub return_rule: Option<ReturnRule>,
    /// Whether its zones are believed; `None`: yes.
    pub geofencing: Option<bool>,
}

impl RentalSettings {
    /// How old a state may be before it is unknown, seconds.
    pub fn stale_after_s(&self) -> u32 {
        self.stale_after_s.unwrap_or(rental::DEFAULT_STALE_AFTER_S)
    }

    /// Whether a system of this id is taken.
    pub fn takes(&self, system: &str) -> bool {
        self.systems.is_empty() || self.systems.iter().any(|id| id == system)
    }

    /// The system as it is taken.
    pub fn applied(&self, mut system: System) -> System {
        if let Some(rule) = self.return_rule {
            system.types.iter_mut().for_each(|vehicle_type| vehicle_type.return_rule = Some(rule));
        }
        if self.geofencing == Some(false) {
            system.geofencing = rental::Geofencing::default();
        }
        system
    }
}

/// One stream from one supplier over one broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// Its name in the files.
    pub id: String,
    /// Slug of the municipality it belongs to; it may name that one's places only (the county's
    /// feeds: all).
    pub municipality: String,
    /// How its messages are read.
    pub format: FeedFormat,
    /// MQTT topic filter; empty for a feed that is polled from `url` or posted to, and for one of history.
    pub topic: String,
    /// Id of the broker; absent = the instance's own (`--mqtt-url`, or the embedded one).
    pub broker: Option<String>,
    /// The quality of service of the subscription: 0, 1 or 2.
    pub qos: u8,
    /// See [`Feed::clock`]; `None`: by the format.
    pub clock: Option<ClockPolicy>,
    /// See [`Feed::on_bad_clock`]; `None`: by the format.
    pub on_bad_clock: Option<OnBadClock>,
    /// Oldest acceptable observation, seconds before receipt.
    pub max_age_s: Option<i64>,
    /// See [`Feed::max_message_bytes`]; `None`: by the format.
    pub max_message_bytes: Option<u32>,
    /// What the feed may send; more waits. `None`: as much as the instance allows each feed.
    #[serde(default)]
    pub max_messages_per_s: Option<u32>,
    /// As [`Feed::max_messages_per_s`], bytes.
    #[serde(default)]
    pub max_bytes_per_s: Option<u32>,
    /// Rejections that are stored; `None`: as many as the instance allows each feed.
    #[serde(default)]
    pub max_rejections_per_h: Option<u32>,
    /// See [`Feed::heartbeat_s`].
    pub heartbeat_s: Option<u32>,
    /// Whether the network server's own decoding is used where it sends one.
    pub use_server_decoder: bool,
    /// Coordinates outside are implausible.
    pub area: Option<Bbox>,
    /// Terms of use, by the SPDX identifier where there is one.
    pub licence: Option<String>,
    /// Whom to name.
    pub attribution: Option<String>,
    /// Whom to call when it fails.
    pub contact: Option<String>,
    /// Polled by HTTP instead of MQTT (`gtfs-rt`, `gbfs`).
    pub url: Option<String>,
    /// Seconds between two polls of `url`.
    pub every_s: Option<u32>,
    /// What the server of `url` asks for.
    #[serde(flatten)]
    pub credentials: WebCredentials,
    /// How its shared vehicles are taken.
    #[serde(flatten)]
    pub rental: RentalSettings,
    /// Whether `url` and `storage_url` may lead to an address within a network ([`crate::address`]).
    #[serde(default)]
    pub allow_private: bool,
    /// Its messages are posted to us over HTTP instead of MQTT.
    #[serde(default)]
    pub push: bool,
    /// Address of The Things Stack's storage: what the feed missed is fetched there. The server's, or that of the
    /// application's uplinks.
    #[serde(default)]
    pub storage_url: Option<String>,
    /// Path of a file that holds the key of the storage; the key itself is never stored.
    #[serde(default)]
    pub storage_token_file: Option<String>,
    /// File name of the GTFS whose ids its trips, routes and stops have; absent = whichever has them.
    pub timetable: Option<String>,
}

impl Feed {
    /// Whose clock is used: LoRaWAN devices have none, their network server's is; others send their own.
    pub fn clock(&self) -> ClockPolicy {
        let is_lorawan = self.format.is_lorawan();
        self.clock.unwrap_or(if is_lorawan { ClockPolicy::Network } else { ClockPolicy::Payload })
    }

    /// How an impossible clock is treated: see [`FeedFormat::is_lorawan`].
    pub fn on_bad_clock(&self) -> OnBadClock {
        let is_lorawan = self.format.is_lorawan();
        self.on_bad_clock.unwrap_or(if is_lorawan { OnBadClock::Receipt } else { OnBadClock::Reject })
    }

    /// Oldest acceptable observation, seconds before receipt.
    pub fn max_age_s(&self) -> i64 {
        self.max_age_s.unwrap_or(DEFAULT_MAX_AGE_S)
    }

    /// The heartbeat its native bays and sites promise, seconds.
    pub fn heartbeat_s(&self) -> u32 {
        self.heartbeat_s.unwrap_or(DEFAULT_HEARTBEAT_S)
    }

    /// The largest message it may send, bytes.
    ///
    /// `is_batch`: a native `batch`, which holds many observations.
    pub fn max_message_bytes(&self, is_batch: bool) -> usize {
        const SINGLE: u32 = 64 << 10;
        const BATCH: u32 = 1 << 20;
        const GTFS_RT: u32 = 8 << 20;
        // Each file of it.
        const GBFS: u32 = 16 << 20;
        let default = match self.format {
            FeedFormat::Gbfs => GBFS,
            FeedFormat::GtfsRt => GTFS_RT,
            FeedFormat::ParkapiV3 => BATCH,
            _ if is_batch => BATCH,
            _ => SINGLE,
        };
        self.max_message_bytes.unwrap_or(default) as usize
    }

    /// Whether it is subscribed at a broker: not when it is polled or posted to, nor when its counts are imported.
    pub fn is_subscribed(&self) -> bool {
        self.url.is_none() && !self.push && self.format != FeedFormat::History
    }

    /// Whether messages of this format may refer to trips of a timetable.
    pub const fn speaks_of_trips(format: FeedFormat) -> bool {
        matches!(format, FeedFormat::GtfsRt | FeedFormat::Hfp | FeedFormat::Native)
    }

    /// Filters of all topics that its format understands; none where any topic will do.
    pub fn understood_topics(&self) -> Vec<String> {
        let known: &[&str] = match self.format {
            FeedFormat::Native => {
                let of = |suffix: &&str| format!("kv/1/{}/{suffix}", self.id);
                return ["bay/+", "site/+", "vehicle/+", "passengers/+", "batch"].iter().map(of).collect();
            }
            FeedFormat::Chirpstack => &["application/+/device/+/event/+"],
            FeedFormat::Tts => &["v3/+/devices/+/#"],
            FeedFormat::Hfp => &["/hfp/v2/#"],
            FeedFormat::GtfsRt | FeedFormat::ParkapiV3 | FeedFormat::History | FeedFormat::Gbfs => &[],
        };
        known.iter().map(|topic| (*topic).to_owned()).collect()
    }

    /// Whether both would receive the same message: one broker and filters that overlap.
    pub fn overlaps(&self, other: &Feed) -> bool {
        let subscribed = self.is_subscribed() && other.is_subscribed();
        subscribed && self.broker == other.broker && filters_overlap(&self.topic, &other.topic)
    }
}

/// An address without what may be secret in it: user and password, query and fragment.
pub fn shown_address(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = bare.split_once("://").map_or(("", bare), |(s, rest)| (s, rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

/// The host of an address as it is written, without brackets and port.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether an MQTT topic filter (`+`, `#`) matches a topic (MQTT 5.0, 4.7).
pub fn topic_matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && !filter.starts_with('$') {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (w, Some(level)) if w == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Whether some topic could match both filters: two such feeds on one broker would each get the
/// other's messages.
pub fn filters_overlap(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (Some("#"), _) | (_, Some("#")) => return true,
            (None, None) => return true,
            (Some(x), Some(y)) if x == y || x == "+" || y == "+" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_mqtt_says() {
        assert!(topic_matches("kv/1/+/bay/+", "kv/1/f/bay/17"));
        assert!(topic_matches("/hfp/v2/#", "/hfp/v2/journey/ongoing/vp/bus"));
        assert!(topic_matches("a/#", "a"));
        assert!(!topic_matches("a/+", "a"));
        assert!(!topic_matches("a/+", "a/b/c"));
        assert!(!topic_matches("#", "$SYS/broker"));
    }

    #[test]
    fn a_shown_address_holds_no_secret() {
        for (url, shown) in [
            ("https://h.example/rt/vehicles.pb", "https://h.example/rt/vehicles.pb"),
            ("https://me:s3cret@h.example:8443/rt?key=s3cret#s3cret", "https://h.example:8443/rt"),
            ("https://me:s3c@ret@h.example", "https://h.example"),
            ("me:s3cret@h.example/x@y", "h.example/x@y"),
            ("mqtt://h.example?password=s3cret", "mqtt://h.example"),
            ("", ""),
        ] {
            assert_eq!(shown_address(url), shown);
        }
    }

    #[test]
    fn overlap_is_found_in_both_directions() {
        assert!(filters_overlap("a/+/c", "a/b/#"));
        assert!(filters_overlap("a/#", "a"));
        assert!(!filters_overlap("a/b", "a/c"));
        assert!(!filters_overlap("kv/1/x/#", "kv/1/y/#"));
    }
}
