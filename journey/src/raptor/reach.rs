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
        let stops = timetable.stop_count();
        self.rides.clear();
        self.rides.resize(stops, NOT_REACHED);
        self.done.clear();
        self.done.resize(timetable.patterns.len(), 0);
        self.is_goal.clear();
        self.is_goal.resize(bits::words(stops), 0);
        self.goals.clear();
        for (end, _) in task.ends.iter().filter(|(end, _)| (*end as usize) < stops) {
            self.entered.push(*end);
        }
        self.set_goals::<BACK>(task, task.walk_at_ends);
        for rides in 1..=depth {
            for goal in &self.goals {
                for passing in timetable.patterns.passing(*goal) {
                    let number = passing.pattern as usize;
                    let line = Line::<BACK>::new(timetable.patterns.pattern(number), 0);
                    let position = turned::<BACK>(usize::from(passing.position), line.len());
                    let done = usize::from(self.done[number]);
                    if position <= done || !Line::<BACK>::can_leave(line.stop(position)) {
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
                }
            }
            self.set_goals::<BACK>(task, true);
        }
        self.entered.clear();
    }

    /// Whether `rides` rides may lead from `stop` to the end.
    #[inline]
    pub fn leads(&self, stop: usize, rides: u8) -> bool {
        self.rides[stop] <= rides
    }

    /// From where one has entered a line to where one may come from: there, and over footpaths.
    fn set_goals<const BACK: bool>(&mut self, task: &Task<'_>, walk: bool) {
        self.goals.clear();
        for stop in self.entered.drain(..) {
            let paths = task.paths_to::<BACK>(stop).filter(|_| walk);
            for goal in std::iter::once(stop).chain(paths.map(|path| path.stop)) {
                if !bits::has(&self.is_goal, goal as usize) {
                    bits::set(&mut self.is_goal, goal as usize);
                    self.goals.push(goal);
                }
            }
        }
    }
}
