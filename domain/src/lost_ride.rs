//! Why a ride cannot be had.

use crate::place::wire_enum;

wire_enum! {
    /// Why a ride cannot be had. A sentence about it: [`LostRide::words`].
    LostRide {
        /// The run is cancelled.
        Cancelled = "cancelled",
        /// The run does not stop where one would get on or off.
        StopSkipped = "stop_skipped",
        /// It can no longer be booked.
        BookingClosed = "booking_closed",
        /// It cannot be booked yet.
        BookingNotOpen = "booking_not_open",
        /// Nothing says whether it takes wheelchairs.
        WheelchairUnknown = "wheelchair_unknown",
        /// It takes no bicycles, or nothing says that it does.
        BikesNotAllowed = "bikes_not_allowed",
        /// Nothing runs at that time.
        NotInService = "not_in_service",
        /// One end of the journey is not in its area.
        OutsideArea = "outside_area",
    }
}
