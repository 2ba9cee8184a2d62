//! Runs that are not in the timetable: added, duplicated and replacing ones.
//!
//! Stops that the timetable does not have or that lack times are left out. A run with fewer than two stops left is
//! dropped.

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripUpdate};
use rustc_hash::FxHashMap;

use super::delays::{Expected, Shifted, delayed};
use super::matching::{FeedUpdate, Run};
use crate::timetable::patterns::{Boarding, MAX_TRIP_STOPS, PatternStop, StopTime};
use crate::timetable::read::parse_time;
use crate::timetable::services::{Day, parse_day};
use crate::timetable::{FeedIx, NONE, Route, StopIx, Timetable, TripIx, ZoneIx};

/// Latest time of a stop after its service day began, seconds: four days.
const MAX_AWAY_S: i64 = 4 * 86_400;

/// Why a run is not in the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnKind {
    /// It is additional.
    Added,
    /// It is a copy of a trip at another time.
    Duplicated,
    /// It stands for a run of the timetable, with other stops or times.
    Replaced,
}

/// A run that is not in the timetable.
#[derive(Debug, Clone)]
pub struct OwnRun {
    /// Why it is not in the timetable.
    pub kind: OwnKind,
    /// Its service day.
    pub day: Day,
    /// Its line's.
    pub(crate) zone: ZoneIx,
    /// The id that real time gives its trip.
    pub trip_id: String,
    /// Into [`Timetable::routes`]; [`NONE`]: not known.
    pub(crate) route: u32,
    /// May be empty.
    pub(crate) headsign: String,
    /// The run of the timetable that it replaces or is a copy of.
    pub(crate) of: Option<TripIx>,
    /// Its stops, by position.
    pub(crate) stops: Box<[StopIx]>,
    /// As planned, by position.
    pub(crate) planned: Box<[StopTime]>,
}

/// Such a run with its expected times.
pub(super) struct Draft {
    feed: Option<FeedIx>,
    pub run: OwnRun,
    pub stops: Vec<PatternStop>,
    pub times: Vec<StopTime>,
}

impl Draft {
    fn name(&self) -> Name {
        Name { feed: self.feed, trip_id: self.run.trip_id.clone(), day: self.run.day }
    }
}

/// Tolerance for predicted times that decrease along a run, seconds.
const MAX_BACKWARDS_S: i32 = 60;

/// A run without two usable stops.
pub(super) struct Incomplete;

/// Key of a run; the feed is the file whose ids it has.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Name {
    feed: Option<FeedIx>,
    trip_id: String,
    day: Day,
}

/// Collects them.
pub(super) struct OwnRuns<'a> {
    timetable: &'a Timetable,
    now: i64,
    runs: Vec<Draft>,
    by_name: FxHashMap<Name, usize>,
    /// Duplicated trips: the same run may be reported as added, too.
    copied: Vec<Name>,
}

impl<'a> OwnRuns<'a> {
    /// None yet; `now`: seconds since 1970, UTC.
    pub fn new(timetable: &'a Timetable, now: i64) -> Self {
        OwnRuns { timetable, now, runs: Vec::new(), by_name: FxHashMap::default(), copied: Vec::new() }
    }

    /// Adds a new run.
    pub fn add(&mut self, update: FeedUpdate<'_>) -> Result<(), Incomplete> {
        // A run of the same name as a trip of the timetable is an additional run of its line.
        let like = self.timetable.trips_of(&update.trip_id, update.feed).first().copied();
        self.insert(self.planned(update, None, like)?);
        Ok(())
    }

    /// Adds the replacement of a run.
    pub fn replace(&mut self, update: FeedUpdate<'_>, run: Run) -> Result<(), Incomplete> {
        self.insert(self.planned(update, Some(run), Some(run.trip))?);
        Ok(())
    }

