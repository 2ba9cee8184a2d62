//! What a feed has of the booking of rides: `booking_rules.txt`, and the stops that refer to it.

use domain::booking::{Desk, Terms};
use serde::{Deserialize, Serialize};

use super::{NONE, Timetable, TripIx};

/// A row of `booking_rules.txt`. Its messages are in the feed's language, whichever field holds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BookingRule {
    /// When a ride can be booked.
    pub terms: Terms,
    /// The service on whose days deadlines count; [`NONE`]: they count on all days.
    pub service: u32,
    /// With whom.
    pub desk: Desk,
}

/// The rules at a stop of a trip: numbers in [`Timetable::booking_rules`], else [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StopBooking {
    /// For getting on.
    pub pickup: u32,
    /// For getting off.
    pub drop_off: u32,
}

impl StopBooking {
    /// Without any rule.
    pub(crate) const NONE: StopBooking = StopBooking { pickup: NONE, drop_off: NONE };
}

impl Timetable {
    /// The rules at a stop of a trip.
    pub(crate) fn stop_booking(&self, trip: TripIx, position: usize) -> StopBooking {
        let list = self.trips.get(trip as usize).map_or(NONE, |trip| trip.bookings);
        let rules = self.stop_bookings.get(list as usize).and_then(|list| list.get(position));
        rules.copied().unwrap_or(StopBooking::NONE)
    }
}
