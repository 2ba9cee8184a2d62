//! Opening hours in OSM syntax, evaluated in a town's own time.

use chrono::NaiveDateTime;
use opening_hours::OpeningHours;

use crate::closure::{NEVER, Spans};
use crate::locality::Locality;
use crate::opening_span::is_endless;
use crate::time::{MICROS_PER_S, UtcMicros};

/// The most consecutive rules of one state that are followed: two for each day of some weeks.
const MAX_RULES: usize = 64;

/// Parsed opening hours of a place.
#[derive(Debug, Clone)]
pub struct Hours {
    parsed: OpeningHours<Locality>,
}

/// Whether a place is open, and until when that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// `None`: undecided by the text.
    pub is_open: Option<bool>,
    /// The next change; `None` = never.
    pub until: Option<UtcMicros>,
}

impl Opening {
    /// Open, for ever: what holds for a place without opening hours.
    pub const ALWAYS: Opening = Opening { is_open: Some(true), until: None };

    /// Closed, until something else is known.
    pub const CLOSED: Opening = Opening { is_open: Some(false), until: None };

    /// What opening hours (`None`: open always) and closures say together at `at`: a closure
    /// overrides the hours.
    pub fn of(hours: Option<&Hours>, closed: &Spans, at: UtcMicros) -> Opening {
        let by_hours = |at| hours.map_or(Opening::ALWAYS, |h| h.at(at));
        if closed.is_empty() {
            return by_hours(at);
        }
        let state = |at| if closed.covers(at) { Some(false) } else { by_hours(at).is_open };
        let is_open = state(at);
        let mut at = at;
        // From edge to edge, until something else holds: each step ends a closure or reaches one.
        loop {
            let next = match closed.end_of(at) {
                Some(NEVER) => return Opening { is_open, until: None },
                Some(end) => end,
                None => {
                    let by_hours = by_hours(at).until;
                    match closed.next_start(at) {
                        Some(start) if by_hours.is_none_or(|until| start < until) => start,
                        _ => return Opening { is_open, until: by_hours },
                    }
                }
            };
            if state(next) != is_open {
                return Opening { is_open, until: Some(next) };
            }
            at = next;
        }
    }
}

/// The text is not in OSM's opening-hours syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not OSM opening hours (https://wiki.openstreetmap.org/wiki/Key:opening_hours): {0}")]
pub struct HoursError(String);

impl Hours {
    /// Parses `text` as hours of `locality`.
    ///
    /// # Errors
    /// `text` is not in OSM syntax.
    pub fn parse(text: &str, locality: &Locality) -> Result<Self, HoursError> {
        let text = unknown_by_comment(text);
        let (text, locality) = match only_on_weekdays(&text) {
            Some((text, weekdays)) => (text, locality.with_holidays_on(|date| weekdays.is_open(date))),
            None => (text, locality.clone()),
        };
        let parsed = text.parse::<OpeningHours>().map_err(|e| HoursError(e.to_string()))?;
        if is_endless(&parsed) {
            return Err(HoursError(format!("'{text}' has a span that ends more than a day after it begins")));
        }
        Ok(Hours { parsed: parsed.with_context(locality.context()) })
    }

    /// The state at `now`.
    pub fn at(&self, now: UtcMicros) -> Opening {
        let locality = &self.parsed.get_context().locale;
        let Some(local) = locality.local(now) else { return Opening { is_open: None, until: None } };
        let is_open = self.is_open(local);
        let mut until = self.parsed.next_change(local);
        // Rules of one state may follow each other, with other comments.
        for _ in 0..MAX_RULES {
            match until {
                Some(next) if self.is_open(next) == is_open => until = self.parsed.next_change(next),
                _ => break,
            }
        }
        Opening { is_open, until: until.and_then(|t| locality.utc(t)) }
    }

    /// Whether it is open at `now`: the same as [`Hours::at`] has, without the search for the next change. `None`: undecided by
    /// the text.
    pub fn is_open_at(&self, now: UtcMicros) -> Option<bool> {
        self.is_open(self.parsed.get_context().locale.local(now)?)
    }

