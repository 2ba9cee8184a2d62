//! The public interface of the search.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::days::DayCache;
use super::departures::{self, Departure};
use super::layers::{Networks, networks};
use super::line::directed;
use super::rounds::{Rounds, Task};
use super::trace::Tracer;
use super::{Answer, Journey, MAX_RIDES, Query, When};
use crate::bits;
use crate::overlay::{Overlay, Runs};
use crate::timetable::patterns::Boardings;
use crate::timetable::services::Day;
use crate::timetable::{StopIx, Timetable, Wheelchair};

/// Shifts of days differ from 86,400 s by so much when clocks change.
const CLOCK_CHANGE_S: i32 = 3_600;

/// Number of stops from which on searches compute the bound of `reach.rs`. In a town of 4,000 stops it takes longer
/// (0.15 ms) than it saves; in a region of 64,000 it makes the slow tenth of queries three times as fast.
const LOOK_BACK_STOPS: usize = 20_000;

/// A workspace: memory that is reused by one search after the other. Concurrent searches have one each, over one
/// timetable.
pub struct Search {
    timetable: Arc<Timetable>,
    days: DayCache,
    rounds: Rounds,
    /// A mask without any trip.
    nothing: Vec<u64>,
    /// Stops that wheelchair users cannot use.
    closed: Vec<u64>,
    pub(super) looks_back: bool,
}

impl Search {
    /// A workspace for `timetable`.
    pub fn new(timetable: Arc<Timetable>) -> Self {
        let mut closed = vec![0; bits::words(timetable.variants.nodes())];
        let impossible = |stop: &usize| timetable.stops.wheelchair[*stop] == Wheelchair::Impossible;
        for stop in (0..timetable.stop_count()).filter(impossible) {
            timetable
                .variants
                .nodes_of(stop as StopIx)
                .for_each(|node| bits::set(&mut closed, node as usize));
        }
        let nothing = vec![0; bits::words(timetable.patterns.trips())];
        let looks_back = timetable.stop_count() >= LOOK_BACK_STOPS;
        Search {
            timetable,
            looks_back,
            days: DayCache::default(),
            rounds: Rounds::default(),
            nothing,
            closed,
        }
    }

    /// What it searches.
    pub fn timetable(&self) -> &Arc<Timetable> {
        &self.timetable
    }

    /// All Pareto-best journeys. `cut` is called now and then; `true` ends the search, which the answer notes. Stops that do
    /// not exist are ignored.
    pub fn run(
        &mut self,
        query: &Query<'_>,
        overlay: Option<&Overlay>,
        cut: &mut dyn FnMut() -> bool,
    ) -> Answer {
        self.days.prepare(&self.timetable, days_of(&self.timetable, overlay, query), query.wheelchair);
        let networks = networks(&self.timetable, overlay, &self.days, &self.nothing, query);
        let closed = query.wheelchair.then_some(self.closed.as_slice());
        let limits = (closed, self.looks_back);
        let run = match query.when {
            When::DepartAt(_) => run::<false>,
            When::ArriveBy(_) => run::<true>,
        };
        let runs = Runs { timetable: &self.timetable, overlay };
        run(runs, &networks, &mut self.rounds, query, limits, cut)
    }

    /// The next `count` departures from `ride.0` from `times.0` on, in order, within `times.1` seconds.
    /// With `ride.1` only those of vehicles that come there later and let people off: the next
    /// departures of a ride.
    pub fn departures(
        &mut self,
        overlay: Option<&Overlay>,
        ride: (StopIx, Option<StopIx>),
        day: Day,
        times: (i32, i32),
        count: usize,
    ) -> Vec<Departure> {
        let days = (&mut self.days, self.nothing.as_slice());
        departures::departures(&self.timetable, overlay, days, ride, day, times, count)
    }

    /// As [`Search::run`], without needless waiting: each journey of a departure sets out as late as
    /// possible for its arrival and rides; each of an arrival, whose rides are the last possible ones,
    /// changes into the next one that leads on and arrives as early as possible for its departure.
    pub fn run_late(
        &mut self,
        query: &Query<'_>,
        overlay: Option<&Overlay>,
        cut: &mut dyn FnMut() -> bool,
    ) -> Answer {
        let mut answer = self.run(query, overlay, cut);
        for journey in answer.journeys.iter_mut().filter(|j| j.rides > 0) {
            let when = match query.when {
                When::DepartAt(_) => When::ArriveBy(journey.arrival_s),
                When::ArriveBy(_) => When::DepartAt(journey.departure_s),
            };
            let back = Query {
                when,
                max_rides: journey.rides,
                horizon_s: journey.arrival_s - journey.departure_s,
                ..*query
            };
            let mut found = self.run(&back, overlay, cut);
            answer.cut |= found.cut;
            if let Some(better) = found.journeys.pop().filter(|new| is_better(new, journey)) {
                *journey = better;
            }
        }
        answer
    }
}

/// Whether a journey leaves later or arrives earlier, and nothing is worse.
fn is_better(new: &Journey, old: &Journey) -> bool {
    new.rides > 0
        && new.rides <= old.rides
        && new.arrival_s <= old.arrival_s
        && new.departure_s >= old.departure_s
        && (new.arrival_s, new.departure_s) != (old.arrival_s, old.departure_s)
}

/// Service days whose trips may be of use.
pub fn days_of(timetable: &Timetable, overlay: Option<&Overlay>, query: &Query<'_>) -> RangeInclusive<Day> {
    let last_time_s = overlay.map_or(0, |overlay| overlay.last_time_s).max(timetable.last_time_s);
    let horizon = query.horizon_s.max(0);
    let (from, until) = match query.when {
        When::DepartAt(time) => (time, time.saturating_add(horizon)),
        When::ArriveBy(time) => (time.saturating_sub(horizon), time),
    };
    // Days of other zones begin up to a day before or after.
    let beyond_s = if timetable.zones.len() > 1 { 86_400 } else { 0 } + CLOCK_CHANGE_S;
    let first = (from - last_time_s - beyond_s).div_euclid(86_400);
    let last = until.saturating_add(beyond_s).div_euclid(86_400);
    query.day.saturating_add(first)..=query.day.saturating_add(last)
}

fn run<const BACK: bool>(
    runs: Runs<'_>,
    networks: &Networks<'_>,
    rounds: &mut Rounds,
    query: &Query<'_>,
    (closed, looks_back): (Option<&[u64]>, bool),
    cut: &mut dyn FnMut() -> bool,
) -> Answer {
    let timetable = runs.timetable;
    let (time, starts, ends) = match query.when {
        When::DepartAt(time) => (time, query.origins, query.destinations),
        When::ArriveBy(time) => (time, query.destinations, query.origins),
    };
    let start = directed::<BACK>(time);
    let task = Task {
        start,
        bound: start.saturating_add(query.horizon_s.max(0)).saturating_add(1),
        max_rides: query.max_rides.min(MAX_RIDES),
        starts,
        ends,
        walk_at_ends: query.walk_at_ends,
        looks_back,
        closed,
        footpaths: timetable.footpaths_for(query.wheelchair),
        max_path_m: query.max_path_m,
        boardings: if query.unbooked { Boardings::SCHEDULED } else { Boardings::ANY },
    };
    let (found, cut) = rounds.run::<BACK>(timetable, networks, &task, cut);
    // The labels of the ends are valid until the next query.
    let tracer = Tracer { runs, networks, rounds, task: &task };
    Answer { journeys: found.into_iter().map(|found| tracer.journey::<BACK>(found)).collect(), cut }
}
