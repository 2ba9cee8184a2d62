//! Runs that are not in the timetable: added, duplicated and replacing ones.
//!
//! Stops that the timetable does not have or that lack times are left out. A run with fewer than two stops left is
//! dropped.

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripUpdate};
use rustc_hash::FxHashMap;

use super::delays::{Times, delayed};
use crate::timetable::patterns::{Boarding, MAX_TRIP_STOPS, PatternStop};
use crate::timetable::read::parse_time;
use crate::timetable::services::{Day, parse_day};
use crate::timetable::{FeedIx, NONE, StopIx, Timetable, TripIx, ZoneIx};

/// Latest time of a stop after its service day began, seconds: four days.
const MAX_AWAY_S: i64 = 4 * 86_400;

/// Why a run is not in the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnKind {
    Added,
    Duplicated,
    Replaced,
}

/// A run that is not in the timetable.
#[derive(Debug, Clone)]
pub struct OwnRun {
    pub kind: OwnKind,
    pub day: Day,
    /// Its line's.
    pub zone: ZoneIx,
    pub trip_id: String,
    /// Into [`Timetable::routes`]; [`NONE`]: not known.
    pub route: u32,
    /// May be empty.
    pub headsign: String,
    /// The run of the timetable that it replaces or is a copy of.
    pub of: Option<TripIx>,
    /// Its stops, by position.
    pub stops: Box<[StopIx]>,
    /// Planned arrivals and departures there, seconds after its day began.
    pub planned: Box<[(i32, i32)]>,
}

/// Such a run with its expected times.
pub(super) struct Draft {
    feed: Option<FeedIx>,
    pub run: OwnRun,
    pub stops: Vec<PatternStop>,
    /// (arrival, departure) as expected, seconds after its day began.
    pub times: Vec<(i32, i32)>,
}

impl Draft {
    fn name(&self) -> Name {
        (self.feed, self.trip_id.clone(), self.day)
    }
}

impl std::ops::Deref for Draft {
    type Target = OwnRun;

    fn deref(&self) -> &OwnRun {
        &self.run
    }
}

/// Tolerance for predicted times that decrease along a run, seconds.
const MAX_BACKWARDS_S: i32 = 60;

/// A run without two usable stops.
pub(super) struct Incomplete;

/// An update, and the GTFS file whose ids it has.
type FeedUpdate<'u> = (Option<FeedIx>, &'u TripUpdate);

/// Key of a run: its name, the file whose ids it has, its day.
type Name = (Option<FeedIx>, String, Day);

/// Collects them.
pub(super) struct OwnRuns<'a> {
    timetable: &'a Timetable,
    now: i64,
    runs: Vec<Draft>,
    by_name: FxHashMap<Name, usize>,
    /// Duplicated trips: the same run may be reported as added, too.
    copied: Vec<Name>,
    times: Times,
}

impl<'a> OwnRuns<'a> {
    pub fn new(timetable: &'a Timetable, now: i64) -> Self {
        let (runs, by_name) = (Vec::new(), FxHashMap::default());
        OwnRuns { timetable, now, runs, by_name, copied: Vec::new(), times: Times::default() }
    }

    /// Adds a new run.
    pub fn add(&mut self, update: FeedUpdate<'_>) -> Result<(), Incomplete> {
        // A run of the same name as a trip of the timetable is an additional run of its line.
        let like = self.timetable.trips_of(&update.1.trip_id, update.0).first().copied();
        let draft = self.planned(update, OwnKind::Added, (None, None), like)?;
        self.insert(draft);
        Ok(())
    }

    /// Adds the replacement of a run.
    pub fn replace(&mut self, update: FeedUpdate<'_>, (day, trip): (Day, TripIx)) -> Result<(), Incomplete> {
        let draft = self.planned(update, OwnKind::Replaced, (Some(day), Some(trip)), Some(trip))?;
        self.insert(draft);
        Ok(())
    }

