//! Watches how feeds are: learns from their messages, judges them every few seconds, and stores what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::feed_health::{self, FeedHealth, FeedState, MAX_SAMPLE, Period, Report};
use domain::health::{Code, DeviceKey};
use domain::notice::cause::ChangedField;
use domain::registry::Entry;
use domain::{Feed, FeedFormat, FeedId, Registry, UtcMicros};
use jiff::tz::TimeZone;
use store::Pool;
use store::feed_health::FeedReason;

use crate::feed_meter::FeedMeter;
use crate::feed_status::FeedStatus;
use crate::message::Arrived;
use crate::metrics::Metrics;

/// What was learned is stored so often: a crash loses no more, seconds.
const KEEP_EVERY_S: i64 = 600;

/// Changed fields that are stored for notices.
const MOST_FIELDS: usize = 50;

impl FeedMeter {
    /// Learns that a message of its feed came at `at`: how many come, from which branch of the topics, and of one in some
    /// seconds which fields it has.
    pub(crate) fn heard(&self, feed: &Feed, arrived: &Arrived, at: UtcMicros) {
        let topic = arrived.topic();
        let kind = feed_health::kind(feed, &topic).filter(|_| arrived.payload.len() <= MAX_SAMPLE);
        let mut guard = self.health.lock();
        let Some(health) = guard.as_mut() else { return };
        health.message(feed_health::branch(feed, &topic), at);
        let Some(kind) = kind.filter(|_| health.wants_sample(at)) else { return };
        drop(guard);
        // What is no JSON is rejected, and is nobody's new format.
        if let Ok(message) = serde_json::from_slice(&arrived.payload)
            && let Some(health) = self.health.lock().as_mut()
        {
            health.sample(kind, &message, at);
        }
    }

    /// A message of this topic named these devices.
    pub(crate) fn named(&self, feed: &Feed, topic: &str, devices: impl Iterator<Item = DeviceKey>) {
        if let Some(branch) = feed_health::branch(feed, topic) {
            self.branches.lock().note(branch, devices);
        }
    }

    /// Judges it at `now`: its new state, if it has changed, and what is to be said of it; `None`: it is not loaded yet.
    fn judge(&self, feed: &Feed, tz: &TimeZone, now: UtcMicros) -> Option<(Option<Period>, Report)> {
        let evidence = self.evidence(now);
        let mut health = self.health.lock();
        let health = health.as_mut()?;
        let changed = health.tick(feed, evidence, tz, now);
        Some((changed, health.report(tz, now)))
    }
}

/// The feeds that this process watches.
#[derive(Default)]
pub(crate) struct Watch {
    feeds: BTreeMap<FeedId, Arc<FeedMeter>>,
    /// Changes that could not be stored yet.
    changed: Vec<(FeedId, Period)>,
    /// What was wrong as it is stored; `None`: it must be stored again.
    reasons: Option<Vec<FeedReason>>,
    kept_at: Option<UtcMicros>,
}

/// What this process takes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Serves {
    /// What brokers and servers send.
    pub fetched: bool,
    /// What is posted.
    pub posted: bool,
}

impl Serves {
    fn takes(self, feed: &Feed) -> bool {
        feed.format != FeedFormat::History && if feed.push { self.posted } else { self.fetched }
    }
}

impl Watch {
    /// Loads what is known of feeds that are new here.
    ///
    /// # Errors
    /// The database is not available: they are not watched yet.
    pub(crate) async fn load(
        &mut self,
        pool: &Pool,
        metrics: &Metrics,
        registry: &Registry,
        serves: Serves,
        now: UtcMicros,
    ) -> store::Result<()> {
        let is_new = |f: &&Entry<FeedId, Feed>| serves.takes(&f.def) && !self.feeds.contains_key(&f.id);
        let new: Vec<FeedId> = registry.feeds().filter(is_new).map(|f| f.id).collect();
        if new.is_empty() {
            return Ok(());
        }
        for known in store::feed_health::load(pool, &new, now).await? {
            let Some(feed) = registry.feed(known.feed) else { continue };
            let meter = metrics.feed(feed.id, &feed.def.id);
            let period = known.period();
            *meter.health.lock() = Some(FeedHealth::new(known.learned, known.last_message_at, period, now));
            self.feeds.insert(feed.id, meter);
        }
        self.reasons = None;
        Ok(())
    }

