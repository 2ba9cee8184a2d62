//! Two clocks: real instants for what is sent, the county's own clock of day for what people do.

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};

use crate::random::hash;

pub(crate) const US_PER_S: i64 = 1_000_000;
const US_PER_HOUR: i64 = 3_600 * US_PER_S;
const US_PER_DAY: i64 = 24 * US_PER_HOUR;
/// Days from one holiday to the next, on average.
const HOLIDAY_EVERY: u64 = 25;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A moment of the week on the county's own clock.
///
/// ```
/// # use sensor_sim::StartClock;
/// let busy: StartClock = "tue 10:30".parse().unwrap();
/// assert_eq!(busy, StartClock::BUSY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartClock {
    pub weekday: Weekday,
    /// Minutes since midnight, below 1440.
    pub minute_of_day: u16,
}

impl StartClock {
    /// Tuesday, half past ten: the shops are open, the commuters have arrived.
    pub const BUSY: StartClock = StartClock { weekday: Weekday::Tuesday, minute_of_day: 10 * 60 + 30 };

    /// What the clocks of `tz` (IANA name; unknown = UTC) show at `now`.
    pub fn real(now: Timestamp, tz: &str) -> Self {
        let local = now.to_zoned_datetime(zone(tz));
        let minute_of_day = local.hour() as u16 * 60 + local.minute() as u16;
        StartClock { weekday: local.weekday(), minute_of_day }
    }
}

/// The zone by its name; a machine without zone data gets UTC.
pub(crate) fn zone(tz: &str) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(tz).unwrap_or(jiff::tz::TimeZone::UTC)
}

/// Not a day and time such as `tue 10:30`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a day and time; write for example 'tue 10:30'")]
pub struct NotAStartClock(String);

impl std::str::FromStr for StartClock {
    type Err = NotAStartClock;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (day, time) = text.trim().split_once(' ')?;
            let number = WEEKDAYS.iter().position(|name| day.eq_ignore_ascii_case(name))?;
            let weekday = Weekday::from_monday_zero_offset(number as i8).ok()?;
            let (hour, minute) = time.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(StartClock { weekday, minute_of_day: hour * 60 + minute })
        };
        parse().ok_or_else(|| NotAStartClock(text.to_owned()))
    }
}

/// An hour of the week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LocalTime {
    /// 0 = Monday.
    pub(crate) weekday: u8,
    /// 10.5 = half past ten.
    pub(crate) hour: f64,
}

/// The county's clock of day.
pub(crate) trait LocalClock {
    /// What it shows after so many microseconds of the world's time.
    fn local(&self, elapsed_us: i64) -> LocalTime;
}

/// Turns the world's own time (microseconds since its start) into instants and hours of the week.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorldClock {
    pub(crate) start_utc: Timestamp,
    /// Microseconds since Monday 00:00 on the county's clock at the start.
    start_of_week_us: i64,
    speed: f64,
    /// Of the days on which people behave as on a Sunday; `None`: there are none.
    holidays: Option<u64>,
}

impl WorldClock {
    pub(crate) fn new(start_utc: Timestamp, start: StartClock, speed: f64) -> Self {
        let days = i64::from(start.weekday.to_monday_zero_offset());
        let minutes = days * 24 * 60 + i64::from(start.minute_of_day);
        // The seconds of both clocks agree, so that whole minutes on one are whole on the other.
        let past_minute = start_utc.as_microsecond().rem_euclid(60 * US_PER_S);
        Self { start_utc, start_of_week_us: minutes * 60 * US_PER_S + past_minute, speed, holidays: None }
    }

    /// With some days, drawn by `seed`, on which people behave as on a Sunday.
    pub(crate) fn with_holidays(self, seed: u64) -> Self {
        Self { holidays: Some(seed), ..self }
    }

    /// The real instant after `elapsed_us` of the world's time.
    pub(crate) fn utc(&self, elapsed_us: i64) -> Timestamp {
        let real_us = if self.speed == 1.0 { elapsed_us } else { (elapsed_us as f64 / self.speed) as i64 };
        let us = self.start_utc.as_microsecond().saturating_add(real_us);
        Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX)
    }

    /// What that clock shows after `elapsed_us` of the world's time (the reverse of [`WorldClock::elapsed_at_wall`]).
    pub(crate) fn wall(&self, elapsed_us: i64) -> Timestamp {
        later(self.start_utc, SignedDuration::from_micros(elapsed_us))
    }

    /// The world's time at which a clock shows `at` that runs as fast as the world and was right at its start: the clock
    /// of timetables.
    pub(crate) fn elapsed_at_wall(&self, at: Timestamp) -> i64 {
        at.as_microsecond() - self.start_utc.as_microsecond()
    }
}

