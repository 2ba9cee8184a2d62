//! Notices on an answer: what it could not hold, and what to do about it.

use domain::{Lang, UtcMicros};
use journey::plan::{PlanResult, Which};
use serde::Serialize;
use utoipa::ToSchema;

use super::ends::at;
use crate::contract::words;

/// A notice.
#[derive(Clone, Serialize, ToSchema)]
pub struct NoteOut {
    /// What it is about.
    #[schema(value_type = words::NoteCode)]
    code: &'static str,
    /// The same as a sentence.
    text: String,
    /// When the next journey by transit leaves; null: another notice, or none is known.
    next_at: Option<UtcMicros>,
}

impl NoteOut {
    /// One that needs no more than its sentence.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        NoteOut { code, text: text.into(), next_at: None }
    }
}

/// The notices on a plan; `max_walk_m`: its walking limit, metres.
pub fn notes(plan: &PlanResult, max_walk_m: f64, lang: Lang) -> Vec<NoteOut> {
    let in_words = |de: &str, en: &str| match lang {
        Lang::De => de.to_owned(),
        Lang::En => en.to_owned(),
    };
    let mut notes = Vec::new();
    if let Some(which) = plan.beyond.without_stops {
        let m = max_walk_m;
        notes.push(NoteOut::new(
            "no_stop_in_reach",
            match which {
                Which::From => in_words(
                    &format!("Vom Start aus ist keine Haltestelle auf höchstens {m:.0} m Fußweg erreichbar."),
                    &format!("No stop can be reached from the origin by walking at most {m:.0} m."),
                ),
                Which::To => in_words(
                    &format!("Von keiner Haltestelle ist das Ziel auf höchstens {m:.0} m Fußweg erreichbar."),
                    &format!("The destination cannot be reached from any stop by walking at most {m:.0} m."),
                ),
            },
        ));
    } else if plan.beyond.found_nothing {
        let text = match plan.beyond.next_at {
            Some(_) => in_words(
                "In dieser Zeit gibt es keine Verbindung; die nächste fährt zur genannten Zeit.",
                "There is no connection at that time; the next one leaves at the time given.",
            ),
            None => in_words(
                "In dieser Zeit gibt es keine Verbindung, und in den zwei Wochen danach ist keine bekannt.",
                "There is no connection at that time, and none is known in the two weeks after it.",
            ),
        };
        notes.push(NoteOut {
            next_at: plan.beyond.next_at.map(at),
            ..NoteOut::new("nothing_in_window", text)
        });
    } else if plan.beyond.walking_is_faster {
        notes.push(NoteOut::new(
            "walking_is_faster",
            in_words(
                "Zu Fuß ist man früher da als mit Bus und Bahn.",
                "Walking is quicker than any connection by transit.",
            ),
        ));
    }
    if plan.itineraries.iter().any(journey::plan::Itinerary::is_parking_unknown) {
        notes.push(NoteOut::new(
            "parking_unknown",
            in_words(
                "In der Nähe des Ziels ist kein Parkplatz bekannt: Die Fahrt endet am Ziel selbst, und ob man dort parken darf, \
                 ist nicht bekannt.",
                "No place to park is known near the destination: the drive ends there, and whether one may park is not known.",
            ),
        ));
    }
    notes
}
