//! How one feed is doing: counters, and its last hour by minutes.

use std::collections::{BTreeMap, VecDeque};

use domain::feed::MAX_AHEAD_S;
use domain::feed_health::{Evidence, FeedHealth, Report};
use domain::{Reason, UtcMicros};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Metric, Registry};
use tokio::sync::watch;

use crate::branches::Branches;
use crate::decode::Dropped;
use crate::feed_status::{FeedStatus, Gap};
use crate::message::Received;
use crate::quota::Limits;

/// How far clocks may be set back.
const AHEAD_MINUTES: i64 = MAX_AHEAD_S / 60;

/// Delays kept for the median.
const DELAYS: usize = 255;

/// The stored length of a reason, characters.
const ERROR_CHARS: usize = 500;

/// Names and values of labels.
pub(crate) type Labels<const N: usize> = [(&'static str, String); N];

/// Registers `metric`, and returns it.
pub(crate) fn register<M: Metric + Clone>(r: &mut Registry, name: &str, help: &str, metric: M) -> M {
    r.register(name, help, metric.clone());
    metric
}

/// Registers a metric that begins at zero.
pub(crate) fn registered<M: Metric + Clone + Default>(r: &mut Registry, name: &str, help: &str) -> M {
    register(r, name, help, M::default())
}

/// The counters that have a feed as a label.
#[derive(Debug)]
pub(crate) struct FeedCounters {
    messages: Family<Labels<1>, Counter>,
    qos0: Family<Labels<1>, Counter>,
    /// By feed and reason.
    rejected: Family<Labels<2>, Counter>,
    /// By feed, field and reason.
    dropped: Family<Labels<3>, Counter>,
    ignored: Family<Labels<1>, Counter>,
    throttled: Family<Labels<1>, Counter>,
}

impl FeedCounters {
    pub(crate) fn register(r: &mut Registry) -> Self {
        let lost = "Messages of QoS 0: what was sent while we were away is lost";
        let dropped = "Optional fields of a wrong type or value, without which a message was accepted";
        let throttled = "Messages that had to wait because their feed or town was above its quota";
        FeedCounters {
            messages: registered(r, "messages", "MQTT messages received"),
            qos0: registered(r, "qos0_messages", lost),
            rejected: registered(r, "rejected", "Messages or elements that were rejected"),
            dropped: registered(r, "dropped_fields", dropped),
            ignored: registered(r, "ignored", "Messages that carry nothing to store"),
            throttled: registered(r, "throttled_messages", throttled),
        }
    }

    /// The meter of the feed `key`.
    pub(crate) fn meter(&self, key: &str) -> FeedMeter {
        let of =
            |family: &Family<Labels<1>, Counter>| family.get_or_create(&[("feed", key.to_owned())]).clone();
        FeedMeter {
            key: key.to_owned(),
            messages: of(&self.messages),
            qos0: of(&self.qos0),
            rejected: self.rejected.clone(),
            dropped: self.dropped.clone(),
            ignored: of(&self.ignored),
            throttled: of(&self.throttled),
            recent: Mutex::default(),
            health: Mutex::default(),
            branches: Mutex::default(),
            link: watch::Sender::default(),
        }
    }
}

/// Counts for one feed.
#[derive(Debug)]
pub struct FeedMeter {
    key: String,
    messages: Counter,
    qos0: Counter,
    rejected: Family<Labels<2>, Counter>,
    dropped: Family<Labels<3>, Counter>,
    ignored: Counter,
    throttled: Counter,
    recent: Mutex<Recent>,
    /// `None` until what was learned before is loaded.
    pub(crate) health: Mutex<Option<FeedHealth>>,
    pub(crate) branches: Mutex<Branches>,
    /// Its connections, for who fetches what was missed.
    link: watch::Sender<Link>,
}

/// A feed's connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// `None`: there is none.
    pub since: Option<UtcMicros>,
    /// Receipt of the last message before it; `None`: none in this process.
    pub heard_before: Option<UtcMicros>,
}

/// What a broker keeps for us while we are away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// It kept our session.
    pub session: bool,
    /// What it delivers by.
    pub qos: u8,
}

