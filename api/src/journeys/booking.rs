//! Rides that must be ordered.

use domain::UtcMicros;
use journey::timetable::patterns::Boarding;
use serde::Serialize;
use utoipa::ToSchema;

/// How a ride is ordered. What no file says is null.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct BookingOut {
    /// Whether it runs only for those who have ordered it.
    required: bool,
    /// Whether it can be ordered now; null: not said.
    open_now: Option<bool>,
    /// From when on it can be ordered; null: not said.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<UtcMicros>,
    /// Until when it can be ordered; null: not said.
    #[schema(value_type = Option<String>, format = DateTime)]
    by: Option<UtcMicros>,
    /// How long before the ride it must be ordered, seconds; null: not said.
    notice_s: Option<i64>,
    /// Number to call; null: not said.
    phone: Option<String>,
    /// Whether somebody answers there now; null: not said.
    phone_open_now: Option<bool>,
    /// When somebody answers there, as opening hours of OpenStreetMap; null: not said.
    phone_hours: Option<String>,
    /// Where it is ordered on the web; null: not said.
    url: Option<String>,
    /// Where more is said about it; null: not said.
    info_url: Option<String>,
    /// What else its riders are to know; null: nothing.
    message: Option<String>,
    /// What it costs more than other rides, euros; null: not said.
    surcharge_eur: Option<f64>,
    /// Who says all that; null: nobody.
    source: Option<String>,
}

impl BookingOut {
    /// Of a ride with these ways to get on or off; `None` where none needs an order.
    pub fn of(boardings: &[Boarding]) -> Option<Self> {
        let required = boardings.contains(&Boarding::Book);
        required.then(|| BookingOut { required, ..BookingOut::default() })
    }
}

/// How one gets on or off, in the API's word.
pub fn boarding_word(boarding: Boarding) -> &'static str {
    match boarding {
        Boarding::Scheduled => "scheduled",
        Boarding::None => "none",
        Boarding::Book => "book",
        Boarding::AskDriver => "ask_driver",
    }
}
