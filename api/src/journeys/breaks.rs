//! Whether a chosen itinerary can still be made, and why not.

use domain::Lang;
use journey::plan::{Itinerary, Leg, RideLeg};
use journey::raptor::Call;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::JourneysOut;
use crate::contract::words;

/// A chosen itinerary as it is now.
#[derive(Serialize, ToSchema)]
pub struct AgainOut<'a> {
    /// The itinerary alone; none if one of its rides is in no timetable any more, or an end cannot be reached.
    #[serde(flatten)]
    pub journeys: JourneysOut<'a>,
    /// Whether it can still be made as it was chosen.
    pub holds: bool,
    /// Why it cannot.
    pub breaks: Vec<BreakOut>,
}

/// Why an itinerary cannot be made any more.
#[derive(Serialize, ToSchema)]
pub struct BreakOut {
    /// The leg, counted from 0; null: the whole itinerary.
    leg: Option<usize>,
    /// What is wrong.
    #[schema(value_type = words::BreakCode)]
    code: &'static str,
    /// The same as a sentence.
    text: &'static str,
}

/// What keeps an itinerary from being made; `None`: it is no more.
pub fn breaks(itinerary: Option<&Itinerary>, lang: Lang) -> Vec<BreakOut> {
    let of = |leg, code| BreakOut { leg, code, text: sentence(code, lang) };
    let Some(itinerary) = itinerary else { return vec![of(None, "gone")] };
    let mut breaks = Vec::new();
    for (number, leg) in itinerary.legs.iter().enumerate() {
        let Leg::Ride(RideLeg { ride, start, .. }) = leg else { continue };
        let is_skipped = |call: Option<&Call>| call.is_some_and(|call| call.is_skipped);
        let before = number.checked_sub(1).map(|before| itinerary.legs[before].end());
        let code = if ride.is_cancelled {
            "cancelled"
        } else if is_skipped(ride.calls.first()) || is_skipped(ride.calls.last()) {
            "stop_skipped"
        } else if before.is_some_and(|before| before > *start) {
            "missed_connection"
        } else {
            continue;
        };
        breaks.push(of(Some(number), code));
    }
    breaks
}

fn sentence(code: &str, lang: Lang) -> &'static str {
    match (code, lang) {
        ("cancelled", Lang::De) => "Die Fahrt fällt aus.",
        ("cancelled", Lang::En) => "The run is cancelled.",
        ("stop_skipped", Lang::De) => "Die Fahrt hält nicht, wo man ein- oder aussteigen wollte.",
        ("stop_skipped", Lang::En) => "The run does not stop where the ride begins or ends.",
        ("missed_connection", Lang::De) => "Der Anschluss wird nicht erreicht.",
        ("missed_connection", Lang::En) => "The connection is missed.",
        (_, Lang::De) => "Diese Verbindung gibt es nicht mehr.",
        (_, Lang::En) => "This itinerary is no more.",
    }
}
