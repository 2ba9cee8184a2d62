//! Trying everything out: every run of every day by itself, no patterns, nothing pruned.

use domain::booking::{BookingDays, RelativeTo, Terms, Window};
use domain::time::UtcMicros;
use jiff::tz::TimeZone;

use crate::timetable::Access;

use super::network::{Change, DAY, Hop, LISTED, NOTICES, Network, Rule, Trip, Who, times};

/// The line of carpools.
pub const CARPOOL: usize = 1;

const NEVER: i32 = i32::MAX / 4;

/// Trip and route of a run that no rule speaks of.
const NOBODY: (usize, usize) = (usize::MAX, usize::MAX);

/// Which rides that must be booked count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ask {
    All,
    /// Seconds after the day began.
    OpenAt(i32),
    Unbooked,
    /// All but carpools.
    CountedOn,
}

/// A run as it is planned, and what holds for booking it.
struct Plan {
    times: Vec<(i32, i32)>,
    route: usize,
    notice: Option<Terms>,
}

impl Plan {
    fn is_open(&self, ask: Ask, network: &Network, terms: Option<Terms>, at: i32) -> bool {
        let Ask::OpenAt(now) = ask else { return ask != Ask::Unbooked };
        let utc = |s: i32| UtcMicros::from_unix_s(i64::from(DAY) * 86_400 + i64::from(s));
        let days = BookingDays { zone: TimeZone::get(network.zone(self.route)).unwrap(), counts: None };
        terms.is_none_or(|terms| {
            Window::of(&terms, utc(at), &days).is_some_and(|w| w.is_open(utc(now), utc(now)))
        })
    }

    fn listed(&self, network: &Network) -> Option<Terms> {
        network.listed.filter(|_| self.route == 2).map(|number| LISTED[number])
    }

    fn is_barred(&self, ask: Ask) -> bool {
        ask == Ask::CountedOn && self.route == CARPOOL
    }

    fn may_board(&self, ask: Ask, network: &Network, by: u8, at: usize) -> bool {
        let departs = |at: usize| self.times[at].1;
        match self.listed(network) {
            _ if by == 1 || self.is_barred(ask) => false,
            Some(terms) => {
                let from = if terms.relative_to == RelativeTo::FirstStop { 0 } else { at };
                self.is_open(ask, network, Some(terms), departs(from))
            }
            None => by != 2 || self.is_open(ask, network, self.notice, departs(at)),
        }
    }

    fn may_alight(&self, ask: Ask, network: &Network, by: u8, at: usize) -> bool {
        match self.listed(network) {
            _ if by == 1 || self.is_barred(ask) => false,
            Some(_) => true,
            None => by != 2 || self.is_open(ask, network, self.notice, self.times[at].0),
        }
    }

    fn takes_seated(&self, ask: Ask, network: &Network) -> bool {
        let may = |terms| self.is_open(ask, network, Some(terms), self.times[0].1);
        !self.is_barred(ask) && self.listed(network).is_none_or(may)
    }
}

pub struct Brute {
    calls: Vec<Call>,
    /// By run: its calls.
    runs: Vec<std::ops::Range<usize>>,
    /// By run: the runs that it goes on as.
    goes_on: Vec<Vec<usize>>,
    /// By call: the calls where one may get on after getting off there.
    changes: Vec<Vec<usize>>,
    paths: Vec<(usize, usize, i32)>,
    open: Vec<bool>,
}

struct Call {
    run: usize,
    trip: usize,
    route: usize,
    stop: usize,
    arrives: i32,
    departs: i32,
    boarding: bool,
    alighting: bool,
}

