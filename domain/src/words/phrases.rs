//! Numbers, times and lists in words.

use jiff::tz::TimeZone;

use crate::fare::Euros;
use crate::lang::Lang;
use crate::time::UtcMicros;

const GERMAN_WEEKDAYS: [&str; 7] =
    ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];

impl Lang {
    /// A few words in a row: "a, b und c".
    pub fn list<'a>(self, words: impl Iterator<Item = &'a str>) -> String {
        let mut words: Vec<&str> = words.collect();
        words.dedup();
        let last = words.pop().unwrap_or_default();
        if words.is_empty() {
            return last.to_owned();
        }
        format!("{} {} {last}", words.join(", "), self.say("und", "and"))
    }

    /// A future instant in the zone `tz`, with its day unless that is today; `None`: no such zone.
    pub fn moment(self, at: UtcMicros, now: UtcMicros, tz: &str) -> Option<String> {
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

    /// An instant in the zone `tz`, with its day: `28.11., 13:05` and `28 Nov, 13:05`.
    pub fn day_and_time(self, at: UtcMicros, tz: &TimeZone) -> String {
        tz.to_datetime(at.timestamp()).strftime(self.say("%d.%m., %H:%M", "%-d %b, %H:%M")).to_string()
    }

    /// An instant in the zone `tz`, with its year: `28.11.2026, 13:05` and `28 Nov 2026, 13:05`.
    pub fn date_and_time(self, at: UtcMicros, tz: &TimeZone) -> String {
        tz.to_datetime(at.timestamp()).strftime(self.say("%d.%m.%Y, %H:%M", "%-d %b %Y, %H:%M")).to_string()
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

    /// `12 s`, `5 min`, `2.5 h`, without sign.
    pub fn duration(self, seconds: f64) -> String {
        let s = seconds.abs();
        let (value, unit) = match s {
            _ if s < 120.0 => (s, "s"),
            _ if s < 7_200.0 => (s / 60.0, self.say("Min.", "min")),
            _ if s < 172_800.0 => (s / 3_600.0, self.say("Std.", "h")),
            _ => (s / 86_400.0, self.say("Tage", "days")),
        };
        let digits = if value >= 100.0 { 1.0 } else { 10.0 };
        format!("{} {unit}", self.number((value * digits).round() / digits))
    }

    /// An amount of money: `1,50 €` and `€1.50`.
    pub fn euros(self, amount: Euros) -> String {
        match self {
            Lang::De => format!("{} €", amount.to_string().replace('.', ",")),
            Lang::En => format!("€{amount}"),
        }
    }

    /// A number with this language's decimal sign.
    pub fn number(self, value: f64) -> String {
        match self {
            Lang::De => value.to_string().replace('.', ","),
            Lang::En => value.to_string(),
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
    fn times_have_their_day_and_year() {
        let at = UtcMicros::parse("2026-11-08T12:05:00Z").unwrap();
        let tz = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(Lang::De.day_and_time(at, &tz), "08.11., 13:05");
        assert_eq!(Lang::En.day_and_time(at, &tz), "8 Nov, 13:05");
        assert_eq!(Lang::De.date_and_time(at, &tz), "08.11.2026, 13:05");
        assert_eq!(Lang::En.date_and_time(at, &tz), "8 Nov 2026, 13:05");
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        for (s, de, en) in [
            (0.52, "0,5 s", "0.5 s"),
            (-90.0, "90 s", "90 s"),
            (3_599.0, "60 Min.", "60 min"),
            (9_000.0, "2,5 Std.", "2.5 h"),
            (864_000.0, "10 Tage", "10 days"),
        ] {
            assert_eq!((Lang::De.duration(s).as_str(), Lang::En.duration(s).as_str()), (de, en));
        }
    }
}
