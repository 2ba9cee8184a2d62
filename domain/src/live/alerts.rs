//! The service alerts of feeds.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::LiveMap;
use crate::alert::{Alert, AlertRank, AlertReport, AlertSet};
use crate::feed::is_ahead;
use crate::ids::FeedId;
use crate::time::UtcMicros;

/// After so long without a confirmation an alert is stale, seconds: ingest stores a repetition every five minutes, two
/// lost ones are tolerated.
pub const ALERTS_STALE_AFTER_S: i64 = 900;

/// How long alerts are kept after their last confirmation, seconds: a day. Works on a road go on while a
/// feed is silent; that it is silent is shown.
pub const ALERTS_KEPT_S: i64 = 86_400;

/// What is held of one feed at most ([`AlertSet::size`]), some 60 MB: alerts of whole countries are a quarter of it.
const MAX_OF_FEED: usize = 500_000;

/// What is held of all feeds at most.
const MAX_OF_ALL: usize = 3 * MAX_OF_FEED;

/// How often what has expired is removed, seconds.
const SWEEP_EVERY_S: i64 = 60;

struct AlertCell {
    rank: AlertRank,
    size: usize,
    alerts: Vec<Arc<Alert>>,
}

/// The newest statement of each part of each topic.
#[derive(Default)]
pub(super) struct Alerts {
    held: FxHashMap<(FeedId, String, u8), AlertCell>,
    sizes: FxHashMap<FeedId, usize>,
    swept_at: UtcMicros,
    /// Counts changes of what is held.
    version: u64,
}

/// An alert that is held.
#[derive(Debug, Clone)]
pub struct HeldAlert {
    /// The feed that it came from.
    pub feed: FeedId,
    /// Its newest confirmation.
    pub confirmed_at: UtcMicros,
    /// What it says.
    pub alert: Arc<Alert>,
}

impl HeldAlert {
    /// Whether its feed has been silent for longer than is usual.
    pub fn is_stale(&self, now: UtcMicros) -> bool {
        self.confirmed_at.plus_s(ALERTS_STALE_AFTER_S) < now
    }
}

impl Alerts {
    /// Takes in a report.
    pub fn apply(&mut self, feed: FeedId, report: AlertReport, now: UtcMicros) {
        let rank = report.rank();
        if rank.0.plus_s(ALERTS_KEPT_S) < now || is_ahead(rank.0, now) {
            return;
        }
        let AlertSet { topic, share, .. } = &*report.set;
        let key = (feed, topic.clone(), *share);
        let before = match self.held.get(&key) {
            Some(held) if held.rank >= rank && !is_ahead(held.rank.0, now) => return,
            held => held.map_or(0, |held| held.size),
        };
        let mut cell = AlertCell { rank, size: report.set.size(), alerts: Vec::new() };
        if !self.has_room(feed, before, cell.size) {
            self.sweep(now);
        }
        if self.has_room(feed, before, cell.size) {
            cell.alerts = report.set.alerts.into_iter().map(Arc::new).collect();
        } else if before == 0 {
            return;
        } else {
            // The rank keeps rejecting older ones.
            cell.size = 1;
        }
        let size = self.sizes.entry(feed).or_default();
        *size = *size - before + cell.size;
        self.held.insert(key, cell);
        self.version += 1;
    }

    fn has_room(&self, feed: FeedId, before: usize, after: usize) -> bool {
        let of_feed = self.sizes.get(&feed).copied().unwrap_or(0);
        let of_all: usize = self.sizes.values().sum();
        let fits = |size: usize, most| after <= before || size + after - before <= most;
        fits(of_feed, MAX_OF_FEED) && fits(of_all, MAX_OF_ALL)
    }

    /// Forgets what lies ahead of `now`.
    pub fn forget_ahead(&mut self, now: UtcMicros) {
        self.held.retain(|_, cell| !is_ahead(cell.rank.0, now));
        self.sweep(now);
    }

    /// Removes what has expired, once a minute.
    pub fn tick(&mut self, now: UtcMicros) {
        if now >= self.swept_at.plus_s(SWEEP_EVERY_S) || now < self.swept_at {
            self.sweep(now);
        }
    }

    fn sweep(&mut self, now: UtcMicros) {
        self.swept_at = now;
        let held = self.held.len();
        self.held.retain(|_, cell| cell.rank.0.plus_s(ALERTS_KEPT_S) >= now);
        self.version += u64::from(self.held.len() < held);
        self.sizes.clear();
        for ((feed, ..), cell) in &self.held {
            *self.sizes.entry(*feed).or_default() += cell.size;
        }
    }
}

impl LiveMap {
    /// Changes whenever [`LiveMap::alerts`] does.
    pub fn alerts_version(&self) -> u64 {
        self.alerts.version
    }