impl Brute {
    pub fn new(network: &Network, live: bool, access: Access, min_change_s: i32, ask: Ask) -> Self {
        let wheelchair = access.is_wheelchair();
        let open: Vec<bool> = network.stop_wheelchair.iter().map(|w| !wheelchair || *w != 2).collect();
        let (mut calls, mut runs) = (Vec::<Call>::new(), Vec::new());
        // Trip and day of each run that may go on as another.
        let mut run_of: Vec<Option<(usize, i32)>> = Vec::new();
        let mut takes_seated = Vec::new();
        let mut drive =
            |hops: &[Hop], times: &[(i32, i32)], who: (usize, usize), skipped: Option<usize>, plan: &Plan| {
                let from = calls.len();
                takes_seated.push(plan.takes_seated(ask, network));
                for (at, (hop, (arrives, departs))) in hops.iter().zip(times).enumerate() {
                    let (stop, _, _, pickup, drop_off) = *hop;
                    calls.push(Call {
                        run: runs.len(),
                        trip: who.0,
                        route: who.1,
                        stop,
                        arrives: *arrives,
                        departs: *departs,
                        boarding: plan.may_board(ask, network, pickup, at)
                            && skipped != Some(at)
                            && open[stop],
                        alighting: plan.may_alight(ask, network, drop_off, at)
                            && skipped != Some(at)
                            && open[stop],
                    });
                }
                runs.push(from..calls.len());
            };
        let can_be_used = |trip: &Trip| match access {
            Access::Foot => true,
            Access::WheelchairOrUnknown => trip.wheelchair != 2,
            Access::Wheelchair => trip.wheelchair == 1,
            Access::WithBike => trip.bikes() == 1,
        };
        for (number, trip) in network.trips.iter().enumerate().filter(|t| can_be_used(t.1)) {
            for day in (0..3i32).filter(|day| trip.days >> day & 1 == 1) {
                let change = if live && day == 1 { &trip.change } else { &Change::None };
                let moved = (day - 1) * 86_400 - network.ahead_s(trip.route);
                match change {
                    Change::Cancelled => {}
                    Change::Replaced(hops, start) => {
                        // Rules and staying seated are those of the run in the timetable.
                        let times = times(hops, *start);
                        let plan = Plan { times: times.clone(), route: trip.route, notice: None };
                        drive(hops, &times, NOBODY, None, &plan);
                        run_of.push(None);
                    }
                    Change::None | Change::Late(..) => {
                        let (from, late, skip) = match *change {
                            Change::Late(from, s, skip) => {
                                (from, if skip == Some(from) { 0 } else { s }, skip)
                            }
                            _ => (0, 0, None),
                        };
                        let late_at = |at| moved + if at >= from { late } else { 0 };
                        let planned = trip.scheduled().into_iter().map(|(a, d)| (a + moved, d + moved));
                        let notice = NOTICES[trip.notice].1;
                        let plan = Plan { times: planned.collect(), route: trip.route, notice };
                        let times = trip.scheduled().into_iter().enumerate();
                        let times: Vec<_> =
                            times.map(|(at, (a, d))| (a + late_at(at), d + late_at(at))).collect();
                        drive(&trip.stops, &times, (number, trip.route), skip, &plan);
                        run_of.push(Some((number, day)));
                    }
                }
            }
        }
        // Real time says nothing of bicycles.
        let is_added_used = |trip: &Trip| access != Access::WithBike && can_be_used(trip);
        for trip in network.added.iter().filter(|trip| live && is_added_used(trip)) {
            let plan = Plan { times: trip.scheduled(), route: trip.route, notice: None };
            drive(&trip.stops, &trip.scheduled(), NOBODY, None, &plan);
            run_of.push(None);
        }
        for (number, later) in network.copies.iter().filter(|_| live) {
            let trip = &network.trips[*number];
            if can_be_used(trip) {
                let later = later - network.ahead_s(trip.route);
                let times: Vec<_> = trip.scheduled().iter().map(|(a, d)| (a + later, d + later)).collect();
                let plan = Plan { times: times.clone(), route: trip.route, notice: NOTICES[trip.notice].1 };
                drive(&trip.stops, &times, (*number, trip.route), None, &plan);
                run_of.push(None);
            }
        }
        let goes_on = |(from, run): (usize, &std::ops::Range<usize>)| {
            let next = |to: &usize| {
                let Some(((trip, day), (next, that_day))) = run_of[from].zip(run_of[*to]) else {
                    return false;
                };
                that_day == day
                    && takes_seated[*to]
                    && network.stays.contains(&(trip, next))
                    && calls[run.end - 1].arrives <= calls[runs[*to].start].departs
            };
            (0..runs.len()).filter(next).collect()
        };
        let goes_on = runs.iter().enumerate().map(goes_on).collect();
        let mut change = vec![120; network.stops];
        let mut paths = Vec::new();
        for (from, to, kind, seconds) in &network.transfers {
            match (from == to, kind) {
                (true, 3) => change[*from] = NEVER,
                (true, 1) => change[*from] = 0,
                (true, _) => change[*from] = *seconds,
                (false, 3) => {}
                (false, 1) => paths.push((*from, *to, 0)),
                (false, _) => paths.push((*from, *to, *seconds)),
            }
        }
        let general = |from: usize, to: usize| {
            let path = || paths.iter().find(|p| (p.0, p.1) == (from, to)).map(|p| p.2);
            if from == to { Some(change[from]) } else { path() }
        };
        let seconds = |a: &Call, b: &Call| {
            let holds = |rule: &&Rule| {
                let is = |who: &Who, call: &Call| match who {
                    Who::All => true,
                    Who::Route(route) => *route == call.route,
                    Who::Trip(trip) => *trip == call.trip,
                };
                (rule.from, rule.to) == (a.stop, b.stop) && is(&rule.who_from, a) && is(&rule.who_to, b)
            };
            let rules = network.rules.iter().filter(holds);
            let best = rules.max_by_key(|rule| (rule.rank(), std::cmp::Reverse(rule.seconds())));
            best.map_or_else(|| general(a.stop, b.stop), Rule::seconds)
        };
        let after = |a: &Call| -> Vec<usize> {
            let catches =
                |b: &Call| seconds(a, b).is_some_and(|s| a.arrives + s.max(min_change_s) <= b.departs);
            let all = 0..calls.len();
            all.filter(|b| a.alighting && calls[*b].boarding && catches(&calls[*b])).collect()
        };
        let changes = calls.iter().map(after).collect();
        Brute { calls, runs, goes_on, changes, paths, open }
    }

