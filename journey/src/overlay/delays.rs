//! From an update to the times of a run, as GTFS Realtime says ("Stop Time Updates"): a delay holds
//! for the stops after it until another is given; stops before the first one keep the timetable;
//! after `NO_DATA` the timetable holds; a skipped stop lets nobody on or off and passes the delay on.
//!
//! No rule of the specification says what to do where times would fall along the trip (a vehicle
//! said to be early at one stop and late at the one before): here nothing happens before what
//! happened ahead of it.

use domain::trip_update::{StopEvent, StopRelationship, StopUpdate, TripUpdate};

use crate::timetable::patterns::{Boarding, PatternStop};
use crate::timetable::{Timetable, TripIx};

/// A vehicle is not believed to be further off its timetable, seconds.
const MAX_DELAY_S: i64 = 86_400;

/// The run as it is expected; used again from run to run.
#[derive(Debug, Default)]
pub struct Times {
    pub stops: Vec<PatternStop>,
    /// (arrival, departure), seconds after the day began.
    pub times: Vec<(i32, i32)>,
}

/// Works out the expected times of `trip`, whose day began at `begins_at` (seconds since 1970).
/// `false` when the update says nothing.
pub fn delayed(
    timetable: &Timetable,
    trip: TripIx,
    update: &TripUpdate,
    begins_at: i64,
    into: &mut Times,
) -> bool {
    let pattern = timetable.patterns.pattern(timetable.patterns.pattern_of(trip));
    let own = trip as usize - pattern.first_trip;
    let meta = &timetable.trips[trip as usize];
    let sequences = timetable.sequences.get(meta.sequence as usize).map_or(&[][..], |list| list);
    into.stops.clear();
    into.times.clear();
    let mut updates = update.stops.iter().peekable();
    let mut delay = update.delay_s.filter(|s| i64::from(*s).abs() <= MAX_DELAY_S);
    let mut says = delay.is_some();
    let mut latest = i32::MIN;
    for (position, stop) in pattern.stops.iter().enumerate() {
        let sequence = sequences.get(position).copied();
        let (arrival, departure) = (pattern.arrival(own, position), pattern.departure(own, position));
        let here = take(&mut updates, timetable, *stop, sequence);
        let mut served = *stop;
        let mut arrival_delay = delay;
        if let Some(here) = here {
            says = true;
            match here.relationship {
                StopRelationship::Skipped => {
                    served = PatternStop::new(stop.stop(), Boarding::None, Boarding::None)
                }
                StopRelationship::NoData => {
                    delay = None;
                    arrival_delay = None;
                }
                StopRelationship::Scheduled => {
                    let of = |event: Option<StopEvent>, scheduled| delay_of(event?, scheduled, begins_at);
                    let given = of(here.arrival, arrival);
                    arrival_delay = given.or(delay);
                    delay = of(here.departure, departure).or(arrival_delay);
                }
            }
        }
        let arrives = (arrival + arrival_delay.unwrap_or(0)).max(latest);
        let departs = (departure + delay.unwrap_or(0)).max(arrives);
        latest = departs;
        into.stops.push(served);
        into.times.push((arrives, departs));
    }
    says
}

/// The update of this stop, if it is the next one. Updates that match none of the stops ahead are
/// passed over with the stops: they come in the order of the trip.
fn take<'a>(
    updates: &mut std::iter::Peekable<std::slice::Iter<'a, StopUpdate>>,
    timetable: &Timetable,
    stop: PatternStop,
    sequence: Option<u32>,
) -> Option<&'a StopUpdate> {
    loop {
        let next = *updates.peek()?;
        if let (Some(said), Some(own)) = (next.stop_sequence, sequence) {
            if said < own {
                updates.next();
                continue;
            }
            return (said == own).then(|| updates.next()).flatten();
        }
        let id = next.stop_id.as_deref()?;
        // With several feeds the id may carry its feed's name before it.
        let own = timetable.stops.ids.get(timetable.variants.stop(stop.stop()));
        let same = own == id || own.strip_suffix(id).is_some_and(|feed| feed.ends_with(':'));
        return same.then(|| updates.next()).flatten();
    }
}

/// How late an event is, if that can be believed.
fn delay_of(event: StopEvent, scheduled: i32, begins_at: i64) -> Option<i32> {
    let delay = match event {
        StopEvent::Delay(seconds) => i64::from(seconds),
        StopEvent::At(at) => at.checked_sub(begins_at)?.checked_sub(i64::from(scheduled))?,
    };
    (delay.abs() <= MAX_DELAY_S).then_some(delay as i32)
}
