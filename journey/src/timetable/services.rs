//! Service days of trips.

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

/// A day as days since 1970-01-01.
pub type Day = i32;

const EPOCH: Date = date(1970, 1, 1);

/// The number of a date.
pub fn day_of(date: Date) -> Day {
    // `Date` spans less than 20,000 years, so days fit.
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

/// The date with this number, if a `Date` can hold it.
pub fn date_of(day: Day) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(day).ok()?).ok()
}

/// A GTFS date, `YYYYMMDD`.
pub fn parse_day(text: &str) -> Option<Day> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u32 = text.parse().ok()?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    Date::new(year as i16, month as i8, day as i8).ok().map(day_of)
}

/// A weekly rule with exceptions; no list of days, so its size does not depend on its span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Bit 0 = Monday.
    pub weekdays: u8,
    /// First day of the weekly rule.
    pub from: Day,
    /// Last day of the weekly rule.
    pub until: Day,
    /// Days on which it runs (`true`) or not whatever the rule says; sorted by day.
    exceptions: Vec<(Day, bool)>,
}

impl Service {
    /// A service that runs on `weekdays` between two days, both included.
    pub fn weekly(weekdays: u8, from: Day, until: Day) -> Self {
        Service { weekdays, from, until, exceptions: Vec::new() }
    }

    /// Adds an exception; of several for one day the last holds.
    pub fn except(&mut self, day: Day, runs: bool) {
        match self.exceptions.binary_search_by_key(&day, |e| e.0) {
            Ok(at) => self.exceptions[at].1 = runs,
            Err(at) => self.exceptions.insert(at, (day, runs)),
        }
    }

    /// Whether it runs on `day`.
    pub fn runs_on(&self, day: Day) -> bool {
        match self.exceptions.binary_search_by_key(&day, |e| e.0) {
            Ok(at) => self.exceptions[at].1,
            Err(_) => (self.from..=self.until).contains(&day) && self.weekdays >> weekday(day) & 1 == 1,
        }
    }

    /// First and last day on which it may run; `None` when it never does.
    pub fn span(&self) -> Option<(Day, Day)> {
        let weekly = (self.weekdays != 0 && self.from <= self.until).then_some((self.from, self.until));
        let added = self.exceptions.iter().filter(|e| e.1).map(|e| (e.0, e.0));
        weekly.into_iter().chain(added).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

/// First and last day on which any of `services` may run; `None` when none ever does.
pub(super) fn span_of(services: &[Service]) -> Option<(Day, Day)> {
    services.iter().filter_map(Service::span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// 0 = Monday. 1970-01-01 was a Thursday.
fn weekday(day: Day) -> i32 {
    (day + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_by_week_and_exception() {
        let monday = parse_day("20261123").unwrap();
        let mut service = Service::weekly(0b0000_0001, monday, monday + 21);
        assert!(service.runs_on(monday) && service.runs_on(monday + 21));
        assert!(
            !service.runs_on(monday + 1) && !service.runs_on(monday - 7) && !service.runs_on(monday + 28)
        );
        service.except(monday, false);
        service.except(monday + 1, true);
        assert!(!service.runs_on(monday) && service.runs_on(monday + 1));
    }

    #[test]
    fn exceptions_alone_make_a_service() {
        let mut service = Service::default();
        assert_eq!(service.span(), None);
        service.except(5, true);
        service.except(2, true);
        service.except(9, false);
        assert_eq!(service.span(), Some((2, 5)));
        assert!(service.runs_on(2) && !service.runs_on(3) && !service.runs_on(9));
    }

    #[test]
    fn reads_only_whole_dates() {
        assert_eq!(parse_day("19700102"), Some(1));
        assert_eq!(date_of(1), Some(date(1970, 1, 2)));
        for bad in ["", "2026112", "20261301", "20260230", "+2026112", "2026-11-2"] {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
    }
}
