//! The changes of one service day.

use domain::trip_update::TripUpdate;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::delays::{Spans, Times, UpdateEffect, delayed};
use super::own::{Draft, OwnRun};
use crate::bits;
use crate::raptor::DayTrips;
use crate::timetable::grouping::Grouping;
use crate::timetable::patterns::Patterns;
use crate::timetable::services::Day;
use crate::timetable::{Timetable, TripIx, Wheelchair, ZoneIx};

/// The changes of one service day, by the clock of one zone.
#[derive(Debug, Clone)]
pub struct ChangedDay {
    pub day: Day,
    pub zone: ZoneIx,
    /// Runs that the search must not find in the timetable, by [`TripIx`].
    pub(super) removed: Vec<u64>,
    /// Those of them that run at other times or stops, or are hidden from riders.
    elsewhere: Vec<u64>,
    /// The runs with their new times.
    pub patterns: Patterns,
    /// The run of each trip of `patterns`.
    trips: Vec<TripIx>,
    /// The inverse, for runs of the timetable with its stops.
    own: FxHashMap<TripIx, u32>,
    /// Where the times of a run are not from real time.
    silent: FxHashMap<TripIx, Spans>,
    /// Where a run does not stop though it is planned to.
    skipped: FxHashMap<TripIx, SmallVec<[u16; 2]>>,
    /// `removed` without the runs that are cancelled or skip stops; `None`: there are none.
    planned: Option<Vec<u64>>,
    pub all: DayTrips,
    /// Those with [`Wheelchair::Possible`].
    pub accessible: DayTrips,
    /// A mask without any trip of `patterns`.
    pub none: Vec<u64>,
    /// Whether vehicles stop where none of their line does by the timetable.
    pub(crate) has_new_stops: bool,
    pub(super) last_time_s: i32,
}

impl ChangedDay {
    /// Which run a trip of `patterns` is.
    pub fn trip(&self, own: u32) -> Option<TripIx> {
        self.trips.get(own as usize).copied()
    }

    /// The trip of `patterns` that a run of the timetable is.
    pub fn own(&self, trip: TripIx) -> Option<u32> {
        self.own.get(&trip).copied()
    }

    /// Whether a run does not run at all, and is shown as cancelled.
    pub fn is_cancelled(&self, trip: TripIx) -> bool {
        bits::has(&self.removed, trip as usize) && !bits::has(&self.elsewhere, trip as usize)
    }

    /// Whether a run of the timetable does not stop at a position though it is planned to.
    pub fn is_skipped(&self, trip: TripIx, position: u16) -> bool {
        self.skipped.get(&trip).is_some_and(|skipped| skipped.contains(&position))
    }

    /// Whether a run is cancelled or skips stops.
    pub fn has_losses(&self) -> bool {
        self.planned.is_some()
    }

    /// Runs that are not to be looked for in the timetable; `as_planned`: as if no run were cancelled and no
    /// stop skipped.
    pub(crate) fn removed(&self, as_planned: bool) -> &[u64] {
        self.planned.as_ref().filter(|_| as_planned).unwrap_or(&self.removed)
    }

    /// Whether real time says when a run of `patterns` is at a stop, by the position.
    pub fn is_live(&self, trip: TripIx, position: usize) -> bool {
        let silent = self.silent.get(&trip);
        !silent.is_some_and(|spans| spans.iter().any(|span| span.contains(position)))
    }
}

/// Collects the changes of one day.
pub(super) struct Builder<'a> {
    timetable: &'a Timetable,
    day: Day,
    zone: ZoneIx,
    begins_at: i64,
    removed: Vec<u64>,
    elsewhere: Vec<u64>,
    grouping: Grouping,
    times: Times,
    silent: FxHashMap<TripIx, Spans>,
    skipped: FxHashMap<TripIx, SmallVec<[u16; 2]>>,
    has_new_stops: bool,
    last_time_s: i32,
}

