//! The last statements of alerts of each feed, so that only changes are stored: see [`crate::trips`], whose rules these are.

use std::collections::HashMap;

use domain::FeedId;
use domain::alert::{AlertObservation, AlertRank};
use domain::feed::is_ahead;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// A repetition is stored after so long, seconds: alerts are stale a quarter of an hour after the last
/// ([`domain::live::HeldAlert::is_stale`]), so that two may be lost.
const REPEAT_AFTER_S: i64 = 300;

/// Parts remembered of a feed, those of a thousand topics; beyond them all are forgotten, which costs one round of writing.
const MAX_PARTS: usize = 16_000;

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct AlertMemory(Mutex<HashMap<FeedId, Known>>);

/// By topic and part.
type Known = FxHashMap<(String, u8), Last>;

#[derive(Debug)]
struct Last {
    /// The newest that was received.
    rank: AlertRank,
    /// The newest that was passed on.
    stored: AlertRank,
}

impl AlertMemory {
    /// Of `rows` from `first` on, all of `feed`, keeps those that changed; returns how many alerts the others have.
    pub fn keep_changes(&self, feed: FeedId, rows: &mut Vec<AlertObservation>, first: usize) -> usize {
        if rows.len() <= first {
            return 0;
        }
        let mut feeds = self.0.lock();
        let known = feeds.entry(feed).or_default();
        if known.len() >= MAX_PARTS {
            known.clear();
        }
        let (mut at, mut unchanged) = (0, 0);
        rows.retain(|row| {
            at += 1;
            let is_kept = at <= first || is_change(known, row);
            unchanged += if is_kept { 0 } else { row.report.set.alerts.len() };
            is_kept
        });
        unchanged
    }
}

fn is_change(known: &mut Known, row: &AlertObservation) -> bool {
    let rank = row.report.rank();
    let set = &row.report.set;
    let key = (set.topic.clone(), set.share);
    // Statements received while our clock was ahead are no reference.
    let is_measure = |last: &&mut Last| !is_ahead(last.rank.0, row.provenance.received_at);
    match known.get_mut(&key).filter(is_measure) {
        Some(last) if rank <= last.rank => false,
        Some(last) => {
            last.rank = rank;
            let is_same = last.stored.1 == rank.1;
            // That there is nothing needs no confirmation.
            if is_same && (set.alerts.is_empty() || rank.0 < last.stored.0.plus_s(REPEAT_AFTER_S)) {
                return false;
            }
            last.stored = rank;
            true
        }
        None => {
            known.insert(key, Last { rank, stored: rank });
            true
        }
    }
}
