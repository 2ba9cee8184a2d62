//! Expected times of a run from a trip update, as in GTFS Realtime ("Stop Time Updates"): a delay holds for the stops
//! after it until another is given; stops before the first one keep the timetable; after `NO_DATA` the timetable holds
//! until the next update; a skipped stop lets nobody on or off and passes the delay on. Times without an update are not
//! from real time.
//!
//! The specification does not cover times that would decrease along the trip (early at one stop, late at the one
//! before): here times never decrease.

use std::ops::Range;

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripUpdate};
use smallvec::SmallVec;

use crate::timetable::patterns::{Boarding, PatternStop, PatternTrip, StopTime};
use crate::timetable::{NONE, StopIx, Timetable, TripIx};

/// Largest plausible delay, seconds.
const MAX_DELAY_S: i64 = 86_400;
/// The same for an update without a service day: beyond it another run is meant, seconds.
const MAX_UNDATED_DELAY_S: i64 = 4 * 3_600;

/// Stops of one name within this distance are platforms of one place, metres (own estimate: a large station
/// square).
const ONE_PLACE_M: f64 = 300.0;

/// Positions of a run, as ranges: most runs have one, up to where their vehicle is.
pub type Spans = SmallVec<[Range<u16>; 1]>;

/// Expected times of one run.
#[derive(Debug, Default)]
pub struct Expected {
    /// Whether the update says anything.
    pub is_changed: bool,
    /// Whether the vehicle stops elsewhere than by the timetable.
    pub has_new_stops: bool,
    pub stops: Vec<PatternStop>,
    pub times: Vec<StopTime>,
    /// Positions whose times are not from real time.
    pub silent: Spans,
    /// Positions at which it does not stop though it is planned to.
    pub skipped: SmallVec<[u16; 2]>,
}

/// A trip on a day that began at `begins_at` (Unix time, seconds), on which it leaves so much later than in the timetable.
#[derive(Clone, Copy)]
pub struct Shifted {
    pub trip: TripIx,
    pub begins_at: i64,
    pub shift_s: i32,
}

/// Computes the expected times of a run.
pub fn delayed(timetable: &Timetable, run: Shifted, update: &TripUpdate) -> Expected {
    let Shifted { trip, begins_at, shift_s } = run;
    let PatternTrip { pattern, at: own } = timetable.patterns.trip(trip);
    let sequence = timetable.trips[trip as usize].sequence as usize;
    let sequences = timetable.sequences.get(sequence).map_or(&[][..], |list| list);
    let mut found = Expected::default();
    let limit = if update.start_date.is_some() { MAX_DELAY_S } else { MAX_UNDATED_DELAY_S };
    let mut updates = update.stops.as_slice();
    let mut delay = update.delay_s.filter(|s| i64::from(*s).abs() <= limit);
    found.is_changed = delay.is_some();
    let mut latest = i32::MIN;
    for (position, stop) in pattern.stops.iter().enumerate() {
        let sequence = sequences.get(position).copied();
        let arrival = pattern.arrival(own, position) + shift_s;
        let departure = pattern.departure(own, position) + shift_s;
        let mut served = *stop;
        let mut arrival_delay = delay;
        let mut is_arrival_given = false;
        if let Some((here, platform)) = take(&mut updates, timetable, &pattern.stops[position..], sequence) {
            // `NO_DATA` is no real time.
            found.is_changed |= here.relationship != StopRelationship::NoData;
            // Only where vehicles stop by the timetable too: else no footpath leads there.
            if let Some(platform) = platform.filter(|platform| timetable.is_served(*platform)) {
                served = stop.at(platform);
                found.has_new_stops = true;
            }
            match here.relationship {
                StopRelationship::Skipped => {
                    found.skipped.push(position as u16);
                    served = PatternStop::new(stop.stop(), Boarding::None, Boarding::None)
                }
                StopRelationship::NoData => {
                    delay = None;
                    arrival_delay = None;
                }
                StopRelationship::Scheduled => {
                    let of =
                        |event: Option<StopEvent>, scheduled| delay_of(event?, scheduled, begins_at, limit);
                    let given = of(here.arrival, arrival);
                    is_arrival_given = given.is_some();
                    arrival_delay = given.or(delay);
                    delay = of(here.departure, departure).or(arrival_delay);
                }
            }
        }
        if arrival_delay.or(delay).is_none() {
            found.note_silent(position as u16);
        }
        let mut arrives = arrival + arrival_delay.unwrap_or(0);
        let departs = departure + delay.unwrap_or(0);
        // Who leaves early came before that.
        if !is_arrival_given {
            arrives = arrives.min(departs);
        }
        let arrives = arrives.max(latest);
        latest = departs.max(arrives);
        found.stops.push(served);
        found.times.push(StopTime { arrival: arrives, departure: latest });
    }
    found
}