    /// The alerts that are held, in the order of feed and id, whether they hold now or later. An id that several topics of
    /// a feed have is listed once, as the newest has it.
    pub fn alerts(&self, now: UtcMicros) -> Vec<HeldAlert> {
        let held = self.alerts.held.iter().filter(|(_, cell)| !is_ahead(cell.rank.0, now));
        let mut held: Vec<HeldAlert> = held
            .flat_map(|((feed, ..), cell)| {
                let of = |alert: &Arc<Alert>| HeldAlert {
                    feed: *feed,
                    confirmed_at: cell.rank.0,
                    alert: alert.clone(),
                };
                cell.alerts.iter().map(of)
            })
            .collect();
        held.sort_by(|a, b| {
            (a.feed, &a.alert.id).cmp(&(b.feed, &b.alert.id)).then(b.confirmed_at.cmp(&a.confirmed_at))
        });
        held.dedup_by(|later, first| later.feed == first.feed && later.alert.id == first.alert.id);
        held
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Change;
    use super::*;
    use crate::alert::{Cause, Effect, Severity, Texts};

    const NOW: UtcMicros = UtcMicros(1_800_000_000_000_000);

    fn alert(id: &str) -> Alert {
        Alert {
            id: id.into(),
            periods: Vec::new(),
            about: Vec::new(),
            header: Texts(vec![(None, id.into())]),
            text: Texts::default(),
            url: Texts::default(),
            cause: Cause::UnknownCause,
            effect: Effect::UnknownEffect,
            severity: Severity::UnknownSeverity,
        }
    }

    fn stated(feed: i32, topic: &str, share: u8, ids: &[&str], at: UtcMicros) -> Change {
        let set = AlertSet { topic: topic.into(), share, alerts: ids.iter().map(|id| alert(id)).collect() };
        let report = AlertReport { confirmed_at: at, digest: set.digest_of(), set: Box::new(set) };
        Change::Alerts { feed: FeedId(feed), report }
    }

    fn ids(map: &LiveMap, now: UtcMicros) -> Vec<String> {
        map.alerts(now).into_iter().map(|held| held.alert.id.clone()).collect()
    }

    #[test]
    fn a_statement_replaces_its_part_of_its_topic_and_ages_until_it_goes() {
        let mut map = LiveMap::new(Arc::default(), NOW);
        map.apply([stated(1, "a", 0, &["x", "y"], NOW), stated(1, "b", 0, &["z"], NOW)], NOW);
        assert_eq!(ids(&map, NOW), ["x", "y", "z"]);
        let version = map.alerts_version();
        map.apply(
            [stated(1, "a", 0, &["y"], NOW.plus_s(30)), stated(1, "a", 0, &["x"], NOW.plus_s(20))],
            NOW,
        );
        assert_eq!(ids(&map, NOW), ["y", "z"]);
        assert_ne!(map.alerts_version(), version);
        let later = NOW.plus_s(ALERTS_STALE_AFTER_S + 1);
        let stale: Vec<bool> = map.alerts(later).iter().map(|held| held.is_stale(later)).collect();
        assert_eq!(stale, [false, true]);
        map.tick(NOW.plus_s(ALERTS_KEPT_S + 1));
        assert_eq!(ids(&map, NOW.plus_s(ALERTS_KEPT_S + 1)), ["y"]);
    }

    #[test]
    fn a_feed_of_invented_topics_fills_its_own_room_only() {
        let mut map = LiveMap::new(Arc::default(), NOW);
        let long = "x".repeat(64 * 1_000);
        let invented = (0..600).map(|n| stated(1, &format!("t{n}"), 0, &[&long], NOW));
        map.apply(invented, NOW);
        assert!(map.alerts.sizes[&FeedId(1)] <= MAX_OF_FEED);
        map.apply([stated(2, "a", 0, &["y"], NOW)], NOW);
        assert_eq!(ids(&map, NOW).last().map(String::as_str), Some("y"));
    }

    proptest! {
        #[test]
        fn alerts_are_order_free_and_idempotent(
            (stated, shuffled) in proptest::collection::vec((0..2u8, 0..3u8, 0..5i64), 1..20)
                .prop_map(|all| {
                    let of = |(topic, id, age): (u8, u8, i64)| {
                        stated(1, &topic.to_string(), 0, &[&id.to_string()], NOW.plus_s(-age))
                    };
                    all.into_iter().map(of).collect::<Vec<_>>()
                })
                .prop_flat_map(|all| (Just(all.clone()), Just([all.clone(), all].concat()).prop_shuffle()))
        ) {
            let [mut a, mut b] = [LiveMap::new(Arc::default(), NOW), LiveMap::new(Arc::default(), NOW)];
            a.apply(stated, NOW);
            b.apply(shuffled, NOW);
            prop_assert_eq!(ids(&a, NOW), ids(&b, NOW));
        }
    }
}
