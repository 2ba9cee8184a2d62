//! Round-based public transit routing (RAPTOR): Delling, Pajor, Werneck, "Round-Based Public
//! Transit Routing", Transportation Science 49 (2015).
//!
//! Round k finds the earliest arrivals with k rides. What is kept is the Pareto set over (rides,
//! arrival): a journey with more rides is kept only if it arrives earlier. Differences from the
//! paper:
//!
//! - **Change times.** A stop has an arrival by vehicle and a time from which one may board. The
//!   latter is the arrival plus the stop's change time, or a footpath's end without any change
//!   time (the feed's row replaces it), or the very start of the journey. Both are pruned by
//!   themselves: one may be worth while where the other is not.
//! - **Footpaths are not transitive**: one between two rides, at most one before the first and
//!   one after the last.
//! - **Several service days** are layers over the same patterns, shifted in time. Each (pattern,
//!   day) is scanned by itself, since a trip of yesterday may be overtaken by one of today.
//! - **Zones of time** are layers, too: the times of a trip are by its agency's clock.
//! - **Delayed trips** are taken out of the timetable by a bit mask and are searched as patterns of
//!   their own ([`crate::overlay`]), beside runs that are not in the timetable.
//! - **Lines and trips with changes of their own** stop at variants of stops
//!   ([`crate::timetable::variants`]).
//! - **Staying seated** is riding on, in the same round.
//! - **Arrive-by** is the same search in negated time, against the direction of travel.

mod days;
mod departures;
mod journey;
mod labels;
mod layers;
mod line;
mod reach;
mod rounds;
mod scan;
mod search;
mod seated;
#[cfg(test)]
mod tests;
mod trace;

use crate::timetable::StopIx;
use crate::timetable::services::Day;

pub use self::days::DayTrips;
pub use self::departures::Departure;
pub use self::journey::{Journey, Leg, Ride, Walk};
pub use self::search::Search;
pub(crate) use self::search::days_of;

/// Default limit of rides.
pub const DEFAULT_RIDES: u8 = 8;

/// Largest limit of rides; each round has its own arrays.
pub const MAX_RIDES: u8 = 16;

/// Longest journey, seconds: at night it reaches the first trips of the morning.
pub const HORIZON_S: i32 = 86_400;

/// When to travel, seconds after the begin of the service day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    DepartAt(i32),
    ArriveBy(i32),
}

/// From where to where, and how.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Stops to begin at, with the seconds it takes to get there.
    pub origins: &'a [(StopIx, i32)],
    /// Stops to end at, with the seconds it takes from there.
    pub destinations: &'a [(StopIx, i32)],
    pub day: Day,
    pub when: When,
    /// At most [`MAX_RIDES`].
    pub max_rides: u8,
    /// Only trips that are marked accessible, and no stops that are marked inaccessible. Few feeds mark stops; excluding
    /// unmarked ones would leave nothing.
    pub wheelchair: bool,
    /// Longest footpath between stops, metres.
    pub max_path_m: u16,
    /// Whether the timetable's footpaths may be used before the first and after the last ride. A caller with streets gives
    /// its own as `origins` and `destinations`; then no journey without a ride is returned.
    pub walk_at_ends: bool,
    /// Longest journey, seconds.
    pub horizon_s: i32,
    /// Only rides that need neither a booking nor a request to the driver.
    pub unbooked: bool,
    /// Ignores cancellations and skipped stops.
    pub as_planned: bool,
}

impl<'a> Query<'a> {
    /// A query with the usual limits.
    pub fn new(
        origins: &'a [(StopIx, i32)],
        destinations: &'a [(StopIx, i32)],
        day: Day,
        when: When,
    ) -> Self {
        Query {
            origins,
            destinations,
            day,
            when,
            max_rides: DEFAULT_RIDES,
            wheelchair: false,
            max_path_m: u16::MAX,
            walk_at_ends: true,
            horizon_s: HORIZON_S,
            unbooked: false,
            as_planned: false,
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Pareto-best over rides and arrival (arrive-by: and departure), fewest rides first.
    pub journeys: Vec<Journey>,
    /// Whether it was cut short: journeys may be missing, and those found need not be the best.
    pub cut: bool,
}
