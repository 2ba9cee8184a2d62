//! Pages of an answer: which itineraries are on this one, and where the next one goes on.
//!
//! A page leads on in the direction of the search: to later departures, or to earlier arrivals. What is best at the begin
//! of a page is on it, however far ahead; the others follow one another, and none between them is missing. Only
//! itineraries by transit follow one another: who has a vehicle sets out for one ride or the other, of which the best
//! are shown, and streets can be used at any time.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::{Itinerary, Modes, PlanResult, When};
use crate::overlay::Runs;

/// Which itineraries are wanted of those at different times.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Length of the window from [`super::Request::when`] on, in the direction of the search, seconds.
    pub window_s: i32,
    /// Most itineraries of each combination of modes, at least 1.
    pub limit: usize,
    /// Which page it is.
    pub which: WhichPage<'a>,
}

/// Which page of an answer.
#[derive(Debug, Clone, Copy)]
pub enum WhichPage<'a> {
    /// The first one.
    First,
    /// One that goes on where another ended, with the [`Itinerary::print`] of those ahead that were on it.
    Onward(&'a [u32]),
    /// What comes before [`super::Request::when`] in the direction of the search.
    Back,
}

/// What lies beyond a page.
#[derive(Debug, Clone, Default)]
pub struct Beyond {
    /// Begin of the page, Unix time, seconds: of departures, or of arrivals; in the direction of the search.
    pub from: i64,
    /// Where the next page goes on.
    pub until: i64,
    /// Those on this page, or before, that are beyond its end: their [`Itinerary::print`].
    pub ahead: Vec<u32>,
    /// Whether there is no journey by transit within [`crate::raptor::HORIZON_S`].
    pub found_nothing: bool,
    /// When the next journey leaves, if nothing was found; `None`: something was, or none is known.
    pub next_at: Option<i64>,
    /// At which end no stop can be reached.
    pub without_stops: Option<super::Which>,
    /// Whether transit was found and is no better than going on foot.
    pub walking_is_faster: bool,
}

impl Page<'static> {
    /// The first page, with nothing but the best at its begin.
    pub const BEST: Page<'static> = Page { window_s: 0, limit: usize::MAX, which: WhichPage::First };
}

impl WhichPage<'_> {
    /// Whether itineraries are shown that can begin at any time.
    pub fn is_first(&self) -> bool {
        matches!(self, WhichPage::First)
    }
}

impl When {
    /// So many seconds on, in the direction of the search.
    #[must_use]
    pub fn on(self, seconds: i64) -> When {
        match self {
            When::DepartAt(time) => When::DepartAt(time.saturating_add(seconds)),
            When::ArriveBy(time) => When::ArriveBy(time.saturating_sub(seconds)),
        }
    }
}

impl Itinerary {
    /// What it is recognised by, whatever real time does to it: its kind and its rides.
    pub fn print(&self, runs: Runs<'_>) -> u32 {
        let mut hasher = FxHasher::default();
        let kind = Modes::NAMED.iter().position(|(_, modes)| *modes == self.modes);
        kind.hash(&mut hasher);
        for leg in self.rides() {
            let ride = &leg.ride;
            (runs.trip_id(ride.trip), ride.service_day, ride.board, ride.alight).hash(&mut hasher);
        }
        for leg in self.areas() {
            (leg.pair, leg.day).hash(&mut hasher);
        }
        let hash = hasher.finish();
        (hash ^ (hash >> 32)) as u32
    }
}

/// Leaves in the plan what is on the page, and says what lies beyond. No journey by transit is missing up to `complete_s`
/// in the direction of the search from `when` on (back: so far before it), seconds.
pub(super) fn turn_to_page(
    plan: &mut PlanResult,
    when: When,
    page: Page<'_>,
    complete_s: i64,
    runs: Runs<'_>,
) {
    let is_back = matches!(page.which, WhichPage::Back);
    let mut end_s = if is_back { -complete_s } else { complete_s };
    let PlanResult { itineraries, beyond, .. } = plan;
    if let WhichPage::Onward(shown) = page.which {
        itineraries.retain(|itinerary| !shown.contains(&itinerary.print(runs)));
        beyond.ahead = shown.to_vec();
    }
    if !page.which.is_first() {
        itineraries.retain(Itinerary::has_rides);
    }
    if is_back {
        itineraries.retain(|itinerary| (end_s..0).contains(&itinerary.ahead_s));
    }
    for (_, modes) in Modes::NAMED {
        let (mut own, others): (Vec<_>, Vec<_>) =
            std::mem::take(itineraries).into_iter().partition(|itinerary| itinerary.modes == modes);
        *itineraries = others;
        match modes {
            Modes::TRANSIT if is_back => {
                own.sort_by_key(|itinerary| std::cmp::Reverse(itinerary.ahead_s));
            }
            Modes::TRANSIT => own.sort_by_key(|itinerary| {
                (!itinerary.is_best, itinerary.has_carpool(), itinerary.is_booked(), itinerary.ahead_s)
            }),
            _ => own.sort_by(|a, b| a.expected_end.total_cmp(&b.expected_end)),
        }
        let left = own.split_off(own.len().min(page.limit));
        if modes == Modes::TRANSIT {
            let ahead = left.iter().map(|itinerary| itinerary.ahead_s);
            end_s = match is_back {
                true => ahead.map(|s| s + 1).fold(end_s, i64::max),
                false => ahead.fold(end_s, i64::min),
            };
        }
        itineraries.append(&mut own);
    }
    if !is_back {
        let is_ahead = |itinerary: &&Itinerary| itinerary.has_rides() && itinerary.ahead_s >= end_s;
        beyond.ahead.extend(itineraries.iter().filter(is_ahead).map(|itinerary| itinerary.print(runs)));
    }
    let (begin_s, end_s) = if is_back { (end_s, 0) } else { (0, end_s) };
    beyond.from = when.on(begin_s).time();
    beyond.until = when.on(end_s).time();
}