impl Expected {
    fn note_silent(&mut self, position: u16) {
        match self.silent.last_mut() {
            Some(span) if span.end == position => span.end += 1,
            _ => self.silent.push(position..position + 1),
        }
    }
}

/// The update of the first of the stops `ahead`, if it is the next one, and the platform of the same
/// station that it names instead. Updates that fit no stop ahead are passed over: they come in the
/// order of the trip, and one that fits nowhere must not hide the others.
fn take<'a>(
    updates: &mut &'a [StopUpdate],
    timetable: &Timetable,
    ahead: &[PatternStop],
    sequence: Option<u32>,
) -> Option<(&'a StopUpdate, Option<StopIx>)> {
    let fit = |stop: &PatternStop, id: &str| fits(timetable, timetable.variants.stop(stop.stop()), id);
    while let Some((next, rest)) = updates.split_first() {
        let id = next.stop_id.as_deref();
        if let (Some(theirs), Some(own)) = (next.stop_sequence, sequence) {
            if theirs > own {
                return None;
            }
            *updates = rest;
            match id.map_or(Fit::Same, |id| fit(&ahead[0], id)) {
                _ if theirs < own => {}
                Fit::Not => {}
                found => return Some((next, found.platform())),
            }
            continue;
        }
        let id = id.unwrap_or_default();
        let first = ahead.iter().position(|stop| fit(stop, id) == Fit::Same);
        match first.or_else(|| ahead.iter().position(|stop| fit(stop, id) != Fit::Not)) {
            Some(0) => {
                *updates = rest;
                return Some((next, fit(&ahead[0], id).platform()));
            }
            Some(_) => return None,
            None => *updates = rest,
        }
    }
    None
}

/// How the stop of an update matches that of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// The same stop, or its station.
    Same,
    /// Another platform of the same station.
    Platform(StopIx),
    Not,
}

impl Fit {
    fn platform(self) -> Option<StopIx> {
        if let Fit::Platform(other) = self { Some(other) } else { None }
    }
}

fn fits(timetable: &Timetable, own: StopIx, id: &str) -> Fit {
    let ids = &timetable.stops.ids;
    let text = ids.get(own);
    // With several feeds an id may carry its feed's name before it.
    let is = |text: &str| text == id || text.strip_suffix(id).is_some_and(|feed| feed.ends_with(':'));
    let station = timetable.stops.parents[own as usize];
    if is(text) || (station != NONE && is(ids.get(station))) {
        return Fit::Same;
    }
    let of_feed = || text.split_once(':').and_then(|(feed, _)| timetable.stop(&format!("{feed}:{id}")));
    let is_same_place = |other: StopIx| match timetable.stops.parents[other as usize] {
        // Stops of one name near each other are one place, even without a common station.
        NONE => station == NONE && is_one_place(timetable, own, other),
        parent => parent == station,
    };
    match timetable.stop(id).or_else(of_feed) {
        Some(other) if is_same_place(other) => Fit::Platform(other),
        _ => Fit::Not,
    }
}

fn is_one_place(timetable: &Timetable, a: StopIx, b: StopIx) -> bool {
    let [name, other] = [a, b].map(|stop| timetable.stops.names.get(stop));
    let [from, to] = [a, b].map(|stop| timetable.stops.point(stop));
    !name.is_empty() && name == other && from.distance_m(to) <= ONE_PLACE_M
}

/// The delay of an event, if plausible.
fn delay_of(event: StopEvent, scheduled: i32, begins_at: i64, limit: i64) -> Option<i32> {
    let delay = match event {
        StopEvent::Delay(seconds) => i64::from(seconds),
        StopEvent::At(at) => at.checked_sub(begins_at)?.checked_sub(i64::from(scheduled))?,
    };
    (delay.abs() <= limit).then_some(delay as i32)
}
