//! Lower bound of the rides from a stop to the end, by the lines alone, whatever the time.
//!
//! A search that has used most of its rides need not begin lines from where the rest cannot lead to
//! the end. The lines of all days count, so it is a lower bound on any day; of real time those lines count,
//! too, that stop where the timetable's do not. It is computed backwards from the end, with each line visited once.

use super::Task;
use crate::bits;
use crate::raptor::line::{Line, turned};
use crate::timetable::StopIx;

const NOT_REACHED: u8 = u8::MAX;

/// Rides needed, by stop.
#[derive(Debug, Default)]
pub struct Reach {
    rides: Vec<u8>,
    /// By network and pattern: up to which position the stops are done.
    done: Vec<Vec<u16>>,
    /// Stops at which leaving a vehicle is of use, and those found last.
    is_goal: Vec<u64>,
    goals: Vec<StopIx>,
    entered: Vec<StopIx>,
}

/// A position of a line that the search leaves, or may come to.
struct At {
    network: usize,
    pattern: usize,
    position: usize,
}

impl Reach {
    /// Finds the stops from which up to `depth` rides lead to the ends of `task`.
    pub fn fill<const BACK: bool>(&mut self, task: &Task<'_>, depth: u8) {
        let stops = task.timetable.variants.nodes();
        self.rides.clear();
        self.rides.resize(stops, NOT_REACHED);
        self.done.clear();
        self.done.extend(task.networks.iter().map(|network| {
            let is_looked_at = network.changed.is_none_or(|day| day.has_new_stops);
            vec![0; if is_looked_at { network.patterns.len() } else { 0 }]
        }));
        self.is_goal.clear();
        self.is_goal.resize(bits::words(stops), 0);
        self.goals.clear();
        for (from, ..) in task.egresses::<BACK>() {
            self.goals.extend(task.timetable.variants.nodes_of(from));
        }
        for goal in &self.goals {
            bits::set(&mut self.is_goal, *goal as usize);
        }
        for rides in 1..=depth {
            for (number, network) in task.networks.iter().enumerate() {
                if self.done[number].is_empty() {
                    continue;
                }
                for goal in 0..self.goals.len() {
                    for passing in network.patterns.passing(self.goals[goal]) {
                        let pattern = passing.pattern as usize;
                        let line = Line::<BACK>::new(network.patterns.pattern(pattern), 0);
                        let position = turned::<BACK>(usize::from(passing.position), line.len());
                        if Line::<BACK>::can_leave(line.stop(position)) {
                            self.enter::<BACK>(task, At { network: number, pattern, position }, rides);
                        }
                    }
                }
            }
            self.set_goals::<BACK>(task);
        }
        self.entered.clear();
    }

    /// Sets the number of rides from the stops of a line ahead of a position, and from those of the lines whose riders stay
    /// seated into it.
    fn enter<const BACK: bool>(&mut self, task: &Task<'_>, left: At, rides: u8) {
        let in_seat = &task.timetable.in_seat;
        let mut waiting = vec![left];
        while let Some(at) = waiting.pop() {
            let network = &task.networks[at.network];
            let line = Line::<BACK>::new(network.patterns.pattern(at.pattern), 0);
            let done = usize::from(self.done[at.network][at.pattern]);
            if at.position <= done {
                continue;
            }
            self.done[at.network][at.pattern] = at.position as u16;
            for here in (done..at.position).map(|position| line.stop(position)) {
                let held = &mut self.rides[here.stop() as usize];
                if *held == NOT_REACHED && Line::<BACK>::can_enter(here) {
                    *held = rides;
                    self.entered.push(here.stop());
                }
            }
            if done > 0 || in_seat.is_empty() {
                continue;
            }
            // Against the direction of the search: what riders come from.
            let trips = line.trips().filter_map(|own| network.goes_on(in_seat, own as u32, !BACK));
            for trip in trips.flat_map(|trip| in_seat.of(trip, !BACK)) {
                // The timetable stands for all days; of real time what stops elsewhere counts, too.
                for (number, network) in task.networks.iter().enumerate() {
                    if let Some(own) = network.own(trip).filter(|_| !self.done[number].is_empty()) {
                        let pattern = network.patterns.pattern_of(own);
                        let position = network.patterns.stops_of(pattern);
                        waiting.push(At { network: number, pattern, position });
                    }
                }
            }
        }
    }

    /// Whether `rides` rides may lead from `stop` to the end.
    #[inline]
    pub fn leads(&self, stop: usize, rides: u8) -> bool {
        self.rides[stop] <= rides
    }

    /// From where one has entered a line to where one may come from: there, and over footpaths.
    fn set_goals<const BACK: bool>(&mut self, task: &Task<'_>) {
        self.goals.clear();
        for stop in self.entered.drain(..) {
            for goal in std::iter::once(stop).chain(task.paths_to::<BACK>(stop).map(|path| path.stop)) {
                if !bits::has(&self.is_goal, goal as usize) {
                    bits::set(&mut self.is_goal, goal as usize);
                    self.goals.push(goal);
                }
            }
        }
    }
}