/// The last hour, by minutes.
#[derive(Debug, Default)]
struct Recent {
    connected_since: Option<UtcMicros>,
    limits: Option<Limits>,
    last_message_at: Option<UtcMicros>,
    /// Receipt of the last message of the process before.
    heard_before_start: Option<UtcMicros>,
    gap: Option<Gap>,
    /// What is wrong with fetching what is missing.
    error: Option<String>,
    /// Why there is no connection.
    refused: Option<String>,
    certificate_until: Option<UtcMicros>,
    total: u64,
    qos0: u64,
    minutes: VecDeque<Minute>,
    /// Newest delays between observation and receipt, seconds.
    delays_s: VecDeque<f32>,
    has_warned_of_qos0: bool,
}

#[derive(Debug, Default)]
struct Minute {
    minute: i64,
    messages: u64,
    throttled: u64,
    /// Messages of which something was rejected.
    rejected_messages: u64,
    rejected: BTreeMap<&'static str, u64>,
}

impl FeedMeter {
    /// Counts a message. Returns whether it is the first of QoS 0 where more was requested: worth
    /// one warning.
    pub(crate) fn message(
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
        if qos > 0 {
            return false;
        }
        r.qos0 += 1;
        self.qos0.inc();
        wanted_qos > 0 && !std::mem::replace(&mut r.has_warned_of_qos0, true)
    }

    /// Counts the result of a message.
    pub(crate) fn received(&self, received: &Received, at: UtcMicros) {
        for (reason, n) in &received.reasons {
            self.rejected(*reason, at, *n);
        }
        for Dropped { field, reason } in &received.dropped {
            let labels =
                [("feed", self.key.clone()), ("field", field.clone()), ("reason", reason.to_string())];
            self.dropped.get_or_create(&labels).inc();
        }
        self.ignored.inc_by(received.is_ignored.into());
        if !received.reasons.is_empty() {
            self.recent.lock().this_minute(at).rejected_messages += 1;
        }
    }

    /// Counts rejections and duplicates.
    pub(crate) fn rejected(&self, reason: Reason, at: UtcMicros, n: u64) {
        let labels = [("feed", self.key.clone()), ("reason", reason.to_string())];
        self.rejected.get_or_create(&labels).inc_by(n);
        *self.recent.lock().this_minute(at).rejected.entry(reason.as_str()).or_default() += n;
    }

    /// Counts a message that had to wait for its feed's or town's quota.
    pub(crate) fn throttled(&self, at: UtcMicros) {
        self.throttled.inc();
        self.recent.lock().this_minute(at).throttled += 1;
    }

    /// Records what the feed may send.
    pub(crate) fn limited(&self, limits: Limits) {
        self.recent.lock().limits = Some(limits);
    }

    /// Records that what was asked for came.
    pub(crate) fn reached(&self, at: UtcMicros) {
        let mut r = self.recent.lock();
        (r.connected_since, r.refused) = (Some(at), None);
    }

    /// Records that the feed's subscription does not hold, or its server cannot be reached.
    pub(crate) fn disconnected(&self, reason: &str) {
        let mut r = self.recent.lock();
        (r.connected_since, r.refused) = (None, Some(reason.chars().take(ERROR_CHARS).collect()));
        drop(r);
        self.link.send_if_modified(|link| std::mem::take(link) != Link::default());
    }

    /// Records until when the certificates of its connection are valid.
    pub(crate) fn certified_until(&self, at: Option<UtcMicros>) {
        self.recent.lock().certificate_until = at;
    }

