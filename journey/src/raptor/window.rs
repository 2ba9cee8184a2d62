//! All journeys of a window of time, as travellers page through them.
//!
//! Pareto-best over departure (late), arrival (early) and rides (few): a profile search as in Delling, Pajor, Werneck,
//! section 4.2, but by asking one instant after the other. A query at an instant finds what is best from then on; what
//! sets out first of it is passed by the next query. Profiles of a whole hour are rarely wanted in full, and this ends as
//! soon as there are enough.

use super::{Answer, Journey, Query, Search, When};
use crate::overlay::Overlay;

/// Which part of time is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Length from the time of the query on, in its direction, seconds; 0: only what is best at that time.
    pub length_s: i32,
    /// Ends the search early, once so many journeys are known and none between them is missing.
    pub enough: usize,
}

/// What a window holds.
#[derive(Debug, Default)]
pub struct InWindow {
    /// The journeys: first those that are best at the time of the query, whenever they are.
    pub journeys: Vec<Journey>,
    /// How many are best at the time of the query.
    pub best: usize,
    /// No journey is missing up to there, exclusive: seconds from the time of the query, in its direction. Beyond the
    /// window's end where there is none before it.
    pub complete_s: i32,
    /// Whether it was cut short.
    pub cut: bool,
    /// Whether a ride could not be booked somewhere on the way of the search.
    pub has_barred: bool,
}

impl When {
    /// How far a journey is from this time on, in the direction of the search, seconds.
    pub fn ahead_s(self, journey: &Journey) -> i32 {
        match self {
            When::DepartAt(time) => journey.departure_s - time,
            When::ArriveBy(time) => time - journey.arrival_s,
        }
    }

    /// So many seconds on, in the direction of the search.
    #[must_use]
    pub fn on(self, seconds: i32) -> When {
        match self {
            When::DepartAt(time) => When::DepartAt(time.saturating_add(seconds)),
            When::ArriveBy(time) => When::ArriveBy(time.saturating_sub(seconds)),
        }
    }

    /// Whether two journeys are equally good, whenever they set out (arrive-by: arrive).
    fn is_same_goal(self, a: &Journey, b: &Journey) -> bool {
        let goal = |journey: &Journey| match self {
            When::DepartAt(_) => journey.arrival_s,
            When::ArriveBy(_) => journey.departure_s,
        };
        a.rides == b.rides && goal(a) == goal(b)
    }
}

impl Search {
    /// The journeys with rides of a window. Those of each instant are found as by [`Search::run_late`].
    pub fn run_window(
        &mut self,
        query: &Query<'_>,
        window: Window,
        overlay: Option<&Overlay>,
        cut: &mut dyn FnMut() -> bool,
    ) -> InWindow {
        let mut all = InWindow::default();
        let begin = query.when;
        // The instant that is asked about, from the begin of the window on.
        let mut now_s = 0;
        loop {
            let query = Query { when: begin.on(now_s), ..*query };
            let Answer { journeys, cut: was_cut, has_barred } = self.run(&query, overlay, cut);
            all.cut |= was_cut;
            all.has_barred |= has_barred;
            let mut next_s = None;
            for journey in journeys.into_iter().filter(|journey| journey.rides > 0) {
                let known = all.journeys.iter().find(|known| begin.is_same_goal(known, &journey));
                let ahead_s = match known {
                    Some(known) => begin.ahead_s(known),
                    None => {
                        let late = self.late(&query, journey, overlay, cut, &mut all);
                        let ahead_s = begin.ahead_s(&late);
                        all.journeys.push(late);
                        ahead_s
                    }
                };
                next_s = Some(next_s.map_or(ahead_s, |next: i32| next.min(ahead_s)));
            }
            if now_s == 0 {
                all.best = all.journeys.len();
            }
            let Some(next_s) = next_s else {
                all.complete_s = now_s.saturating_add(query.horizon_s);
                break;
            };
            now_s = next_s.max(now_s).saturating_add(1);
            all.complete_s = now_s;
            let passed = all.journeys.iter().filter(|journey| begin.ahead_s(journey) < now_s).count();
            if now_s > window.length_s || passed >= window.enough || all.cut {
                break;
            }
        }
        if all.journeys.iter().any(|journey| begin.ahead_s(journey) < window.length_s) {
            all.complete_s = all.complete_s.min(window.length_s);
        }
        let (complete_s, mut number, best) = (all.complete_s, 0, all.best);
        all.journeys.retain(|journey| {
            number += 1;
            number <= best || begin.ahead_s(journey) < complete_s
        });
        all
    }

    /// `journey` without needless waiting.
    fn late(
        &mut self,
        query: &Query<'_>,
        journey: Journey,
        overlay: Option<&Overlay>,
        cut: &mut dyn FnMut() -> bool,
        all: &mut InWindow,
    ) -> Journey {
        let mut answer = Answer { journeys: vec![journey], ..Answer::default() };
        self.without_waiting(query, &mut answer, overlay, cut);
        all.cut |= answer.cut;
        all.has_barred |= answer.has_barred;
        answer.journeys.remove(0)
    }
}