    /// Pareto set over (rides, arrival), with arrivals not after `until`.
    pub fn pareto(
        &self,
        (from, dep): (usize, i32),
        to: usize,
        extra: i32,
        max_rides: u8,
        until: i32,
    ) -> Vec<(u8, i32)> {
        let mut found: Vec<(u8, i32)> = Vec::new();
        if !self.open[from] || !self.open[to] {
            return found;
        }
        let ready = |stop: usize| self.walk_s(from, stop).map_or(NEVER, |walk| dep + walk);
        let mut board: Vec<usize> = (0..self.calls.len())
            .filter(|at| self.calls[*at].boarding && ready(self.calls[*at].stop) <= self.calls[*at].departs)
            .collect();
        for rides in 0..=max_rides {
            let mut best = if rides == 0 { ready(to) } else { NEVER };
            if rides > 0 {
                let left = self.ride(&board);
                let arrivals = left.iter().map(|at| &self.calls[*at]);
                let arrivals = arrivals.filter_map(|c| Some(c.arrives + self.walk_s(c.stop, to)?));
                best = best.min(arrivals.min().unwrap_or(NEVER));
                let mut next = vec![false; self.calls.len()];
                left.iter().flat_map(|at| &self.changes[*at]).for_each(|at| next[*at] = true);
                board = (0..next.len()).filter(|at| next[*at]).collect();
            }
            let arrival = best.saturating_add(extra);
            if best < NEVER && arrival <= until && found.last().is_none_or(|last| arrival < last.1) {
                found.push((rides, arrival));
            }
        }
        found
    }

