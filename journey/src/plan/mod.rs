//! Itineraries of all modes in one answer: on foot, by bike, by car with a place to park, by transit, and combinations.
//!
//! One search tree over the streets from A and one to B give all stops and all places to park at
//! once; the timetable is searched from what they reach. Criteria: expected arrival, transfers, walking, certainty of
//! parking. An itinerary is dominated only by one that needs no further vehicle: a quick drive is of no use to those
//! without a car.

mod best;
mod bike_ride;
mod car;
mod itinerary;
mod park_ride;
mod places;
mod risk;
mod street;
#[cfg(test)]
mod tests;
mod transit;

use std::sync::Arc;

use domain::availability::Availability;
use domain::geo::LatLon;
use domain::time::{MICROS_PER_S, UtcMicros};

use crate::area::{Access, Area};
use crate::overlay::Overlay;
use crate::raptor::{Departure, DepartureQuery, Ride, Search};
use crate::streets::parking::Links;
use crate::streets::{Closed, Link, Mode, Workspace};
use crate::timetable::StopIx;

pub use self::itinerary::{End, Itinerary, Leg, Parking, RideLeg, StreetLeg};
pub use self::places::{StopWalk, Walks, stops_around};
pub use self::risk::Alternative;

/// Modes of an itinerary; a set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes(u8);

impl Modes {
    pub const WALK: Modes = Modes(1);
    pub const BIKE: Modes = Modes(2);
    pub const CAR: Modes = Modes(4);
    pub const TRANSIT: Modes = Modes(8);
    pub const PARK_RIDE: Modes = Modes(16);
    pub const BIKE_RIDE: Modes = Modes(32);
    pub const NONE: Modes = Modes(0);

    /// All, with their names in the API.
    pub const NAMED: [(&'static str, Modes); 6] = [
        ("WALK", Modes::WALK),
        ("BIKE", Modes::BIKE),
        ("CAR", Modes::CAR),
        ("TRANSIT", Modes::TRANSIT),
        ("PARK_RIDE", Modes::PARK_RIDE),
        ("BIKE_RIDE", Modes::BIKE_RIDE),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }

    pub const fn has(self, other: Modes) -> bool {
        self.0 & other.0 == other.0
    }
}

/// When to travel, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    DepartAt(i64),
    ArriveBy(i64),
}

impl When {
    pub fn time(self) -> i64 {
        match self {
            When::DepartAt(time) | When::ArriveBy(time) => time,
        }
    }
}

/// A place where a car may be left.
#[derive(Debug, Clone, Copy)]
pub struct Lot<'a> {
    /// The caller's name for it.
    pub id: usize,
    pub at: LatLon,
    pub links: &'a Links,
    /// Stops to go on from; empty for places that are not for park-and-ride.
    pub stops: &'a [StopWalk],
}

/// Predicts what a driver finds at a lot.
pub trait Predictor: Sync {
    /// The availability of a lot (by its id) for a car that comes at a time (seconds since 1970).
    fn availability(&self, lot: usize, arrive_s: i64) -> Availability;
}

/// A request.
pub struct Request<'a> {
    pub from: LatLon,
    pub to: LatLon,
    pub when: When,
    pub modes: Modes,
    /// Longest walk at a stretch, metres.
    pub max_walk_m: f64,
    /// Longest walk without any vehicle, metres.
    pub max_direct_walk_m: f64,
    pub wheelchair: bool,
    /// Where a driver may park near the destination.
    pub lots: &'a [Lot<'a>],
    /// Park-and-ride sites.
    pub park_ride: &'a [Lot<'a>],
    /// Whom to ask for spaces.
    pub predictor: &'a dyn Predictor,
    /// Called now and then; `true` ends the search with what it has.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Streets that are closed; `None`: by their tags at the time of [`Self::when`].
    pub closed: Option<&'a Closed>,
}

impl Request<'_> {
    /// How one gets to stops.
    fn access(&self) -> Access {
        if self.wheelchair { Access::Wheelchair } else { Access::Foot }
    }

    fn foot(&self) -> Mode {
        self.access().mode()
    }

    /// Where one leaves a lot.
    fn doors<'l>(&self, lot: &'l Lot<'_>) -> &'l [Link] {
        if self.wheelchair { &lot.links.wheelchair } else { &lot.links.foot }
    }
}

/// Why a lot is not part of the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LeftOut {
    /// Probably full when the car gets there.
    ProbablyFull { p: f64 },
    /// It cannot be reached by car, or the destination from there on foot within the walking limit.
    OutOfReach,
}

/// A ride that is cancelled or skips a stop.
#[derive(Debug, Clone)]
pub struct LostRide {
    /// With the times of the timetable.
    pub ride: Ride,
    /// When it was to leave, and to arrive, seconds since 1970.
    pub departure: i64,
    pub arrival: i64,
    /// Whether the run is cancelled; else it skips a stop of the ride.
    pub is_cancelled: bool,
}

