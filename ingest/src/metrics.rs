//! Counters for Prometheus. Labels are feeds, brokers and reasons: never a bay.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{FeedId, Reason, UtcMicros};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use store::unmatched::{EXAMPLES, Unmatched};

use crate::feed_meter::{FeedCounters, FeedMeter, Labels, register, registered};
use crate::notice_metrics::NoticeMetrics;

/// The stored length of an unmatched topic, characters.
const TOPIC_CHARS: usize = 200;

/// All metrics of the ingest.
#[derive(Debug)]
pub struct Metrics {
    by_feed: FeedCounters,
    connected: Family<Labels<1>, Gauge>,
    connections: Family<Labels<1>, Counter>,
    /// Subscriptions that a broker granted.
    pub(crate) subscriptions: Gauge,
    unmatched: Counter,
    pub(crate) stored: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) batch_rows: Histogram,
    pub(crate) commit_s: Histogram,
    pub(crate) store_retries: Counter,
    pub(crate) store_available: Gauge,
    pub(crate) notices: Arc<NoticeMetrics>,
    /// Whether each session is connected, by broker and client id.
    sessions: Mutex<BTreeMap<(String, String), bool>>,
    /// By broker and topic.
    unmatched_topics: Mutex<BTreeMap<(String, String), Unmatched>>,
    feeds: Mutex<HashMap<FeedId, Arc<FeedMeter>>>,
}

fn of_broker(broker: &str) -> Labels<1> {
    [("broker", broker.to_owned())]
}

impl Metrics {
    /// Registers every metric.
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let notices = Arc::new(NoticeMetrics::register(registry));
        let r = registry.sub_registry_with_prefix("kv_ingest");
        let rows = Histogram::new(exponential_buckets(1.0, 4.0, 8));
        let commit_s = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let all = "1 while all sessions at the broker are connected";
        let unmatched = "Messages that match no feed's filter, here or at the embedded broker";
        Arc::new(Metrics {
            notices,
            by_feed: FeedCounters::register(r),
            connected: registered(r, "broker_connected", all),
            connections: registered(r, "broker_connections", "Connections made"),
            subscriptions: registered(r, "subscriptions", "Subscriptions in force"),
            unmatched: registered(r, "unmatched_messages", unmatched),
            stored: registered(r, "observations_stored", "Observations that were new"),
            duplicates: registered(r, "observations_duplicate", "Observations that were stored before"),
            batch_rows: register(r, "batch_rows", "Rows stored in one transaction", rows),
            commit_s: register(r, "commit_seconds", "Duration of a transaction", commit_s),
            store_retries: registered(r, "store_retries", "Batches that had to be stored again"),
            store_available: registered(r, "store_available", "1 while the database takes batches"),
            sessions: Mutex::default(),
            unmatched_topics: Mutex::default(),
            feeds: Mutex::default(),
        })
    }

    /// The meter of a feed; keep it, counting with it is cheap.
    pub fn feed(&self, id: FeedId, key: &str) -> Arc<FeedMeter> {
        self.feeds.lock().entry(id).or_insert_with(|| Arc::new(self.by_feed.meter(key))).clone()
    }

    /// Counts duplicates of a feed.
    pub(crate) fn duplicate(&self, feed: FeedId, at: UtcMicros, n: u64) {
        self.duplicates.inc_by(n);
        if let Some(meter) = self.feeds.lock().get(&feed) {
            meter.rejected(Reason::Duplicate, at, n);
        }
    }

    /// Counts a message that no feed's filter matches, and keeps its topic as an example.
    pub fn unmatched(&self, broker: &str, topic: &str, at: UtcMicros) {
        self.unmatched.inc();
        let mut topics = self.unmatched_topics.lock();
        let of_broker = topics.keys().filter(|(b, _)| b == broker).count();
        let topic: String =
            topic.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }).take(TOPIC_CHARS).collect();
        let key = (broker.to_owned(), topic);
        if let Some(known) = topics.get_mut(&key) {
            known.messages += 1;
            known.last_at = at;
        } else if of_broker < EXAMPLES {
            let (broker, topic) = key.clone();
            topics.insert(key, Unmatched { broker, topic, messages: 1, first_at: at, last_at: at });
        }
    }

    /// The unmatched topics since the last call.
    pub(crate) fn take_unmatched(&self) -> Vec<Unmatched> {
        std::mem::take(&mut *self.unmatched_topics.lock()).into_values().collect()
    }

    /// A session that is needed no longer.
    pub(crate) fn forget_session(&self, broker: &str, client_id: &str) {
        let mut sessions = self.sessions.lock();
        sessions.remove(&(broker.to_owned(), client_id.to_owned()));
        self.show_connected(broker, &sessions);
    }

    /// Notes a session's connection or its loss.
    pub(crate) fn connected(&self, broker: &str, client_id: &str, is_connected: bool) {
        let mut sessions = self.sessions.lock();
        sessions.insert((broker.to_owned(), client_id.to_owned()), is_connected);
        self.show_connected(broker, &sessions);
        if is_connected {
            self.connections.get_or_create(&of_broker(broker)).inc();
        }
    }

    fn show_connected(&self, broker: &str, sessions: &BTreeMap<(String, String), bool>) {
        let mut are_connected =
            sessions.iter().filter(|((b, _), _)| b == broker).map(|(_, is)| *is).peekable();
        if are_connected.peek().is_none() {
            self.connected.remove(&of_broker(broker));
        } else {
            self.connected.get_or_create(&of_broker(broker)).set(are_connected.all(|is| is).into());
        }
    }

    /// Whether `broker` is wanted and not connected.
    pub fn lacks(&self, broker: &str) -> bool {
        self.connected.get(&of_broker(broker)).is_some_and(|connected| connected.get() == 0)
    }
}