    /// Adds a copy of a trip at another time.
    pub fn copy(&mut self, update: FeedUpdate<'_>) -> Result<(), Incomplete> {
        let (timetable, feed) = (self.timetable, update.feed);
        let trip = *timetable.trips_of(&update.trip_id, feed).first().ok_or(Incomplete)?;
        let properties = update.properties.as_deref().cloned().unwrap_or_default();
        let zone = timetable.zone_of(trip);
        // Else it is the run that the timetable has.
        if properties.start_date.is_none() && properties.start_time.is_none() {
            return Err(Incomplete);
        }
        let date = properties.start_date.as_ref().or(update.start_date.as_ref());
        let start = properties.start_time.as_ref().or(update.start_time.as_ref());
        let day = match date {
            Some(date) => parse_day(date).ok_or(Incomplete)?,
            None => timetable.day_in(zone, self.now),
        };
        let shift_s = match start {
            Some(start) => parse_time(start.as_bytes()).ok_or(Incomplete)? - timetable.first_departure(trip),
            None => 0,
        };
        // Of the copy's day the stops' times are those of the copy.
        let dated = TripUpdate { start_date: Some(String::new()), ..update.update.clone() };
        let run = Shifted { trip, begins_at: timetable.day_begins_in(zone, day), shift_s };
        let Expected { stops, times, .. } = delayed(timetable, run, &dated);
        let planned = timetable.patterns.trip(trip);
        let run = OwnRun {
            kind: OwnKind::Duplicated,
            day,
            zone,
            trip_id: properties.trip_id.unwrap_or_else(|| update.trip_id.clone()),
            route: timetable.trips[trip as usize].route,
            headsign: properties.headsign.unwrap_or_else(|| timetable.headsign(trip).to_owned()),
            of: Some(trip),
            stops: stops.iter().map(|stop| timetable.variants.stop(stop.stop())).collect(),
            planned: (0..stops.len()).map(|at| planned.time(at).later(shift_s)).collect(),
        };
        self.copied.push(Name { feed, trip_id: update.trip_id.clone(), day });
        self.insert(Draft { feed, run, stops, times });
        Ok(())
    }

    /// Removes a run; `false`: there is none.
    pub fn cancel(&mut self, update: FeedUpdate<'_>) -> bool {
        use domain::trip_update::TripRelationship::{Cancelled, Deleted};
        if !matches!(update.relationship, Cancelled | Deleted) {
            return false;
        }
        let day = update.start_date.as_deref().and_then(parse_day);
        let before = self.by_name.len();
        self.by_name.retain(|name, _| {
            name.trip_id != update.trip_id
                || name.feed != update.feed
                || day.is_some_and(|day| day != name.day)
        });
        self.by_name.len() < before
    }

    /// What is left.
    pub fn finish(self) -> Vec<Draft> {
        let OwnRuns { runs, by_name, copied, .. } = self;
        let is_twin = |draft: &Draft| draft.run.kind == OwnKind::Added && copied.contains(&draft.name());
        let left = (0..)
            .zip(runs)
            .filter(|(number, draft)| by_name.get(&draft.name()) == Some(number) && !is_twin(draft));
        left.map(|(_, draft)| draft).collect()
    }

    /// Of several updates of one run the last holds; a copy holds over the same run as an added one.
    fn insert(&mut self, draft: Draft) {
        let key = draft.name();
        let held = self.by_name.get(&key).map(|number| self.runs[*number].run.kind);
        if !(held == Some(OwnKind::Duplicated) && draft.run.kind == OwnKind::Added) {
            self.by_name.insert(key, self.runs.len());
        }
        self.runs.push(draft);
    }

    /// A run with the stops and times of its update, which replaces one of the timetable or is additional. `like`: a trip
    /// for what the update leaves out.
    fn planned(
        &self,
        update: FeedUpdate<'_>,
        replaced: Option<Run>,
        like: Option<TripIx>,
    ) -> Result<Draft, Incomplete> {
        let timetable = self.timetable;
        let number = self.route(update, like);
        let route = timetable.routes.get(number as usize);
        // Of a line that is known the stops are those of its file.
        let feed = update.feed.or(route.map(|route| route.feed));
        let call = |stop: &StopUpdate| Call::read(timetable, feed, stop);
        let calls: Vec<Call> = update.stops.iter().filter_map(call).take(MAX_TRIP_STOPS).collect();
        let [first, .., last] = calls[..] else { return Err(Incomplete) };
        let zone = route.map_or(0, |route| route.zone);
        let day = match (replaced, &update.start_date) {
            (Some(run), _) => run.day,
            (None, Some(date)) => parse_day(date).ok_or(Incomplete)?,
            (None, None) => timetable.day_in(zone, first.departs),
        };
        let begins_at = timetable.day_begins_in(zone, day);
        let of_day = |at: i64| {
            let seconds = at.checked_sub(begins_at).filter(|s| s.abs() <= MAX_AWAY_S);
            seconds.map(|s| s as i32).ok_or(Incomplete)
        };
        let (mut latest, mut planned_latest) = (i32::MIN, i32::MIN);
        let (mut stops, mut times, mut planned) = (Vec::new(), Vec::new(), Vec::new());
        for call in &calls {
            // Times never decrease, but for the seconds by which predictions differ.
            let arrives = of_day(call.arrives)?;
            if arrives < latest.saturating_sub(MAX_BACKWARDS_S) {
                return Err(Incomplete);
            }
            let arrives = arrives.max(latest);
            latest = of_day(call.departs)?.max(arrives);
            let planned_arrival = of_day(call.planned_arrival)?.max(planned_latest);
            planned_latest = of_day(call.planned_departure)?.max(planned_arrival);
            stops.push(PatternStop::new(call.stop, call.pickup, call.drop_off));
            times.push(StopTime { arrival: arrives, departure: latest });
            planned.push(StopTime { arrival: planned_arrival, departure: planned_latest });
        }
        let headsign = update.properties.as_deref().and_then(|properties| properties.headsign.clone());
        let of = replaced.map(|run| run.trip);
        let run = OwnRun {
            kind: if of.is_some() { OwnKind::Replaced } else { OwnKind::Added },
            day,
            zone,
            trip_id: of.map_or_else(|| update.name(), |trip| timetable.trip_id(trip).to_owned()),
            route: number,
            headsign: headsign.unwrap_or_else(|| self.headsign(route, last.stop)),
            of,
            stops: calls.iter().map(|call| call.stop).collect(),
            planned: planned.into(),
        };
        Ok(Draft { feed: update.feed, run, stops, times })
    }