/// Which end of the journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    From,
    To,
}

/// An answer.
#[derive(Debug, Default)]
pub struct PlanResult {
    /// The best first.
    pub itineraries: Vec<Itinerary>,
    /// Lots that were considered and are in no itinerary, with their ids.
    pub left_out: Vec<(usize, LeftOut)>,
    /// Rides that would be part of the answer if they were not cancelled or skipped a stop: the first of each line.
    pub lost: Vec<LostRide>,
    /// Whether time ran out: better itineraries may exist.
    pub cut: bool,
}

/// An end of the journey is nowhere near a street.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no street within {SNAP_LIMIT_M} m")]
pub struct NoStreet(pub Which);

/// Places farther from any street than this are outside of the data, metres.
pub const SNAP_LIMIT_M: f64 = 500.0;

/// Workspace for one journey after the other; concurrent ones have one each.
pub struct Planner {
    area: Arc<Area>,
    from_foot: Workspace,
    to_foot: Workspace,
    from_bike: Workspace,
    from_car: Workspace,
    between: Workspace,
    transit: Search,
}

impl Planner {
    pub fn new(area: Arc<Area>) -> Self {
        let transit = Search::new(area.timetable.clone());
        let [from_foot, to_foot, from_bike, from_car, between] = std::array::from_fn(|_| Workspace::new());
        Planner { area, from_foot, to_foot, from_bike, from_car, between, transit }
    }

    /// The next `count` departures from a stop from `at` (seconds since 1970) on, within `within_s`;
    /// their times are seconds after the second value.
    pub fn departures(
        &mut self,
        overlay: Option<&Overlay>,
        stop: StopIx,
        at: i64,
        within_s: i32,
        count: usize,
    ) -> (Vec<Departure>, i64) {
        let day = self.area.timetable.day_at(at);
        let midnight = self.area.timetable.day_begins_at(day);
        let from_s = (at - midnight) as i32;
        let wanted = DepartureQuery { stop, to: None, day, from_s, within_s, count };
        (self.transit.departures(overlay, &wanted), midnight)
    }

    /// Finds the best itineraries.
    ///
    /// # Errors
    /// No street is near one of the ends.
    pub fn plan(&mut self, request: &Request<'_>, overlay: Option<&Overlay>) -> Result<PlanResult, NoStreet> {
        let area = self.area.clone();
        let at = UtcMicros(request.when.time().saturating_mul(MICROS_PER_S));
        let closed = area.times.closed_at(area.network.streets(), at);
        let request = &Request { closed: request.closed.or(Some(&closed)), ..*request };
        let Planner { from_foot, to_foot, from_bike, from_car, between, transit, .. } = self;
        let ends = street::Ends::new(&area, request)?;
        let by_car = request.modes.has(Modes::CAR) || request.modes.has(Modes::PARK_RIDE);
        let mut plan = PlanResult::default();
        let feet = ends.feet(&area, request, from_foot, to_foot);
        plan.cut |= feet.from.cut || feet.to.cut;
        let mut riding = transit::Riding::new(&area, request, overlay, (transit, between), &feet);
        // The drives take longest, and nothing else depends on them.
        let drive = std::thread::scope(|scope| {
            let drive = by_car.then(|| scope.spawn(|| car::tree(&area, request, &ends, from_car)));
            if request.modes.has(Modes::WALK) {
                plan.itineraries.extend(street::walk(&area, request, &ends, &feet, riding.between));
            }
            if request.modes.has(Modes::BIKE) {
                plan.itineraries.extend(street::bike(&area, request, &ends, riding.between));
            }
            if request.modes.has(Modes::TRANSIT) {
                riding.transit(&feet, &mut plan);
            }
            if request.modes.has(Modes::BIKE_RIDE) {
                bike_ride::plan(&mut riding, &ends, &feet, from_bike, &mut plan);
            }
            drive.and_then(|drive| drive.join().ok().flatten())
        });
        if let Some(drive) = drive {
            plan.cut |= drive.is_cut();
            if request.modes.has(Modes::CAR) {
                car::plan(request, &drive, &feet, &mut plan);
            }
            if request.modes.has(Modes::PARK_RIDE) {
                park_ride::plan(&mut riding, &drive, &feet, &mut plan);
            }
        }
        // A farm or a home has no car park; that all known ones are full is another answer.
        let is_full = |(_, why): &(usize, LeftOut)| matches!(why, LeftOut::ProbablyFull { .. });
        let is_driven = plan.itineraries.iter().any(|itinerary| itinerary.modes == Modes::CAR);
        if request.modes.has(Modes::CAR) && !is_driven && !plan.left_out.iter().any(is_full) {
            plan.itineraries.extend(street::drive(&area, request, &ends, riding.between));
        }
        best::keep(&mut plan, request);
        riding.add_next_departures(&mut plan.itineraries);
        Ok(plan)
    }
}

/// Stops with the seconds it takes from or to them.
type Reached = Vec<(StopIx, i32)>;
