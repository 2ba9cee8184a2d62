//! How a feed is: one state, with one rule each, that does not waver.

use serde::{Deserialize, Serialize};

use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// How a feed is. `docs/HEALTH.md` has the rule and the remedy of each.
    FeedState {
        /// Messages come as usual, and are accepted.
        Ok = "ok",
        /// What comes is old when it comes.
        Late = "late",
        /// A large part of what comes is rejected.
        Rejecting = "rejecting",
        /// Connected, and less comes than can be chance.
        Silent = "silent",
        /// There is no connection, or its subscription does not hold.
        Disconnected = "disconnected",
        /// Connected, and nothing ever came.
        Never = "never",
    }
}

/// Half of the newest messages are older than this when they come, seconds.
const LATE_S: f32 = 300.0;
/// The share of the last hour's messages that is rejected, and the fewest of them.
pub(super) const REJECTING: f64 = 0.2;
const REJECTING_LEAST: u64 = 3;
/// A state lasts until its measure is below half of where it began.
const ENDS_AT: f64 = 0.5;

/// What is known of a feed at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// Since when it is connected; `None`: it is not.
    pub connected_since: Option<UtcMicros>,
    /// When its last message came.
    pub last_message_at: Option<UtcMicros>,
    /// Messages of the last hour.
    pub messages_1h: u64,
    /// Of these, those of which something was rejected.
    pub rejected_1h: u64,
    /// Half of the newest messages are older when they come, seconds.
    pub delay_p50_s: Option<f32>,
    /// So many messages should have come since the last one, and so many may be missing; `None`: what is usual is not known.
    pub missing: Option<(f64, f64)>,
    /// The longest silence that its source promises, seconds.
    pub promise_s: Option<u32>,
}

impl Evidence {
    /// What speaks for it now, where it was `before`.
    fn state(&self, before: FeedState, now: UtcMicros) -> FeedState {
        let ends = |state: FeedState| if before == state { ENDS_AT } else { 1.0 };
        let is_rejecting = self.rejected_1h >= REJECTING_LEAST
            && self.rejected_share() >= REJECTING * ends(FeedState::Rejecting);
        let is_late = |delay_s: f32| f64::from(delay_s) > f64::from(LATE_S) * ends(FeedState::Late);
        match self.last_message_at {
            _ if self.connected_since.is_none() => FeedState::Disconnected,
            None => FeedState::Never,
            Some(last) if self.is_silent(last, now) => FeedState::Silent,
            Some(_) if is_rejecting => FeedState::Rejecting,
            Some(_) if self.delay_p50_s.is_some_and(is_late) => FeedState::Late,
            Some(_) => FeedState::Ok,
        }
    }

    /// The share of the last hour's messages that is rejected.
    pub fn rejected_share(&self) -> f64 {
        (self.rejected_1h as f64 / self.messages_1h.max(1) as f64).min(1.0)
    }

    fn is_silent(&self, last: UtcMicros, now: UtcMicros) -> bool {
        let age_s = now.age_s(last);
        self.promise_s.is_some_and(|promise_s| age_s > i64::from(promise_s))
            || self.missing.is_some_and(|(missing, limit)| missing >= limit)
    }
}

/// How long a state must be there before it is believed, seconds. Silence and what is measured over an hour take their time
/// already; a connection that is made again at once is no news.
const fn hold_s(state: FeedState, before: FeedState) -> i64 {
    match (state, before) {
        (FeedState::Silent | FeedState::Never, _) | (FeedState::Ok, FeedState::Never) => 0,
        (FeedState::Late | FeedState::Rejecting, _) => 120,
        _ => 60,
    }
}

/// A state and since when it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The state.
    pub state: FeedState,
    /// Since when.
    pub since: UtcMicros,
}

/// The state of a feed, as it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    now: Period,
    /// What it seems to be instead.
    seems: Option<Period>,
}

impl Standing {
    /// As `known` before; `None`: nothing is, and it is a feed that never sent anything.
    pub fn new(known: Option<Period>, now: UtcMicros) -> Self {
        let first = Period { state: FeedState::Never, since: now };
        // By a clock that was ahead.
        let known = known.map(|known| Period { since: known.since.min(now), ..known });
        Standing { now: known.unwrap_or(first), seems: None }
    }

    /// The state that holds.
    pub fn period(&self) -> Period {
        self.now
    }