impl<'a> Builder<'a> {
    pub fn new(timetable: &'a Timetable, (day, zone): (Day, ZoneIx)) -> Self {
        let none = || vec![0; bits::words(timetable.patterns.trips())];
        Builder {
            timetable,
            day,
            zone,
            begins_at: timetable.day_begins_in(zone, day),
            removed: none(),
            elsewhere: none(),
            grouping: Grouping::default(),
            times: Times::default(),
            silent: FxHashMap::default(),
            skipped: FxHashMap::default(),
            has_new_stops: false,
            last_time_s: 0,
        }
    }

    pub fn cancel(&mut self, trip: TripIx) {
        bits::set(&mut self.removed, trip as usize);
    }

    /// Removes a run without showing it as cancelled.
    pub fn hide(&mut self, trip: TripIx) {
        bits::set(&mut self.removed, trip as usize);
        bits::set(&mut self.elsewhere, trip as usize);
    }

    /// `false` when the update changes nothing.
    pub fn change(&mut self, trip: TripIx, update: &TripUpdate) -> bool {
        let UpdateEffect { anything, new_stops } =
            delayed(self.timetable, trip, update, (self.begins_at, 0), &mut self.times);
        if !anything {
            return false;
        }
        self.hide(trip);
        self.has_new_stops |= new_stops;
        if !self.times.silent.is_empty() {
            self.silent.insert(trip, self.times.silent.clone());
        }
        if !self.times.skipped.is_empty() {
            self.skipped.insert(trip, self.times.skipped.clone());
        }
        self.grouping.add(trip, &self.times.stops, &self.times.times);
        self.note_last(self.times.times.last().copied());
        true
    }

    /// Adds a run that is not in the timetable.
    pub fn add(&mut self, number: TripIx, draft: &Draft) {
        // A copy stops where its trip does.
        self.has_new_stops = true;
        self.grouping.add(number, &draft.stops, &draft.times);
        self.note_last(draft.times.last().copied());
    }

    fn note_last(&mut self, last: Option<(i32, i32)>) {
        self.last_time_s = self.last_time_s.max(last.map_or(0, |(_, departs)| departs));
    }

    /// `own` are the runs that are not in the timetable.
    pub fn finish(self, own_runs: &[OwnRun]) -> ChangedDay {
        let timetable = self.timetable;
        let (patterns, trips) = self.grouping.finish(timetable.variants.nodes());
        let all = DayTrips::new(&patterns, |_| true);
        let accessible = DayTrips::new(&patterns, |own| {
            let trip = trips[own] as usize;
            let of = match trip.checked_sub(timetable.trips.len()) {
                Some(own) => own_runs[own].of,
                None => Some(trip as TripIx),
            };
            of.is_some_and(|trip| timetable.trips[trip as usize].wheelchair == Wheelchair::Possible)
        });
        let none = vec![0; bits::words(patterns.trips())];
        let is_timetables = |(_, trip): &(u32, &TripIx)| (**trip as usize) < timetable.trips.len();
        let cancelled = self.removed.iter().zip(&self.elsewhere).any(|(removed, kept)| removed & !kept != 0);
        let planned = (cancelled || !self.skipped.is_empty()).then(|| {
            let mut planned = self.elsewhere.clone();
            self.skipped.keys().for_each(|trip| bits::unset(&mut planned, *trip as usize));
            planned
        });
        let own = (0..).zip(&trips).filter(is_timetables).map(|(own, trip)| (*trip, own)).collect();
        ChangedDay {
            own,
            day: self.day,
            zone: self.zone,
            removed: self.removed,
            elsewhere: self.elsewhere,
            patterns,
            trips,
            silent: self.silent,
            skipped: self.skipped,
            planned,
            all,
            accessible,
            none,
            has_new_stops: self.has_new_stops,
            last_time_s: self.last_time_s,
        }
    }
}
