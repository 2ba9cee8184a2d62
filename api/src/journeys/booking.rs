//! Rides that must be booked.

use domain::UtcMicros;
use journey::timetable::Boarding;
use serde::Serialize;
use utoipa::ToSchema;

/// How a ride is booked; null: in none of the files.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct BookingOut {
    /// Whether it runs on request only.
    required: bool,
    /// Whether it can be booked now; null: not known.
    open_now: Option<bool>,
    /// From when it can be booked; null: not known.
    from: Option<UtcMicros>,
    /// Until when it can be booked; null: not known.
    by: Option<UtcMicros>,
    /// How long before the ride it must be booked, seconds; null: not known.
    notice_s: Option<i64>,
    /// Number to call; null: not known.
    phone: Option<String>,
    /// Whether the number is answered now; null: not known.
    phone_open_now: Option<bool>,
    /// When the number is answered, as opening hours of OpenStreetMap; null: not known.
    phone_hours: Option<String>,
    /// Where it is booked on the web; null: not known.
    url: Option<String>,
    /// Address with more information; null: not known.
    info_url: Option<String>,
    /// Message to riders; null: none.
    message: Option<String>,
    /// Surcharge, euros; null: not known.
    surcharge_eur: Option<f64>,
    /// Source of this information; null: none.
    source: Option<String>,
}

impl BookingOut {
    /// For a ride with these boardings; `None` where none must be booked.
    pub fn of(boardings: &[Boarding]) -> Option<Self> {
        let required = boardings.contains(&Boarding::Book);
        required.then(|| BookingOut { required, ..BookingOut::default() })
    }
}

/// The name of a boarding on the wire.
pub fn boarding_word(boarding: Boarding) -> &'static str {
    match boarding {
        Boarding::Scheduled => "scheduled",
        Boarding::None => "none",
        Boarding::Book => "book",
        Boarding::AskDriver => "ask_driver",
    }
}
