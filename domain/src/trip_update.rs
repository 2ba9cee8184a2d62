//! Trip updates, in GTFS-Realtime's terms: delays, cancelled trips, skipped stops. Decoders
//! produce them, timetables apply them.
//!
//! Of a run the newest update holds: the latest time of observation, then the latest
//! confirmation, then the content. That is a maximum over a set, so neither
//! the order of arrival nor duplicates matter.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::observation::{Digest, Provenance, hash_number, hash_text};
use crate::time::UtcMicros;

/// An update of one run of a trip.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TripUpdate {
    /// Empty: route, direction and start name the run.
    pub trip_id: String,
    /// Service day, `YYYYMMDD`.
    pub start_date: Option<String>,
    /// First departure, `HH:MM:SS`; distinguishes the runs of a trip with a frequency.
    pub start_time: Option<String>,
    /// The line, as in the timetable.
    pub route_id: Option<String>,
    /// GTFS's `direction_id`.
    pub direction: Option<u8>,
    /// How the run relates to the timetable.
    pub relationship: TripRelationship,
    /// Delay of the whole trip, seconds, late is positive; holds where no stop has its own.
    pub delay_s: Option<i32>,
    /// In the order of the trip.
    pub stops: Vec<StopUpdate>,
    /// `None`: as in the timetable.
    pub properties: Option<Box<TripProperties>>,
}

/// Further properties of a run: GTFS-Realtime's `TripProperties`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TripProperties {
    /// What a duplicated run is called.
    pub trip_id: Option<String>,
    /// Service day of a duplicated run, `YYYYMMDD`.
    pub start_date: Option<String>,
    /// First departure of a duplicated run, `HH:MM:SS`.
    pub start_time: Option<String>,
    /// Where it goes to.
    pub headsign: Option<String>,
}

/// Names one run of a trip within a feed; empty = not given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TripKey {
    /// As in the timetable.
    pub trip_id: String,
    /// Service day, `YYYYMMDD`.
    pub start_date: String,
    /// First departure, `HH:MM:SS`.
    pub start_time: String,
    /// Of a run that has no trip's id; else empty: a feed may name the route now and then.
    pub route_id: String,
    /// As `route_id`; [`TripKey::NO_DIRECTION`] = not given.
    pub direction: i16,
}

impl TripKey {
    /// See [`TripKey::direction`].
    pub const NO_DIRECTION: i16 = -1;
}

impl TripUpdate {
    /// Which run it is about.
    pub fn key(&self) -> TripKey {
        let is_nameless = self.trip_id.is_empty();
        let direction = self.direction.filter(|_| is_nameless);
        // A trip may be duplicated more than once: each run has a name and a start of its own.
        let copy = self.properties.as_deref().filter(|_| self.relationship == TripRelationship::Duplicated);
        let of = |own: Option<&String>, trips: &Option<String>| {
            own.or(trips.as_ref()).cloned().unwrap_or_default()
        };
        TripKey {
            trip_id: copy.and_then(|copy| copy.trip_id.clone()).unwrap_or_else(|| self.trip_id.clone()),
            start_date: of(copy.and_then(|copy| copy.start_date.as_ref()), &self.start_date),
            start_time: of(copy.and_then(|copy| copy.start_time.as_ref()), &self.start_time),
            route_id: self.route_id.clone().filter(|_| is_nameless).unwrap_or_default(),
            direction: direction.map_or(TripKey::NO_DIRECTION, i16::from),
        }
    }

