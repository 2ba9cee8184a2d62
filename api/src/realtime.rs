//! What real time says about trips.

use std::collections::HashMap;

use domain::UtcMicros;
use domain::live::LiveMap;
use domain::trip_update::TripUpdate;
use journey::timetable::Timetable;

/// How full the vehicles of trips are, percent, by trip id.
pub fn crowding(_live: &LiveMap, _timetable: &Timetable, _now: UtcMicros) -> HashMap<String, f32> {
    HashMap::new()
}

/// What is said of trips.
pub fn updates(_live: &LiveMap, _timetable: &Timetable, _now: UtcMicros) -> Vec<TripUpdate> {
    Vec::new()
}
