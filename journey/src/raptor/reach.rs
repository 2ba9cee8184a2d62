//! How many rides it takes at least from a stop to the end, by the lines alone, whatever the time.
//!
//! A search that has used most of its rides need not begin lines from where the rest cannot lead to
//! the end. The lines of all days count, so it is a lower bound on any day; real time makes stops
//! useless, never new ones. It is worked out backwards from the end, each line looked at once.

use super::line::{Line, turned};
use super::rounds::Task;
use crate::bits;
use crate::timetable::{StopIx, Timetable};

const NOT_REACHED: u8 = u8::MAX;

/// Rides needed, by stop.
#[derive(Debug, Default)]
pub struct Reach {
    rides: Vec<u8>,
    /// By pattern: up to which position the stops are done.
    done: Vec<u16>,
    /// Stops at which leaving a vehicle is of use, and those found last.
    is_goal: Vec<u64>,
    goals: Vec<StopIx>,
    entered: Vec<StopIx>,
}

impl Reach {
    /// Finds the stops from which up to `depth` rides lead to the ends of `task`.
    pub fn fill<const BACK: bool>(&mut self, timetable: &Timetable, task: &Task<'_>, depth: u8) {
        let stops = timetable.variants.nodes();
        self.rides.clear();
        self.rides.resize(stops, NOT_REACHED);
        self.done.clear();
        self.done.resize(timetable.patterns.len(), 0);
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
            for at in 0..self.goals.len() {
                for passing in timetable.patterns.passing(self.goals[at]) {
                    let number = passing.pattern as usize;
                    let line = Line::<BACK>::new(timetable.patterns.pattern(number), 0);
                    let position = turned::<BACK>(usize::from(passing.position), line.len());
                    if Line::<BACK>::can_leave(line.stop(position)) {
                        self.enter::<BACK>(timetable, number, position, rides);
                    }
                }
            }
            self.set_goals::<BACK>(task);
        }
        self.entered.clear();
    }

    /// Notes that a line is left at `position` with so many rides from its stops ahead, and from those
    /// of the lines whose riders stay seated into it.
    fn enter<const BACK: bool>(&mut self, timetable: &Timetable, number: usize, position: usize, rides: u8) {
        let mut waiting = vec![(number, position)];
        while let Some((number, position)) = waiting.pop() {
            let pattern = timetable.patterns.pattern(number);
            let line = Line::<BACK>::new(pattern, 0);
            let done = usize::from(self.done[number]);
            if position <= done {
                continue;
            }
            self.done[number] = position as u16;
            for at in (done..position).map(|at| line.stop(at)) {
                let held = &mut self.rides[at.stop() as usize];
                if *held == NOT_REACHED && Line::<BACK>::can_enter(at) {
                    *held = rides;
                    self.entered.push(at.stop());
                }
            }
            if done > 0 || timetable.in_seat.is_empty() {
                continue;
            }
            for trip in pattern.first_trip..pattern.first_trip + pattern.trips {
                // Against the direction of the search: what riders come from.
                let before: Vec<u32> = if BACK {
                    timetable.in_seat.of::<false>(trip as u32).collect()
                } else {
                    timetable.in_seat.of::<true>(trip as u32).collect()
                };
                waiting.extend(before.into_iter().map(|trip| {
                    let number = timetable.patterns.pattern_of(trip);
                    (number, timetable.patterns.stops_of(number))
                }));
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