    /// The trip's id, or what a run without one is called: see [`run_name`].
    pub fn name(&self) -> String {
        if !self.trip_id.is_empty() {
            return self.trip_id.clone();
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        run_name(&text(&self.route_id), self.direction, &text(&self.start_date), &text(&self.start_time))
    }

    /// Whether it contains anything about the run: a difference from the timetable, or that there is none.
    pub fn has_content(&self) -> bool {
        self.relationship != TripRelationship::Scheduled || self.delay_s.is_some() || !self.stops.is_empty()
    }

    /// Condensed content. Stored: see [`Digest`].
    pub fn digest_of(&self) -> Digest {
        let mut h = Xxh3::new();
        hash_text(&mut h, Some(&self.trip_id));
        for text in [&self.start_date, &self.start_time, &self.route_id] {
            hash_text(&mut h, text.as_deref());
        }
        // What names its trip by an id keeps the digest it always had.
        if let Some(direction) = self.direction {
            h.update(&[b'd', direction]);
        }
        h.update(&[self.relationship as u8]);
        if let Some(TripProperties { trip_id, start_date, start_time, headsign }) = self.properties.as_deref()
        {
            h.update(b"p");
            for text in [trip_id, start_date, start_time, headsign] {
                hash_text(&mut h, text.as_deref());
            }
        }
        hash_number(&mut h, self.delay_s.map(i64::from));
        for stop in &self.stops {
            hash_number(&mut h, stop.stop_sequence.map(i64::from));
            hash_text(&mut h, stop.stop_id.as_deref());
            h.update(&[stop.relationship as u8]);
            for event in [stop.arrival, stop.departure] {
                let (kind, number) = match event {
                    None => (0, None),
                    Some(StopEvent::Delay(seconds)) => (1, Some(i64::from(seconds))),
                    Some(StopEvent::At(at)) => (2, Some(at)),
                };
                h.update(&[kind]);
                hash_number(&mut h, number);
            }
            if let Some(planned) = &stop.planned {
                h.update(b"s");
                let boarding = [planned.pickup, planned.drop_off].map(|code| code.map(i64::from));
                let numbers = [planned.arrival, planned.departure].into_iter().chain(boarding);
                numbers.for_each(|number| hash_number(&mut h, number));
            }
        }
        h.digest() as i64
    }
}

/// Names a run without a trip's id as HFP's are named: route, direction, date (`YYYYMMDD`) and start
/// without its seconds, such as `540_1_20261124_19:08`. What is not given stays empty.
pub fn run_name(route: &str, direction: Option<u8>, date: &str, start: &str) -> String {
    let direction = direction.map(|direction| direction.to_string()).unwrap_or_default();
    let minute = start.match_indices(':').nth(1).map_or(start, |(at, _)| &start[..at]);
    format!("{route}_{direction}_{date}_{minute}")
}

/// What decides between two reports of one run: the larger one holds.
pub type Rank = (UtcMicros, UtcMicros, Digest);

/// An update with its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TripReport {
    /// Since when it is so: the update's own time, else its message's.
    pub observed_at: UtcMicros,
    /// The last message with this content. A feed repeats an update as long as it holds.
    pub confirmed_at: UtcMicros,
    /// See [`TripUpdate::digest_of`].
    pub digest: Digest,
    /// What it says.
    pub update: Box<TripUpdate>,
}

impl TripReport {
    /// See [`Rank`].
    pub fn rank(&self) -> Rank {
        (self.observed_at, self.confirmed_at, self.digest)
    }
}

/// A stop that a run has passed, as a trip update has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// As in the timetable.
    pub stop_id: String,
    /// When it was passed.
    pub passed_at: UtcMicros,
    /// Late is positive.
    pub delay_s: i32,
}

/// A report, and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct TripObservation {
    /// Where it came from.
    pub provenance: Provenance,
    /// What it says.
    pub report: TripReport,
    /// Stops that lay behind when the message was made.
    pub passed: Vec<Passed>,
}

/// How a run relates to the timetable. The order is part of digests, therefore fixed for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TripRelationship {
    /// As in the timetable.
    #[default]
    Scheduled,
    /// An extra run that the timetable does not have (`NEW`, formerly `ADDED`).
    Added,
    /// Not run; shown to riders as cancelled.
    Cancelled,
    /// A relationship we have no rule for; such an update is counted and left alone.
    Other,
    /// It runs with other stops and times than in the timetable (`REPLACEMENT`).
    Replaced,
    /// A run as one of the timetable, at another time.
    Duplicated,
    /// Not run, and not shown to riders.
    Deleted,
}

impl TripRelationship {
    /// Whether the update itself says where the run stops and when.
    pub const fn has_own_stops(self) -> bool {
        matches!(self, TripRelationship::Added | TripRelationship::Replaced)
    }
}

/// An update of one stop of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StopUpdate {
    /// GTFS's `stop_sequence`.
    pub stop_sequence: Option<u32>,
    /// As in the timetable.
    pub stop_id: Option<String>,
    /// How the stop relates to the timetable.
    pub relationship: StopRelationship,
    /// `None`: nothing is known of it.
    pub arrival: Option<StopEvent>,
    /// `None`: nothing is known of it.
    pub departure: Option<StopEvent>,
    /// Of a run with stops of its own.
    pub planned: Option<Box<PlannedStop>>,
}

/// A stop as it is planned, of a run that the timetable does not have so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlannedStop {
    /// Seconds since 1970.
    pub arrival: Option<i64>,
    /// Seconds since 1970.
    pub departure: Option<i64>,
    /// GTFS's `pickup_type`.
    pub pickup: Option<u8>,
    /// GTFS's `drop_off_type`.
    pub drop_off: Option<u8>,
}

/// How a stop of a run relates to the timetable. The order is part of digests, therefore fixed for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StopRelationship {
    /// As in the timetable.
    #[default]
    Scheduled,
    /// The vehicle does not stop here.
    Skipped,
    /// Nothing is known from here on: the timetable holds.
    NoData,
}

/// When something happens at a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopEvent {
    /// Seconds after the timetable.
    Delay(i32),
    /// Seconds since 1970.
    At(i64),
}
