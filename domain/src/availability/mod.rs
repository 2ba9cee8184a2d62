//! Will there be a space? The chance of a vacant one when a driver arrives, how many to expect, and how long the search
//! takes.
//!
//! [`predict`] answers it from the [`Evidence`]: the live state, whose chances `queue.rs` computes from how fast the place
//! changes, and the forecast of the site's model ([`crate::forecast`]), where there is one. What was learned holds before
//! the rate of change, with two exceptions: a place that is full now is contested, and where too many spaces are silent
//! for a forecast from the present state, the spaces that are seen fade into the usual week.

mod evidence;
mod queue;
mod spaces;
mod vacant;

pub use evidence::{Evidence, SiteEvidence};
pub use spaces::{Spaces, Supply};
pub use vacant::{VacantSpaces, predict_bay, predict_vacant};

use crate::forecast::{Basis, Chance, FURTHEST_S, Forecast, Town};
use crate::time::{Times, UtcMicros};
pub(crate) use queue::MOST;
use queue::{Flow, search_s, usual_stay_s};

/// What to expect of a place when a driver arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Availability {
    /// Of a vacant space, with the vacant spaces to expect of those that this driver may use; `None`: nothing is known.
    pub chance: Option<Chance>,
    /// Time to expect from the entrance to a vacant space, seconds.
    pub search_s: f64,
}

impl Availability {
    /// The chance of a vacant space, 0 to 1; `None`: nothing is known.
    pub fn p(&self) -> Option<f64> {
        self.chance.map(|chance| chance.p)
    }
}

/// Assumed share of vacant spaces where nothing is known, for the length of the search.
const UNKNOWN_VACANT_SHARE: f64 = 0.1;

/// A place that is full now is contested (see `queue.rs`), which a forecast that hardly ever saw it full does
/// not know. Up to the first of these horizons the lower chance holds, beyond the second the forecast's; seconds.
const FULL_HOLDS_S: f64 = 1_800.0;
const FULL_FORGOTTEN_S: f64 = 7_200.0;

/// Horizon beyond which the present state says nothing, seconds: nearly all spaces have changed hands by then (see
/// [`usual_stay_s`]), and cars arrive at another hour's rate.
const LIVE_REACH_S: f64 = 3.0 * 3_600.0;

/// What to expect of a place. `model`: that of the site's town, if it has one.
pub fn predict(evidence: &Evidence, model: Option<&Town>, times: Times) -> Availability {
    let learned = forecast(evidence, model, times).map(|forecast| learned(evidence, &forecast));
    blend(evidence, learned, times.arrive)
}

/// The chance of a space for this driver, were all others as they are now.
fn learned(evidence: &Evidence, forecast: &Forecast<'_>) -> Chance {
    forecast.chance(evidence.reserved().saturating_add(1))
}

/// The forecast of the site's model; `None` also farther ahead than a week: no forecast reaches there.
fn forecast<'a>(evidence: &Evidence, model: Option<&'a Town>, times: Times) -> Option<Forecast<'a>> {
    let site = evidence.site.filter(|_| times.arrive <= times.now.plus_s(FURTHEST_S))?;
    model?.forecast(site.id, times, site.vacant)
}

/// The live state with what was learned. Where that rests on the live state alone, how fast the state changes says more.
fn blend(evidence: &Evidence, forecast: Option<Chance>, arrive: UtcMicros) -> Availability {
    let Evidence { kind, spaces: Spaces { supply, capacity, known_at }, .. } = *evidence;
    let horizon_s = arrive.seconds_since(known_at);
    let live = of_live(evidence, horizon_s);
    let Some(learned) = forecast.filter(|chance| chance.basis != Basis::Live) else {
        let is_known = forecast.is_some() || horizon_s <= LIVE_REACH_S;
        return if is_known { live } else { of_unknown(evidence) };
    };
    let expected = (learned.expected - f64::from(evidence.reserved())).clamp(0.0, f64::from(capacity));
    let [p, low, high] = [learned.p, learned.low, learned.high].map(|p| p.min(MOST));
    let learned = Chance { p, low, high, expected, ..learned };
    let of_learned = Availability { chance: Some(learned), search_s: search_s(kind, expected, capacity) };
    let Some(seen) = live.chance else { return of_learned };
    if learned.basis == Basis::WeeklyProfile {
        // Too many spaces are silent for a forecast from the present state.
        let usual = (horizon_s / LIVE_REACH_S).clamp(0.0, 1.0);
        let between = |learned: f64, seen: f64| seen * (1.0 - usual) + learned * usual;
        return Availability {
            chance: Some(learned.with(seen, between)),
            search_s: between(of_learned.search_s, live.search_s),
        };
    }
    if supply.is_none_or(|supply| supply.vacant() > 0) {
        return of_learned;
    }
    let forgotten = ((horizon_s - FULL_HOLDS_S) / (FULL_FORGOTTEN_S - FULL_HOLDS_S)).clamp(0.0, 1.0);
    let less = |learned: f64, full: f64| learned.min(full) + (learned - learned.min(full)) * forgotten;
    let longer = of_learned.search_s.max(live.search_s);
    Availability {
        chance: Some(learned.with(seen, less)),
        search_s: longer + (of_learned.search_s - longer) * forgotten,
    }
}