    /// Records that the feed's subscription holds from now on. What was sent since the last message may be missing where
    /// nobody kept it.
    pub(crate) fn connected(&self, now: UtcMicros, kept: Kept) {
        let mut r = self.recent.lock();
        let is_new = r.connected_since.replace(now).is_none();
        r.refused = None;
        let heard = r.last_message_at.or(r.heard_before_start);
        let is_kept = kept.session && kept.qos > 0 && r.qos0 == 0;
        if let (true, false, Some(from)) = (is_new, is_kept, heard) {
            r.gap = Some(Gap { from, until: now });
        }
        let heard_before = r.last_message_at;
        drop(r);
        if is_new {
            self.link.send_replace(Link { since: Some(now), heard_before });
        }
    }

    /// The feed's connections, from the present one on.
    pub(crate) fn links(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Records when a process before this one received the last message.
    pub(crate) fn heard_before_start(&self, at: UtcMicros) {
        self.recent.lock().heard_before_start = Some(at);
    }

    /// Records that nothing is missing any more.
    pub(crate) fn filled(&self) {
        self.recent.lock().gap = None;
    }

    /// Records what is wrong with fetching what is missing; `None`: nothing is. Returns whether that is new.
    pub(crate) fn failed(&self, error: Option<String>) -> bool {
        let mut r = self.recent.lock();
        let is_new = r.error != error;
        r.error = error;
        is_new
    }

    /// How it is doing; `report`: by what was learned of it.
    pub(crate) fn status(&self, report: Option<Report>, now: UtcMicros) -> FeedStatus {
        let evidence = self.evidence(now);
        let r = self.recent.lock();
        let mut rejected_1h: BTreeMap<String, u64> = BTreeMap::new();
        for (reason, n) in r.hour(now).flat_map(|m| &m.rejected) {
            *rejected_1h.entry((*reason).to_owned()).or_default() += n;
        }
        let reasons = report.as_ref().map(|report| report.reasons(&evidence));
        FeedStatus {
            connected_since: r.connected_since,
            last_message_at: r.last_message_at,
            messages_1h: evidence.messages_1h,
            throttled_1h: r.hour(now).map(|m| m.throttled).sum(),
            limits: r.limits,
            rejected_1h,
            delay_p50_s: evidence.delay_p50_s,
            qos0_share: (r.total > 0).then(|| r.qos0 as f64 / r.total as f64),
            gap: r.gap,
            error: r.refused.clone().or_else(|| r.error.clone()),
            certificate_until: r.certificate_until,
            state: report.as_ref().map(|report| report.period.state),
            state_since: report.as_ref().map(|report| report.period.since),
            usual_messages_1h: report.as_ref().and_then(|report| report.usual_1h).map(f64::round),
            reasons: reasons.unwrap_or_default(),
            quiet: report.map(|report| report.quiet).unwrap_or_default(),
        }
    }

    /// What its state is judged by.
    pub(crate) fn evidence(&self, now: UtcMicros) -> Evidence {
        let r = self.recent.lock();
        let mut delays: Vec<f32> = r.delays_s.iter().copied().collect();
        delays.sort_by(f32::total_cmp);
        Evidence {
            connected_since: r.connected_since,
            messages_1h: r.hour(now).map(|m| m.messages).sum(),
            rejected_1h: r.hour(now).map(|m| m.rejected_messages).sum(),
            delay_p50_s: delays.get(delays.len() / 2).copied(),
            ..Evidence::default()
        }
    }
}

fn minute_of(at: UtcMicros) -> i64 {
    at.0.div_euclid(60_000_000)
}

impl Recent {
    /// The minutes of the hour until `now`.
    fn hour(&self, now: UtcMicros) -> impl Iterator<Item = &Minute> {
        let this_minute = minute_of(now);
        let is_of_hour =
            move |m: &&Minute| (this_minute - 60 < m.minute) && m.minute <= this_minute + AHEAD_MINUTES;
        self.minutes.iter().filter(is_of_hour)
    }

    fn this_minute(&mut self, at: UtcMicros) -> &mut Minute {
        let minute = minute_of(at);
        // By a clock that was ahead.
        while self.minutes.pop_back_if(|m| m.minute > minute + AHEAD_MINUTES).is_some() {}
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
