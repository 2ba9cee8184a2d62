//! Which trips run on a day.

use crate::bits;
use crate::timetable::patterns::Patterns;
use crate::timetable::services::Day;
use crate::timetable::{Timetable, Wheelchair, ZoneIx};

/// Days that a workspace keeps: a search looks at three or four of each zone, and two dates may alternate.
const KEPT: usize = 24;

/// The trips of some patterns that run on one day.
#[derive(Debug, Clone)]
pub struct DayTrips {
    /// By trip.
    pub running: Vec<u64>,
    /// By pattern: first departure of the first running trip, and last arrival of the last;
    /// `NEVER` when none runs.
    pub spans: Vec<(i32, i32)>,
    /// Whether any runs.
    pub any: bool,
}

/// A span that contains nothing.
pub const NEVER: (i32, i32) = (i32::MAX / 4, i32::MIN / 4);

impl DayTrips {
    /// The trips for which `runs` holds.
    pub fn new(patterns: &Patterns, runs: impl Fn(usize) -> bool) -> Self {
        let mut running = vec![0; bits::words(patterns.trips())];
        let mut spans = vec![NEVER; patterns.len()];
        for (number, span) in spans.iter_mut().enumerate() {
            let pattern = patterns.pattern(number);
            for trip in (0..pattern.trips).filter(|trip| runs(pattern.first_trip + trip)) {
                bits::set(&mut running, pattern.first_trip + trip);
                span.0 = span.0.min(pattern.departure(trip, 0));
                span.1 = span.1.max(pattern.arrival(trip, pattern.stops.len() - 1));
            }
        }
        let any = spans.iter().any(|span| *span != NEVER);
        DayTrips { running, spans, any }
    }
}

/// The days last asked for.
#[derive(Debug, Default)]
pub struct DayCache {
    days: Vec<((Day, ZoneIx, bool), DayTrips)>,
}

impl DayCache {
    /// Makes sure that all of `days` are there.
    pub fn prepare(
        &mut self,
        timetable: &Timetable,
        days: impl Iterator<Item = Day> + Clone,
        wheelchair: bool,
    ) {
        if self.days.len() > KEPT * timetable.zones.len() {
            self.days.clear();
        }
        let zones = 0..timetable.zones.len() as ZoneIx;
        for (day, zone) in days.flat_map(|day| zones.clone().map(move |zone| (day, zone))) {
            if self.get(day, zone, wheelchair).is_none() {
                let services: Vec<bool> = timetable.services.iter().map(|s| s.runs_on(day)).collect();
                let trips = DayTrips::new(&timetable.patterns, |trip| {
                    let trip = &timetable.trips[trip];
                    services[trip.service as usize]
                        && (zones.len() == 1 || timetable.routes[trip.route as usize].zone == zone)
                        && (!wheelchair || trip.wheelchair == Wheelchair::Possible)
                });
                self.days.push(((day, zone, wheelchair), trips));
            }
        }
    }

    /// The trips of a prepared day whose times are in a zone.
    pub fn get(&self, day: Day, zone: ZoneIx, wheelchair: bool) -> Option<&DayTrips> {
        self.days.iter().find(|(key, _)| *key == (day, zone, wheelchair)).map(|(_, trips)| trips)
    }
}