fn of_live(evidence: &Evidence, horizon_s: f64) -> Availability {
    let Evidence { kind, spaces, filling_per_s, .. } = *evidence;
    let Some(supply) = spaces.supply else { return of_unknown(evidence) };
    let chance = queue::chance(supply, Flow::of(supply, usual_stay_s(kind), filling_per_s), horizon_s);
    let expected = chance.map_or(0.0, |chance| chance.expected);
    Availability { chance, search_s: search_s(kind, expected, supply.total()) }
}

fn of_unknown(evidence: &Evidence) -> Availability {
    let capacity = evidence.spaces.capacity;
    let vacant = f64::from(capacity) * UNKNOWN_VACANT_SHARE;
    Availability { chance: None, search_s: search_s(evidence.kind, vacant, capacity) }
}

impl Chance {
    /// Each number by `f` with that of `other`; the basis stays.
    fn with(self, other: Chance, f: impl Fn(f64, f64) -> f64) -> Chance {
        Chance {
            p: f(self.p, other.p),
            low: f(self.low, other.low),
            high: f(self.high, other.high),
            expected: f(self.expected, other.expected),
            basis: self.basis,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::SiteKind;

    const NOW: UtcMicros = UtcMicros(1_795_435_200_000_000);

    fn availability(vacant: u32, forecast: Option<Chance>, ahead_s: i64) -> Availability {
        let supply = Some(Supply::Count { vacant, capacity: 100 });
        let evidence =
            Evidence::of_spaces(SiteKind::CarPark, Spaces { supply, capacity: 100, known_at: NOW });
        blend(&evidence, forecast, NOW.plus_s(ahead_s))
    }

    fn forecast(p: f64, expected: f64, basis: Basis) -> Option<Chance> {
        Some(Chance { p, low: p, high: p, expected, basis })
    }

    #[test]
    fn what_was_learned_goes_before_the_rate_of_change() {
        let p = |forecast| availability(60, forecast, 3_600).chance.unwrap().p;
        assert_eq!(p(forecast(0.3, 2.0, Basis::History)), 0.3);
        assert_eq!(p(forecast(0.3, 2.0, Basis::Live)), p(None));
        assert_eq!(p(forecast(1.0, 90.0, Basis::History)), MOST, "nothing is certain");
    }

    #[test]
    fn spaces_that_are_seen_hold_before_the_usual_week_and_fade() {
        let week = forecast(0.2, 1.0, Basis::WeeklyProfile);
        let p = |ahead_s| availability(60, week, ahead_s).chance.unwrap().p;
        assert_eq!(p(0), MOST, "60 are vacant at this moment");
        assert!(p(0) > p(3_600) && p(3_600) > p(7_200) && p(7_200) > p(10_800));
        assert_eq!((p(10_800), p(86_400)), (0.2, 0.2));
    }

    #[test]
    fn the_live_state_says_nothing_of_tomorrow() {
        assert!(availability(60, None, 2 * 3_600).chance.is_some());
        assert_eq!(availability(60, None, 86_400).chance, None);
        let learned = availability(60, forecast(0.9, 30.0, Basis::History), 86_400).chance.unwrap();
        assert_eq!((learned.p, learned.expected), (0.9, 30.0));
    }

    #[test]
    fn a_place_that_is_full_now_is_not_promised() {
        let hopeful = forecast(0.95, 40.0, Basis::History);
        let p = |ahead_s| availability(0, hopeful, ahead_s).chance.unwrap().p;
        assert!(p(300) < 0.5, "{}", p(300));
        assert!(p(300) <= p(1_800) && p(1_800) < p(4_500) && p(4_500) < p(7_200));
        assert_eq!(p(7_200), 0.95);
        // Nor are many spaces to be expected where one hardly is.
        let soon = availability(0, hopeful, 300).chance.unwrap();
        assert!(soon.expected < 5.0, "{soon:?}");
        assert_eq!(availability(1, hopeful, 300).chance.unwrap().p, 0.95);
    }
}
