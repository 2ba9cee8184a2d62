//! Prices.

use std::borrow::Cow;

use crate::fare::Euros;
use crate::fee::{Charge, Fee, Tariff};
use crate::lang::Lang;

/// What is due beside the fare because a ride must be ordered.
pub fn surcharge(line: &str, lang: Lang) -> String {
    match (line.is_empty(), lang) {
        (true, _) => lang.say("Zuschlag", "Surcharge").to_owned(),
        (false, Lang::De) => format!("Zuschlag der Linie {line}"),
        (false, Lang::En) => format!("Surcharge of line {line}"),
    }
}

/// What is paid where the car is left.
pub fn parking(site: &str, lang: Lang) -> String {
    match lang {
        Lang::De => format!("Parken: {site}"),
        Lang::En => format!("Parking: {site}"),
    }
}

impl Fee {
    /// What it costs, in that language: as the file says it, else by the tariff.
    pub fn words(&self, lang: Lang) -> Option<Cow<'_, str>> {
        let own = lang.say(&self.de, &self.en).as_deref().map(Cow::Borrowed);
        own.or_else(|| Some(self.tariff.as_ref()?.words(lang).into()))
    }

    /// In that language; in the other one rather than not at all.
    pub fn pick(&self, lang: Lang) -> Option<Cow<'_, str>> {
        self.words(lang).or_else(|| lang.say(&self.en, &self.de).as_deref().map(Cow::Borrowed))
    }
}

impl Tariff {
    /// What it is, in one sentence.
    fn words(&self, lang: Lang) -> String {
        let unit = |minutes: u32| match (minutes % 60, minutes / 60) {
            (0, 1) => lang.say("angefangene Stunde", "started hour").to_owned(),
            (0, hours) => {
                format!("{} {hours} {}", lang.say("angefangene", "started"), lang.say("Stunden", "hours"))
            }
            _ => {
                format!("{} {minutes} {}", lang.say("angefangene", "started"), lang.say("Minuten", "minutes"))
            }
        };
        let per =
            |amount: Euros, what: &str| format!("{} {} {what}", lang.euros(amount), lang.say("je", "per"));
        let charge = match self.charge {
            Charge::Free => lang.say("kostenfrei", "free of charge").to_owned(),
            Charge::Stay(amount) => lang.euros(amount),
            Charge::Day(amount) => per(amount, lang.say("Tag", "day")),
            Charge::Unit { amount, minutes } => per(amount, &unit(minutes)),
        };
        let free = self.free_min.map(|minutes| match lang {
            Lang::De => format!("die ersten {minutes} Minuten frei"),
            Lang::En => format!("the first {minutes} minutes free"),
        });
        let most = self.day_max_eur.map(|most| match lang {
            Lang::De => format!("höchstens {} am Tag", lang.euros(most)),
            Lang::En => format!("at most {} a day", lang.euros(most)),
        });
        let hours = self.hours.clone();
        [Some(charge), free, most, hours].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tariff_is_said_in_both_languages_where_the_file_has_no_words() {
        let fee = |de: Option<&str>, tariff: &str| {
            let tariff = serde_json::from_str(tariff).unwrap();
            Fee { de: de.map(str::to_owned), en: None, tariff }
        };
        let hourly =
            r#"{"charge": "1.5 EUR/hour", "free_min": 30, "day_max_eur": 8.5, "hours": "Mo-Fr 08:00-18:00"}"#;
        let both = fee(None, hourly);
        assert_eq!(
            both.pick(Lang::De).unwrap(),
            "1,50 € je angefangene Stunde, die ersten 30 Minuten frei, höchstens 8,50 € am Tag, Mo-Fr 08:00-18:00"
        );
        assert_eq!(
            both.pick(Lang::En).unwrap(),
            "€1.50 per started hour, the first 30 minutes free, at most €8.50 a day, Mo-Fr 08:00-18:00"
        );
        assert_eq!(fee(Some("frei"), r#"{"charge": "no"}"#).pick(Lang::De).unwrap(), "frei");
        assert_eq!(fee(Some("frei"), r#"{"charge": "no"}"#).pick(Lang::En).unwrap(), "free of charge");
        assert_eq!(fee(Some("frei"), "null").pick(Lang::En).unwrap(), "frei");
        assert_eq!(fee(Some("frei"), "null").words(Lang::En), None);
        assert_eq!(
            fee(None, r#"{"charge": "2 EUR/90 min"}"#).pick(Lang::De).unwrap(),
            "2,00 € je angefangene 90 Minuten"
        );
        assert_eq!(
            fee(None, r#"{"charge": "2 EUR/2 hours"}"#).pick(Lang::En).unwrap(),
            "€2.00 per started 2 hours"
        );
    }
}