impl LocalClock for WorldClock {
    fn local(&self, elapsed_us: i64) -> LocalTime {
        let since_monday_us = self.start_of_week_us + elapsed_us;
        let local = of_week(since_monday_us);
        let day = since_monday_us.div_euclid(US_PER_DAY) as u64;
        let is_holiday =
            self.holidays.is_some_and(|seed| hash(seed, "holiday", day).is_multiple_of(HOLIDAY_EVERY));
        if is_holiday { LocalTime { weekday: 6, ..local } } else { local }
    }
}

/// So long after some Monday's midnight.
fn of_week(since_monday_us: i64) -> LocalTime {
    let us = since_monday_us.rem_euclid(7 * US_PER_DAY);
    LocalTime { weekday: (us / US_PER_DAY) as u8, hour: (us % US_PER_DAY) as f64 / US_PER_HOUR as f64 }
}

/// A zone's clock on the wall, through summer and winter.
#[derive(Debug, Clone)]
pub(crate) struct ZoneClock {
    /// Since Monday, 29 December 1969.
    start_us: i64,
    /// Offsets from UTC with the elapsed time from which they hold; ascending.
    offsets_us: Vec<(i64, i64)>,
}

impl ZoneClock {
    /// Of `tz` from `start` to `end`.
    pub(crate) fn new(tz: &jiff::tz::TimeZone, start: Timestamp, end: Timestamp) -> Self {
        let us = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * US_PER_S;
        let changes = tz.following(start).take_while(|change| change.timestamp() < end);
        let changes =
            changes.map(|c| (c.timestamp().as_microsecond() - start.as_microsecond(), us(c.offset())));
        let offsets_us = std::iter::once((i64::MIN, us(tz.to_offset(start)))).chain(changes).collect();
        Self { start_us: start.as_microsecond() + 3 * US_PER_DAY, offsets_us }
    }
}

impl LocalClock for ZoneClock {
    fn local(&self, elapsed_us: i64) -> LocalTime {
        let after = self.offsets_us.partition_point(|(from, _)| *from <= elapsed_us);
        of_week(self.start_us + elapsed_us + self.offsets_us[after.saturating_sub(1)].1)
    }
}

/// So long after `at`; `at` itself at the very end of all time.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

/// Seconds as microseconds of the world's time.
pub(crate) fn us(seconds: f64) -> i64 {
    (seconds * US_PER_S as f64) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_county_has_its_own_clock_of_day() {
        let start: Timestamp = "2026-11-22T03:14:27.5Z".parse().unwrap();
        let clock = WorldClock::new(start, StartClock::BUSY, 1.0);
        let LocalTime { weekday, hour } = clock.local(0);
        assert_eq!((weekday, (hour * 3600.0).round()), (1, 10.0 * 3600.0 + 1800.0 + 28.0));
        assert_eq!(clock.local(us(14.0 * 3600.0)).weekday, 2);
        assert_eq!(clock.utc(us(60.0)).to_string(), "2026-11-22T03:15:27.5Z");
        assert_eq!(clock.elapsed_at_wall(later(start, SignedDuration::from_secs(5))), us(5.0));
    }

    #[test]
    fn speed_shortens_real_time_only() {
        let start: Timestamp = "2026-11-22T03:14:00Z".parse().unwrap();
        let clock = WorldClock::new(start, StartClock::BUSY, 10.0);
        assert_eq!(clock.utc(us(600.0)).to_string(), "2026-11-22T03:15:00Z");
        assert_eq!((clock.local(us(600.0)).hour * 60.0).round(), 640.0);
    }

    #[test]
    fn a_zones_clock_knows_summer_and_winter() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (start, end) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        let clock = ZoneClock::new(&zone("Europe/Berlin"), start, end);
        for (utc, (weekday, hour)) in [
            ("2026-01-01T00:00:00Z", (3, 1.0)),
            ("2026-03-29T00:30:00Z", (6, 1.5)),
            ("2026-03-29T01:30:00Z", (6, 3.5)),
            ("2026-07-31T22:30:00Z", (5, 0.5)),
            ("2026-12-31T12:00:00Z", (3, 13.0)),
        ] {
            let elapsed_us = at(utc).as_microsecond() - start.as_microsecond();
            assert_eq!(clock.local(elapsed_us), LocalTime { weekday, hour }, "{utc}");
        }
    }

    #[test]
    fn start_clocks_are_read_or_refused() {
        assert_eq!("Sun 23:59".parse::<StartClock>().unwrap().minute_of_day, 1439);
        for wrong in ["", "tue", "tue 24:00", "di 10:30", "tue 10:60"] {
            let error = wrong.parse::<StartClock>().unwrap_err().to_string();
            assert!(error.contains("tue 10:30"), "{error}");
        }
    }
}