    /// The parts of the time from `from` to `until` in which it is open: where [`Hours::is_open_at`] has it so, also while
    /// clocks show a time twice. `None`: the text leaves a part of it undecided.
    pub fn open_between(&self, from: UtcMicros, until: UtcMicros) -> Option<Vec<[UtcMicros; 2]>> {
        let locality = &self.parsed.get_context().locale;
        let mut open: Vec<[UtcMicros; 2]> = Vec::new();
        let mut at = from;
        while at < until {
            let local = locality.local(at)?;
            let is_open = self.is_open(local)?;
            // Up to their next shift, clocks go as time does.
            let shift = locality.next_shift(at).unwrap_or(until);
            let change = self.parsed.next_change(local).map_or(until, |next| {
                UtcMicros::from_unix_s(at.0.div_euclid(MICROS_PER_S) + (next - local).num_seconds())
            });
            let end = until.min(shift).min(change);
            match open.last_mut() {
                Some(last) if is_open && last[1] == at => last[1] = end,
                _ if is_open => open.push([at, end]),
                _ => {}
            }
            at = end;
        }
        Some(open)
    }

    fn is_open(&self, local: NaiveDateTime) -> Option<bool> {
        match (self.parsed.is_open(local), self.parsed.is_closed(local)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// The same text with `unknown` before rules that consist of a comment.
fn unknown_by_comment(text: &str) -> String {
    let mut is_quoted = false;
    let rules = text.split_inclusive(|c| {
        is_quoted ^= c == '"';
        !is_quoted && matches!(c, ';' | '|')
    });
    let rewritten = rules.map(|rule| {
        let body = rule.strip_suffix([';', '|']).unwrap_or(rule);
        let comment = body.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match comment.is_some_and(|comment| !comment.contains('"')) {
            true => format!(" unknown {}{}", body.trim(), &rule[body.len()..]),
            false => rule.to_owned(),
        }
    });
    rewritten.collect()
}

/// Holidays on certain weekdays only, such as `PH Su`: a holiday and the weekdays after it.
pub fn holiday_on_weekdays(text: &str) -> Option<(&str, &str)> {
    const WEEKDAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let holiday = pair[0].rsplit([',', ';']).next().filter(|word| matches!(*word, "PH" | "SH"))?;
        let weekdays = pair[1].trim_end_matches(';');
        weekdays.get(..2).is_some_and(|first| WEEKDAYS.contains(&first)).then_some((holiday, weekdays))
    })
}

/// `PH Su` is a holiday that falls on a Sunday, which the parser takes for holidays and Sundays: the text
/// without such weekdays, and the weekdays. `None` where there are none, or a text names holidays in
/// several ways.
fn only_on_weekdays(text: &str) -> Option<(String, OpeningHours)> {
    let (holiday, weekdays) = holiday_on_weekdays(text)?;
    let pair = format!("{holiday} {weekdays}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = |what: &str| text.matches(what).count();
    let is_only_so = named(&pair) == named("PH") + named("SH");
    is_only_so.then(|| Some((text.replace(&pair, holiday), weekdays.parse().ok()?)))?
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::calendar::{CalendarDay, MarkedKind};
    use crate::geo::LatLon;

    fn berlin() -> Locality {
        Locality::new("Europe/Berlin", "11000000", [])
    }

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).unwrap()
    }

    #[test]
    fn hours_are_the_towns_own() {
        let hours = Hours::parse("Mo-Sa 07:00-20:00; PH off", &berlin()).unwrap();
        let monday_morning = hours.at(at("2026-11-23T06:30:00Z"));
        assert_eq!(monday_morning.is_open, Some(true));
        assert_eq!(monday_morning.until, Some(at("2026-11-23T19:00:00Z")));
        let in_summer = hours.at(at("2026-07-20T05:30:00Z"));
        assert_eq!(in_summer.is_open, Some(true));
        assert_eq!(in_summer.until, Some(at("2026-07-20T18:00:00Z")));
    }