    /// Adds a copy of a trip at another time.
    pub fn copy(&mut self, (feed, update): FeedUpdate<'_>) -> Result<(), Incomplete> {
        let timetable = self.timetable;
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
        let shift = match start {
            Some(start) => parse_time(start.as_bytes()).ok_or(Incomplete)? - timetable.first_departure(trip),
            None => 0,
        };
        // Of the copy's day the stops' times are those of the copy.
        let dated = TripUpdate { start_date: Some(String::new()), ..update.clone() };
        delayed(timetable, trip, &dated, (timetable.day_begins_in(zone, day), shift), &mut self.times);
        let pattern = timetable.patterns.pattern(timetable.patterns.pattern_of(trip));
        let own = trip as usize - pattern.first_trip;
        let planned = |at: usize| (pattern.arrival(own, at) + shift, pattern.departure(own, at) + shift);
        let headsign = properties.headsign.unwrap_or_else(|| timetable.headsign(trip).to_owned());
        let run = OwnRun {
            kind: OwnKind::Duplicated,
            day,
            zone,
            trip_id: properties.trip_id.unwrap_or_else(|| update.trip_id.clone()),
            route: timetable.trips[trip as usize].route,
            headsign,
            of: Some(trip),
            stops: self.times.stops.iter().map(|stop| timetable.variants.stop(stop.stop())).collect(),
            planned: (0..pattern.stops.len()).map(planned).collect(),
        };
        self.copied.push((feed, update.trip_id.clone(), day));
        let (stops, times) = (self.times.stops.clone(), self.times.times.clone());
        self.insert(Draft { feed, run, stops, times });
        Ok(())
    }

    /// Removes a run; `false`: there is none.
    pub fn cancel(&mut self, (feed, update): FeedUpdate<'_>) -> bool {
        use domain::trip_update::TripRelationship::{Cancelled, Deleted};
        if !matches!(update.relationship, Cancelled | Deleted) {
            return false;
        }
        let day = update.start_date.as_deref().and_then(parse_day);
        let before = self.by_name.len();
        let is_other =
            |name: &Name| name.1 != update.trip_id || feed != name.0 || day.is_some_and(|day| day != name.2);
        self.by_name.retain(|name, _| is_other(name));
        self.by_name.len() < before
    }

    /// What is left.
    pub fn finish(self) -> Vec<Draft> {
        let OwnRuns { runs, by_name, copied, .. } = self;
        let is_last = |number: usize, draft: &Draft| by_name.get(&draft.name()) == Some(&number);
        let is_twin = |draft: &Draft| draft.kind == OwnKind::Added && copied.contains(&draft.name());
        let kept =
            runs.into_iter().enumerate().filter(|(number, draft)| is_last(*number, draft) && !is_twin(draft));
        kept.map(|(_, draft)| draft).collect()
    }

    /// Of several updates of one run the last holds; a copy holds over the same run as an added one.
    fn insert(&mut self, draft: Draft) {
        let key = draft.name();
        let held = self.by_name.get(&key).map(|number| self.runs[*number].kind);
        if !(held == Some(OwnKind::Duplicated) && draft.kind == OwnKind::Added) {
            self.by_name.insert(key, self.runs.len());
        }
        self.runs.push(draft);
    }

