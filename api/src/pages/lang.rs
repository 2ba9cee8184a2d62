//! What pages say, in two languages.

use axum::http::{HeaderMap, header};
pub use domain::Lang;
use domain::place::Texts;
use domain::{Audience, SiteKind, UtcMicros};

const GERMAN_WEEKDAYS: [&str; 7] =
    ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];

/// Words and sentences of pages.
pub trait Phrases: Sized {
    /// As `lang=` says, else as the browser prefers; German is the county's own.
    fn of(asked: Option<&str>, headers: &HeaderMap) -> Self;

    /// A text from a place's file, in the other language rather than not at all.
    fn pick(self, texts: &Texts) -> Option<&str>;

    /// A few words in a row: "a, b und c".
    fn list<'a>(self, words: impl Iterator<Item = &'a str>) -> String;

    /// A future instant in the zone `tz`, with its day unless that is today; `None`: no such zone.
    fn moment(self, at: UtcMicros, now: UtcMicros, tz: &str) -> Option<String>;

    /// How long ago.
    fn ago(self, age_s: i64) -> String;

    /// The label before a time, while a page cannot be updated.
    fn lost(self) -> &'static str;

    /// A number with this language's decimal sign.
    fn number(self, value: f64) -> String;

    /// What a kind of site is called.
    fn site_kind(self, kind: SiteKind) -> &'static str;

    /// What an audience is called.
    fn audience(self, audience: Audience) -> &'static str;
}

impl Phrases for Lang {
    fn of(asked: Option<&str>, headers: &HeaderMap) -> Self {
        if let Some(lang) = asked.and_then(|code| code.parse().ok()) {
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
            if let Ok(lang) = code.parse()
                && best.is_none_or(|(w, _)| weight(item) > w)
            {
                best = Some((weight(item), lang));
            }
        }
        best.map_or(Lang::De, |(_, lang)| lang)
    }

    fn pick(self, texts: &Texts) -> Option<&str> {
        let (first, second) = match self {
            Lang::De => (&texts.de, &texts.en),
            Lang::En => (&texts.en, &texts.de),
        };
        first.as_deref().or(second.as_deref())
    }

    fn list<'a>(self, words: impl Iterator<Item = &'a str>) -> String {
        let mut words: Vec<&str> = words.collect();
        words.dedup();
        let last = words.pop().unwrap_or_default();
        if words.is_empty() {
            return last.to_owned();
        }
        format!("{} {} {last}", words.join(", "), self.say("und", "and"))
    }

    fn moment(self, at: UtcMicros, now: UtcMicros, tz: &str) -> Option<String> {
        let local = at.timestamp().in_tz(tz).ok()?;
        let today = now.timestamp().in_tz(tz).ok()?.date();
        let midnight = local.time() == jiff::civil::Time::midnight();
        // Midnight ends the day before.
        let day = if midnight { local.date().yesterday().ok()? } else { local.date() };
        let time = if midnight { "24:00".to_owned() } else { local.strftime("%-H:%M").to_string() };
        let days = today.until(day).ok()?.get_days();
        Some(match days {
            ..=0 => time,
            1 => format!("{} {time}", self.say("morgen", "tomorrow")),
            2..7 => format!("{} {time}", weekday(self, day)),
            _ => format!("{} {time}", day.strftime(self.say("%-d.%-m.%Y", "%-d %B %Y"))),
        })
    }

    fn ago(self, age_s: i64) -> String {
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

    fn lost(self) -> &'static str {
        self.say("Keine Verbindung. Stand:", "No connection. As of:")
    }

    fn number(self, value: f64) -> String {
        match self {
            Lang::De => value.to_string().replace('.', ","),
            Lang::En => value.to_string(),
        }
    }

    fn site_kind(self, kind: SiteKind) -> &'static str {
        match kind {
            SiteKind::OnStreet => self.say("Straßenrand", "On-street"),
            SiteKind::Lot => self.say("Parkplatz", "Car park"),
            SiteKind::CarPark => self.say("Parkhaus", "Multi-storey car park"),
            SiteKind::Underground => self.say("Tiefgarage", "Underground car park"),
            SiteKind::ParkAndRide => self.say("Park-and-ride", "Park and ride"),
        }
    }

    fn audience(self, audience: Audience) -> &'static str {
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

fn weekday(lang: Lang, day: jiff::civil::Date) -> String {
    let german = GERMAN_WEEKDAYS[day.weekday().to_monday_zero_offset() as usize];
    lang.say(german, &day.strftime("%A").to_string()).to_owned()
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
    fn a_moment_names_its_day_unless_it_is_today() {
        let at = |text| UtcMicros::parse(text).unwrap();
        let now = at("2026-11-27T17:00:00Z");
        let de = |text| Lang::De.moment(at(text), now, "Europe/Berlin").unwrap();
        assert_eq!(de("2026-11-27T19:30:00Z"), "20:30");
        assert_eq!(de("2026-11-27T23:00:00Z"), "24:00");
        assert_eq!(de("2026-11-28T05:00:00Z"), "morgen 6:00");
        assert_eq!(de("2026-11-30T05:00:00Z"), "Montag 6:00");
        assert_eq!(de("2026-12-24T13:00:00Z"), "24.12.2026 14:00");
        assert_eq!(
            Lang::En.moment(at("2026-12-24T13:00:00Z"), now, "UTC").unwrap(),
            "24 December 2026 13:00"
        );
        assert_eq!(Lang::En.moment(now, now, "Nowhere/Land"), None);
        assert_eq!(Lang::De.list(["Anwohner", "Taxis", "Taxis"].into_iter()), "Anwohner und Taxis");
    }

    #[test]
    fn the_switch_wins_then_the_browser_then_german() {
        assert_eq!(Lang::of(Some("en"), &with("de")), Lang::En);
        assert_eq!(Lang::of(None, &with("fr, de;q=0.5, en-GB;q=0.8")), Lang::En);
        assert_eq!(Lang::of(None, &with("fr")), Lang::De);
        assert_eq!(Lang::of(Some("xx"), &HeaderMap::new()), Lang::De);
    }
}
