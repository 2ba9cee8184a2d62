//! An itinerary, leg by leg. Times are Unix times, seconds.

use domain::availability::Availability;
use domain::geo::LatLon;

use super::Modes;
use super::rental::Rented;
use super::risk::Alternative;
use crate::areas::Pair;
use crate::booking::RideBooking;
use crate::overlay::Runs;
use crate::raptor::Ride;
use crate::rental::SpotNumber;
use crate::streets::{Coord, Mode, Path, Piece};
use crate::timetable::services::Day;
use crate::timetable::shapes::PointE6;
use crate::timetable::{Access, Permission, StopIx};

/// One itinerary.
#[derive(Debug, Clone)]
pub struct Itinerary {
    /// Its kind: one flag.
    pub modes: Modes,
    /// When it begins.
    pub start: i64,
    /// When it ends, if the first place to park has a vacant space.
    pub end: i64,
    /// When it ends on average, with the risk of finding none.
    pub expected_end: f64,
    /// Changes between vehicles.
    pub transfers: u8,
    /// In the order of travel.
    pub legs: Vec<Leg>,
    /// Next departures of the first ride, between the same stops.
    pub next_departures: Vec<i64>,
    /// How far it is from the time of the request, in the direction of the search, seconds: as its departure (arrive-by:
    /// its arrival) was searched, to the second.
    pub ahead_s: i64,
    /// Whether it is best at the time of the request; else only at a later one (arrive-by: an earlier one).
    pub is_best: bool,
}

/// A leg.
#[derive(Debug, Clone)]
pub enum Leg {
    /// Over streets.
    Street(StreetLeg),
    /// In a vehicle of public transport.
    Ride(RideLeg),
    /// In a vehicle on demand.
    Area(Box<AreaLeg>),
}

/// A ride on demand.
#[derive(Debug, Clone)]
pub struct AreaLeg {
    /// Its trip, and the rows where one gets on and off.
    pub pair: Pair,
    /// The service day.
    pub day: Day,
    /// Where it begins.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// When one is picked up at the earliest.
    pub start: i64,
    /// When it is expected to end.
    pub end: i64,
    /// In which time one is picked up that day.
    pub window: [i64; 2],
    /// How long it takes at the longest, seconds. What comes after it is planned with this.
    pub duration_max_s: i32,
    /// Metres of the drive without detours.
    pub distance_m: f64,
    /// Its course.
    pub points: Vec<LatLon>,
    /// How it is booked.
    pub booking: RideBooking,
}

impl Leg {
    /// When it begins.
    pub fn start(&self) -> i64 {
        match self {
            Leg::Street(leg) => leg.start,
            Leg::Ride(leg) => leg.start,
            Leg::Area(leg) => leg.start,
        }
    }

    /// When it ends.
    pub fn end(&self) -> i64 {
        match self {
            Leg::Street(leg) => leg.end,
            Leg::Ride(leg) => leg.end,
            Leg::Area(leg) => leg.end,
        }
    }

    /// The shared vehicle, if it is a ride with one.
    pub fn rented(&self) -> Option<&Rented> {
        if let Leg::Street(leg) = self { leg.rental.as_deref() } else { None }
    }

    /// The ride on demand, if it is one.
    pub fn area(&self) -> Option<&AreaLeg> {
        if let Leg::Area(leg) = self { Some(leg) } else { None }
    }
}

/// An end of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where the journey begins.
    Origin,
    /// Where the journey ends.
    Destination,
    /// A place in between, by its number.
    Via(usize),
    /// A stop.
    Stop(StopIx),
    /// A lot, by its id.
    Lot(usize),
    /// Where a shared vehicle is taken or returned.
    Rental {
        /// Number of the system.
        system: usize,
        /// Where in it.
        spot: SpotNumber,
    },
    /// A point of a street, where a shared vehicle is left.
    Street(Coord),
}

/// Over streets, by the traveller's own means or by taxi.
#[derive(Debug, Clone)]
pub struct StreetLeg {
    /// How.
    pub mode: Mode,
    /// Where it begins.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// When it begins.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// Metres along the streets.
    pub distance_m: f64,
    /// Its course.
    pub points: Vec<LatLon>,
    /// The pieces of street that it takes; none where it follows no street.
    pub pieces: Vec<Piece>,
    /// Where the car is left at its end.
    pub parking: Option<Parking>,
    /// The shared vehicle; `None`: the traveller's own, or none.
    pub rental: Option<Box<Rented>>,
    /// The taxi that is called, by its id; `None`: by one's own means.
    pub taxi: Option<usize>,
}

/// Where a car is left.
#[derive(Debug, Clone)]
pub struct Parking {
    /// The lot's id.
    pub lot: usize,
    /// What to expect of it on arrival.
    pub availability: Availability,
    /// Where to go if there is no space, in this order.
    pub alternatives: Vec<Alternative>,
}

/// In a vehicle.
#[derive(Debug, Clone)]
pub struct RideLeg {
    /// Which, between which stops.
    pub ride: Ride,
    /// When it is expected to leave.
    pub start: i64,
    /// When it is expected to arrive.
    pub end: i64,
    /// When it leaves by the timetable.
    pub scheduled_start: i64,
    /// When it arrives by the timetable.
    pub scheduled_end: i64,
    /// Metres along its course.
    pub distance_m: f64,
    /// Its course.
    pub points: Vec<LatLon>,
    /// Whether someone in a wheelchair travels, and nothing says whether it takes wheelchairs.
    pub is_access_unknown: bool,
    /// Whether somebody takes others along.
    pub is_carpool: bool,
}