    /// A run with the stops and times of its update. `like`: a trip for what the update leaves out.
    fn planned(
        &self,
        (feed, update): FeedUpdate<'_>,
        kind: OwnKind,
        (day, of): (Option<Day>, Option<TripIx>),
        like: Option<TripIx>,
    ) -> Result<Draft, Incomplete> {
        let timetable = self.timetable;
        let route = self.route((feed, update), like);
        // Of a line that is known the stops are those of its file.
        let feed_of_route = timetable.routes.get(route as usize).map(|route| route.feed);
        let call = |stop: &StopUpdate| Call::read(timetable, feed.or(feed_of_route), stop);
        let calls: Vec<Call> = update.stops.iter().filter_map(call).take(MAX_TRIP_STOPS).collect();
        let [first, _, ..] = calls[..] else { return Err(Incomplete) };
        let zone = timetable.routes.get(route as usize).map_or(0, |route| route.zone);
        let day = match (day, &update.start_date) {
            (Some(day), _) => day,
            (None, Some(date)) => parse_day(date).ok_or(Incomplete)?,
            (None, None) => timetable.day_in(zone, first.departs),
        };
        let begins_at = timetable.day_begins_in(zone, day);
        let (mut latest, mut planned_latest) = (i32::MIN, i32::MIN);
        let (mut stops, mut times, mut planned) = (Vec::new(), Vec::new(), Vec::new());
        for call in &calls {
            let of_day = |at: i64| {
                let seconds = at.checked_sub(begins_at).filter(|s| s.abs() <= MAX_AWAY_S);
                seconds.map(|s| s as i32).ok_or(Incomplete)
            };
            // Times never decrease, but for the seconds by which predictions differ.
            let arrives = of_day(call.arrives)?;
            if arrives < latest.saturating_sub(MAX_BACKWARDS_S) {
                return Err(Incomplete);
            }
            let arrives = arrives.max(latest);
            latest = of_day(call.departs)?.max(arrives);
            let planned_arrival = of_day(call.planned.0)?.max(planned_latest);
            planned_latest = of_day(call.planned.1)?.max(planned_arrival);
            stops.push(PatternStop::new(call.stop, call.boarding.0, call.boarding.1));
            times.push((arrives, latest));
            planned.push((planned_arrival, planned_latest));
        }
        let headsign = update.properties.as_deref().and_then(|properties| properties.headsign.clone());
        let last = calls[calls.len() - 1].stop;
        let headsign = headsign.unwrap_or_else(|| self.headsign(route, last));
        let run = OwnRun {
            kind,
            day,
            zone,
            trip_id: of.map_or_else(|| update.name(), |trip| timetable.trip_id(trip).to_owned()),
            route,
            headsign,
            of,
            stops: calls.iter().map(|call| call.stop).collect(),
            planned: planned.into(),
        };
        Ok(Draft { feed, run, stops, times })
    }

    /// The line that an update names, else that of a trip like it.
    fn route(&self, (feed, update): FeedUpdate<'_>, like: Option<TripIx>) -> u32 {
        let named = update.route_id.as_ref().and_then(|id| {
            let number = self
                .timetable
                .routes
                .iter()
                .position(|route| route.id == *id && feed.is_none_or(|feed| feed == route.feed))?;
            Some(number as u32)
        });
        named.or_else(|| Some(self.timetable.trips.get(like? as usize)?.route)).unwrap_or(NONE)
    }

    /// Headsign of the line's trips that end at `last`, else that stop's name.
    fn headsign(&self, route: u32, last: StopIx) -> String {
        let timetable = self.timetable;
        let ends_there = |trip: &TripIx| {
            let stops = timetable.patterns.pattern(timetable.patterns.pattern_of(*trip)).stops;
            stops.last().is_some_and(|stop| timetable.variants.stop(stop.stop()) == last)
                && !timetable.headsign(*trip).is_empty()
        };
        let route = timetable.routes.get(route as usize);
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
    planned: (i64, i64),
    boarding: (Boarding, Boarding),
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
        let (arrival, departure) =
            (time(update.arrival, schedule.arrival), time(update.departure, schedule.departure));
        let (arrives, departs) = (arrival.or(departure)?, departure.or(arrival)?);
        let planned = (schedule.arrival.or(schedule.departure), schedule.departure.or(schedule.arrival));
        let code = |code: Option<u8>| code.map_or(Boarding::Scheduled, Boarding::of_code);
        let boarding = match update.relationship {
            StopRelationship::Skipped => (Boarding::None, Boarding::None),
            _ => (code(schedule.pickup), code(schedule.drop_off)),
        };
        let planned = (planned.0.unwrap_or(arrives), planned.1.unwrap_or(departs));
        Some(Call { stop, arrives, departs, planned, boarding })
    }
}

/// The stop itself where vehicles stop by the timetable, else a platform of the same station where they do: only those
/// have footpaths.
fn served(timetable: &Timetable, stop: StopIx) -> StopIx {
    let is_served = |stop: &StopIx| timetable.passing(*stop).next().is_some();
    if is_served(&stop) {
        return stop;
    }
    let parent = timetable.stops.parents[stop as usize];
    let station = if parent == NONE { stop } else { parent };
    timetable.platforms(station).find(is_served).unwrap_or(stop)
}
