//! What a search knows of bookings.

use domain::time::UtcMicros;

use super::{Bookings, RideBooking};
use crate::timetable::Timetable;

/// Which of the rides that must be booked count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookedRides {
    /// All, whether they can be booked or not.
    All,
    /// Those that can be booked at this moment, and those of which nothing says when.
    OpenAt(UtcMicros),
    /// None.
    None,
}

/// What a search knows of bookings.
#[derive(Debug, Clone, Copy)]
pub struct Booked<'a> {
    /// The rules.
    pub bookings: &'a Bookings,
    /// Which rides count.
    pub rides: BookedRides,
    /// Whether carpools count.
    pub carpools: bool,
    /// Whether it is for someone in a wheelchair: some rides must be booked earlier then.
    pub wheelchair: bool,
}

impl Booked<'_> {
    /// Whether a ride that is booked so counts.
    pub(crate) fn has(&self, timetable: &Timetable, ride: &RideBooking) -> bool {
        match self.rides {
            BookedRides::All => true,
            BookedRides::OpenAt(now) => self.bookings.is_open(timetable, ride, now).unwrap_or(true),
            BookedRides::None => false,
        }
    }
}
