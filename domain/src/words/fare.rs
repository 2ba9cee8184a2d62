//! Prices.

use crate::lang::Lang;

/// What is due beside the fare because a ride must be ordered.
pub fn surcharge(line: &str, lang: Lang) -> String {
    match (line.is_empty(), lang) {
        (true, _) => lang.say("Zuschlag", "Surcharge").to_owned(),
        (false, Lang::De) => format!("Zuschlag der Linie {line}"),
        (false, Lang::En) => format!("Surcharge of line {line}"),
    }
}
