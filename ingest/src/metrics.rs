//! Counters for Prometheus, and how each feed is doing. Labels are feeds, brokers and reasons:
//! never a bay.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::feed::MAX_AHEAD_S;
use domain::{FeedId, Reason, UtcMicros};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use serde::Serialize;
use store::unmatched::{EXAMPLES, Unmatched};

use crate::decode::Dropped;
use crate::message::Received;
use crate::quota::Limits;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FeedLabel {
    feed: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RejectionLabels {
    feed: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DroppedLabels {
    feed: String,
    field: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BrokerLabel {
    broker: String,
}

/// The stored length of an unmatched topic.
const TOPIC_CHARS: usize = 200;

/// All metrics of the ingest.
#[derive(Debug)]
pub struct Metrics {
    messages: Family<FeedLabel, Counter>,
    qos0: Family<FeedLabel, Counter>,
    rejected: Family<RejectionLabels, Counter>,
    dropped: Family<DroppedLabels, Counter>,
    ignored: Family<FeedLabel, Counter>,
    throttled: Family<FeedLabel, Counter>,
    connected: Family<BrokerLabel, Gauge>,
    /// Whether each session is connected, by broker and client id.
    sessions: Mutex<BTreeMap<(String, String), bool>>,
    connections: Family<BrokerLabel, Counter>,
    /// Subscriptions that a broker granted.
    pub subscriptions: Gauge,
    unmatched: Counter,
    unmatched_topics: Mutex<BTreeMap<(String, String), Unmatched>>,
    pub stored: Counter,
    pub duplicates: Counter,
    pub batch_rows: Histogram,
    pub commit_s: Histogram,
    pub store_retries: Counter,
    pub store_available: Gauge,
    feeds: Mutex<HashMap<FeedId, Arc<FeedMeter>>>,
}

impl Metrics {
    /// Registers every metric.
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let m = Metrics {
            messages: Family::default(),
            qos0: Family::default(),
            rejected: Family::default(),
            dropped: Family::default(),
            ignored: Family::default(),
            throttled: Family::default(),
            connected: Family::default(),
            sessions: Mutex::default(),
            connections: Family::default(),
            subscriptions: Gauge::default(),
            unmatched: Counter::default(),
            unmatched_topics: Mutex::default(),
            stored: Counter::default(),
            duplicates: Counter::default(),
            batch_rows: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            commit_s: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            store_retries: Counter::default(),
            store_available: Gauge::default(),
            feeds: Mutex::default(),
        };
        let r = registry.sub_registry_with_prefix("kv_ingest");
        r.register("messages", "MQTT messages received", m.messages.clone());
        r.register(
            "qos0_messages",
            "Messages of QoS 0: what was sent while we were away is lost",
            m.qos0.clone(),
        );
        r.register("rejected", "Messages or elements that were not believed", m.rejected.clone());
        r.register(
            "dropped_fields",
            "Optional fields of a wrong type or value, without which a message was taken",
            m.dropped.clone(),
        );
        r.register("ignored", "Messages that are nothing for us, and no fault", m.ignored.clone());
        r.register(
            "throttled_messages",
            "Messages that had to wait because their feed or town was above its quota",
            m.throttled.clone(),
        );
        r.register(
            "broker_connected",
            "1 while all sessions at the broker are connected",
            m.connected.clone(),
        );
        r.register("broker_connections", "Connections made", m.connections.clone());
        r.register("subscriptions", "Subscriptions that stand", m.subscriptions.clone());
        r.register(
            "unmatched_messages",
            "Messages that match no feed's filter, here or at the embedded broker",
            m.unmatched.clone(),
        );
        r.register("observations_stored", "Observations that were new", m.stored.clone());
        r.register("observations_duplicate", "Observations that were stored before", m.duplicates.clone());
        r.register("batch_rows", "Rows stored in one transaction", m.batch_rows.clone());
        r.register("commit_seconds", "Duration of a transaction", m.commit_s.clone());
        r.register("store_retries", "Batches that had to be stored again", m.store_retries.clone());
        r.register("store_available", "1 while the database takes batches", m.store_available.clone());
        Arc::new(m)
    }

    /// The meter of a feed; keep it, counting with it is cheap.
    pub fn feed(&self, id: FeedId, key: &str) -> Arc<FeedMeter> {
        self.feeds
            .lock()
            .entry(id)
            .or_insert_with(|| {
                let label = FeedLabel { feed: key.to_owned() };
                Arc::new(FeedMeter {
                    key: key.to_owned(),
                    messages: self.messages.get_or_create(&label).clone(),
                    qos0: self.qos0.get_or_create(&label).clone(),
                    rejected: self.rejected.clone(),
                    dropped: self.dropped.clone(),
                    ignored: self.ignored.get_or_create(&label).clone(),
                    throttled: self.throttled.get_or_create(&label).clone(),
                    warned_qos0: AtomicU64::new(0),
                    recent: Mutex::default(),
                })
            })
            .clone()
    }

    /// Counts duplicates of a feed.
    pub fn duplicate(&self, feed: FeedId, at: UtcMicros, n: u64) {
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
    pub fn take_unmatched(&self) -> Vec<Unmatched> {
        std::mem::take(&mut *self.unmatched_topics.lock()).into_values().collect()
    }

    /// A session that is needed no longer.
    pub fn forget_session(&self, broker: &str, client_id: &str) {
        let mut sessions = self.sessions.lock();
        sessions.remove(&(broker.to_owned(), client_id.to_owned()));
        self.show_connected(broker, &sessions);
    }

    /// Notes a session's connection or its loss.
    pub fn connected(&self, broker: &str, client_id: &str, is_connected: bool) {
        let mut sessions = self.sessions.lock();
        sessions.insert((broker.to_owned(), client_id.to_owned()), is_connected);
        self.show_connected(broker, &sessions);
        if is_connected {
            self.connections.get_or_create(&BrokerLabel { broker: broker.to_owned() }).inc();
        }
    }

    fn show_connected(&self, broker: &str, sessions: &BTreeMap<(String, String), bool>) {
        let label = BrokerLabel { broker: broker.to_owned() };
        let of_broker: Vec<bool> =
            sessions.iter().filter(|((b, _), _)| b == broker).map(|(_, is)| *is).collect();
        if of_broker.is_empty() {
            self.connected.remove(&label);
        } else {
            self.connected.get_or_create(&label).set(of_broker.iter().all(|is| *is).into());
        }
    }

    /// Whether `broker` is wanted and not connected.
    pub fn lacks(&self, broker: &str) -> bool {
        let label = BrokerLabel { broker: broker.to_owned() };
        self.connected.get(&label).is_some_and(|connected| connected.get() == 0)
    }

    /// The state of every feed that has received messages.
    pub fn feed_statuses(&self, now: UtcMicros) -> Vec<(FeedId, FeedStatus)> {
        self.feeds.lock().iter().map(|(id, meter)| (*id, meter.status(now))).collect()
    }
}

/// Counts for one feed.
#[derive(Debug)]
pub struct FeedMeter {
    key: String,
    messages: Counter,
    qos0: Counter,
    rejected: Family<RejectionLabels, Counter>,
    dropped: Family<DroppedLabels, Counter>,
    ignored: Counter,
    throttled: Counter,
    warned_qos0: AtomicU64,
    recent: Mutex<Recent>,
}

/// The last hour, by minutes.
#[derive(Debug, Default)]
struct Recent {
    connected_since: Option<UtcMicros>,
    limits: Option<Limits>,
    last_message_at: Option<UtcMicros>,
    total: u64,
    qos0: u64,
    minutes: VecDeque<Minute>,
    /// Newest delays between observation and receipt, seconds.
    delays_s: VecDeque<f32>,
}

#[derive(Debug, Default)]
struct Minute {
    minute: i64,
    messages: u64,
    throttled: u64,
    rejected: BTreeMap<&'static str, u64>,
}

/// How far clocks may be set back.
const AHEAD_MINUTES: i64 = MAX_AHEAD_S / 60;

/// Delays kept for the median.
const DELAYS: usize = 255;

/// The state of a feed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedStatus {
    pub connected_since: Option<UtcMicros>,
    pub last_message_at: Option<UtcMicros>,
    pub messages_1h: u64,
    pub throttled_1h: u64,
    pub limits: Option<Limits>,
    pub rejected_1h: BTreeMap<String, u64>,
    pub delay_p50_s: Option<f32>,
    pub qos0_share: Option<f64>,
}

impl FeedMeter {
    /// Counts a message. Returns whether it is the first of QoS 0 where more was asked for: worth
    /// one warning.
    pub fn message(
        &self,
        qos: u8,
        wanted_qos: u8,
        received_at: UtcMicros,
        observed_at: Option<UtcMicros>,
    ) -> bool {
        self.messages.inc();
        let mut r = self.recent.lock();
        r.last_message_at = Some(received_at);
        r.total += 1;
        r.this_minute(received_at).messages += 1;
        if let Some(at) = observed_at {
            if r.delays_s.len() == DELAYS {
                r.delays_s.pop_front();
            }
            r.delays_s.push_back(received_at.seconds_since(at) as f32);
        }
        if qos == 0 {
            r.qos0 += 1;
            drop(r);
            self.qos0.inc();
            return wanted_qos > 0 && self.warned_qos0.swap(1, Ordering::Relaxed) == 0;
        }
        false
    }

    /// Counts the result of a message.
    pub fn received(&self, received: &Received, at: UtcMicros) {
        for (reason, n) in &received.reasons {
            self.rejected(*reason, at, *n);
        }
        for Dropped { field, reason } in &received.dropped {
            let (feed, field, reason) = (self.key.clone(), field.clone(), reason.as_str());
            self.dropped.get_or_create(&DroppedLabels { feed, field, reason }).inc();
        }
        self.ignored.inc_by(received.is_ignored.into());
    }

    /// Counts rejections and duplicates.
    pub fn rejected(&self, reason: Reason, at: UtcMicros, n: u64) {
        let labels = RejectionLabels { feed: self.key.clone(), reason: reason.as_str() };
        self.rejected.get_or_create(&labels).inc_by(n);
        *self.recent.lock().this_minute(at).rejected.entry(reason.as_str()).or_default() += n;
    }

    /// Counts a message that had to wait for its feed's or town's quota.
    pub fn throttled(&self, at: UtcMicros) {
        self.throttled.inc();
        self.recent.lock().this_minute(at).throttled += 1;
    }

    /// Records what the feed may send.
    pub fn limited(&self, limits: Limits) {
        self.recent.lock().limits = Some(limits);
    }

    /// Records since when the feed's subscription holds; `None` = it does not.
    pub fn connected_since(&self, at: Option<UtcMicros>) {
        self.recent.lock().connected_since = at;
    }

    fn status(&self, now: UtcMicros) -> FeedStatus {
        let r = self.recent.lock();
        let this_minute = now.0.div_euclid(60_000_000);
        let is_of_hour =
            |m: &&Minute| (this_minute - 60 < m.minute) && m.minute <= this_minute + AHEAD_MINUTES;
        let hour: Vec<&Minute> = r.minutes.iter().filter(is_of_hour).collect();
        let mut rejected_1h: BTreeMap<String, u64> = BTreeMap::new();
        for (reason, n) in hour.iter().flat_map(|m| &m.rejected) {
            *rejected_1h.entry((*reason).to_owned()).or_default() += n;
        }
        let mut delays: Vec<f32> = r.delays_s.iter().copied().collect();
        delays.sort_by(f32::total_cmp);
        FeedStatus {
            connected_since: r.connected_since,
            last_message_at: r.last_message_at,
            messages_1h: hour.iter().map(|m| m.messages).sum(),
            throttled_1h: hour.iter().map(|m| m.throttled).sum(),
            limits: r.limits,
            rejected_1h,
            delay_p50_s: delays.get(delays.len() / 2).copied(),
            qos0_share: (r.total > 0).then(|| r.qos0 as f64 / r.total as f64),
        }
    }
}

impl Recent {
    fn this_minute(&mut self, at: UtcMicros) -> &mut Minute {
        let minute = at.0.div_euclid(60_000_000);
        if self.minutes.back().is_some_and(|m| m.minute > minute + AHEAD_MINUTES) {
            // By a clock that was ahead.
            self.minutes.retain(|m| m.minute <= minute + AHEAD_MINUTES);
        }
        if self.minutes.back().is_none_or(|m| m.minute < minute) {
            if self.minutes.len() == 60 {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Minute { minute, ..Minute::default() });
        }
        let last = self.minutes.len() - 1;
        &mut self.minutes[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_clock_that_was_ahead_are_none_of_the_last_hour() {
        let mut recent = Recent::default();
        let now = UtcMicros(1_790_000_000_000_000);
        recent.this_minute(now).messages += 1;
        for minute in 0..90 {
            recent.this_minute(now.plus_s(365 * 86_400 + 60 * minute)).messages += 100;
        }
        recent.this_minute(now.plus_s(60)).messages += 1;
        // Clocks are set by some seconds.
        recent.this_minute(now).messages += 1;
        assert_eq!(recent.minutes.iter().map(|m| m.messages).sum::<u64>(), 2);
        assert_eq!(recent.minutes.len(), 1);
    }
}
