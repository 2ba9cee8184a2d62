//! Itineraries of all modes in one answer: on foot, by bike, by car with a place to park, by transit, and combinations.
//!
//! One search tree over the streets from A and one to B give all stops and all places to park at
//! once; the timetable is searched from what they reach. Criteria: expected arrival, transfers, walking, certainty of
//! parking. An itinerary is dominated only by one that needs no further vehicle: a quick drive is of no use to those
//! without a car.

mod again;
mod best;
mod bike_ride;
mod car;
mod itinerary;
mod modes;
mod on_demand;
mod page;
mod park_ride;
mod places;
mod rental;
mod risk;
mod street;
mod taxi;
#[cfg(test)]
mod tests;
mod transit;
mod via;

use std::sync::Arc;

use domain::availability::Availability;
use domain::geo::LatLon;
use domain::time::{MICROS_PER_S, UtcMicros};

use crate::area::{Area, StopWalk};
use crate::areas::WhyNot;
use crate::booking::{Booked, BookedRides, Bookings, RideBooking};
use crate::overlay::{Overlay, Runs};
use crate::raptor::{self, Chosen, Departure, DepartureQuery, Query, Ride, Search};
use crate::streets::parking::Links;
use crate::streets::{Closed, Link, Mode, Workspace};
use crate::timetable::{Access, Permission, StopIx, Timetable};

pub use self::itinerary::{AreaLeg, End, Itinerary, Leg, Parking, RideLeg, StreetLeg};
pub use self::modes::Modes;
pub use self::page::{Beyond, Page, WhichPage};
pub use self::places::Walks;
use self::places::{add_platforms, stops_in};
pub use self::rental::{LostRental, NoRental, Rentals, Rented, Stocks};
pub use self::risk::Alternative;
pub use self::taxi::{LostTaxi, NoTaxi, Taxi};
pub use self::via::Via;

/// When to travel, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The earliest departure.
    DepartAt(i64),
    /// The latest arrival.
    ArriveBy(i64),
}

impl When {
    /// The time itself.
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
    /// Where it is.
    pub at: LatLon,
    /// Its links to the streets.
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
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Where the journey begins.
    pub from: LatLon,
    /// Where it ends.
    pub to: LatLon,
    /// The stop or station that `from` is: vehicles are boarded there without a walk.
    pub from_stop: Option<StopIx>,
    /// The stop or station that `to` is.
    pub to_stop: Option<StopIx>,
    /// When.
    pub when: When,
    /// Kinds of itineraries that are wanted.
    pub modes: Modes,
    /// Longest walk at a stretch, metres.
    pub max_walk_m: f64,
    /// Longest walk without any vehicle, metres.
    pub max_direct_walk_m: f64,
    /// Who travels.
    pub access: Access,
    /// Most changes between vehicles; `None`: as many as make sense.
    pub max_transfers: Option<u8>,
    /// Shortest time to change, seconds.
    pub min_transfer_s: i32,
    /// Where a driver may park near the destination.
    pub lots: &'a [Lot<'a>],
    /// Park-and-ride sites.
    pub park_ride: &'a [Lot<'a>],
    /// Shared vehicles; `None`: there are none.
    pub rentals: Option<Rentals<'a>>,
    /// Whom to ask for spaces.
    pub predictor: &'a dyn Predictor,
    /// Called now and then; `true` ends the search with what it has.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// How rides are booked.
    pub bookings: &'a Bookings,
    /// Which rides that must be booked count.
    pub booked: BookedRides,
    /// Which itineraries are wanted of those at different times.
    pub page: Page<'a>,
    /// The rides of the one journey that is wanted, those on demand with them; `None`: the best are.
    pub chosen: Option<&'a [Chosen]>,
    /// Taxis to call; without [`Modes::TAXI`] they are offered only where nothing else arrives.
    pub taxis: &'a [Taxi<'a>],
    /// Streets that are closed; `None`: by their tags at the time of [`Self::when`].
    pub closed: Option<&'a Closed>,
}

