//! Real-time changes to a timetable, ready to be searched.
//!
//! An overlay is built from a whole set of updates and is immutable; its user replaces it as a whole. Changed runs are
//! masked out of the timetable for their day and are held in patterns of the overlay, as are runs that are not in the
//! timetable: a delayed vehicle may be overtaken.

mod day;
mod delays;
mod matching;
mod own;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use domain::trip_update::{TripRelationship, TripUpdate};

use self::day::Builder;
use self::matching::{FeedUpdate, Run, run_of};
use self::own::{Incomplete, OwnRuns};
use crate::timetable::services::Day;
use crate::timetable::starts::NoRun;
use crate::timetable::{FeedIx, Timetable, TripIx, ZoneIx};

pub use self::day::ChangedDay;
pub use self::own::{OwnKind, OwnRun};
pub use self::runs::Runs;

/// Changes to a timetable.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    days: Vec<ChangedDay>,
    /// Runs that are not in the timetable; their numbers follow those of its trips.
    own: Vec<OwnRun>,
    first_own: TripIx,
    /// Latest time of any run, seconds after its day began.
    pub(crate) last_time_s: i32,
    /// How the updates matched.
    pub report: Report,
}

/// How the updates matched the timetable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs with times of their own.
    pub changed: usize,
    /// Runs that do not run.
    pub cancelled: usize,
    /// Runs that the timetable does not have, or not with these stops and times.
    pub added: usize,
    /// Updates of runs that the timetable does not have, or not on that day.
    pub unknown: usize,
    /// Updates that more than one run of the timetable fits equally well.
    pub ambiguous: usize,
    /// Runs that are to be added or replaced, without two stops that the timetable has, with their times.
    pub incomplete: usize,
    /// Updates with an unsupported relationship: runs without a schedule (`UNSCHEDULED`) are not exact.
    pub ignored: usize,
}

impl Report {
    /// Its counters by name.
    pub fn outcomes(&self) -> [(&'static str, usize); 7] {
        [
            ("changed", self.changed),
            ("cancelled", self.cancelled),
            ("added", self.added),
            ("unknown", self.unknown),
            ("ambiguous", self.ambiguous),
            ("incomplete", self.incomplete),
            ("ignored", self.ignored),
        ]
    }
}

impl Overlay {
    /// Builds the changes of `updates`. An update without a day means the run nearest to `now` (Unix time, seconds). Of
    /// several updates of one run the last non-empty one holds.
    pub fn new(timetable: &Timetable, updates: &[TripUpdate], now: i64) -> Self {
        Self::of_feeds(timetable, updates.iter().map(|update| (None, update)), now)
    }

    /// As [`Overlay::new`], for feeds that are tied to a GTFS file each: their ids are those of that file.
    pub fn of_feeds<'u>(
        timetable: &Timetable,
        updates: impl IntoIterator<Item = (Option<FeedIx>, &'u TripUpdate)>,
        now: i64,
    ) -> Self {
        let mut report = Report::default();
        let mut runs: BTreeMap<Run, FeedUpdate<'_>> = BTreeMap::new();
        let mut own = OwnRuns::new(timetable, now);
        for (feed, update) in updates {
            let update = FeedUpdate { feed, update };
            let added = match update.relationship {
                TripRelationship::Other => {
                    report.ignored += 1;
                    continue;
                }
                TripRelationship::Added => own.add(update),
                TripRelationship::Duplicated => own.copy(update),
                _ => {
                    match run_of(timetable, update, now) {
                        Ok(run) if update.has_content() => drop(runs.insert(run, update)),
                        Ok(_) => {}
                        Err(NoRun::Unknown) if own.cancel(update) => report.cancelled += 1,
                        Err(NoRun::Unknown) => report.unknown += 1,
                        Err(NoRun::Ambiguous) => report.ambiguous += 1,
                    }
                    continue;
                }
            };
            report.incomplete += usize::from(added.is_err());
        }
        let mut days: BTreeMap<(Day, ZoneIx), Builder<'_>> = BTreeMap::new();
        for (run @ Run { day, trip }, update) in runs {
            let zone = timetable.zone_of(trip);
            let builder = days.entry((day, zone)).or_insert_with(|| Builder::new(timetable, day, zone));
            match update.relationship {
                TripRelationship::Cancelled => {
                    builder.cancel(trip);
                    report.cancelled += 1;
                }
                TripRelationship::Deleted => {
                    builder.hide(trip);
                    report.cancelled += 1;
                }
                TripRelationship::Replaced => match own.replace(update, run) {
                    Ok(()) => builder.hide(trip),
                    Err(Incomplete) => report.incomplete += 1,
                },
                _ => report.changed += usize::from(builder.change(trip, update.update)),
            }
        }
        let first_own = timetable.trips.len() as TripIx;
        let own = own.finish();
        report.added = own.len();
        for (number, draft) in (first_own..).zip(&own) {
            let OwnRun { day, zone, .. } = draft.run;
            let builder = days.entry((day, zone)).or_insert_with(|| Builder::new(timetable, day, zone));
            builder.add(number, draft);
        }
        let own: Vec<OwnRun> = own.into_iter().map(|run| run.run).collect();
        let days: Vec<ChangedDay> = days.into_values().map(|builder| builder.finish(&own)).collect();
        let last_time_s = days.iter().map(|day| day.last_time_s).max().unwrap_or_default();
        Overlay { days, own, first_own, last_time_s, report }
    }

    /// Whether a run of the timetable does not stop at a position though it is planned to.
    pub(crate) fn is_skipped(&self, day: Day, trip: TripIx, position: u16) -> bool {
        self.on(day).any(|d| d.is_skipped(trip, position))
    }

    /// Whether a run does not run at all, and is shown as cancelled.
    pub fn is_cancelled(&self, day: Day, trip: TripIx) -> bool {
        trip < self.first_own && self.on(day).any(|d| d.is_cancelled(trip))
    }

    /// Whether runs of some days are cancelled or skip stops.
    pub(crate) fn has_losses(&self, days: &RangeInclusive<Day>) -> bool {
        self.days.iter().any(|day| day.has_losses() && days.contains(&day.day))
    }

    /// The days with changes, each zone's by itself.
    pub fn days(&self) -> impl Iterator<Item = &ChangedDay> {
        self.days.iter()
    }

    /// A run that is not in the timetable; `None`: `trip` is.
    pub fn own(&self, trip: TripIx) -> Option<&OwnRun> {
        self.own.get(trip.checked_sub(self.first_own)? as usize)
    }

    /// The run of this name that is not in the timetable, of that day if one is given.
    pub fn own_called(&self, name: &str, day: Option<Day>) -> Option<&OwnRun> {
        let mut called = self.own.iter().filter(|run| run.trip_id == name);
        called.find(|run| day.is_none_or(|day| day == run.day))
    }

    /// The numbers of all runs of this name that are not in the timetable.
    pub(crate) fn numbers_called(&self, name: &str) -> impl Iterator<Item = TripIx> {
        let numbered = self.own.iter().zip(self.first_own..);
        numbered.filter(move |(run, _)| run.trip_id == name).map(|(_, number)| number)
    }

    fn on(&self, day: Day) -> impl Iterator<Item = &ChangedDay> {
        self.days.iter().filter(move |d| d.day == day)
    }

    pub(crate) fn of(&self, day: Day, zone: ZoneIx) -> Option<&ChangedDay> {
        self.on(day).find(|d| d.zone == zone)
    }
}
