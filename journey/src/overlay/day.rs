//! The changes of one service day.

use domain::trip_update::TripUpdate;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::OwnRun;
use super::delays::{Shifted, Spans, delayed};
use super::own::Draft;
use crate::bits;
use crate::timetable::day_trips::DayTrips;
use crate::timetable::grouping::Grouping;
use crate::timetable::patterns::Patterns;
use crate::timetable::services::Day;
use crate::timetable::{Access, Timetable, TripIx, ZoneIx};

/// The changes of one service day, by the clock of one zone.
#[derive(Debug, Clone)]
pub struct ChangedDay {
    /// The service day.
    pub day: Day,
    pub(crate) zone: ZoneIx,
    /// Runs that the search must not find in the timetable, by [`TripIx`].
    removed: Vec<u64>,
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
    all: DayTrips,
    /// Those that someone in a wheelchair may use, and those that are known to take wheelchairs.
    not_refused: DayTrips,
    accessible: DayTrips,
    with_bikes: DayTrips,
    /// A mask without any trip of `patterns`.
    pub(crate) none: Vec<u64>,
    /// Whether vehicles stop where none of their line does by the timetable.
    pub(crate) has_new_stops: bool,
    pub(crate) last_time_s: i32,
}

impl ChangedDay {
    /// The trips of `patterns` that whoever travels may use.
    pub(crate) fn trips_for(&self, access: Access) -> &DayTrips {
        match access {
            Access::Foot => &self.all,
            Access::WheelchairOrUnknown => &self.not_refused,
            Access::Wheelchair => &self.accessible,
            Access::WithBike => &self.with_bikes,
        }
    }

    /// Which run a trip of `patterns` is.
    pub(crate) fn trip(&self, own: u32) -> Option<TripIx> {
        self.trips.get(own as usize).copied()
    }

    /// The trip of `patterns` that a run of the timetable is.
    pub fn own(&self, trip: TripIx) -> Option<u32> {
        self.own.get(&trip).copied()
    }

    /// Whether a run does not run at all, and is shown as cancelled.
    pub(crate) fn is_cancelled(&self, trip: TripIx) -> bool {
        bits::has(&self.removed, trip as usize) && !bits::has(&self.elsewhere, trip as usize)
    }

    /// Whether a run of the timetable does not stop at a position though it is planned to.
    pub(crate) fn is_skipped(&self, trip: TripIx, position: u16) -> bool {
        self.skipped.get(&trip).is_some_and(|skipped| skipped.contains(&position))
    }

    /// Whether a run is cancelled or skips stops.
    pub(crate) fn has_losses(&self) -> bool {
        self.planned.is_some()
    }

    /// Runs that are not to be looked for in the timetable; `as_planned`: as if no run were cancelled and no
    /// stop skipped.
    pub(crate) fn removed(&self, as_planned: bool) -> &[u64] {
        self.planned.as_ref().filter(|_| as_planned).unwrap_or(&self.removed)
    }

    /// Whether real time says when a run of `patterns` is at a stop, by the position.
    pub(crate) fn is_live(&self, trip: TripIx, position: usize) -> bool {
        let silent = self.silent.get(&trip);
        !silent.is_some_and(|spans| spans.iter().any(|span| span.contains(&(position as u16))))
    }
}

/// Collects the changes of one day.
pub(super) struct Builder<'a> {
    timetable: &'a Timetable,
    begins_at: i64,
    grouping: Grouping,
    changed: ChangedDay,
}

impl<'a> Builder<'a> {
    /// A day of one time zone, as planned.
    pub fn new(timetable: &'a Timetable, day: Day, zone: ZoneIx) -> Self {
        let none = || vec![0; bits::words(timetable.patterns.trips())];
        let changed = ChangedDay {
            day,
            zone,
            removed: none(),
            elsewhere: none(),
            patterns: Patterns::empty(),
            trips: Vec::new(),
            own: FxHashMap::default(),
            silent: FxHashMap::default(),
            skipped: FxHashMap::default(),
            planned: None,
            all: DayTrips::default(),
            not_refused: DayTrips::default(),
            accessible: DayTrips::default(),
            with_bikes: DayTrips::default(),
            none: Vec::new(),
            has_new_stops: false,
            last_time_s: 0,
        };
        let begins_at = timetable.day_begins_in(zone, day);
        Builder { timetable, begins_at, grouping: Grouping::default(), changed }
    }

