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
use crate::timetable::services::{Day, parse_day};
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
    /// Updates of trips that the timetable does not have, or not on that day.
    pub unknown: usize,
    /// Extra runs and other relationships, which are not taken in.
    pub ignored: usize,
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
                    Some(run) => {
                        runs.insert(run, update);
                    }
                    None => report.unknown += 1,
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
fn run_of(timetable: &Timetable, update: &TripUpdate, now: i64) -> Option<(Day, TripIx)> {
    let candidates = timetable.trips(&update.trip_id);
    let trip = match (&update.start_time, candidates) {
        // The runs of a trip with a frequency are told apart by when they begin.
        (Some(start), [_, _, ..]) => {
            let start = crate::timetable::read::parse_time(start.as_bytes())?;
            *candidates.iter().find(|trip| timetable.first_departure(**trip) == start)?
        }
        _ => *candidates.first()?,
    };
    let day = match &update.start_date {
        Some(date) => parse_day(date).filter(|day| timetable.runs_on(trip, *day))?,
        None => nearest_day(timetable, trip, now)?,
    };
    Some((day, trip))
}

/// The service day of the run of a trip that is under way at `now` (seconds since 1970), or else
/// nearest to it: after midnight often the day before.
pub fn nearest_day(timetable: &Timetable, trip: TripIx, now: i64) -> Option<Day> {
    let today = timetable.day_at(now);
    let pattern = timetable.patterns.pattern(timetable.patterns.pattern_of(trip));
    let last = pattern.arrival((trip as usize).checked_sub(pattern.first_trip)?, pattern.stops.len() - 1);
    let away_s = |day: &Day| {
        let begins_at = timetable.day_begins_at(*day);
        let (first, last) =
            (begins_at + i64::from(timetable.first_departure(trip)), begins_at + i64::from(last));
        ((first - now).max(now - last).max(0), (day - today).abs())
    };
    // A trip may last for days.
    let days = today - 1 - last.div_euclid(86_400)..=today + 1;
    days.filter(|day| timetable.runs_on(trip, *day)).min_by_key(away_s)
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
