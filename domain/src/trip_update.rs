//! What a real-time feed says about a trip, in GTFS-Realtime's words: delays, cancelled trips,
//! skipped stops. A wire format is turned into it by a decoder; a timetable takes it in.

/// What was said about one run of a trip.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TripUpdate {
    pub trip_id: String,
    /// Service day, `YYYYMMDD`.
    pub start_date: Option<String>,
    /// First departure, `HH:MM:SS`; tells the runs of a trip with a frequency apart.
    pub start_time: Option<String>,
    pub route_id: Option<String>,
    pub relationship: TripRelationship,
    /// Delay of the whole trip, seconds, late is positive; holds where no stop says otherwise.
    pub delay_s: Option<i32>,
    /// In the order of the trip.
    pub stops: Vec<StopUpdate>,
}

/// How a run relates to the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TripRelationship {
    #[default]
    Scheduled,
    /// An extra run that the timetable does not have.
    Added,
    /// Not run (also `DELETED`).
    Cancelled,
    /// A relationship we have no rule for; such an update is counted and left alone.
    Other,
}

/// What was said about one stop of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopUpdate {
    pub stop_sequence: Option<u32>,
    pub stop_id: Option<String>,
    pub relationship: StopRelationship,
    pub arrival: Option<StopEvent>,
    pub departure: Option<StopEvent>,
}

/// How a stop of a run relates to the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopRelationship {
    #[default]
    Scheduled,
    /// The vehicle does not stop here.
    Skipped,
    /// Nothing is known from here on: the timetable holds.
    NoData,
}

/// When something happens at a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopEvent {
    /// Seconds after the timetable.
    Delay(i32),
    /// Seconds since 1970.
    At(i64),
}
