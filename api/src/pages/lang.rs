//! The two languages of the pages.

use axum::http::{HeaderMap, header};
use domain::place::Texts;
use domain::{Audience, SiteKind};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    De,
    En,
}

impl Lang {
    /// As `lang=` says, else as the browser prefers; German is the county's own.
    pub fn of(asked: Option<&str>, headers: &HeaderMap) -> Self {
        if let Some(lang) = asked.and_then(Self::from_code) {
            return lang;
        }
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let weight = |item: &str| {
            let q = item.split(';').nth(1).and_then(|q| q.trim().strip_prefix("q="));
            q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0))
        };
        let mut best: Option<(f32, Lang)> = None;
        for item in accepted.split(',') {
            let code = item.split([';', '-']).next().unwrap_or_default().trim();
            if let Some(lang) = Self::from_code(code)
                && best.is_none_or(|(w, _)| weight(item) > w)
            {
                best = Some((weight(item), lang));
            }
        }
        best.map_or(Lang::De, |(_, lang)| lang)
    }

    fn from_code(code: &str) -> Option<Self> {
        match code {
            "de" => Some(Lang::De),
            "en" => Some(Lang::En),
            _ => None,
        }
    }

    pub const fn code(self) -> &'static str {
        match self {
            Lang::De => "de",
            Lang::En => "en",
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Lang::De => Lang::En,
            Lang::En => Lang::De,
        }
    }

    /// Picks one of two texts.
    pub const fn say<'a>(self, de: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::De => de,
            Lang::En => en,
        }
    }

    /// A text from a place's file, in the other language rather than not at all.
    pub fn pick(self, texts: &Texts) -> Option<&str> {
        let (first, second) = match self {
            Lang::De => (&texts.de, &texts.en),
            Lang::En => (&texts.en, &texts.de),
        };
        first.as_deref().or(second.as_deref())
    }

    /// How long ago.
    pub fn ago(self, age_s: i64) -> String {
        let (n, de, en) = match age_s {
            ..60 => return self.say("gerade eben", "just now").to_owned(),
            60..3_600 => (age_s / 60, "Min.", "min"),
            3_600..172_800 => (age_s / 3_600, "Std.", "h"),
            _ => (age_s / 86_400, "Tagen", "days"),
        };
        match self {
            Lang::De => format!("vor {n} {de}"),
            Lang::En => format!("{n} {en} ago"),
        }
    }

    /// What a page says, before a time, while it cannot be kept current.
    pub const fn lost(self) -> &'static str {
        self.say("Keine Verbindung. Stand:", "No connection. As of:")
    }

    /// A number with this language's decimal sign.
    pub fn number(self, value: f64) -> String {
        match self {
            Lang::De => value.to_string().replace('.', ","),
            Lang::En => value.to_string(),
        }
    }

    pub const fn site_kind(self, kind: SiteKind) -> &'static str {
        match kind {
            SiteKind::OnStreet => self.say("Straßenrand", "On-street"),
            SiteKind::Lot => self.say("Parkplatz", "Car park"),
            SiteKind::CarPark => self.say("Parkhaus", "Multi-storey car park"),
            SiteKind::Underground => self.say("Tiefgarage", "Underground car park"),
            SiteKind::ParkAndRide => self.say("Park-and-ride", "Park and ride"),
        }
    }

    pub const fn audience(self, audience: Audience) -> &'static str {
        match audience {
            Audience::Disabled | Audience::AssignedDisabled => {
                self.say("Menschen mit Behinderung", "disabled people")
            }
            Audience::Charging => self.say("ladende Fahrzeuge", "charging vehicles"),
            Audience::Resident => self.say("Anwohner", "residents"),
            Audience::Women => self.say("Frauen", "women"),
            Audience::Family => self.say("Familien", "families"),
            Audience::Delivery => self.say("Lieferverkehr", "deliveries"),
            Audience::Taxi => self.say("Taxis", "taxis"),
            Audience::Carsharing => self.say("Carsharing", "car sharing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        headers
    }

    #[test]
    fn the_switch_wins_then_the_browser_then_german() {
        assert_eq!(Lang::of(Some("en"), &with("de")), Lang::En);
        assert_eq!(Lang::of(None, &with("fr, de;q=0.5, en-GB;q=0.8")), Lang::En);
        assert_eq!(Lang::of(None, &with("fr")), Lang::De);
        assert_eq!(Lang::of(Some("xx"), &HeaderMap::new()), Lang::De);
    }
}