    /// Judges all feeds at `now`, and stores what changed; how each is doing.
    ///
    /// # Errors
    /// The database is not available: what changed is stored the next time.
    pub(crate) async fn look(
        &mut self,
        pool: &Pool,
        registry: &Registry,
        now: UtcMicros,
    ) -> (Vec<(FeedId, FeedStatus)>, store::Result<()>) {
        let (mut statuses, mut reasons) = (Vec::new(), Vec::new());
        for (id, meter) in &self.feeds {
            let Some(feed) = registry.feed(*id) else { continue };
            let tz = registry.municipality(feed.municipality).and_then(|town| TimeZone::get(&town.tz).ok());
            let tz = tz.unwrap_or(TimeZone::UTC);
            let Some((changed, report)) = meter.judge(&feed.def, &tz, now) else { continue };
            self.changed.extend(changed.map(|period| (*id, period)));
            reasons.extend(reasons_of(*id, &report, meter.evidence(now).rejected_share()));
            statuses.push((*id, meter.status(Some(report), now)));
        }
        let stored = self.store(pool, reasons, now).await;
        (statuses, stored)
    }

    async fn store(&mut self, pool: &Pool, reasons: Vec<FeedReason>, now: UtcMicros) -> store::Result<()> {
        while let Some((feed, period)) = self.changed.first().copied() {
            store::feed_health::changed(pool, feed, period).await?;
            self.changed.remove(0);
        }
        for meter in self.feeds.values() {
            let moved = meter.branches.lock().take();
            if let Err(error) = store::feed_health::branches(pool, &moved).await {
                meter.branches.lock().give_back(moved);
                return Err(error);
            }
        }
        let key = |r: &FeedReason| (r.feed, r.code, r.topic.clone(), r.fields.clone());
        let are_stored =
            self.reasons.as_ref().is_some_and(|stored| stored.iter().map(key).eq(reasons.iter().map(key)));
        if !are_stored {
            let feeds: Vec<FeedId> = self.feeds.keys().copied().collect();
            store::feed_health::reasons(pool, &feeds, &reasons, now).await?;
            self.reasons = Some(reasons);
        }
        match self.kept_at {
            Some(at) if (0..KEEP_EVERY_S).contains(&now.age_s(at)) => Ok(()),
            None => {
                self.kept_at = Some(now);
                Ok(())
            }
            Some(_) => self.keep(pool, now).await,
        }
    }

    /// Stores what was learned.
    ///
    /// # Errors
    /// The database is not available.
    pub(crate) async fn keep(&mut self, pool: &Pool, now: UtcMicros) -> store::Result<()> {
        for (id, meter) in &self.feeds {
            // One at a time: each may be some hundred KB.
            let learned = meter.health.lock().as_ref().and_then(|health| health.stored().ok());
            if let Some(learned) = learned {
                store::feed_health::keep(pool, &[(*id, learned)], now).await?;
            }
        }
        self.kept_at = Some(now);
        Ok(())
    }
}

/// What of a report is worth a notice. Fields that change together are one.
fn reasons_of(feed: FeedId, report: &Report, rejected_share: f64) -> Vec<FeedReason> {
    let reason = |code, topic: &str, since, value| FeedReason {
        feed,
        code,
        topic: topic.to_owned(),
        since,
        value,
        limit: None,
        fields: Vec::new(),
    };
    let since = report.period.since;
    let of_state = match report.period.state {
        FeedState::Silent | FeedState::Disconnected => Some(reason(Code::Silent, "", since, None)),
        FeedState::Rejecting => Some(reason(Code::Rejected, "", since, Some(rejected_share))),
        FeedState::Ok | FeedState::Late | FeedState::Never => None,
    };
    let fields = report.drift.len();
    let drift = report.drift.first();
    let drift = drift.map(|first| FeedReason {
        fields: report.drift.iter().take(MOST_FIELDS).map(ChangedField::from).collect(),
        ..reason(Code::SchemaDrift, "", first.since, Some(fields as f64))
    });
    let quiet = report.quiet.iter().map(|q| reason(Code::Silent, &q.topic, q.last_message, None));
    of_state.into_iter().chain(drift).chain(quiet).collect()
}