    /// Takes in what is known at `now`; the new state, if it has changed.
    pub fn follow(&mut self, evidence: &Evidence, now: UtcMicros) -> Option<Period> {
        let state = match (self.now.state, evidence.state(self.now.state, now)) {
            // What takes its time to be believed is no reason to say that nothing ever came.
            (FeedState::Never, FeedState::Late | FeedState::Rejecting) => FeedState::Ok,
            (_, state) => state,
        };
        if state == self.now.state {
            self.seems = None;
            return None;
        }
        let since = match state {
            FeedState::Silent => evidence.last_message_at.unwrap_or(now),
            _ => now,
        };
        let seems = match self.seems {
            Some(seems) if seems.state == state && seems.since <= now => seems,
            _ => Period { state, since },
        };
        self.seems = Some(seems);
        if now.age_s(seems.since) < hold_s(state, self.now.state) {
            return None;
        }
        // One state ends where the next begins, and none before it began.
        let since = seems.since.max(self.now.since);
        (self.now, self.seems) = (Period { state, since }, None);
        Some(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UtcMicros = UtcMicros(1_790_000_000_000_000);

    fn well(now: UtcMicros) -> Evidence {
        Evidence {
            connected_since: Some(T0),
            last_message_at: Some(now),
            messages_1h: 100,
            missing: Some((0.0, 20.0)),
            promise_s: Some(3_600),
            ..Evidence::default()
        }
    }

    /// The states that come, each with its seconds after the beginning, of what is seen every five seconds.
    fn states(until_s: i64, seen: impl Fn(i64, UtcMicros) -> Evidence) -> Vec<(FeedState, i64, i64)> {
        let mut standing = Standing::new(None, T0);
        let at = (0..until_s).step_by(5).map(|s| (s, T0.plus_s(s)));
        at.filter_map(|(s, now)| {
            let new = standing.follow(&seen(s, now), now)?;
            Some((new.state, s, new.since.age_s(T0)))
        })
        .collect()
    }

    #[test]
    fn a_first_message_makes_it_ok_and_a_short_interruption_changes_nothing() {
        let seen = |s: i64, now| match s {
            0..20 => Evidence::default(),
            20..40 => Evidence { last_message_at: None, ..well(now) },
            300..340 => Evidence { connected_since: None, ..well(now) },
            _ => well(now),
        };
        assert_eq!(states(1_000, seen), [(FeedState::Ok, 40, 40)]);
        let never = |_, _| Evidence { connected_since: Some(T0), ..Evidence::default() };
        assert_eq!(states(100_000, never), []);
        // Nobody is there: that is worse than nothing to hear.
        let unreachable = |_, _| Evidence::default();
        assert_eq!(states(300, unreachable), [(FeedState::Disconnected, 60, 0)]);
    }

    #[test]
    fn silence_begins_with_the_last_message_by_what_is_usual_or_promised() {
        let last = T0.plus_s(100);
        for (missing, promise_s, found_s) in
            [(Some(0.02), None, 1_100), (None, Some(600), 705), (Some(0.0), Some(600), 705)]
        {
            let seen = |s: i64, now: UtcMicros| {
                let heard = now.min(last);
                let missing = missing.map(|per_s: f64| (per_s * (s - 100).max(0) as f64, 20.0));
                Evidence { last_message_at: Some(heard), missing, promise_s, ..well(now) }
            };
            assert_eq!(states(5_000, seen)[1..], [(FeedState::Silent, found_s, 100)]);
        }
    }

    #[test]
    fn shares_and_delays_near_their_limits_do_not_waver() {
        let rejecting = |s: i64, now| {
            let rejected_1h = match s {
                0..600 => 5,
                600..1_200 => 20,
                // Between where it ends and where it begins.
                1_200..3_000 => 11 + (s / 5 % 9) as u64,
                _ => 9,
            };
            Evidence { rejected_1h, ..well(now) }
        };
        use FeedState::{Late, Ok, Rejecting};
        assert_eq!(states(6_000, rejecting), [(Ok, 0, 0), (Rejecting, 720, 600), (Ok, 3_060, 3_000)]);
        let late = |s: i64, now| {
            let delay_s = match s {
                0..600 => 1.0,
                600..1_200 => 301.0,
                1_200..3_000 => 151.0 + (s / 5 % 140) as f32,
                _ => 149.0,
            };
            Evidence { delay_p50_s: Some(delay_s), ..well(now) }
        };
        assert_eq!(states(6_000, late), [(Ok, 0, 0), (Late, 720, 600), (Ok, 3_060, 3_000)]);
        // From the first message on.
        let rejected = |_, now| Evidence { rejected_1h: 100, ..well(now) };
        assert_eq!(states(600, rejected), [(Ok, 0, 0), (Rejecting, 125, 5)]);
        // Two of two are too few.
        let few = |_, now| Evidence { messages_1h: 2, rejected_1h: 2, ..well(now) };
        assert_eq!(states(6_000, few), [(Ok, 0, 0)]);
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_no_period_that_begins_later() {
        let ahead = Period { state: FeedState::Ok, since: T0.plus_s(1_000_000) };
        let mut standing = Standing::new(Some(ahead), T0);
        assert_eq!(standing.period().since, T0);
        let gone = Evidence { connected_since: None, ..well(T0) };
        assert_eq!(standing.follow(&gone, T0.plus_s(1_000_000)), None);
        assert_eq!(standing.follow(&gone, T0.plus_s(10)), None, "the clock went back");
        let found = standing.follow(&gone, T0.plus_s(70));
        assert_eq!(found, Some(Period { state: FeedState::Disconnected, since: T0.plus_s(10) }));
    }
}