    #[test]
    fn a_closure_overrides_the_hours() {
        let hours = Hours::parse("Mo-Sa 07:00-20:00", &berlin()).unwrap();
        let closed = Spans::union([
            (at("2026-11-23T09:00:00Z"), at("2026-11-23T11:00:00Z")),
            (at("2026-11-24T05:00:00Z"), at("2026-11-24T07:00:00Z")),
            (at("2026-11-26T00:00:00Z"), NEVER),
        ]);
        for (now, is_open, until) in [
            ("2026-11-23T08:00:00Z", true, Some("2026-11-23T09:00:00Z")),
            ("2026-11-23T09:00:00Z", false, Some("2026-11-23T11:00:00Z")),
            ("2026-11-23T11:00:00Z", true, Some("2026-11-23T19:00:00Z")),
            // In the night, over a closure that reaches into the hours.
            ("2026-11-23T20:00:00Z", false, Some("2026-11-24T07:00:00Z")),
            ("2026-11-24T06:30:00Z", false, Some("2026-11-24T07:00:00Z")),
            // In the last evening there is no opening any more.
            ("2026-11-25T20:00:00Z", false, None),
            ("2027-06-01T10:00:00Z", false, None),
        ] {
            let expected = Opening { is_open: Some(is_open), until: until.map(at) };
            assert_eq!(Opening::of(Some(&hours), &closed, at(now)), expected, "{now}");
        }
        let always = Opening::of(None, &closed, at("2026-11-23T12:00:00Z"));
        assert_eq!(always, Opening { is_open: Some(true), until: Some(at("2026-11-24T05:00:00Z")) });
    }

    #[test]
    fn german_holidays_are_known() {
        let hours = Hours::parse("Mo-Sa 07:00-20:00; PH off", &berlin()).unwrap();
        assert_eq!(hours.at(at("2026-12-25T10:00:00Z")).is_open, Some(false));
    }

    #[test]
    fn another_comment_is_no_change() {
        let until = |text: &str, now| Hours::parse(text, &berlin()).unwrap().at(at(now)).until;
        let friday = "2026-11-27T20:54:00Z";
        let two = "Fr 20:00-24:00 open \"a\"; Sa 00:00-24:00 open \"b\"";
        assert_eq!(until(two, friday), Some(at("2026-11-28T23:00:00Z")));
        let closed = "Mo-Fr 08:00-18:00 open \"nur mit Karte\"; Sa,Su,PH closed \"zu\"";
        assert_eq!(until(closed, friday), Some(at("2026-11-30T07:00:00Z")));
    }

    #[test]
    fn round_the_clock_never_changes() {
        for text in ["24/7", "Mo-Su 00:00-24:00", "Mo-Su,PH 00:00-24:00", "Jan-Dec", "00:00-24:00; PH open"] {
            let opening = Hours::parse(text, &berlin()).unwrap().at(at("2026-11-23T06:30:00Z"));
            assert_eq!(opening, Opening::ALWAYS, "{text}");
        }
        let yearly = Hours::parse("Dec 24 10:00-14:00", &berlin()).unwrap();
        assert_eq!(yearly.at(at("2026-12-24T14:00:00Z")).until, Some(at("2027-12-24T09:00:00Z")));
    }

    #[test]
    fn spans_beyond_the_parsers_clock_are_refused() {
        let sunny = berlin().at(LatLon { lat: 52.5, lon: 13.4 });
        for text in [
            "(sunrise+20:30)-26:00",
            "26:00-25:00",
            "(sunset+06:00)-(sunrise+13:00)",
            "(dusk+13:00)-(dusk+13:00)",
        ] {
            for locality in [&berlin(), &sunny] {
                assert!(Hours::parse(text, locality).is_err(), "{text}");
            }
        }
        for text in [
            "sunset-(dusk+02:00)",
            "(sunset+01:00)-(sunrise+01:00)",
            "22:00-26:00",
            "sunrise-26:00",
            "20:00-02:00",
            "(sunset-01:00)-(sunset+03:00)",
        ] {
            for locality in [&berlin(), &sunny] {
                let hours = Hours::parse(text, locality).unwrap();
                let mut day = at("2026-01-01T12:00:00Z");
                for _ in 0..366 {
                    assert!(hours.at(day).until.is_some(), "{text}");
                    day = day.plus_s(86_400);
                }
            }
        }
    }