    /// Where one may get off after getting on at one of `board`.
    fn ride(&self, board: &[usize]) -> Vec<usize> {
        let mut aboard = vec![false; self.calls.len()];
        let mut seated: Vec<usize> = Vec::new();
        let mut is_seated = vec![false; self.runs.len()];
        for at in board {
            let run = self.calls[*at].run;
            aboard[at + 1..self.runs[run].end].fill(true);
            // Who gets on at the very last stop gets nowhere.
            if at + 1 < self.runs[run].end {
                seated.extend(&self.goes_on[run]);
            }
        }
        while let Some(run) = seated.pop() {
            if !std::mem::replace(&mut is_seated[run], true) {
                aboard[self.runs[run].start + 1..self.runs[run].end].fill(true);
                seated.extend(&self.goes_on[run]);
            }
        }
        (0..aboard.len()).filter(|at| aboard[*at] && self.calls[*at].alighting).collect()
    }

    /// On foot, without changing.
    pub fn walk_s(&self, from: usize, to: usize) -> Option<i32> {
        if from == to {
            return Some(0);
        }
        self.paths.iter().find(|path| (path.0, path.1) == (from, to)).map(|path| path.2)
    }

    /// Latest time, not before `earliest`, to leave `from` with one to `rides` rides and be there in
    /// time: tries all times at which it may matter.
    pub fn latest(&self, from: usize, (to, by): (usize, i32), rides: u8, earliest: i32) -> Option<i32> {
        let times = self.times_to_leave(from, earliest, by);
        let in_time = |time: &&i32| {
            let found = self.pareto_with_rides((from, **time), to, rides);
            found.is_some_and(|arrival| arrival <= by)
        };
        times.iter().rev().find(in_time).copied()
    }

    /// Times at which it may matter whether one has left a stop.
    fn times_to_leave(&self, from: usize, earliest: i32, latest: i32) -> Vec<i32> {
        let mut times: Vec<i32> = (self.calls.iter())
            .filter_map(|call| Some(call.departs - self.walk_s(from, call.stop)?))
            .filter(|time| (earliest..=latest).contains(time))
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    /// Pareto set over (departure, arrival, rides) of all journeys with one to `rides` rides that leave from `earliest` on.
    pub fn profile(&self, from: usize, to: usize, rides: u8, earliest: i32) -> Vec<(i32, i32, u8)> {
        let of = |time: &i32| {
            let found = self.pareto((from, *time), to, 0, rides, NEVER);
            let time = *time;
            found
                .into_iter()
                .filter(|(rides, _)| *rides > 0)
                .map(move |(rides, arrival)| (time, arrival, rides))
        };
        let all: Vec<_> = self.times_to_leave(from, earliest, NEVER).iter().flat_map(of).collect();
        let beats = |a: &(i32, i32, u8), b: &(i32, i32, u8)| a != b && a.0 >= b.0 && a.1 <= b.1 && a.2 <= b.2;
        all.iter().filter(|one| !all.iter().any(|other| beats(other, one))).copied().collect()
    }

    /// Earliest arrival with one to `rides` rides.
    fn pareto_with_rides(&self, from: (usize, i32), to: usize, rides: u8) -> Option<i32> {
        self.pareto(from, to, 0, rides, NEVER).last().filter(|last| last.0 > 0).map(|last| last.1)
    }

    /// All departures of a stop that lead somewhere, in order.
    pub fn departures(&self, stop: usize, from: i32, until: i32) -> Vec<i32> {
        let leads = |call: &usize| call + 1 < self.runs[self.calls[*call].run].end;
        let mut times: Vec<i32> = (0..self.calls.len())
            .filter(leads)
            .map(|at| &self.calls[at])
            .filter(|c| c.stop == stop && c.boarding && (from..=until).contains(&c.departs))
            .map(|c| c.departs)
            .collect();
        times.sort_unstable();
        times
    }
}
