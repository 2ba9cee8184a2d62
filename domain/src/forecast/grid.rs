//! The forecast's time grid: quarter-hours since 1970, and their slot in a town's week.

use std::collections::VecDeque;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::holidays::Land;
use crate::time::{MICROS_PER_S, UtcMicros};

/// Seconds of a step: a quarter of an hour, which every zone's offset is a multiple of.
pub const STEP_S: i64 = 900;
/// Steps of a day of 24 hours.
pub const DAY: i64 = 96;
/// Steps of a week.
pub const WEEK: i64 = 672;
/// The farthest that one looks ahead, seconds: beyond a week the usual week is no better than nothing.
pub const FURTHEST_S: i64 = WEEK * STEP_S;

const STEP_MICROS: i64 = STEP_S * MICROS_PER_S;

/// The last step at or before `at`.
pub(crate) fn step_of(at: UtcMicros) -> i64 {
    at.0.div_euclid(STEP_MICROS)
}

/// `at` in steps, with its fraction.
pub(crate) fn steps(at: UtcMicros) -> f64 {
    at.0 as f64 / STEP_MICROS as f64
}

/// The instant of `step`. Saturates.
pub fn instant(step: i64) -> UtcMicros {
    UtcMicros(step.saturating_mul(STEP_MICROS))
}

/// A quarter-hour of the local week, 0 = Monday 0:00; public holidays count as Sundays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot(u16);

impl Slot {
    /// Where the slot stands in a table of [`WEEK`] entries.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The local hour, 0-23.
    pub fn hour(self) -> usize {
        self.index() / 4 % 24
    }
}

/// A town's clock and holidays.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "CalendarName", into = "CalendarName")]
pub struct Calendar {
    name: CalendarName,
    tz: TimeZone,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct CalendarName {
    tz: String,
    land: Option<Land>,
    /// First and last day of what the town adds to the Land's holidays.
    own_holidays: Vec<(Date, Date)>,
}

impl From<CalendarName> for Calendar {
    fn from(name: CalendarName) -> Self {
        let tz = TimeZone::get(&name.tz).unwrap_or(TimeZone::UTC);
        Calendar { name, tz }
    }
}

impl From<Calendar> for CalendarName {
    fn from(calendar: Calendar) -> Self {
        calendar.name
    }
}

impl Calendar {
    /// `tz`: an IANA name, UTC when unknown; `land`: whose holidays hold, none without.
    pub fn new(tz: &str, land: Option<Land>) -> Self {
        CalendarName { tz: tz.to_owned(), land, own_holidays: Vec::new() }.into()
    }

    /// With holidays of the town's own: from the first to the last day of each.
    pub fn with_holidays(mut self, spans: impl IntoIterator<Item = (Date, Date)>) -> Self {
        self.name.own_holidays = spans.into_iter().collect();
        self
    }

    fn is_holiday(&self, day: Date) -> bool {
        self.name.land.is_some_and(|land| land.is_holiday(day))
            || self.name.own_holidays.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }

    /// Whether it is between 7:00 and 20:00 of the local day at `at`: at night little changes and few
    /// look, so only forecasts for these hours are scored.
    pub fn is_scored(&self, at: UtcMicros) -> bool {
        (7..20).contains(&self.tz.to_datetime(at.timestamp()).hour())
    }

    /// The local quarter-hour of the week at `step`.
    pub fn slot(&self, step: i64) -> Slot {
        let local = self.tz.to_datetime(instant(step).timestamp());
        let day = match self.is_holiday(local.date()) {
            true => 6,
            false => local.weekday().to_monday_zero_offset(),
        };
        let quarter = i64::from(local.hour()) * 4 + i64::from(local.minute()) / 15;
        Slot((i64::from(day) * DAY + quarter) as u16)
    }
}

/// The slots around the present, computed once each.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Slots {
    calendar: Calendar,
    first: i64,
    known: VecDeque<Slot>,
}

/// Steps kept before and after the present: what the features look at.
const BEFORE: i64 = 2 * WEEK + 2 * DAY;
const AFTER: i64 = WEEK + DAY;

impl Slots {
    pub(crate) fn new(calendar: Calendar) -> Self {
        Slots { calendar, first: 0, known: VecDeque::new() }
    }

    /// Moves the window to `present`.
    pub(crate) fn advance(&mut self, present: i64) {
        let (first, end) = (present - BEFORE, present + AFTER);
        if first < self.first || first > self.first + self.known.len() as i64 {
            self.known.clear();
            self.first = first;
        }
        while self.first < first && self.known.pop_front().is_some() {
            self.first += 1;
        }
        for step in self.first + self.known.len() as i64..end {
            self.known.push_back(self.calendar.slot(step));
        }
    }

    pub(crate) fn slot(&self, step: i64) -> Slot {
        let known = usize::try_from(step - self.first).ok().and_then(|i| self.known.get(i));
        known.copied().unwrap_or_else(|| self.calendar.slot(step))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn slot(text: &str) -> Slot {
        Calendar::new("Europe/Berlin", Some(Land::Nw)).slot(step_of(UtcMicros::parse(text).unwrap()))
    }

    #[test]
    fn slots_are_local_and_holidays_are_sundays() {
        assert_eq!(slot("2024-01-15T07:30:00Z"), Slot(34), "Monday 8:30 in winter");
        assert_eq!(slot("2024-07-15T06:30:00Z"), Slot(34), "Monday 8:30 in summer");
        assert_eq!(slot("2024-05-01T06:30:00Z"), Slot(6 * 96 + 34), "first of May");
    }

    #[test]
    fn a_towns_own_holidays_count_as_sundays() {
        let fair = (date(2026, 9, 14), date(2026, 9, 15));
        let calendar = Calendar::new("Europe/Berlin", Some(Land::Nw)).with_holidays([fair]);
        let weekend = |text: &str| calendar.slot(step_of(UtcMicros::parse(text).unwrap())).index() >= 5 * 96;
        assert!(weekend("2026-09-15T10:00:00Z") && !weekend("2026-09-16T10:00:00Z"));
    }

    #[test]
    fn the_table_says_what_the_calendar_says() {
        let calendar = Calendar::new("Europe/Berlin", Some(Land::Nw));
        let mut slots = Slots::new(calendar.clone());
        for present in [1_900_000, 1_900_001, 1_900_700, 1_000_000, 2_000_000] {
            slots.advance(present);
            for step in [present - 3000, present - BEFORE, present, present + AFTER - 1, present + 5000] {
                assert_eq!(slots.slot(step), calendar.slot(step));
            }
        }
    }
}
