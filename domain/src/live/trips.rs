//! The trip updates of feeds.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::LiveMap;
use crate::feed::is_ahead;
use crate::ids::FeedId;
use crate::time::UtcMicros;
use crate::trip_update::{Rank, TripKey, TripReport, TripUpdate};

/// How long an update holds after its last confirmation, seconds: feeds repeat it each minute or
/// more often, and ingest stores a repetition every five minutes. Two lost ones are tolerated; the
/// delays of a silent feed expire.
pub const TRIP_HOLDS_S: i64 = 900;

/// How long the rank of a report is kept, seconds: reports that arrive more than a day late are
/// ignored.
const REMEMBERED_S: i64 = 86_400;

/// What is held of one feed at most, trips and their stops: those of 20,000 trips of fifty stops, what runs
/// in a day in a large county. Beyond it new ones are not taken in, so that a feed of invented trips fills neither the
/// memory nor the room of other feeds.
const MAX_OF_FEED: usize = 1_000_000;

/// What is held of all feeds at most: some 300 MB.
const MAX_OF_ALL: usize = 3 * MAX_OF_FEED;

/// The interval at which expired reports are removed, seconds: often enough to bound the memory.
const SWEEP_EVERY_S: i64 = 60;

struct TripCell {
    rank: Rank,
    /// Dropped once it has expired; the rank still rejects older reports.
    update: Option<Box<TripUpdate>>,
}

impl TripCell {
    /// Itself and its stops.
    fn size(&self) -> usize {
        1 + self.update.as_ref().map_or(0, |update| update.stops.len())
    }
}

/// The newest report of each run, by feed.
#[derive(Default)]
pub(super) struct Trips {
    held: FxHashMap<(FeedId, TripKey), TripCell>,
    /// The sizes of each feed's.
    sizes: FxHashMap<FeedId, usize>,
    swept_at: UtcMicros,
}

fn holds(rank: Rank, now: UtcMicros) -> bool {
    rank.1.plus_s(TRIP_HOLDS_S) >= now && !lies_ahead(rank, now)
}

fn lies_ahead((observed_at, confirmed_at, _): Rank, now: UtcMicros) -> bool {
    is_ahead(observed_at.max(confirmed_at), now)
}

impl Trips {
    /// Takes in a report.
    pub fn apply(&mut self, feed: FeedId, report: TripReport, now: UtcMicros) {
        let rank = report.rank();
        if rank.1.plus_s(REMEMBERED_S) < now || lies_ahead(rank, now) {
            return;
        }
        let key = (feed, report.update.key());
        let mut cell = TripCell { rank, update: Some(report.update) };
        let before = match self.held.get(&key) {
            Some(held) if held.rank >= rank && !lies_ahead(held.rank, now) => return,
            held => held.map_or(0, TripCell::size),
        };
        if !self.has_room(feed, before, cell.size()) {
            self.tick(now);
        }
        if !self.has_room(feed, before, cell.size()) {
            if before == 0 {
                return;
            }
            // The rank keeps rejecting older ones.
            cell.update = None;
        }
        let size = self.sizes.entry(feed).or_default();
        *size = *size - before + cell.size();
        self.held.insert(key, cell);
    }

    /// Whether an entry of size `before` may grow to `after`.
    fn has_room(&self, feed: FeedId, before: usize, after: usize) -> bool {
        let of_feed = self.sizes.get(&feed).copied().unwrap_or(0);
        let of_all: usize = self.sizes.values().sum();
        let fits = |size: usize, most| after <= before || size + after - before <= most;
        fits(of_feed, MAX_OF_FEED) && fits(of_all, MAX_OF_ALL)
    }

    /// Forgets what lies ahead of `now`, and that anything has ended: it may have been by a clock that was ahead.
    pub fn forget_ahead(&mut self, now: UtcMicros) {
        self.held.retain(|_, cell| cell.update.is_some() && !lies_ahead(cell.rank, now));
        self.swept_at = UtcMicros(i64::MIN);
        self.tick(now);
    }

