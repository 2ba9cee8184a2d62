//! Trips grouped by the stops they serve.
//!
//! Within a pattern no trip overtakes another, so that "the first trip that leaves after t" is
//! also the first to arrive everywhere after. Departures lie column by column (all trips of one
//! stop side by side: they are searched), arrivals trip by trip (they are read while riding).

use serde::{Deserialize, Serialize};

use super::{StopIx, TripIx};
use crate::rows::Rows;

/// Stops of one trip at most: positions are 16 bit. The longest lines known have some 300.
pub const MAX_TRIP_STOPS: usize = 10_000;

/// Boarding or alighting at a stop of a trip: GTFS's `pickup_type`, `drop_off_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Boarding {
    /// By the timetable.
    #[default]
    Scheduled = 0,
    /// Not at all.
    None = 1,
    /// Must be booked with the agency.
    Book = 2,
    /// Must be requested from the driver.
    AskDriver = 3,
}

impl Boarding {
    /// GTFS's value; blank is [`Boarding::Scheduled`], `None` when it is none of 0 to 3.
    pub(crate) fn parse(field: &[u8]) -> Option<Self> {
        match field {
            b"" => Some(Boarding::Scheduled),
            [digit @ b'0'..=b'3'] => Some(Self::of_bits(u32::from(digit - b'0'))),
            _ => None,
        }
    }

    /// That of GTFS's number; of any other the last two bits count.
    pub(crate) fn of_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Boarding::Scheduled,
            1 => Boarding::None,
            2 => Boarding::Book,
            _ => Boarding::AskDriver,
        }
    }
}

/// Arrival at a stop and departure from it, seconds after the service day began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StopTime {
    /// When the vehicle arrives.
    pub arrival: i32,
    /// When it leaves, not before the arrival.
    pub departure: i32,
}

impl StopTime {
    /// The same so many seconds later.
    pub(crate) fn later(self, seconds: i32) -> Self {
        StopTime { arrival: self.arrival + seconds, departure: self.departure + seconds }
    }
}

/// A stop of a pattern, with what one may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PatternStop(u32);

impl PatternStop {
    /// Where the two bits of getting on, and those of getting off, begin.
    const PICKUP: u32 = 30;
    const DROP_OFF: u32 = 28;
    const NUMBER: u32 = (1 << Self::DROP_OFF) - 1;
    /// While reading, from here on numbers are those of variants (see `timetable::variants`).
    pub(crate) const FIRST_VARIANT: StopIx = 1 << (Self::DROP_OFF - 1);
    /// Stops that can be held.
    pub const MAX_STOPS: usize = Self::FIRST_VARIANT as usize;

    /// `stop` with these boardings.
    pub fn new(stop: StopIx, pickup: Boarding, drop_off: Boarding) -> Self {
        PatternStop(stop | (pickup as u32) << Self::PICKUP | (drop_off as u32) << Self::DROP_OFF)
    }

    /// Which stop.
    #[inline]
    pub fn stop(self) -> StopIx {
        self.0 & Self::NUMBER
    }

    /// How one gets on.
    pub fn pickup(self) -> Boarding {
        Boarding::of_bits(self.0 >> Self::PICKUP)
    }

    /// How one gets off.
    pub fn drop_off(self) -> Boarding {
        Boarding::of_bits(self.0 >> Self::DROP_OFF)
    }

    /// Whether one may get on, be it on request.
    #[inline]
    pub fn can_board(self) -> bool {
        self.0 >> Self::PICKUP != Boarding::None as u32
    }

    /// Whether one may get off, be it on request.
    #[inline]
    pub fn can_alight(self) -> bool {
        self.0 >> Self::DROP_OFF & 3 != Boarding::None as u32
    }

    /// Whether getting on or off must be booked.
    pub fn is_booked(self) -> bool {
        [self.pickup(), self.drop_off()].contains(&Boarding::Book)
    }

    /// The same at another stop.
    #[must_use]
    pub(crate) fn at(self, stop: StopIx) -> Self {
        PatternStop(self.0 & !Self::NUMBER | stop)
    }
}

/// Where a pattern passes a stop.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Passing {
    pub pattern: u32,
    pub position: u16,
}

/// All patterns with the times of their trips. Trips are numbered through, pattern by pattern.
/// Times are seconds after noon minus 12 h of the service day.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Patterns {
    stops: Rows<PatternStop>,
    trip_starts: Vec<u32>,
    time_starts: Vec<u32>,
    departures: Vec<i32>,
    arrivals: Vec<i32>,
    passing: Rows<Passing>,
}

/// One pattern, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Pattern<'a> {
    /// Its stops in the order of travel.
    pub stops: &'a [PatternStop],
    /// Number of its first trip.
    pub first_trip: usize,
    /// How many trips it has.
    pub trips: usize,
    /// `[position * trips + trip]`
    pub(crate) departures: &'a [i32],
    /// `[trip * stops + position]`
    pub(crate) arrivals: &'a [i32],
}

