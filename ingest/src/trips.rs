//! The last trip updates of each feed, so that only changes are stored: a feed repeats all its trips every
//! half minute, and hardly any of them changes.
//!
//! It is a cache: with an empty one duplicates are stored, which changes nothing. It records what was
//! received, not what was stored; that suffices since acknowledgements are sent in the order of
//! arrival, and feeds repeat what the database refuses.

use std::collections::HashMap;

use domain::alert::AlertObservation;
use domain::feed::is_ahead;
use domain::observation::Digest;
use domain::trip_update::Rank;
use domain::{FeedId, TripKey, TripObservation, UtcMicros};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::alerts::AlertMemory;

/// A repetition is stored after so long, seconds: an update holds for a quarter of an
/// hour ([`domain::live::TRIP_HOLDS_S`]), so that two may be lost.
const REPEAT_AFTER_S: i64 = 300;

/// Trips remembered of a feed, some ten times what a large county runs in a day; beyond them all are
/// forgotten, which costs one round of writing.
const MAX_TRIPS: usize = 200_000;

/// See the module's description.
#[derive(Debug, Default)]
pub struct TripMemory {
    trips: Mutex<HashMap<FeedId, FxHashMap<TripKey, Last>>>,
    alerts: AlertMemory,
}

#[derive(Debug)]
struct Last {
    /// The newest that was received.
    rank: Rank,
    /// The newest that was passed on: its content, how many stops lay behind, when it was confirmed.
    stored: (Digest, usize, UtcMicros),
}

impl TripMemory {
    /// The same of alerts; returns how many are unchanged.
    pub(crate) fn keep_changed_alerts(
        &self,
        feed: FeedId,
        alerts: &mut Vec<AlertObservation>,
        first: usize,
    ) -> usize {
        self.alerts.keep_changes(feed, alerts, first)
    }

    /// Of `trips` from `first` on, all of `feed`, keeps those that changed.
    pub fn keep_changes(&self, feed: FeedId, trips: &mut Vec<TripObservation>, first: usize) {
        if trips.len() <= first {
            return;
        }
        let mut feeds = self.trips.lock();
        let known = feeds.entry(feed).or_default();
        if known.len() >= MAX_TRIPS {
            known.clear();
        }
        let mut at = 0;
        trips.retain(|trip| {
            at += 1;
            at <= first || is_change(known, trip)
        });
    }
}

fn is_change(known: &mut FxHashMap<TripKey, Last>, trip: &TripObservation) -> bool {
    let rank = trip.report.rank();
    let (_, confirmed_at, digest) = rank;
    let stored = (digest, trip.passed.len(), confirmed_at);
    // Updates received while our clock was ahead are no reference.
    let is_measure = |last: &&mut Last| !is_ahead(last.rank.0.max(last.rank.1), trip.provenance.received_at);
    match known.get_mut(&trip.report.update.key()).filter(is_measure) {
        Some(last) if rank <= last.rank => false,
        Some(last) => {
            last.rank = rank;
            let (held, passed, held_at) = last.stored;
            let is_same = held == digest && passed == trip.passed.len();
            if is_same && confirmed_at < held_at.plus_s(REPEAT_AFTER_S) {
                return false;
            }
            last.stored = stored;
            true
        }
        None => {
            known.insert(trip.report.update.key(), Last { rank, stored });
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::observation::Provenance;
    use domain::trip_update::Passed;
    use domain::{MunicipalityId, TripReport, TripUpdate};

    use super::*;

    fn content(trip: &str, delay_s: i32, at_s: i64) -> TripObservation {
        let at = UtcMicros::from_unix_s(at_s);
        let update = TripUpdate { trip_id: trip.into(), delay_s: Some(delay_s), ..TripUpdate::default() };
        let provenance = Provenance {
            municipality: MunicipalityId(1),
            feed: FeedId(1),
            sensor: None,
            received_at: at,
            clock_corrected: false,
        };
        let digest = update.digest_of();
        let report = TripReport { observed_at: at, confirmed_at: at, digest, update: Box::new(update) };
        TripObservation { provenance, report, passed: Vec::new() }
    }

    fn is_kept(memory: &TripMemory, trip: TripObservation) -> bool {
        let mut trips = vec![content("another feed's", 0, 0), trip];
        memory.keep_changes(FeedId(1), &mut trips, 1);
        trips.len() == 2
    }

    #[test]
    fn only_news_and_late_repetitions_are_kept() {
        let memory = TripMemory::default();
        assert!(is_kept(&memory, content("a", 60, 1_000)));
        assert!(!is_kept(&memory, content("a", 60, 1_000)), "a duplicate");
        assert!(is_kept(&memory, content("b", 60, 1_000)), "another trip");
        assert!(!is_kept(&memory, content("a", 60, 1_030)), "a repetition");
        assert!(!is_kept(&memory, content("a", 120, 1_020)), "older than the repetition");
        assert!(is_kept(&memory, content("a", 120, 1_060)));
        assert!(is_kept(&memory, content("a", 60, 1_090)), "as it was before");
        assert!(!is_kept(&memory, content("a", 60, 1_389)));
        assert!(is_kept(&memory, content("a", 60, 1_390)), "repeated for long");
        assert!(!is_kept(&memory, content("a", 60, 1_400)));
        assert!(is_kept(&memory, content("b", 60, 2_000_000)), "our clock jumped");
        assert!(is_kept(&memory, content("b", 60, 1_420)), "and came back");
        assert!(!is_kept(&memory, content("b", 60, 1_425)));
        let passed = vec![Passed { stop_id: "s".into(), passed_at: UtcMicros(0), delay_s: 60 }];
        assert!(
            is_kept(&memory, TripObservation { passed, ..content("a", 60, 1_430) }),
            "a stop lies behind now"
        );
    }
}
