//! The chance of a vacant space at the arrival, and the expected search time.

use domain::UtcMicros;
use domain::arrival::{Chance, Flow, MOST, Supply, chance, expected_vacant, search_s, usual_stay_s};
use domain::forecast::{Basis, Odds};
use domain::place::SiteKind;
use journey::plan::Prospect;

use super::spaces::Spaces;

/// Assumed share of vacant spaces where nothing is known, for the length of the search.
const UNKNOWN_VACANT_SHARE: f64 = 0.1;

/// A place that is full now is contested (see [`domain::arrival`]), which a forecast that hardly ever saw it full does
/// not know. Up to the first of these horizons the lower chance holds, beyond the second the forecast's; seconds.
const FULL_HOLDS_S: f64 = 1_800.0;
const FULL_FORGOTTEN_S: f64 = 7_200.0;

/// Horizon beyond which the present state says nothing, seconds: nearly all spaces have changed hands by then (see
/// [`usual_stay_s`]), and cars arrive at another hour's rate.
const LIVE_REACH_S: f64 = 3.0 * 3_600.0;

/// What to expect of a place at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    pub chance: Option<Chance>,
    /// Vacant spaces to expect, of those that this driver may use.
    pub expected: Option<f64>,
    pub search_s: f64,
}

impl Outlook {
    /// `filling_per_s`: how fast the place fills, cars a second. `forecast`: what was learned says, and the vacant spaces in it that are kept for others. Where it
    /// rests on the live state alone, how fast that changes says more.
    pub fn new(
        kind: Option<SiteKind>,
        spaces: Spaces,
        filling_per_s: f64,
        forecast: Option<(Odds, u32)>,
        arrive_at: UtcMicros,
    ) -> Self {
        let Spaces { supply, capacity, known_at } = spaces;
        let horizon_s = (arrive_at.0 - known_at.0) as f64 / 1e6;
        let live = Outlook::of_live(kind, (supply, capacity), filling_per_s, horizon_s);
        let learned = forecast.filter(|(odds, _)| odds.basis != Basis::Live);
        let Some((odds, kept)) = learned else {
            let is_known = forecast.is_some() || horizon_s <= LIVE_REACH_S;
            return if is_known { live } else { Outlook::of_live(kind, (None, capacity), 0.0, horizon_s) };
        };
        let learned = Chance { p: odds.p.min(MOST), low: odds.low.min(MOST), high: odds.high.min(MOST) };
        let expected = (odds.expected - f64::from(kept)).clamp(0.0, f64::from(capacity));
        let search_s = search_s(kind, expected, capacity);
        let searched = Outlook { chance: Some(learned), expected: Some(expected), search_s };
        if odds.basis == Basis::WeeklyProfile && live.chance.is_some() {
            // Too many spaces are silent for a forecast from the present state.
            return searched.fading_from(live, horizon_s);
        }
        match live.chance.filter(|_| supply.is_some_and(|supply| supply.vacant() == 0)) {
            Some(contested) => searched.at_most(contested, live, horizon_s),
            None => searched,
        }
    }

    /// Lowers the forecast's chance for a place that is full now.
    fn at_most(self, contested: Chance, live: Outlook, horizon_s: f64) -> Self {
        let forgotten = ((horizon_s - FULL_HOLDS_S) / (FULL_FORGOTTEN_S - FULL_HOLDS_S)).clamp(0.0, 1.0);
        let less = |learned: f64, full: f64| learned.min(full) + (learned - learned.min(full)) * forgotten;
        let chance = self.chance.map(|learned| Chance {
            p: less(learned.p, contested.p),
            low: less(learned.low, contested.low),
            high: less(learned.high, contested.high),
        });
        let expected = self.expected.zip(live.expected).map(|(learned, full)| less(learned, full));
        let longer = self.search_s.max(live.search_s);
        Outlook {
            chance,
            expected: expected.or(self.expected),
            search_s: longer + (self.search_s - longer) * forgotten,
        }
    }