    /// Removes a run, which is shown as cancelled.
    pub fn cancel(&mut self, trip: TripIx) {
        bits::set(&mut self.changed.removed, trip as usize);
    }

    /// Removes a run without showing it as cancelled.
    pub fn hide(&mut self, trip: TripIx) {
        self.cancel(trip);
        bits::set(&mut self.changed.elsewhere, trip as usize);
    }

    /// `false` when the update changes nothing.
    pub fn change(&mut self, trip: TripIx, update: &TripUpdate) -> bool {
        let run = Shifted { trip, begins_at: self.begins_at, shift_s: 0 };
        let found = delayed(self.timetable, run, update);
        if !found.is_changed {
            return false;
        }
        self.hide(trip);
        self.changed.has_new_stops |= found.has_new_stops;
        if !found.silent.is_empty() {
            self.changed.silent.insert(trip, found.silent);
        }
        if !found.skipped.is_empty() {
            self.changed.skipped.insert(trip, found.skipped);
        }
        self.grouping.add(trip, &found.stops, &found.times);
        self.note_last(found.times.last().map(|time| time.departure));
        true
    }

    /// Adds a run that is not in the timetable.
    pub fn add(&mut self, number: TripIx, draft: &Draft) {
        // A copy stops where its trip does.
        self.changed.has_new_stops = true;
        self.grouping.add(number, &draft.stops, &draft.times);
        self.note_last(draft.times.last().map(|time| time.departure));
    }

    fn note_last(&mut self, departure_s: Option<i32>) {
        self.changed.last_time_s = self.changed.last_time_s.max(departure_s.unwrap_or(0));
    }

    /// `own_runs` are the runs that are not in the timetable.
    pub fn finish(self, own_runs: &[OwnRun]) -> ChangedDay {
        let Builder { timetable, grouping, mut changed, .. } = self;
        let (patterns, trips) = grouping.finish(timetable.variants.nodes());
        let planned = |own: usize| {
            let trip = trips[own] as usize;
            let of = match trip.checked_sub(timetable.trips.len()) {
                Some(own) => own_runs[own].of,
                None => Some(trip as TripIx),
            };
            of.map(|trip| &timetable.trips[trip as usize])
        };
        let is_for = |access: Access, own| match planned(own) {
            Some(trip) => access.permits_trip(trip),
            None => matches!(access, Access::Foot | Access::WheelchairOrUnknown),
        };
        let trips_for = |access: Access| DayTrips::new(&patterns, |own| is_for(access, own));
        changed.all = trips_for(Access::Foot);
        changed.not_refused = trips_for(Access::WheelchairOrUnknown);
        changed.accessible = trips_for(Access::Wheelchair);
        changed.with_bikes = trips_for(Access::WithBike);
        changed.none = vec![0; bits::words(patterns.trips())];
        let mut masks = changed.removed.iter().zip(&changed.elsewhere);
        if masks.any(|(removed, elsewhere)| removed & !elsewhere != 0) || !changed.skipped.is_empty() {
            let mut planned = changed.elsewhere.clone();
            changed.skipped.keys().for_each(|trip| bits::unset(&mut planned, *trip as usize));
            changed.planned = Some(planned);
        }
        let own = (0..).zip(&trips).filter(|(_, trip)| (**trip as usize) < timetable.trips.len());
        changed.own = own.map(|(own, trip)| (*trip, own)).collect();
        (changed.patterns, changed.trips) = (patterns, trips);
        changed
    }
}