impl Request<'_> {
    /// How one gets to stops.
    fn foot(&self) -> Mode {
        if self.access.is_wheelchair() { Mode::Wheelchair } else { Mode::Foot }
    }

    fn booked(&self) -> Booked<'_> {
        Booked {
            bookings: self.bookings,
            rides: self.booked,
            carpools: self.modes.has(Modes::CARPOOL),
            wheelchair: self.access.is_wheelchair(),
        }
    }

    /// Where one leaves a lot.
    fn doors<'l>(&self, lot: &'l Lot<'_>) -> &'l [Link] {
        if self.access.is_wheelchair() { &lot.links.wheelchair } else { &lot.links.foot }
    }
}

/// Why a lot is not part of the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LeftOut {
    /// Probably full when the car gets there.
    ProbablyFull {
        /// Chance of a vacant space.
        p: f64,
    },
    /// It cannot be reached by car, or the destination from there on foot within the walking limit.
    OutOfReach,
}

/// A ride that cannot be taken.
#[derive(Debug, Clone)]
pub struct LostRide {
    /// With the times of the timetable, if it does not run.
    pub ride: Ride,
    /// When it was to leave, seconds since 1970.
    pub departure: i64,
    /// When it was to arrive, seconds since 1970.
    pub arrival: i64,
    /// Why not.
    pub why: Lost,
}

/// Why a ride cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The run is cancelled.
    Cancelled,
    /// It skips a stop of the ride.
    Skipped,
    /// It can no longer be booked.
    BookingClosed,
    /// It cannot be booked yet.
    BookingNotOpen,
    /// Nothing says whether it takes wheelchairs.
    WheelchairUnknown,
    /// Nothing says that it takes bicycles.
    BikesNotAllowed,
}

/// A line on demand that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LostArea {
    /// In the trips of [`Bookings::areas`].
    pub trip: u32,
    /// Row where one would get on.
    pub row: u16,
    /// Why not.
    pub why: WhyNot,
    /// The first pick-up that is missed, seconds since 1970; `None`: there is none.
    pub departure: Option<i64>,
    /// How it is booked.
    pub booking: Option<RideBooking>,
}

/// Which end of the journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The origin.
    From,
    /// The destination.
    To,
}

/// An answer.
#[derive(Debug, Default)]
pub struct PlanResult {
    /// The best first.
    pub itineraries: Vec<Itinerary>,
    /// Lots that were considered and are in no itinerary, with their ids.
    pub left_out: Vec<(usize, LeftOut)>,
    /// Rides that would be part of the answer if they ran and could be booked: the first of each line.
    pub lost: Vec<LostRide>,
    /// Lines on demand around the ends that cannot be used.
    pub lost_areas: Vec<LostArea>,
    /// Shared vehicles near an end that cannot be used: of each system one reason.
    pub lost_rentals: Vec<LostRental>,
    /// Taxis that were asked for and are not offered.
    pub lost_taxis: Vec<LostTaxi>,
    /// Whether time ran out: better itineraries may exist.
    pub cut: bool,
    /// What lies beyond this page.
    pub beyond: Beyond,
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
    rentals: [Workspace; 3],
    /// Whether anything is known to take bicycles, or not to.
    takes_bikes: bool,
    transit: Search,
    /// For what is searched beside transit.
    second: Option<Box<Second>>,
}

/// Workspace for what is searched at the same time as transit.
struct Second {
    search: Search,
    between: Workspace,
}

impl Second {
    fn new(timetable: &Arc<Timetable>) -> Box<Second> {
        Box::new(Second { search: Search::new(timetable.clone()), between: Workspace::new() })
    }
}

/// What is searched at the same time as transit.
const SIDE: Modes =
    Modes::BIKE.with(Modes::BIKE_RIDE).with(Modes::BIKE_ON_BOARD).with(Modes::ON_DEMAND).with(Modes::RENTAL);

