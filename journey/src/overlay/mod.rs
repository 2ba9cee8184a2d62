//! What real time changes in a timetable, ready to be searched.
//!
//! An overlay is built aside from a whole set of updates and never changes: its user swaps it in as
//! a whole. The runs that it changes are taken out of the timetable by a bit mask for their day
//! and stand in patterns of the overlay's own, grouped anew: a delayed vehicle may be overtaken.

mod delays;
#[cfg(test)]
mod tests;

use domain::trip_update::{TripRelationship, TripUpdate};
use rustc_hash::FxHashMap;

use self::delays::{Times, delayed};
use crate::bits;
use crate::raptor::DayTrips;
use crate::timetable::grouping::Grouping;
use crate::timetable::patterns::Patterns;
use crate::timetable::read::parse_time;
use crate::timetable::services::{Day, parse_day};
use crate::timetable::starts::{NamedRun, NoRun, Start};
use crate::timetable::{Timetable, TripIx, Wheelchair};

/// Changes to a timetable.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    days: Vec<ChangedDay>,
    pub report: Report,
}

/// What became of the updates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs with times of their own.
    pub changed: usize,
    pub cancelled: usize,
    /// Updates of runs that the timetable does not have, or not on that day.
    pub unknown: usize,
    /// Updates that more than one run of the timetable fits equally well.
    pub ambiguous: usize,
    /// Extra runs and other relationships, which are not taken in.
    pub ignored: usize,
}

impl Report {
    /// Its numbers with their names.
    pub fn outcomes(&self) -> [(&'static str, usize); 5] {
        [
            ("changed", self.changed),
            ("cancelled", self.cancelled),
            ("unknown", self.unknown),
            ("ambiguous", self.ambiguous),
            ("ignored", self.ignored),
        ]
    }
}

/// The changes of one service day.
#[derive(Debug, Clone)]
pub struct ChangedDay {
    pub day: Day,
    /// Runs that do not run as in the timetable, by [`TripIx`].
    removed: Vec<u64>,
    /// The runs with their new times.
    pub patterns: Patterns,
    /// Which run of the timetable each trip of `patterns` is.
    trips: Vec<TripIx>,
    /// The other way round.
    own: FxHashMap<TripIx, u32>,
    pub all: DayTrips,
    /// Those with [`Wheelchair::Possible`].
    pub accessible: DayTrips,
    /// A mask without any trip of `patterns`.
    pub none: Vec<u64>,
}

impl ChangedDay {
    /// Which run of the timetable a trip of `patterns` is.
    pub fn trip(&self, own: u32) -> Option<TripIx> {
        self.trips.get(own as usize).copied()
    }

    /// The trip of `patterns` that a run of the timetable is.
    pub fn own(&self, trip: TripIx) -> Option<u32> {
        self.own.get(&trip).copied()
    }
}

impl Overlay {
    /// Builds the changes that `updates` make. An update without a day means the run nearest to `now`
    /// (seconds since 1970). Of several updates of one run the last holds.
    pub fn new(timetable: &Timetable, updates: &[TripUpdate], now: i64) -> Self {
        let mut report = Report::default();
        let mut runs: FxHashMap<(Day, TripIx), &TripUpdate> = FxHashMap::default();
        for update in updates {
            match update.relationship {
                TripRelationship::Added | TripRelationship::Other => report.ignored += 1,
                _ => match run_of(timetable, update, now) {
                    // One that says nothing leaves the word to those that do.
                    Ok(run) if update.says_something() => drop(runs.insert(run, update)),
                    Ok(_) => {}
                    Err(NoRun::Unknown) => report.unknown += 1,
                    Err(NoRun::Ambiguous) => report.ambiguous += 1,
                },
            }
        }
        let mut runs: Vec<((Day, TripIx), &TripUpdate)> = runs.into_iter().collect();
        runs.sort_unstable_by_key(|(run, _)| *run);
        let mut days = Vec::new();
        for runs in runs.chunk_by(|a, b| a.0.0 == b.0.0) {
            let mut builder = Builder::new(timetable, runs[0].0.0);
            for ((_, trip), update) in runs {
                if update.relationship == TripRelationship::Cancelled {
                    builder.cancel(*trip);
                    report.cancelled += 1;
                } else if builder.change(*trip, update) {
                    report.changed += 1;
                }
            }
            days.push(builder.finish());
        }
        Overlay { days, report }
    }

