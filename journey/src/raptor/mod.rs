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
//! - **Time zones** are layers, too: the times of a trip are by its agency's clock.
//! - **Delayed trips** are taken out of the timetable by a bit mask and are searched as patterns of
//!   their own ([`crate::overlay`]), beside runs that are not in the timetable.
//! - **Lines and trips with changes of their own** stop at variants of stops
//!   (`timetable/variants.rs`).
//! - **Staying seated** is riding on, in the same round.
//! - **Arrive-by** is the same search in negated time, against the direction of travel (`line.rs`).
//!
//! From top to bottom: `search.rs` is what callers use. It collects what is to be searched (`layers.rs`), runs the rounds
//! (`rounds/`), and makes journeys of their labels (`trace.rs`).

mod chosen;
mod departures;
mod journey;
mod layers;
mod line;
mod permits;
mod rounds;
mod search;
mod spans;
mod taken;
#[cfg(test)]
mod tests;
mod trace;
mod window;

use std::ops::RangeInclusive;

use crate::booking::Booked;
use crate::overlay::Overlay;
use crate::timetable::services::Day;
use crate::timetable::{Access, StopIx, Timetable};

pub use self::chosen::{Chosen, ChosenStop};
pub use self::departures::{Departure, DepartureQuery};
pub use self::journey::{Answer, Call, Journey, Leg, Ride, Walk};
pub use self::search::Search;
pub use self::spans::{Span, Spans};
pub use self::window::{InWindow, Window};

/// Default limit of rides.
pub const DEFAULT_RIDES: u8 = 8;

/// Largest limit of rides; each round has its own arrays.
pub const MAX_RIDES: u8 = 16;

/// Longest journey, seconds: at night it reaches the first trips of the morning.
pub const HORIZON_S: i32 = 86_400;

/// Shifts of days differ from 86,400 s by so much when clocks change.
const CLOCK_CHANGE_S: i32 = 3_600;

/// When to travel, seconds after the begin of the service day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The earliest departure.
    DepartAt(i32),
    /// The latest arrival.
    ArriveBy(i32),
}

/// From where to where, and how.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Stops to begin at, with the seconds it takes to get there.
    pub origins: &'a [(StopIx, i32)],
    /// Stops to end at, with the seconds it takes from there.
    pub destinations: &'a [(StopIx, i32)],
    /// When the way to `origins` can be set out on; `None`: at any time. Their seconds are then those of the shortest ways.
    pub origin_spans: Option<&'a Spans>,
    /// The same of the way from `destinations`.
    pub destination_spans: Option<&'a Spans>,
    /// The service day from whose begin times count.
    pub day: Day,
    /// Departure or arrival.
    pub when: When,
    /// At most [`MAX_RIDES`].
    pub max_rides: u8,
    /// Who travels. In a wheelchair no stops that are marked inaccessible; few feeds mark stops, so excluding unmarked ones
    /// would leave nothing.
    pub access: Access,
    /// Shortest time to change, seconds, also where the timetable takes less for enough.
    pub min_change_s: i32,
    /// Longest footpath between stops, metres.
    pub max_path_m: u16,
    /// Whether the timetable's footpaths may be used before the first and after the last ride. A caller with streets gives
    /// its own as `origins` and `destinations`; then no journey without a ride is returned.
    pub walk_at_ends: bool,
    /// Longest journey, seconds.
    pub horizon_s: i32,
    /// Which rides that must be booked count; `None`: all, and how they are booked is not looked up.
    pub booked: Option<Booked<'a>>,
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
            origin_spans: None,
            destination_spans: None,
            day,
            when,
            max_rides: DEFAULT_RIDES,
            access: Access::Foot,
            min_change_s: 0,
            max_path_m: u16::MAX,
            walk_at_ends: true,
            horizon_s: HORIZON_S,
            booked: None,
            as_planned: false,
        }
    }

    /// Service days whose trips may be of use.
    pub(crate) fn days(&self, timetable: &Timetable, overlay: Option<&Overlay>) -> RangeInclusive<Day> {
        let last_time_s = overlay.map_or(0, |overlay| overlay.last_time_s).max(timetable.last_time_s);
        let horizon = self.horizon_s.max(0);
        let (from, until) = match self.when {
            When::DepartAt(time) => (time, time.saturating_add(horizon)),
            When::ArriveBy(time) => (time.saturating_sub(horizon), time),
        };
        // Days of other zones begin up to a day before or after.
        let beyond_s = if timetable.zones.len() > 1 { 86_400 } else { 0 } + CLOCK_CHANGE_S;
        let first = (from - last_time_s - beyond_s).div_euclid(86_400);
        let last = until.saturating_add(beyond_s).div_euclid(86_400);
        self.day.saturating_add(first)..=self.day.saturating_add(last)
    }
}