    /// Removes what has expired, once a minute.
    pub fn tick(&mut self, now: UtcMicros) {
        if now < self.swept_at.plus_s(SWEEP_EVERY_S) && now >= self.swept_at {
            return;
        }
        self.swept_at = now;
        let Trips { held, sizes, .. } = self;
        sizes.clear();
        held.retain(|(feed, _), cell| {
            if !holds(cell.rank, now) {
                cell.update = None;
            }
            let is_kept = cell.rank.1.plus_s(REMEMBERED_S) >= now;
            if is_kept {
                *sizes.entry(*feed).or_default() += cell.size();
            }
            is_kept
        });
    }
}

impl LiveMap {
    /// The feeds with a valid update of some trip.
    pub fn trip_feeds(&self, now: UtcMicros) -> BTreeSet<FeedId> {
        let held = self.trips.held.iter().filter(|(_, cell)| cell.update.is_some() && holds(cell.rank, now));
        held.map(|((feed, _), _)| *feed).collect()
    }

    /// The updates of all feeds confirmed within [`TRIP_HOLDS_S`], oldest first: of two updates
    /// of one run the last in the list is the newest.
    pub fn trip_updates(&self, now: UtcMicros) -> Vec<(FeedId, &TripUpdate)> {
        let held = self.trips.held.iter().filter(|(_, cell)| holds(cell.rank, now));
        let mut held: Vec<_> =
            held.filter_map(|(key, cell)| Some((cell.rank, key.0, cell.update.as_deref()?))).collect();
        held.sort_unstable_by_key(|(rank, feed, _)| (*rank, *feed));
        held.into_iter().map(|(_, feed, update)| (feed, update)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::Change;
    use super::*;
    use crate::trip_update::{StopUpdate, TripRelationship};

    const NOW: UtcMicros = UtcMicros(1_800_000_000_000_000);

    fn reported(feed: i32, trip: u8, delay_s: i32, age_s: i64, confirmed_age_s: i64) -> Change {
        let update = TripUpdate {
            trip_id: format!("t{trip}"),
            start_date: Some("20261124".into()),
            delay_s: Some(delay_s),
            ..TripUpdate::default()
        };
        let report = TripReport {
            observed_at: NOW.plus_s(-age_s),
            confirmed_at: NOW.plus_s(-confirmed_age_s),
            digest: update.digest_of(),
            update: Box::new(update),
        };
        Change::Trip { feed: FeedId(feed), report }
    }

    fn delays(map: &LiveMap, now: UtcMicros) -> Vec<Option<i32>> {
        map.trip_updates(now).into_iter().map(|(_, u)| u.delay_s).collect()
    }

    fn map(changes: impl IntoIterator<Item = Change>) -> LiveMap {
        let mut map = LiveMap::new(Arc::default(), NOW);
        assert_eq!(map.apply(changes, NOW), []);
        map
    }

    #[test]
    fn the_newest_holds_until_its_feed_falls_silent() {
        let mut map =
            map([reported(1, 1, 60, 100, 100), reported(1, 1, 120, 50, 50), reported(1, 1, 90, 70, 0)]);
        assert_eq!(delays(&map, NOW), [Some(120)]);
        // Repeated: the same, confirmed later.
        map.apply([reported(1, 1, 120, 50, 0)], NOW);
        assert_eq!(delays(&map, NOW.plus_s(TRIP_HOLDS_S)), [Some(120)]);
        map.tick(NOW.plus_s(TRIP_HOLDS_S + 1));
        assert_eq!(delays(&map, NOW.plus_s(TRIP_HOLDS_S + 1)), []);
        assert_eq!(map.trips.held.len(), 1);
        map.tick(NOW.plus_s(REMEMBERED_S + 1));
        assert_eq!(map.trips.held.len(), 0);
    }

    #[test]
    fn of_two_feeds_the_newest_comes_last() {
        let map = map([reported(2, 1, 1, 10, 10), reported(1, 1, 2, 20, 20)]);
        assert_eq!(delays(&map, NOW), [Some(2), Some(1)]);
    }

    #[test]
    fn what_is_too_old_is_not_taken_in() {
        assert_eq!(map([reported(1, 1, 60, 0, REMEMBERED_S + 1)]).trips.held.len(), 0);
    }

    #[test]
    fn a_feed_of_invented_trips_fills_its_own_room_only() {
        let mut map = map([reported(2, 1, 60, 0, 0)]);
        let invent = |n: usize| {
            let stops = vec![StopUpdate::default(); 999];
            let update = TripUpdate { trip_id: format!("x{n}"), stops, ..TripUpdate::default() };
            let (observed_at, digest) = (NOW, n as i64);
            Change::Trip {
                feed: FeedId(1),
                report: TripReport { observed_at, confirmed_at: NOW, digest, update: Box::new(update) },
            }
        };
        map.apply((0..1_200).map(invent), NOW);
        assert_eq!(map.trip_updates(NOW).len(), 1_001, "of the feed 1,000, and the other's");
        assert_eq!(map.trips.sizes, [(FeedId(1), MAX_OF_FEED), (FeedId(2), 1)].into_iter().collect());
        map.apply([reported(2, 2, 60, 0, 0), reported(1, 1, 60, 0, 0)], NOW);
        assert_eq!(map.trip_updates(NOW).len(), 1_002, "the other feed goes on");
        // Once they do not hold any more there is room again.
        let later = NOW.plus_s(REMEMBERED_S + 1);
        map.tick(later);
        assert_eq!((map.trips.held.len(), map.trips.sizes.len()), (0, 0));
    }

    #[test]
    fn what_a_clock_said_that_was_ahead_holds_no_longer_than_it() {
        let mut map = map([]);
        let ahead = NOW.plus_s(10 * 365 * 86_400);
        let jumped = |age_s| match reported(1, 1, 60, age_s, age_s) {
            Change::Trip { feed, report } => {
                let (observed_at, confirmed_at) = (ahead.plus_s(-age_s), ahead.plus_s(-age_s));
                Change::Trip { feed, report: TripReport { observed_at, confirmed_at, ..report } }
            }
            other => other,
        };
        map.apply([jumped(5)], ahead);
        assert_eq!(delays(&map, ahead), [Some(60)]);
        assert_eq!(delays(&map, NOW), []);
        map.apply([reported(1, 1, 120, 10, 10), jumped(1)], NOW);
        assert_eq!(delays(&map, NOW), [Some(120)]);
    }

    #[test]
    fn digests_differ_with_their_contents() {
        let late = TripUpdate { delay_s: Some(60), ..TripUpdate::default() };
        let cancelled = TripUpdate { relationship: TripRelationship::Cancelled, ..late.clone() };
        assert_ne!(late.digest_of(), cancelled.digest_of());
        assert_ne!(late.digest_of(), TripUpdate::default().digest_of());
    }

    proptest! {
        #[test]
        fn trips_are_order_free_and_idempotent(
            (stated, shuffled) in proptest::collection::vec(
                (1..3i32, 0..3u8, 0..4i32, 0..4i64, 0..2_000i64), 1..30,
            )
            .prop_map(|v| v.into_iter().map(|(f, t, d, age, c)| reported(f, t, d, age * 10, c)).collect::<Vec<_>>())
            .prop_flat_map(|v| {
                let twice = [v.clone(), v.clone()].concat();
                (Just(v), Just(twice).prop_shuffle())
            })
        ) {
            let (a, mut b) = (map(stated), map([]));
            for change in shuffled {
                b.apply([change], NOW);
                b.tick(NOW);
            }
            prop_assert_eq!(a.trip_updates(NOW), b.trip_updates(NOW));
        }
    }
}
