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
    open_now: Option<bool>,
    /// From when on it can be ordered.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<UtcMicros>,
    /// Until when it can be ordered.
    #[schema(value_type = Option<String>, format = DateTime)]
    by: Option<UtcMicros>,
    notice_s: Option<i64>,
    phone: Option<String>,
    phone_open_now: Option<bool>,
    phone_hours: Option<String>,
    url: Option<String>,
    info_url: Option<String>,
    message: Option<String>,
    surcharge_eur: Option<f64>,
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