impl Planner {
    /// A workspace for journeys in `area`.
    pub fn new(area: Arc<Area>) -> Self {
        let transit = Search::new(area.timetable.clone());
        let [from_foot, to_foot, from_bike, from_car, between] = std::array::from_fn(|_| Workspace::new());
        let rentals = std::array::from_fn(|_| Workspace::new());
        let takes_bikes = area.timetable.trips.iter().any(|trip| trip.bikes != Permission::Unknown);
        Planner {
            area,
            from_foot,
            to_foot,
            from_bike,
            from_car,
            between,
            rentals,
            takes_bikes,
            transit,
            second: None,
        }
    }

    /// The next `count` departures from a stop from `at` (seconds since 1970) on, within `within_s`, and how they are booked;
    /// their times are seconds after the second value.
    pub fn departures(
        &mut self,
        overlay: Option<&Overlay>,
        bookings: &Bookings,
        stop: StopIx,
        at: i64,
        within_s: i32,
        count: usize,
    ) -> (Vec<Departure>, i64) {
        let (day, midnight) = self.area.timetable.day_and_begin(at);
        let from_s = (at - midnight) as i32;
        let booked = Some(Booked { bookings, rides: BookedRides::All, carpools: true, wheelchair: false });
        let wanted = DepartureQuery { stop, to: None, day, from_s, within_s, count, booked };
        (self.transit.departures(overlay, &wanted), midnight)
    }

    /// A whole run as it is now; `at`: seconds since 1970, some time of its service day. `None`: there is no such run.
    pub fn run(
        &mut self,
        overlay: Option<&Overlay>,
        bookings: &Bookings,
        chosen: &Chosen,
        at: i64,
    ) -> Option<RideLeg> {
        let (day, midnight) = self.area.timetable.day_and_begin(at);
        let booked = Some(Booked { bookings, rides: BookedRides::All, carpools: true, wheelchair: false });
        let query =
            Query { booked, ..Query::new(&[], &[], day, raptor::When::DepartAt((at - midnight) as i32)) };
        let ride = self.transit.chosen(&query, overlay, std::slice::from_ref(chosen))?.pop()?;
        let runs = Runs { timetable: &self.area.timetable, overlay };
        Some(RideLeg::new(runs, &ride, midnight, Access::Foot))
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
        let takes_bikes = self.takes_bikes;
        let Planner {
            from_foot,
            to_foot,
            from_bike,
            from_car,
            between,
            rentals,
            transit: search,
            second,
            ..
        } = self;
        let ends = &street::Ends::new(&area, request)?;
        let which = request.page.which;
        // Vehicles of one's own are taken at any time, or as early as a ride asks for.
        let (drives, brings) = (which.is_first(), !matches!(which, WhichPage::Back));
        let wants = |modes: Modes, page: bool| page && request.modes.has(modes);
        let by_car = wants(Modes::CAR, drives) || wants(Modes::PARK_RIDE, brings);
        let feet = &ends.feet(&area, request, from_foot, to_foot);
        let to_destination = |link: &Link| feet.to.seconds(link);
        let mut destinations =
            stops_in(&area, request.foot(), request.to, request.max_walk_m, to_destination);
        add_platforms(&area, request.to_stop, &mut destinations);
        let plan = PlanResult { cut: feet.from.is_cut() || feet.to.is_cut(), ..PlanResult::default() };
        let area = &*area;
        let planning = |search, between, destinations, plan| Planning {
            area,
            request,
            overlay,
            ends,
            feet,
            search,
            between,
            destinations,
            plan,
            complete_s: None,
        };
        let on_board = wants(Modes::BIKE_ON_BOARD, brings) && takes_bikes && !request.access.is_wheelchair();
        let second = second.get_or_insert_with(|| Second::new(&area.timetable));
        let mut side =
            planning(&mut second.search, &mut second.between, destinations.clone(), PlanResult::default());
        let mut planning = planning(search, between, destinations, plan);
        // What needs no other's result is searched at the same time.
        let drive = std::thread::scope(|scope| {
            let drive = by_car.then(|| scope.spawn(|| car::Drive::new(area, request, ends, from_car)));
            let mut beside = || {
                if request.modes.has(Modes::BIKE) {
                    side.bike();
                }
                if wants(Modes::BIKE_RIDE, brings) || on_board {
                    let [other, ..] = &mut *rentals;
                    side.bike_ride(wants(Modes::BIKE_RIDE, brings), on_board, [from_bike, other]);
                }
                if wants(Modes::ON_DEMAND, brings) {
                    side.on_demand(from_bike);
                }
                if wants(Modes::RENTAL, brings) {
                    side.rental(rentals, drives);
                }
            };
            let is_alone = !(request.modes.has_any(SIDE) && request.modes.has(Modes::TRANSIT));
            let beside = if is_alone {
                beside();
                None
            } else {
                Some(scope.spawn(beside))
            };
            if request.modes.has(Modes::WALK) {
                planning.walk();
            }
            if request.modes.has(Modes::TRANSIT) {
                planning.transit();
            }
            if let Some(beside) = beside
                && let Err(panic) = beside.join()
            {
                std::panic::resume_unwind(panic);
            }
            drive.and_then(|drive| drive.join().ok())
        });
        planning.take_in(side.plan);
        if let Some(car::Drive::To(drive)) = &drive {
            planning.plan.cut |= drive.is_cut();
            if wants(Modes::CAR, drives) {
                planning.car(drive);
            }
            if wants(Modes::PARK_RIDE, brings) {
                planning.park_ride(drive);
            }
        }
        // A farm or a home has no car park; that all known ones are full is another answer.
        let is_full = |(_, why): &(usize, LeftOut)| matches!(why, LeftOut::ProbablyFull { .. });
        let is_driven = planning.plan.itineraries.iter().any(|itinerary| itinerary.modes == Modes::CAR);
        if wants(Modes::CAR, drives) && !is_driven && !planning.plan.left_out.iter().any(is_full) {
            let path = match drive {
                Some(car::Drive::Through(path)) => path,
                _ => street::drive(area, request, ends, planning.between),
            };
            path.into_iter().for_each(|path| planning.drive(path));
        }
        best::keep(&mut planning.plan, request.when);
        planning.drop_used_rentals();
        let complete_s = planning.complete_s.unwrap_or_else(|| i64::from(request.page.window_s).max(1));
        let runs = Runs { timetable: &area.timetable, overlay };
        page::turn_to_page(&mut planning.plan, request.when, request.page, complete_s, runs);
        best::order(&mut planning.plan, request.when);
        if drives {
            planning.taxi();
        }
        planning.add_next_departures();
        Ok(planning.plan)
    }
}

