//! Runs by line and start, for sources that name runs without a trip id.

use rustc_hash::FxHashMap;

use super::services::Day;
use super::{FeedIx, Timetable, TripIx};

const MINUTES_PER_DAY: i32 = 1_440;

/// Trips by route id and minute of the day at which they start.
#[derive(Debug, Clone, Default)]
pub struct Starts(FxHashMap<String, FxHashMap<i32, Vec<TripIx>>>);

/// A run as named without a trip id.
#[derive(Debug, Clone, Copy)]
pub struct NamedRun<'a> {
    /// The GTFS file that it is of; `None`: whichever.
    pub feed: Option<FeedIx>,
    /// Id of its route.
    pub route: &'a str,
    /// GTFS's `direction_id`; `None`: not given.
    pub direction: Option<u8>,
    /// Service day; `None`: the one nearest to the moment of the search is meant.
    pub day: Option<Day>,
    /// When it starts.
    pub start: Start,
}

/// When a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Seconds after the service day began, as GTFS has it.
    Exactly(i32),
    /// Some minute of the day: of a trip at 0:30 and one at 24:30 the nearer one is meant.
    Minute(i32),
}

/// Why no run was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRun {
    /// No run of the timetable is named so.
    Unknown,
    /// Several match.
    Ambiguous,
}

impl Starts {
    /// Indexes the trips of `timetable`.
    pub(super) fn new(timetable: &Timetable) -> Self {
        let mut starts = Starts::default();
        for trip in 0..timetable.patterns.trips() as TripIx {
            let Some(route) = timetable.route(trip) else { continue };
            let minute = (timetable.first_departure(trip).div_euclid(60)).rem_euclid(MINUTES_PER_DAY);
            starts.0.entry(route.id.clone()).or_default().entry(minute).or_default().push(trip);
        }
        starts
    }

    /// All trips of a route.
    fn of_route(&self, route: &str) -> impl Iterator<Item = TripIx> + '_ {
        self.0.get(route).into_iter().flat_map(FxHashMap::values).flatten().copied()
    }

    /// The trips of a route that start in this minute of the day.
    fn starting(&self, route: &str, minute: i32) -> &[TripIx] {
        let of_route = self.0.get(route).and_then(|of_route| of_route.get(&minute));
        of_route.map_or(&[], Vec::as_slice)
    }
}

impl Timetable {
    /// All trips of the lines with this id, in no order.
    pub fn trips_of_route(&self, id: &str) -> impl Iterator<Item = TripIx> + '_ {
        self.starts().of_route(id)
    }

    /// The run that is named so at `now` (seconds since 1970).
    ///
    /// # Errors
    /// None or several match: a delay on the wrong one is worse than none.
    pub fn run_named(&self, named: &NamedRun<'_>, now: i64) -> Result<(Day, TripIx), NoRun> {
        let minute = match named.start {
            Start::Exactly(seconds) => seconds.div_euclid(60),
            Start::Minute(minute) => minute,
        };
        let trips = self.starts().starting(named.route, minute.rem_euclid(MINUTES_PER_DAY));
        let is_that_way =
            |own: Option<u8>| own.zip(named.direction).is_none_or(|(own, direction)| own == direction);
        let fits = |trip: &TripIx| {
            let is_then = match named.start {
                Start::Exactly(seconds) => self.first_departure(*trip) == seconds,
                Start::Minute(_) => true,
            };
            is_then
                && self.is_of(*trip, named.feed)
                && self.trips.get(*trip as usize).is_some_and(|t| is_that_way(t.direction))
        };
        let day_of = |trip: TripIx| match named.day {
            Some(day) => self.runs_on(trip, day).then_some(day),
            None => self.nearest_day(trip, now),
        };
        let away_s = |(day, trip): &(Day, TripIx)| {
            (self.day_begins_in(self.zone_of(*trip), *day) + i64::from(self.first_departure(*trip)) - now)
                .abs()
        };
        let mut runs: Vec<(Day, TripIx)> =
            trips.iter().copied().filter(fits).filter_map(|trip| Some((day_of(trip)?, trip))).collect();
        runs.sort_by_key(away_s);
        match runs[..] {
            [first, second, ..] if away_s(&first) == away_s(&second) => Err(NoRun::Ambiguous),
            [first, ..] => Ok(first),
            [] => Err(NoRun::Unknown),
        }
    }
}