    /// The state of the observed spaces, blended into the usual week until the state says nothing any more.
    fn fading_from(self, live: Outlook, horizon_s: f64) -> Self {
        let usual = (horizon_s / LIVE_REACH_S).clamp(0.0, 1.0);
        let between = |seen: f64, learned: f64| seen * (1.0 - usual) + learned * usual;
        let chance = live.chance.zip(self.chance).map(|(seen, learned)| Chance {
            p: between(seen.p, learned.p),
            low: between(seen.low, learned.low),
            high: between(seen.high, learned.high),
        });
        Outlook {
            chance,
            expected: live.expected.zip(self.expected).map(|(seen, learned)| between(seen, learned)),
            search_s: between(live.search_s, self.search_s),
        }
    }

    fn of_live(
        kind: Option<SiteKind>,
        (supply, capacity): (Option<Supply>, u32),
        filling_per_s: f64,
        horizon_s: f64,
    ) -> Self {
        let Some(supply) = supply else {
            let vacant = f64::from(capacity) * UNKNOWN_VACANT_SHARE;
            return Outlook { chance: None, expected: None, search_s: search_s(kind, vacant, capacity) };
        };
        let flow = Flow::of(supply, usual_stay_s(kind), filling_per_s);
        let spaces = match supply {
            Supply::Bays { vacant, occupied, unknown } => vacant + occupied + unknown,
            Supply::Count { capacity, .. } => capacity,
        };
        let expected = expected_vacant(supply, flow, horizon_s);
        Outlook {
            chance: chance(supply, flow, horizon_s),
            expected: Some(expected),
            search_s: search_s(kind, expected, spaces),
        }
    }

    pub fn prospect(&self) -> Prospect {
        Prospect { p: self.chance.map(|chance| chance.p), search_s: self.search_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMicros = UtcMicros(1_795_435_200_000_000);

    fn outlook(vacant: u32, odds: Option<Odds>, ahead_s: i64) -> Outlook {
        let supply = Some(Supply::Count { vacant, capacity: 100 });
        let spaces = Spaces { supply, capacity: 100, known_at: NOW };
        Outlook::new(Some(SiteKind::CarPark), spaces, 0.0, odds.map(|odds| (odds, 0)), NOW.plus_s(ahead_s))
    }

    fn odds(p: f64, expected: f64, basis: Basis) -> Option<Odds> {
        Some(Odds { p, low: p, high: p, expected, basis })
    }

    #[test]
    fn what_was_learned_goes_before_the_rate_of_change() {
        let p = |odds| outlook(60, odds, 3_600).chance.unwrap().p;
        assert_eq!(p(odds(0.3, 2.0, Basis::History)), 0.3);
        assert_eq!(p(odds(0.3, 2.0, Basis::Live)), p(None));
        assert_eq!(p(odds(1.0, 90.0, Basis::History)), MOST, "nothing is certain");
    }

    #[test]
    fn spaces_that_are_seen_hold_before_the_usual_week_and_fade() {
        let week = odds(0.2, 1.0, Basis::WeeklyProfile);
        let p = |ahead_s| outlook(60, week, ahead_s).chance.unwrap().p;
        assert_eq!(p(0), MOST, "60 are vacant at this moment");
        assert!(p(0) > p(3_600) && p(3_600) > p(7_200) && p(7_200) > p(10_800));
        assert_eq!((p(10_800), p(86_400)), (0.2, 0.2));
    }

    #[test]
    fn the_live_state_says_nothing_of_tomorrow() {
        assert!(outlook(60, None, 2 * 3_600).chance.is_some());
        let tomorrow = outlook(60, None, 86_400);
        assert_eq!((tomorrow.chance, tomorrow.expected), (None, None));
        let learned = outlook(60, odds(0.9, 30.0, Basis::History), 86_400);
        assert_eq!((learned.chance.unwrap().p, learned.expected), (0.9, Some(30.0)));
    }

    #[test]
    fn a_place_that_is_full_now_is_not_promised() {
        let hopeful = odds(0.95, 40.0, Basis::History);
        let p = |ahead_s| outlook(0, hopeful, ahead_s).chance.unwrap().p;
        assert!(p(300) < 0.5, "{}", p(300));
        assert!(p(300) <= p(1_800) && p(1_800) < p(4_500) && p(4_500) < p(7_200));
        assert_eq!(p(7_200), 0.95);
        // Nor are many spaces to be expected where one hardly is.
        let soon = outlook(0, hopeful, 300);
        assert!(soon.expected.unwrap() < 5.0, "{soon:?}");
        assert_eq!(outlook(1, hopeful, 300).chance.unwrap().p, 0.95);
    }
}
