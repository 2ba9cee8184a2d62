//! The context of opening hours: the town's time zone, holidays and sun times.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use compact_calendar::CompactCalendar;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use opening_hours::localization::{Coordinates, Country, Localize, NoLocation};
use opening_hours::{Context, ContextHolidays};
use opening_hours_syntax::rules::time::TimeEvent;

use crate::calendar::{CalendarDay, MarkedKind};
use crate::geo::LatLon;
use crate::holidays::Land;
use crate::opening_span::is_morning;
use crate::time::UtcMicros;

/// Holidays of a Land are computed for these years; beyond them a holiday is an ordinary day.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2060;

/// A state that lasts longer than so many days is taken to last for ever: a rule of every day has no
/// end, and looking for one day by day can take minutes. Yearly rules are found.
const FOLLOWED_DAYS: i64 = 400;

/// See the module's description. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Locality {
    tz: TimeZone,
    coordinates: Option<Coordinates>,
    holidays: ContextHolidays,
}

impl Locality {
    /// Of a town by its IANA zone (UTC when unknown) and official key, with what its calendar adds:
    /// holidays of its own, and school holidays. Without a Land the holidays of all Germany hold.
    pub fn new<'a>(tz: &str, ags: &str, calendar: impl IntoIterator<Item = &'a CalendarDay>) -> Self {
        let mut public =
            Land::of_ags(ags).map_or_else(|| Country::DE.holidays().get_public().clone(), of_land);
        let mut school = CompactCalendar::default();
        for day in calendar {
            let days = match day.kind {
                MarkedKind::Holiday => &mut public,
                MarkedKind::SchoolHoliday => &mut school,
                MarkedKind::Market | MarkedKind::Event => continue,
            };
            for date in day.date.series(1.day()).take_while(|date| *date <= day.until) {
                insert(days, date);
            }
        }
        Locality {
            tz: TimeZone::get(tz).unwrap_or(TimeZone::UTC),
            coordinates: None,
            holidays: ContextHolidays::new(Arc::new(public), Arc::new(school)),
        }
    }

    /// The same with the sun as seen at `position`. Without a position it rises at seven and sets at
    /// nineteen.
    #[must_use]
    pub fn at(&self, position: LatLon) -> Self {
        Locality { coordinates: Coordinates::new(position.lat, position.lon), ..self.clone() }
    }

    /// The same with only such holidays as fall on certain days.
    #[must_use]
    pub(crate) fn with_holidays_on(&self, is_one: impl Fn(NaiveDateTime) -> bool) -> Self {
        let kept = |days: &CompactCalendar| {
            let mut kept = CompactCalendar::default();
            for date in days.iter().filter(|date| is_one(date.and_time(NaiveTime::MIN))) {
                kept.insert(date);
            }
            Arc::new(kept)
        };
        let (public, school) = (kept(self.holidays.get_public()), kept(self.holidays.get_school()));
        Locality { holidays: ContextHolidays::new(public, school), ..self.clone() }
    }

    /// The zone of its clocks.
    pub fn time_zone(&self) -> &TimeZone {
        &self.tz
    }

    pub(crate) fn context(&self) -> Context<Self> {
        Context::default()
            .with_holidays(self.holidays.clone())
            .with_locale(self.clone())
            .approx_bound_interval_size(TimeDelta::days(FOLLOWED_DAYS))
    }

    /// What clocks show at a moment.
    pub(crate) fn local(&self, at: UtcMicros) -> Option<NaiveDateTime> {
        let timestamp = at.timestamp();
        let offset_s = i64::from(self.tz.to_offset(timestamp).seconds());
        DateTime::from_timestamp(timestamp.as_second() + offset_s, 0).map(|t| t.naive_utc())
    }

    /// When clocks are next put forward or back after a moment.
    pub(crate) fn next_shift(&self, at: UtcMicros) -> Option<UtcMicros> {
        self.tz.following(at.timestamp()).next().map(|shift| shift.timestamp().into())
    }

    /// Whether it is a public holiday.
    pub(crate) fn is_holiday(&self, date: NaiveDate) -> bool {
        self.holidays.get_public().contains(date)
    }

    /// When clocks show a time: the earlier moment of two, and after a gap as long as it.
    pub(crate) fn utc(&self, local: NaiveDateTime) -> Option<UtcMicros> {
        let text = local.format("%Y-%m-%dT%H:%M:%S").to_string();
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(self.tz.to_ambiguous_timestamp(civil).compatible().ok()?.into())
    }
}

/// UTC, with the holidays of all Germany: for texts of which only the form is of interest.
impl Default for Locality {
    fn default() -> Self {
        Locality::new("UTC", "", [])
    }
}

impl Localize for Locality {
    /// What clocks show: moments are translated outside.
    type DateTime = NaiveDateTime;

    fn naive(&self, local: NaiveDateTime) -> NaiveDateTime {
        local
    }

    fn datetime(&self, local: NaiveDateTime) -> NaiveDateTime {
        local
    }

    /// The sun rises in the first half of the day and sets in the second, wherever a town says it lies.
    fn event_time(&self, date: NaiveDate, event: TimeEvent) -> Option<NaiveTime> {
        const NOON: NaiveTime = NaiveTime::from_hms_opt(12, 0, 0).unwrap();
        const BEFORE_NOON: NaiveTime = NaiveTime::from_hms_opt(11, 59, 0).unwrap();
        let Some(coordinates) = self.coordinates else { return NoLocation.event_time(date, event) };
        let at = coordinates.event_time(date, event)?;
        let at = self.local(UtcMicros(at.timestamp_micros()))?.time();
        Some(if is_morning(event) { at.min(BEFORE_NOON) } else { at.max(NOON) })
    }
}

fn of_land(land: Land) -> CompactCalendar {
    let mut days = CompactCalendar::default();
    for day in YEARS.flat_map(|year| land.holidays(year)) {
        insert(&mut days, day);
    }
    days
}

fn insert(days: &mut CompactCalendar, day: Date) {
    let (year, month, of_month) = (day.year(), day.month().unsigned_abs(), day.day().unsigned_abs());
    if let Some(date) = NaiveDate::from_ymd_opt(year.into(), month.into(), of_month.into()) {
        days.insert(date);
    }
}
