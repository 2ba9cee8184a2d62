//! Trying everything out: every run of every day by itself, no patterns, nothing pruned.

use super::network::{Change, Network};

const NEVER: i32 = i32::MAX / 4;

pub struct Brute {
    stops: usize,
    runs: Vec<Vec<Call>>,
    change: Vec<i32>,
    paths: Vec<(usize, usize, i32)>,
    open: Vec<bool>,
}

struct Call {
    stop: usize,
    arrives: i32,
    departs: i32,
    boarding: bool,
    alighting: bool,
}

impl Brute {
    pub fn new(network: &Network, live: bool, wheelchair: bool) -> Self {
        let mut runs = Vec::new();
        for trip in network.trips.iter().filter(|t| !wheelchair || t.wheelchair == 1) {
            for day in (0..3i32).filter(|day| trip.days >> day & 1 == 1) {
                let change = if live && day == 1 { &trip.change } else { &Change::None };
                if *change == Change::Cancelled {
                    continue;
                }
                let call = |(at, (arrives, departs)): (usize, (i32, i32))| {
                    let (stop, _, _, no_boarding, no_alighting) = trip.stops[at];
                    let (late, skipped) = match *change {
                        Change::Late(from, s, skip) => {
                            (if at >= from && skip != Some(from) { s } else { 0 }, skip == Some(at))
                        }
                        _ => (0, false),
                    };
                    let moved = (day - 1) * 86_400 + late;
                    Call {
                        stop,
                        arrives: arrives + moved,
                        departs: departs + moved,
                        boarding: !no_boarding && !skipped,
                        alighting: !no_alighting && !skipped,
                    }
                };
                runs.push(trip.scheduled().into_iter().enumerate().map(call).collect());
            }
        }
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
        let open = network.stop_wheelchair.iter().map(|w| !wheelchair || *w != 2).collect();
        Brute { stops: network.stops, runs, change, paths, open }
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
        // By stop: when one may board; and where one came by vehicle (or began), for a last walk.
        let (mut ready, mut at) = (vec![NEVER; self.stops], vec![NEVER; self.stops]);
        if self.open[from] {
            ready[from] = dep;
            at[from] = dep;
            self.walk(&at, &mut ready);
        }
        for rides in 0..=max_rides {
            if rides > 0 {
                at = self.ride(&ready);
                ready = (0..self.stops).map(|s| at[s].saturating_add(self.change[s])).collect();
                self.walk(&at, &mut ready);
            }
            let mut end = vec![NEVER; self.stops];
            self.walk(&at, &mut end);
            let best = at[to].min(end[to]);
            let arrival = best.saturating_add(extra);
            if best < NEVER && arrival <= until && found.last().is_none_or(|last| arrival < last.1) {
                found.push((rides, arrival));
            }
        }
        found
    }

    fn ride(&self, ready: &[i32]) -> Vec<i32> {
        let mut at = vec![NEVER; self.stops];
        for run in &self.runs {
            for (number, enter) in run.iter().enumerate() {
                if !enter.boarding || !self.open[enter.stop] || ready[enter.stop] > enter.departs {
                    continue;
                }
                for leave in run[number + 1..].iter().filter(|c| c.alighting && self.open[c.stop]) {
                    at[leave.stop] = at[leave.stop].min(leave.arrives);
                }
            }
        }
        at
    }

    fn walk(&self, at: &[i32], ready: &mut [i32]) {
        for (from, to, seconds) in self.paths.iter().filter(|p| self.open[p.1]) {
            ready[*to] = ready[*to].min(at[*from].saturating_add(*seconds));
        }
    }

    /// Latest time, not before `earliest`, to leave `from` with one to `rides` rides and be there in
    /// time: tries all times at which it may matter.
    pub fn latest(&self, from: usize, (to, by): (usize, i32), rides: u8, earliest: i32) -> Option<i32> {
        let departs = self.runs.iter().flatten().map(|call| (call.stop, call.departs));
        let mut times: Vec<i32> = departs
            .flat_map(|(stop, time)| {
                let walks = self.paths.iter().filter(move |p| p.0 == from && p.1 == stop);
                walks.map(move |p| time - p.2).chain((stop == from).then_some(time))
            })
            .filter(|time| (earliest..=by).contains(time))
            .collect();
        times.sort_unstable();
        let in_time = |time: &&i32| {
            let found = self.pareto_with_rides((from, **time), to, rides);
            found.is_some_and(|arrival| arrival <= by)
        };
        times.iter().rev().find(in_time).copied()
    }

    /// Earliest arrival with one to `rides` rides.
    fn pareto_with_rides(&self, from: (usize, i32), to: usize, rides: u8) -> Option<i32> {
        self.pareto(from, to, 0, rides, NEVER).last().filter(|last| last.0 > 0).map(|last| last.1)
    }

    /// All departures of a stop that lead somewhere, in order.
    pub fn departures(&self, stop: usize, from: i32, until: i32) -> Vec<i32> {
        let mut times: Vec<i32> = self
            .runs
            .iter()
            .flat_map(|run| &run[..run.len() - 1])
            .filter(|c| c.stop == stop && c.boarding && (from..=until).contains(&c.departs))
            .map(|c| c.departs)
            .collect();
        times.sort_unstable();
        times
    }
}