    /// The line that an update names, else that of a trip like it.
    fn route(&self, update: FeedUpdate<'_>, like: Option<TripIx>) -> u32 {
        let is_of = |feed: FeedIx| update.feed.is_none_or(|of| of == feed);
        let named = update.route_id.as_ref().and_then(|id| {
            self.timetable.routes.iter().position(|route| route.id == *id && is_of(route.feed))
        });
        let named = named.map(|number| number as u32);
        named.or_else(|| Some(self.timetable.trips.get(like? as usize)?.route)).unwrap_or(NONE)
    }

    /// Headsign of the line's trips that end at `last`, else that stop's name.
    fn headsign(&self, route: Option<&Route>, last: StopIx) -> String {
        let timetable = self.timetable;
        let ends_there = |trip: &TripIx| {
            let stops = timetable.patterns.trip(*trip).pattern.stops;
            stops.last().is_some_and(|stop| timetable.variants.stop(stop.stop()) == last)
                && !timetable.headsign(*trip).is_empty()
        };
        let of_route = route.into_iter().flat_map(|route| timetable.trips_of_route(&route.id));
        let like = of_route.filter(ends_there).min();
        like.map_or_else(|| timetable.stops.names.get(last), |trip| timetable.headsign(trip)).to_owned()
    }
}

/// One stop of a run, times in seconds since 1970.
#[derive(Clone, Copy)]
struct Call {
    stop: StopIx,
    arrives: i64,
    departs: i64,
    planned_arrival: i64,
    planned_departure: i64,
    pickup: Boarding,
    drop_off: Boarding,
}

impl Call {
    fn read(timetable: &Timetable, feed: Option<FeedIx>, update: &StopUpdate) -> Option<Call> {
        let stop = served(timetable, timetable.stop_of(update.stop_id.as_deref()?, feed)?);
        let schedule = update.planned.as_deref().cloned().unwrap_or_default();
        let time = |event: Option<StopEvent>, planned: Option<i64>| match event {
            Some(StopEvent::At(at)) => Some(at),
            Some(StopEvent::Delay(seconds)) => planned?.checked_add(seconds.into()),
            None => planned,
        };
        let arrival = time(update.arrival, schedule.arrival);
        let departure = time(update.departure, schedule.departure);
        let (arrives, departs) = (arrival.or(departure)?, departure.or(arrival)?);
        let boarding = |code: Option<u8>| match update.relationship {
            StopRelationship::Skipped => Boarding::None,
            _ => code.map_or(Boarding::Scheduled, |code| Boarding::of_bits(code.into())),
        };
        Some(Call {
            stop,
            arrives,
            departs,
            planned_arrival: schedule.arrival.or(schedule.departure).unwrap_or(arrives),
            planned_departure: schedule.departure.or(schedule.arrival).unwrap_or(departs),
            pickup: boarding(schedule.pickup),
            drop_off: boarding(schedule.drop_off),
        })
    }
}

/// The stop itself where vehicles stop by the timetable, else a platform of the same station where they do: only those
/// have footpaths.
fn served(timetable: &Timetable, stop: StopIx) -> StopIx {
    let parent = timetable.stops.parents[stop as usize];
    let station = if parent == NONE { stop } else { parent };
    let mut platforms = std::iter::once(stop).chain(timetable.platforms(station));
    platforms.find(|stop| timetable.is_served(*stop)).unwrap_or(stop)
}