impl Pattern<'_> {
    /// Scheduled departure of the `trip`-th trip of this pattern.
    pub(crate) fn departure(&self, trip: usize, position: usize) -> i32 {
        self.departures[position * self.trips + trip]
    }

    /// Scheduled arrival of the `trip`-th trip of this pattern.
    pub(crate) fn arrival(&self, trip: usize, position: usize) -> i32 {
        self.arrivals[trip * self.stops.len() + position]
    }
}

/// One trip with its pattern, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct PatternTrip<'a> {
    pub(crate) pattern: Pattern<'a>,
    /// Its number within the pattern.
    pub(crate) at: usize,
}

impl PatternTrip<'_> {
    /// Arrival at the stop at `position`, seconds after the service day began.
    pub fn arrival(&self, position: usize) -> i32 {
        self.pattern.arrival(self.at, position)
    }

    /// Departure from the stop at `position`, seconds after the service day began.
    pub fn departure(&self, position: usize) -> i32 {
        self.pattern.departure(self.at, position)
    }

    pub(crate) fn time(&self, position: usize) -> StopTime {
        StopTime { arrival: self.arrival(position), departure: self.departure(position) }
    }

    /// Position of the last stop.
    pub(crate) fn last(&self) -> usize {
        self.pattern.stops.len() - 1
    }
}

impl Patterns {
    pub(crate) fn empty() -> Self {
        Patterns {
            stops: Rows::default(),
            trip_starts: vec![0],
            time_starts: vec![0],
            departures: Vec::new(),
            arrivals: Vec::new(),
            passing: Rows::default(),
        }
    }

    /// How many patterns.
    #[inline]
    pub fn len(&self) -> usize {
        self.stops.len()
    }

    /// How many trips.
    pub fn trips(&self) -> usize {
        self.trip_starts.last().map_or(0, |n| *n as usize)
    }

    /// How many stop times.
    pub fn stop_times(&self) -> usize {
        self.arrivals.len()
    }

    /// The pattern with this number.
    #[inline]
    pub fn pattern(&self, pattern: usize) -> Pattern<'_> {
        let range = |starts: &[u32]| starts[pattern] as usize..starts[pattern + 1] as usize;
        let times = range(&self.time_starts);
        let trips = range(&self.trip_starts);
        Pattern {
            stops: self.stops.get(pattern),
            first_trip: trips.start,
            trips: trips.len(),
            departures: &self.departures[times.clone()],
            arrivals: &self.arrivals[times],
        }
    }

    /// How many stops a pattern has.
    #[inline]
    pub(crate) fn stops_of(&self, pattern: usize) -> usize {
        self.stops.get(pattern).len()
    }

    /// The pattern that a trip belongs to.
    pub(crate) fn pattern_of(&self, trip: TripIx) -> usize {
        self.trip_starts.partition_point(|start| *start <= trip).saturating_sub(1)
    }

    /// A trip with its pattern.
    pub fn trip(&self, trip: TripIx) -> PatternTrip<'_> {
        let pattern = self.pattern(self.pattern_of(trip));
        PatternTrip { pattern, at: trip as usize - pattern.first_trip }
    }

    /// Which patterns pass a stop, and where.
    #[inline]
    pub fn passing(&self, stop: StopIx) -> &[Passing] {
        self.passing.get(stop as usize)
    }

    /// All stops of all patterns, pattern by pattern.
    pub(super) fn all_stops(&self) -> &[PatternStop] {
        self.stops.items()
    }

    /// Appends a pattern whose `trips` (each as long as `stops`) are sorted and do not overtake.
    pub(super) fn push(&mut self, stops: &[PatternStop], trips: &[&[StopTime]]) {
        self.stops.push(stops.iter().copied());
        for position in 0..stops.len() {
            self.departures.extend(trips.iter().map(|times| times[position].departure));
        }
        for times in trips {
            self.arrivals.extend(times.iter().map(|time| time.arrival));
        }
        self.trip_starts.push((self.trips() + trips.len()) as u32);
        self.time_starts.push(self.arrivals.len() as u32);
    }

    /// Renumbers the stops.
    pub(super) fn renumber_stops(&mut self, to: impl Fn(StopIx) -> StopIx) {
        for stop in self.stops.items_mut() {
            *stop = stop.at(to(stop.stop()));
        }
    }

    /// Lists where each of `stops` stops is passed; to be called once all patterns are in.
    pub(super) fn index_stops(&mut self, stops: usize) {
        let passing = (0..self.len()).flat_map(|pattern| {
            let stops = self.stops.get(pattern).iter().enumerate();
            stops.map(move |(position, stop)| {
                (stop.stop(), Passing { pattern: pattern as u32, position: position as u16 })
            })
        });
        self.passing = Rows::grouped(stops, &passing.collect::<Vec<_>>());
        for times in [&mut self.departures, &mut self.arrivals] {
            times.shrink_to_fit();
        }
    }
}
