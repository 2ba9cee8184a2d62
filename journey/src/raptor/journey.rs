//! The result of a search.

use crate::booking::RideBooking;
use crate::timetable::patterns::Boarding;
use crate::timetable::services::Day;
use crate::timetable::{StopIx, TripIx};

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Pareto-best over rides and arrival (arrive-by: and departure), fewest rides first.
    pub journeys: Vec<Journey>,
    /// Whether it was cut short: journeys may be missing, and those found need not be the best.
    pub cut: bool,
    /// Whether a ride could not be booked somewhere on the way of the search.
    pub has_barred: bool,
}

/// A journey. Times are seconds after the begin of the requested service day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// How many vehicles are boarded; staying seated is no ride of its own.
    pub rides: u8,
    /// Departure, including the access to the first stop; as late as the first ride allows.
    pub departure_s: i32,
    /// Arrival, including the egress from the last stop.
    pub arrival_s: i32,
    /// In the order of travel.
    pub legs: Vec<Leg>,
}

/// A leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leg {
    /// In a vehicle.
    Ride(Ride),
    /// On foot from stop to stop.
    Walk(Walk),
}

/// In one vehicle. Times are seconds after the begin of the requested service day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ride {
    /// The timetable's, or one of the overlay's own: see [`crate::overlay::Runs`].
    pub trip: TripIx,
    /// The day on which the trip began.
    pub service_day: Day,
    /// Position in the trip's pattern where one gets on.
    pub board: u16,
    /// Position in the trip's pattern where one gets off.
    pub alight: u16,
    /// The stop where one gets on.
    pub from: StopIx,
    /// The stop where one gets off.
    pub to: StopIx,
    /// When it is expected to leave.
    pub departure_s: i32,
    /// When it is expected to arrive.
    pub arrival_s: i32,
    /// When it leaves by the timetable.
    pub scheduled_departure_s: i32,
    /// When it arrives by the timetable.
    pub scheduled_arrival_s: i32,
    /// Its stops, from where one gets on to where one gets off.
    pub calls: Vec<Call>,
    /// Whether riders stay seated from the ride before: no change.
    pub stay_seated: bool,
    /// Whether it does not run: its times are those of the timetable. Searches find none of these.
    pub is_cancelled: bool,
    /// Whether real time says when it leaves.
    pub departure_is_live: bool,
    /// Whether real time says when it arrives.
    pub arrival_is_live: bool,
    /// How one gets on at the first stop.
    pub pickup: Boarding,
    /// How one gets off at the last stop.
    pub drop_off: Boarding,
    /// How it is booked; `None`: it need not be, or the query does not ask.
    pub booking: Option<RideBooking>,
}

/// A stop of a ride. Times are seconds after the begin of the requested service day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Where the vehicle stops.
    pub stop: StopIx,
    /// Where it stops by the timetable: with real time another platform may be served.
    pub scheduled_stop: StopIx,
    /// When it is expected to arrive.
    pub arrival_s: i32,
    /// When it is expected to leave.
    pub departure_s: i32,
    /// When it arrives by the timetable.
    pub scheduled_arrival_s: i32,
    /// When it leaves by the timetable.
    pub scheduled_departure_s: i32,
    /// It does not stop there, though it is planned to.
    pub is_skipped: bool,
}

/// Over a footpath of the timetable. Times are seconds after the begin of the requested service day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Where it begins.
    pub from: StopIx,
    /// Where it ends.
    pub to: StopIx,
    /// When it begins.
    pub departure_s: i32,
    /// When it ends.
    pub arrival_s: i32,
}

impl Ride {
    /// Whether it must be booked; a request to the driver is no booking.
    pub fn is_booked(&self) -> bool {
        self.booking.is_some()
    }
}

impl Journey {
    /// The rides, in the order of travel.
    pub fn vehicles(&self) -> impl DoubleEndedIterator<Item = &Ride> {
        self.legs.iter().filter_map(|leg| if let Leg::Ride(ride) = leg { Some(ride) } else { None })
    }

    /// Whether a ride of it must be booked.
    pub fn is_booked(&self) -> bool {
        self.vehicles().any(Ride::is_booked)
    }
}

impl Leg {
    /// When it begins.
    pub(crate) fn departure_s(&self) -> i32 {
        match self {
            Leg::Ride(Ride { departure_s, .. }) | Leg::Walk(Walk { departure_s, .. }) => *departure_s,
        }
    }

    /// When it ends.
    pub(crate) fn arrival_s(&self) -> i32 {
        match self {
            Leg::Ride(Ride { arrival_s, .. }) | Leg::Walk(Walk { arrival_s, .. }) => *arrival_s,
        }
    }
}

impl Walk {
    /// The same walk at another time.
    pub(super) fn begin_at(&mut self, departure_s: i32) {
        self.arrival_s += departure_s - self.departure_s;
        self.departure_s = departure_s;
    }
}