/// A request as it is planned. Each way to travel adds its itineraries to the plan.
struct Planning<'a, 'r> {
    area: &'a Area,
    request: &'a Request<'r>,
    overlay: Option<&'a Overlay>,
    ends: &'a street::Ends,
    feet: &'a street::Feet<'a>,
    search: &'a mut Search,
    /// For the paths between stops, and those of itineraries over streets alone.
    between: &'a mut Workspace,
    /// Stops from which the destination is within walking distance.
    destinations: Reached,
    plan: PlanResult,
    /// No journey by transit is missing up to there, in the direction of the search from the begin of the page on (back: so
    /// far before it), seconds; `None`: none was searched.
    complete_s: Option<i64>,
}

impl Planning<'_, '_> {
    /// Adds what was searched beside.
    fn take_in(&mut self, side: PlanResult) {
        let PlanResult { itineraries, left_out, lost, lost_areas, lost_rentals, cut, .. } = side;
        self.plan.itineraries.extend(itineraries);
        self.plan.left_out.extend(left_out);
        self.plan.cut |= cut;
        self.plan.lost_areas = lost_areas;
        self.plan.lost_rentals = lost_rentals;
        if !lost.is_empty() {
            self.plan.lost.extend(lost);
            self.keep_first_lost();
        }
    }
}

/// Stops with the seconds it takes from or to them.
type Reached = Vec<(StopIx, i32)>;
