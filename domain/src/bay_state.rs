//! Which statement about a bay holds: a rule that does not depend on the order of arrival.
//!
//! Each source (a sensor, or a feed that names its bays itself) has one latest statement, the
//! largest by `(observed_at, seq, state)`. The bay's state is the largest of these by
//! `(observed_at, state, source)`. Both are maxima of total orders over the *set* of statements,
//! so any permutation with any duplicates gives the same answer (a join-semilattice, as in
//! Shapiro et al. 2011, "Conflict-free Replicated Data Types").

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::feed::is_ahead;
use crate::ids::{FeedId, SensorId, SourceKey};
use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// What a sensor says of a bay. The order of declaration is the order at one instant (occupied over vacant over
    /// unknown), and that of the stored numbers.
    BayState { Unknown = "unknown", Vacant = "vacant", Occupied = "occupied" }
}

impl BayState {
    /// The number kept in the store.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The state of a stored number; anything strange is unknown.
    pub fn from_code(code: i16) -> Self {
        Self::ALL.iter().copied().find(|state| state.code() == code).unwrap_or(BayState::Unknown)
    }
}

/// One source's statement about a bay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BayReading {
    /// The feed that it came from.
    pub feed: FeedId,
    /// The sensor behind it; `None`: the feed names the bay itself.
    pub sensor: Option<SensorId>,
    /// When it was so.
    pub observed_at: UtcMicros,
    /// The sender's sequence number: of one instant the highest holds.
    pub seq: Option<i64>,
    /// The state that it says.
    pub state: BayState,
}

impl BayReading {
    /// See [`SourceKey`].
    pub fn source(&self) -> SourceKey {
        SourceKey::of(self.feed, self.sensor)
    }

    /// Within one source: later wins; at one instant the higher `seq`, then the state.
    pub fn rank_in_source(&self) -> (UtcMicros, i64, BayState) {
        (self.observed_at, self.seq.unwrap_or(i64::MIN), self.state)
    }
}

/// The latest statement of each source of one bay, nearly always one, and whether it is not believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BayReadings(SmallVec<[Held; 1]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    reading: BayReading,
    is_distrusted: bool,
}

impl BayReadings {
    /// Takes a statement in. Returns whether the bay's current statement changed.
    pub fn apply(&mut self, reading: BayReading, is_distrusted: bool) -> bool {
        let before = self.current().copied();
        let new = Held { reading, is_distrusted };
        match self.0.iter_mut().find(|held| held.reading.source() == reading.source()) {
            Some(held) if held.reading.rank_in_source() >= reading.rank_in_source() => return false,
            Some(held) => *held = new,
            None => self.0.push(new),
        }
        self.current().copied() != before
    }

    /// Decides again which statements are not believed.
    pub fn judge(&mut self, is_distrusted: impl Fn(&BayReading) -> bool) {
        for held in &mut self.0 {
            held.is_distrusted = is_distrusted(&held.reading);
        }
    }

    /// Withdraws the statements of the source of `newest` up to it; `holds` is the newest of its statements that holds still.
    pub fn withdraw(&mut self, newest: &BayReading, holds: Option<BayReading>, is_distrusted: bool) {
        self.0.retain(|Held { reading, .. }| {
            reading.source() != newest.source() || reading.rank_in_source() > newest.rank_in_source()
        });
        if let Some(reading) = holds {
            self.apply(reading, is_distrusted);
        }
    }

    /// Forgets statements from ahead of `now` ([`is_ahead`]); returns whether there were any.
    pub fn forget_ahead(&mut self, now: UtcMicros) -> bool {
        let before = self.0.len();
        self.0.retain(|held| !is_ahead(held.reading.observed_at, now));
        self.0.len() < before
    }

    /// Forgets statements of before `from`.
    pub fn forget_before(&mut self, from: UtcMicros) {
        self.0.retain(|held| held.reading.observed_at >= from);
    }

    /// The statement that holds: one that is believed, where there is one. Between sources the later one wins; at one instant
    /// the state.
    pub fn current(&self) -> Option<&BayReading> {
        self.held().map(|held| &held.reading)
    }

    /// Whether the statement that holds is not believed.
    pub fn is_distrusted(&self) -> bool {
        self.held().is_some_and(|held| held.is_distrusted)
    }

    fn held(&self) -> Option<&Held> {
        let rank = |r: &BayReading| (r.observed_at, r.state, r.source());
        self.0.iter().max_by_key(|held| (!held.is_distrusted, rank(&held.reading)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading() -> impl Strategy<Value = BayReading> {
        (1..3i32, proptest::option::of(1..3i32), 0..4i64, proptest::option::of(0..3i64), 0..3i16).prop_map(
            |(feed, sensor, at, seq, state)| BayReading {
                feed: FeedId(feed),
                sensor: sensor.map(SensorId),
                observed_at: UtcMicros(at),
                seq,
                state: BayState::from_code(state),
            },
        )
    }

    proptest! {
        #[test]
        fn any_order_with_any_duplicates_gives_the_same_state(
            (readings, shuffled) in proptest::collection::vec(reading(), 1..12)
                .prop_flat_map(|v| { let twice = [v.clone(), v.clone()].concat(); (Just(v), Just(twice).prop_shuffle()) })
        ) {
            let mut a = BayReadings::default();
            let mut b = BayReadings::default();
            for r in readings { a.apply(r, false); }
            for r in shuffled { b.apply(r, false); }
            let state = |x: &BayReadings| x.current().map(|r| (r.observed_at, r.state, r.source()));
            prop_assert_eq!(state(&a), state(&b));
        }
    }

    proptest! {
        #[test]
        fn statements_ahead_of_the_clock_leave_no_trace(
            (ahead, readings) in (proptest::collection::vec(reading(), 1..6), proptest::collection::vec(reading(), 1..12)),
        ) {
            let now = UtcMicros(10);
            let mut a = BayReadings::default();
            let mut b = BayReadings::default();
            for r in &ahead {
                a.apply(BayReading { observed_at: UtcMicros(r.observed_at.0 + 400_000_000), ..*r }, false);
            }
            for r in readings {
                a.forget_ahead(now);
                a.apply(r, false);
                b.apply(r, false);
            }
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn a_source_that_is_not_believed_gives_way_to_any_other() {
        let (feed, state) = (FeedId(1), BayState::Occupied);
        let sensor = |n, at| BayReading {
            feed,
            sensor: Some(SensorId(n)),
            observed_at: UtcMicros(at),
            seq: None,
            state,
        };
        let mut r = BayReadings::default();
        r.apply(sensor(1, 20), true);
        assert!(r.is_distrusted());
        assert!(r.apply(sensor(2, 10), false), "older, and believed");
        assert_eq!((r.current(), r.is_distrusted()), (Some(&sensor(2, 10)), false));
        r.judge(|reading| reading.sensor == Some(SensorId(2)));
        assert_eq!(r.current(), Some(&sensor(1, 20)));
    }

    #[test]
    fn a_higher_seq_corrects_the_same_instant() {
        let base = BayReading {
            feed: FeedId(1),
            sensor: None,
            observed_at: UtcMicros(10),
            seq: Some(1),
            state: BayState::Occupied,
        };
        let mut r = BayReadings::default();
        r.apply(base, false);
        assert!(r.apply(BayReading { seq: Some(2), state: BayState::Vacant, ..base }, false));
        assert_eq!(r.current().unwrap().state, BayState::Vacant);
        assert!(!r.apply(base, false));
    }
}
