//! Lower bound of the rides from a stop to the end, by the lines alone, whatever the time.
//!
//! A search that has used most of its rides need not begin lines from where the rest cannot lead to
//! the end. The lines of all days count, so it is a lower bound on any day; of real time those lines count,
//! too, that stop where the timetable's do not. It is computed backwards from the end, with each line visited once.

use super::layers::Networks;
use super::line::{Line, turned};
use super::rounds::Task;
use crate::bits;
use crate::overlay::ChangedDay;
use crate::timetable::patterns::Boardings;
use crate::timetable::{StopIx, Timetable};

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

impl Reach {
    /// Finds the stops from which up to `depth` rides lead to the ends of `task`.
    pub fn fill<const BACK: bool>(
        &mut self,
        timetable: &Timetable,
        networks: &Networks<'_>,
        task: &Task<'_>,
        depth: u8,
    ) {
        let stops = timetable.variants.nodes();
        self.rides.clear();
        self.rides.resize(stops, NOT_REACHED);
        let is_looked_at = |changed: Option<&ChangedDay>| changed.is_none_or(|day| day.has_new_stops);
        self.done.resize_with(networks.len().max(self.done.len()), Vec::new);
        for (done, network) in self.done.iter_mut().zip(networks) {
            done.clear();
            done.resize(if is_looked_at(network.changed) { network.patterns.len() } else { 0 }, 0);
        }
        self.is_goal.clear();
        self.is_goal.resize(bits::words(stops), 0);
        self.goals.clear();
        for (end, _) in task.ends.iter().filter(|(end, _)| (*end as usize) < timetable.stop_count()) {
            self.goals.extend(timetable.variants.nodes_of(*end));
            let paths = task.paths_to::<BACK>(*end).filter(|_| task.walk_at_ends);
            // To the end one walks as any one does, whatever holds for changes of single lines.
            let paths = paths.filter(|path| (path.stop as usize) < timetable.stop_count());
            self.goals.extend(paths.flat_map(|path| timetable.variants.nodes_of(path.stop)));
        }
        for goal in &self.goals {
            bits::set(&mut self.is_goal, *goal as usize);
        }
        for rides in 1..=depth {
            for (at, network) in networks.iter().enumerate().filter(|(_, n)| is_looked_at(n.changed)) {
                for goal in 0..self.goals.len() {
                    for passing in network.patterns.passing(self.goals[goal]) {
                        let number = passing.pattern as usize;
                        let line = Line::<BACK>::new(network.patterns.pattern(number), 0);
                        let position = turned::<BACK>(usize::from(passing.position), line.len());
                        if Line::<BACK>::can_leave(line.stop(position), Boardings::ANY) {
                            self.enter::<BACK>(timetable, networks, (at, number, position), rides);
                        }
                    }
                }
            }
            self.set_goals::<BACK>(task);
        }
        self.entered.clear();
    }

    /// Sets the number of rides from the stops of a line (network, pattern) ahead of a position, and from those of the lines
    /// whose riders stay seated into it.
    fn enter<const BACK: bool>(
        &mut self,
        timetable: &Timetable,
        networks: &Networks<'_>,
        left: (usize, usize, usize),
        rides: u8,
    ) {
        let mut waiting = vec![left];
        while let Some((network_number, number, position)) = waiting.pop() {
            let network = &networks[network_number];
            let pattern = network.patterns.pattern(number);
            let line = Line::<BACK>::new(pattern, 0);
            let done = usize::from(self.done[network_number][number]);
            if position <= done {
                continue;
            }
            self.done[network_number][number] = position as u16;
            for at in (done..position).map(|at| line.stop(at)) {
                let held = &mut self.rides[at.stop() as usize];
                if *held == NOT_REACHED && Line::<BACK>::can_enter(at, Boardings::ANY) {
                    *held = rides;
                    self.entered.push(at.stop());
                }
            }
            if done > 0 || timetable.in_seat.is_empty() {
                continue;
            }
            for own in pattern.first_trip..pattern.first_trip + pattern.trips {
                // Against the direction of the search: what riders come from.
                let before: Vec<u32> = if BACK {
                    let trip = network.goes_on::<false>(&timetable.in_seat, own as u32);
                    trip.into_iter().flat_map(|trip| timetable.in_seat.of::<false>(trip)).collect()
                } else {
                    let trip = network.goes_on::<true>(&timetable.in_seat, own as u32);
                    trip.into_iter().flat_map(|trip| timetable.in_seat.of::<true>(trip)).collect()
                };
                for trip in before {
                    // The timetable stands for all days; of real time what stops elsewhere counts, too.
                    for (at, network) in
                        networks.iter().enumerate().filter(|(at, _)| !self.done[*at].is_empty())
                    {
                        let own = network.changed.map_or(Some(trip), |day| day.own(trip));
                        let number = own.map(|own| network.patterns.pattern_of(own));
                        waiting.extend(number.map(|number| (at, number, network.patterns.stops_of(number))));
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