    /// Runs taken out of the timetable on `day`.
    pub fn removed(&self, day: Day) -> Option<&[u64]> {
        self.of(day).map(|d| d.removed.as_slice())
    }

    /// Whether a run does not run at all.
    pub fn is_cancelled(&self, day: Day, trip: TripIx) -> bool {
        self.of(day).is_some_and(|d| bits::has(&d.removed, trip as usize) && d.own(trip).is_none())
    }

    /// The days with changes.
    pub fn days(&self) -> impl Iterator<Item = &ChangedDay> {
        self.days.iter()
    }

    /// Which run of the timetable a trip of a day's own patterns is.
    pub fn trip(&self, day: Day, own: u32) -> Option<TripIx> {
        self.of(day)?.trip(own)
    }

    fn of(&self, day: Day) -> Option<&ChangedDay> {
        self.days.iter().find(|d| d.day == day)
    }
}

/// The run that an update is about.
fn run_of(timetable: &Timetable, update: &TripUpdate, now: i64) -> Result<(Day, TripIx), NoRun> {
    let start = update.start_time.as_deref().and_then(|start| parse_time(start.as_bytes()));
    let day = match &update.start_date {
        Some(date) => Some(parse_day(date).ok_or(NoRun::Unknown)?),
        None => None,
    };
    if update.trip_id.is_empty() {
        let (route, start) = update.route_id.as_deref().zip(start).ok_or(NoRun::Unknown)?;
        let direction = update.direction;
        return timetable.run_named(&NamedRun { route, direction, day, start: Start::Exactly(start) }, now);
    }
    let trip = match (timetable.trips(&update.trip_id), start) {
        ([], _) => return Err(NoRun::Unknown),
        ([trip], _) => *trip,
        // The runs of a trip with a frequency are told apart by when they begin.
        (runs, Some(start)) => {
            let run = runs.iter().find(|trip| timetable.first_departure(**trip) == start);
            *run.ok_or(NoRun::Unknown)?
        }
        (_, None) => return Err(NoRun::Ambiguous),
    };
    let day = match day {
        Some(day) => timetable.runs_on(trip, day).then_some(day),
        None => timetable.nearest_day(trip, now),
    };
    Ok((day.ok_or(NoRun::Unknown)?, trip))
}

/// Collects the changes of one day.
struct Builder<'a> {
    timetable: &'a Timetable,
    day: Day,
    begins_at: i64,
    removed: Vec<u64>,
    grouping: Grouping,
    times: Times,
}

impl<'a> Builder<'a> {
    fn new(timetable: &'a Timetable, day: Day) -> Self {
        let removed = vec![0; bits::words(timetable.patterns.trips())];
        let begins_at = timetable.day_begins_at(day);
        Builder { timetable, day, begins_at, removed, grouping: Grouping::default(), times: Times::default() }
    }

    fn cancel(&mut self, trip: TripIx) {
        bits::set(&mut self.removed, trip as usize);
    }

    /// `false` when the update changes nothing.
    fn change(&mut self, trip: TripIx, update: &TripUpdate) -> bool {
        if !delayed(self.timetable, trip, update, self.begins_at, &mut self.times) {
            return false;
        }
        bits::set(&mut self.removed, trip as usize);
        self.grouping.add(trip, &self.times.stops, &self.times.times);
        true
    }

    fn finish(self) -> ChangedDay {
        let (patterns, trips) = self.grouping.finish(self.timetable.variants.nodes());
        let all = DayTrips::new(&patterns, |_| true);
        let accessible = DayTrips::new(&patterns, |own| {
            self.timetable.trips[trips[own] as usize].wheelchair == Wheelchair::Possible
        });
        let none = vec![0; bits::words(patterns.trips())];
        let own = trips.iter().enumerate().map(|(own, trip)| (*trip, own as u32)).collect();
        ChangedDay { own, day: self.day, removed: self.removed, patterns, trips, all, accessible, none }
    }
}
