//! Stops that a run has passed: what lies before the message's own time is a fact, what lies after it
//! is a prediction and no passage.

use domain::UtcMicros;
use domain::trip_update::Passed;

use super::proto::{StopTimeEvent, StopTimeUpdate, TripUpdate};

const SKIPPED: i32 = 1;
const NO_DATA: i32 = 2;

/// The stops of `update`, made at `made_at`, that lay behind by then. Only a stop with an id, a time and
/// a delay is used: a delay alone would need the timetable.
pub(super) fn stops(update: &TripUpdate, made_at: UtcMicros) -> Vec<Passed> {
    let is_scheduled = |relationship: Option<i32>| matches!(relationship, None | Some(0));
    if !update.trip.as_ref().is_some_and(|trip| is_scheduled(trip.schedule_relationship)) {
        return Vec::new();
    }
    update.stop_time_update.iter().filter_map(|stop| passed(stop, made_at)).collect()
}

/// A vehicle has passed a stop when it has left it, where it ends when it has arrived.
fn passed(stop: &StopTimeUpdate, made_at: UtcMicros) -> Option<Passed> {
    if matches!(stop.schedule_relationship, Some(SKIPPED | NO_DATA)) {
        return None;
    }
    let stop_id = stop.stop_id.clone().filter(|id| !id.is_empty())?;
    let StopTimeEvent { delay, time, .. } = stop.departure.as_ref().or(stop.arrival.as_ref())?;
    let passed_at = UtcMicros::from_unix_s((*time).filter(|at| *at > 0)?);
    (passed_at <= made_at).then_some(Passed { stop_id, passed_at, delay_s: (*delay)? })
}
