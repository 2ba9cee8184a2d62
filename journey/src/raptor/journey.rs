//! The result of a search.

use crate::timetable::patterns::Boarding;
use crate::timetable::services::Day;
use crate::timetable::{StopIx, TripIx};

/// A journey. Times are seconds after the begin of the requested service day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    pub rides: u8,
    /// Departure, including the access to the first stop; as late as the first ride allows.
    pub departure_s: i32,
    /// Arrival, including the egress from the last stop.
    pub arrival_s: i32,
    pub legs: Vec<Leg>,
}

/// A leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leg {
    Ride(Ride),
    Walk(Walk),
}

/// In one vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ride {
    /// The timetable's, or one of the overlay's own: see [`crate::overlay::Runs`].
    pub trip: TripIx,
    pub service_day: Day,
    /// Positions in the trip's pattern.
    pub board: u16,
    pub alight: u16,
    pub from: StopIx,
    pub to: StopIx,
    pub departure_s: i32,
    pub arrival_s: i32,
    pub scheduled_departure_s: i32,
    pub scheduled_arrival_s: i32,
    /// Whether riders stay seated from the ride before: no change.
    pub stay_seated: bool,
    /// Whether real time says when it leaves, and when it arrives.
    pub departure_is_live: bool,
    pub arrival_is_live: bool,
    /// How one gets on at the first stop, and off at the last.
    pub pickup: Boarding,
    pub drop_off: Boarding,
}

impl Ride {
    /// Whether it must be booked, or requested from the driver.
    pub fn is_booked(&self) -> bool {
        [self.pickup, self.drop_off].iter().any(|by| matches!(by, Boarding::Book | Boarding::AskDriver))
    }
}

impl Journey {
    /// Whether a ride of it must be booked, or requested from the driver.
    pub fn is_booked(&self) -> bool {
        self.legs.iter().any(|leg| matches!(leg, Leg::Ride(ride) if ride.is_booked()))
    }
}

/// Over a footpath of the timetable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    pub from: StopIx,
    pub to: StopIx,
    pub departure_s: i32,
    pub arrival_s: i32,
}