    fn is_open(text: &str, locality: &Locality, at_utc: &str) -> Option<bool> {
        Hours::parse(text, locality).unwrap().at(at(at_utc)).is_open
    }

    #[test]
    fn the_land_the_town_and_its_schools_have_their_own_holidays() {
        let day = |kind, from, until| CalendarDay {
            municipality: "coesfeld".into(),
            date: from,
            until,
            kind,
            name: "x".into(),
        };
        let fair = day(MarkedKind::Holiday, date(2026, 9, 7), date(2026, 9, 7));
        let autumn = day(MarkedKind::SchoolHoliday, date(2026, 10, 17), date(2026, 10, 31));
        let nrw = Locality::new("Europe/Berlin", "05558012", [&fair, &autumn]);
        for (day, open_in_nrw, open_in_berlin) in [
            ("2026-06-04", false, true), // Corpus Christi
            ("2026-11-01", false, true), // All Saints
            ("2026-10-31", true, true),
            ("2026-09-07", false, true), // the town's own
            ("2026-03-08", true, false), // International Women's Day
            ("2026-12-25", false, false),
        ] {
            let noon = format!("{day}T11:00:00Z");
            assert_eq!(is_open("24/7; PH off", &nrw, &noon), Some(open_in_nrw), "{day}");
            assert_eq!(is_open("24/7; PH off", &berlin(), &noon), Some(open_in_berlin), "{day}");
        }
        let at_school = |day: &str| is_open("Mo-Fr 08:00-16:00; SH off", &nrw, &format!("{day}T10:00:00Z"));
        assert_eq!([at_school("2026-10-16"), at_school("2026-10-19")], [Some(true), Some(false)]);
    }

    #[test]
    fn a_holiday_with_a_weekday_is_one_that_falls_on_it() {
        let nrw = Locality::new("Europe/Berlin", "05558012", []);
        let text = "Mo-Su 07:00-19:00; PH Su off";
        // Christmas is a Friday, All Saints a Sunday, the third day no holiday.
        let days = ["2026-12-25", "2026-11-01", "2026-11-08"];
        let open =
            |text: &str| days.map(|day| is_open(text, &nrw, &format!("{day}T09:00:00Z")) == Some(true));
        assert_eq!(open(text), [true, false, true]);
        assert_eq!(open("Mo-Su 07:00-19:00; PH,Su off"), [false, false, false]);
        assert_eq!(open("Mo-Su 07:00-19:00; PH Mo-Fr off"), [false, true, true]);
        assert_eq!(holiday_on_weekdays(text), Some(("PH", "Su")));
        assert_eq!(holiday_on_weekdays("Mo-Sa 07:00-19:00; PH,Su off"), None);
    }

    #[test]
    fn the_sun_is_that_of_the_place() {
        let there = |lat, lon| berlin().at(LatLon { lat, lon });
        let coesfeld = there(51.95, 7.16);
        assert_eq!(is_open("sunrise-sunset", &coesfeld, "2026-11-27T15:00:00Z"), Some(true));
        assert_eq!(is_open("sunrise-sunset", &coesfeld, "2026-11-27T16:00:00Z"), Some(false));
        assert_eq!(is_open("sunrise-sunset", &coesfeld, "2026-06-21T19:00:00Z"), Some(true));
        assert_eq!(is_open("sunrise-sunset", &there(52.5, 13.4), "2026-11-27T15:10:00Z"), Some(false));
    }

    #[test]
    fn a_comment_alone_says_neither() {
        for time in ["2026-11-27T03:00:00Z", "2026-11-27T11:00:00Z"] {
            assert_eq!(is_open("\"nach Vereinbarung\"", &berlin(), time), None);
        }
        let fallback = "Mo-Fr 08:00-18:00 || \"nach Vereinbarung; Tel. 1\"";
        assert_eq!(is_open(fallback, &berlin(), "2026-11-27T11:00:00Z"), Some(true));
        assert_eq!(is_open(fallback, &berlin(), "2026-11-28T19:00:00Z"), None);
        assert_eq!(is_open("open \"Klingel\"", &berlin(), "2026-11-27T19:00:00Z"), Some(true));
    }
}
