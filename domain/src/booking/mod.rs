//! Booking of rides that run on request only: until when, from when, and with whom.
//!
//! Follows GTFS's `booking_rules.txt` (GTFS Schedule reference, as of 2026-04).

mod area;
mod line;
mod window;

use serde::{Deserialize, Serialize};

use crate::place::wire_enum;

pub use area::OnDemandArea;
pub(crate) use line::is_like;
pub use line::{OnDemandKind, OnDemandLine, Scope};
pub use window::{Bookable, BookingDays, Window};

/// When a ride can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// Until when.
    pub notice: Notice,
    /// From when on.
    pub opens: Opens,
    /// Which time of the ride counts.
    pub relative_to: RelativeTo,
}

/// Until when a ride can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// Until the vehicle comes (`booking_type` 0).
    RealTime,
    /// Until so many seconds before (`booking_type` 1).
    Before {
        /// Seconds between booking and ride, at least.
        at_least_s: i32,
    },
    /// Until a time of an earlier day, or of the day itself (`booking_type` 2).
    OnDay(DayTime),
}

/// From when on a ride can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Opens {
    /// However long before.
    Always,
    /// From so many seconds before on.
    Before {
        /// Seconds between booking and ride, at most.
        at_most_s: i32,
    },
    /// From a time of an earlier day on, or of the day itself.
    OnDay(DayTime),
}

/// A time of a day before the ride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DayTime {
    /// So many days before the date of the ride; of days that count, see [`BookingDays`].
    pub days_before: u16,
    /// Seconds after noon minus 12 h of that day.
    pub time_s: i32,
}

wire_enum! {
    /// Which time of a ride the notice counts from.
    RelativeTo {
        /// When one gets on.
        Boarding = "boarding",
        /// When the vehicle leaves its first stop.
        FirstStop = "first_stop",
    }
}

/// With whom a ride is booked, and what riders should know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Desk {
    /// Number to call.
    pub phone: Option<String>,
    /// When the number is answered, in OpenStreetMap's syntax of opening hours. Booking may go on elsewhere.
    pub phone_hours: Option<String>,
    /// Where it is booked on the web.
    pub url: Option<String>,
    /// Address with more information.
    pub info_url: Option<String>,
    /// Message to riders, German.
    pub message_de: Option<String>,
    /// Message to riders, English.
    pub message_en: Option<String>,
    /// Added to the fare, euros.
    pub surcharge_eur: Option<f64>,
}
