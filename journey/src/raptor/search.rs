//! The public interface of the search.

use std::sync::Arc;

use super::departures::{Departure, DepartureQuery, departures};
use super::layers::{DayCache, networks};
use super::line::directed;
use super::permits::Permits;
use super::rounds::{Rounds, Task};
use super::trace::Tracer;
use super::{Answer, Journey, Query, When};
use crate::bits;
use crate::overlay::{Overlay, Runs};
use crate::timetable::{Permission, Timetable};

/// Number of stops from which on searches compute the bound of `rounds/reach.rs`. In a town of 4,000 stops it takes longer
/// (0.15 ms) than it saves; in a region of 64,000 it makes the slow tenth of queries three times as fast.
const LOOK_BACK_STOPS: usize = 20_000;

/// A workspace: memory that is reused by one search after the other. Concurrent searches have one each, over one
/// timetable.
pub struct Search {
    pub(super) timetable: Arc<Timetable>,
    pub(super) days: DayCache,
    rounds: Rounds,
    /// A mask without any trip.
    pub(super) nothing: Vec<u64>,
    /// Stops that wheelchair users cannot use.
    closed: Vec<u64>,
    pub(super) looks_back: bool,
}

impl Search {
    /// A workspace for `timetable`.
    pub fn new(timetable: Arc<Timetable>) -> Self {
        let mut closed = vec![0; bits::words(timetable.variants.nodes())];
        for (stop, wheelchair) in (0..).zip(&timetable.stops.wheelchair) {
            if *wheelchair == Permission::Impossible {
                let nodes = timetable.variants.nodes_of(stop);
                nodes.for_each(|node| bits::set(&mut closed, node as usize));
            }
        }
        let nothing = vec![0; bits::words(timetable.patterns.trips())];
        let looks_back = timetable.stop_count() >= LOOK_BACK_STOPS;
        let (days, rounds) = (DayCache::default(), Rounds::default());
        Search { timetable, looks_back, days, rounds, nothing, closed }
    }

    /// The timetable that is searched.
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
        match query.when {
            When::DepartAt(_) => self.run_directed::<false>(query, overlay, cut),
            When::ArriveBy(_) => self.run_directed::<true>(query, overlay, cut),
        }
    }

    fn run_directed<const BACK: bool>(
        &mut self,
        query: &Query<'_>,
        overlay: Option<&Overlay>,
        cut: &mut dyn FnMut() -> bool,
    ) -> Answer {
        let Search { timetable, days, rounds, nothing, closed, looks_back } = self;
        days.prepare(timetable, overlay, query);
        let networks = networks(timetable, overlay, days, nothing, query);
        let (When::DepartAt(time) | When::ArriveBy(time)) = query.when;
        let (starts, ends) = match BACK {
            true => (query.destinations, query.origins),
            false => (query.origins, query.destinations),
        };
        let (start_spans, end_spans) = match BACK {
            true => (query.destination_spans, query.origin_spans),
            false => (query.origin_spans, query.destination_spans),
        };
        let start = directed::<BACK>(time);
        let task = Task {
            timetable,
            query,
            networks: &networks,
            start,
            bound: start.saturating_add(query.horizon_s.max(0)).saturating_add(1),
            starts,
            ends,
            start_spans,
            end_spans,
            looks_back: *looks_back,
            closed: query.access.is_wheelchair().then_some(closed.as_slice()),
            footpaths: timetable.footpaths_for(query.access.is_wheelchair()),
        };
        let runs = Runs { timetable, overlay };
        let begins_at = timetable.day_begins_at(query.day);
        let mut permits = Permits::new(query.booked, runs, &networks, begins_at);
        let (found, cut) = rounds.run::<BACK>(&task, &mut permits, cut);
        // The labels of the ends are valid until the next query.
        let has_barred = permits.as_ref().is_some_and(|permits| permits.has_barred);
        let tracer = Tracer { runs, rounds, task: &task, permits, begins_at };
        let journeys = found.into_iter().map(|found| tracer.journey::<BACK>(found)).collect();
        Answer { journeys, cut, has_barred }
    }

    /// The next departures from a stop, in order.
    pub fn departures(&mut self, overlay: Option<&Overlay>, wanted: &DepartureQuery) -> Vec<Departure> {
        departures(Runs { timetable: &self.timetable, overlay }, &mut self.days, &self.nothing, wanted)
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
        self.without_waiting(query, &mut answer, overlay, cut);
        answer
    }

    /// Replaces the journeys of `answer` by those without needless waiting.
    pub(super) fn without_waiting(
        &mut self,
        query: &Query<'_>,
        answer: &mut Answer,
        overlay: Option<&Overlay>,
        cut: &mut dyn FnMut() -> bool,
    ) {
        for journey in answer.journeys.iter_mut().filter(|j| j.rides > 0) {
            let when = match query.when {
                When::DepartAt(_) => When::ArriveBy(journey.arrival_s),
                When::ArriveBy(_) => When::DepartAt(journey.departure_s),
            };
            let horizon_s = journey.arrival_s - journey.departure_s;
            let back = Query { when, max_rides: journey.rides, horizon_s, ..*query };
            let mut found = self.run(&back, overlay, cut);
            answer.cut |= found.cut;
            answer.has_barred |= found.has_barred;
            if let Some(better) = found.journeys.pop().filter(|new| is_better(new, journey)) {
                *journey = better;
            }
        }
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