impl RideLeg {
    /// In `ride`, whose times are seconds after `midnight` (since 1970).
    pub(super) fn new(runs: Runs<'_>, ride: &Ride, midnight: i64, access: Access) -> RideLeg {
        let points: Vec<_> = runs
            .geometry(ride.trip, usize::from(ride.board), usize::from(ride.alight))
            .into_iter()
            .map(PointE6::degrees)
            .collect();
        let at = |s: i32| midnight + i64::from(s);
        RideLeg {
            start: at(ride.departure_s),
            end: at(ride.arrival_s),
            scheduled_start: at(ride.scheduled_departure_s),
            scheduled_end: at(ride.scheduled_arrival_s),
            distance_m: points.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum(),
            points,
            is_carpool: runs.is_carpool(ride.trip),
            is_access_unknown: access.is_wheelchair() && runs.wheelchair(ride.trip) == Permission::Unknown,
            ride: ride.clone(),
        }
    }
}

impl StreetLeg {
    /// Whether it is a drive in the traveller's own car.
    pub fn is_own_car(&self) -> bool {
        self.mode == Mode::Car && self.rental.is_none() && self.taxi.is_none()
    }

    /// A leg along `path` that begins at `start`.
    pub(super) fn along(mode: Mode, from: End, to: End, path: Path, start: i64) -> StreetLeg {
        let end = start + path.duration_s.round() as i64;
        let Path { distance_m, points, pieces, .. } = path;
        let (parking, rental, taxi) = (None, None, None);
        StreetLeg { mode, from, to, start, end, distance_m, points, pieces, parking, rental, taxi }
    }
}

impl Itinerary {
    /// One without transfers that ends when it is expected to.
    pub(super) fn new(modes: Modes, start: i64, end: i64, legs: Vec<Leg>) -> Self {
        let (expected_end, next_departures) = (end as f64, Vec::new());
        Itinerary {
            modes,
            start,
            end,
            expected_end,
            transfers: 0,
            legs,
            next_departures,
            ahead_s: 0,
            is_best: true,
        }
    }

    /// Whether it is made at certain times only.
    pub fn has_rides(&self) -> bool {
        self.legs.iter().any(|leg| !matches!(leg, Leg::Street(_)))
    }

    /// The rides, in the order of travel.
    pub fn rides(&self) -> impl Iterator<Item = &RideLeg> {
        self.legs.iter().filter_map(|leg| if let Leg::Ride(leg) = leg { Some(leg) } else { None })
    }

    /// The rides on demand, in the order of travel.
    pub fn areas(&self) -> impl Iterator<Item = &AreaLeg> {
        self.legs.iter().filter_map(Leg::area)
    }

    /// Metres over streets by one means of the traveller's own.
    pub fn metres(&self, is: impl Fn(Mode) -> bool) -> f64 {
        let legs = self.legs.iter().filter_map(|leg| match leg {
            Leg::Street(leg) if leg.rental.is_none() && is(leg.mode) => Some(leg.distance_m),
            _ => None,
        });
        legs.sum()
    }

    /// The shared vehicles, with the leg of each.
    pub fn rentals(&self) -> impl Iterator<Item = (&Rented, &StreetLeg)> {
        self.legs.iter().filter_map(|leg| match leg {
            Leg::Street(leg) => Some((leg.rental.as_deref()?, leg)),
            Leg::Ride(_) | Leg::Area(_) => None,
        })
    }

    /// Metres on foot or in a wheelchair.
    pub fn walk_m(&self) -> f64 {
        self.metres(|mode| matches!(mode, Mode::Foot | Mode::Wheelchair))
    }

    /// Where the car is left.
    pub fn parking(&self) -> Option<&Parking> {
        self.legs.iter().find_map(|leg| match leg {
            Leg::Street(leg) => leg.parking.as_ref(),
            Leg::Ride(_) | Leg::Area(_) => None,
        })
    }

    /// Whether someone in a wheelchair travels, and nothing says whether a ride of it takes wheelchairs.
    pub fn is_access_unknown(&self) -> bool {
        self.rides().any(|leg| leg.is_access_unknown)
    }

    /// Whether a ride of it must be booked.
    pub fn is_booked(&self) -> bool {
        self.areas().next().is_some() || self.rides().any(|leg| leg.ride.is_booked())
    }

    /// The taxi that is called, by its id.
    pub fn taxi(&self) -> Option<usize> {
        self.legs.iter().find_map(|leg| if let Leg::Street(leg) = leg { leg.taxi } else { None })
    }

    /// Whether somebody takes others along on a part of it.
    pub fn has_carpool(&self) -> bool {
        self.rides().any(|leg| leg.is_carpool)
    }

    /// Whether it is a drive to where no place to park is known.
    pub fn is_parking_unknown(&self) -> bool {
        self.modes == Modes::CAR && self.parking().is_none()
    }

    /// Chance that it works as planned: that of a vacant space, of a shared vehicle and its dock; 1 where none is needed.
    pub fn certainty(&self) -> f64 {
        let without = if self.is_parking_unknown() { super::risk::UNKNOWN_P } else { 1.0 };
        let parked = self
            .parking()
            .map_or(without, |parking| parking.availability.p().unwrap_or(super::risk::UNKNOWN_P));
        parked * self.rentals().map(|(rented, _)| rented.certainty()).product::<f64>()
    }
}
