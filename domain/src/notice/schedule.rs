//! Quiet hours and the time of the daily notice, by the clock of the town.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::UtcMicros;

/// When the daily notice comes where the rule does not say.
const DAILY_AT: DayTime = DayTime(Time::constant(8, 0, 0, 0));

/// A time of day to the minute, written `07:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayTime(Time);

/// The hours in which notices are held back, written `22:00-06:00`. They may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: DayTime,
    until: DayTime,
}

/// A text is no time of day, or no span of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// It is no time of day.
    #[error("is no time of day such as 07:30")]
    NoTime,
    /// It is no span of hours.
    #[error("is no span of hours such as 22:00-06:00")]
    NoSpan,
    /// They begin when they end.
    #[error("begin and end at the same time")]
    Empty,
}

impl FromStr for DayTime {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let (hour, minute) = text.split_once(':').ok_or(BadTime::NoTime)?;
        let number = |text: &str| {
            let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| text.parse::<i8>().ok()).flatten().ok_or(BadTime::NoTime)
        };
        if minute.len() != 2 {
            return Err(BadTime::NoTime);
        }
        Time::new(number(hour)?, number(minute)?, 0, 0).map(DayTime).map_err(|_| BadTime::NoTime)
    }
}

impl FromStr for QuietHours {
    type Err = BadTime;
    fn from_str(text: &str) -> Result<Self, BadTime> {
        let (from, until) = text.split_once('-').ok_or(BadTime::NoSpan)?;
        let time = |text: &str| text.trim().parse::<DayTime>().map_err(|_| BadTime::NoSpan);
        let (from, until) = (time(from)?, time(until)?);
        if from == until { Err(BadTime::Empty) } else { Ok(QuietHours { from, until }) }
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.until)
    }
}

/// Written as text everywhere.
macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}
as_text!(DayTime, QuietHours);

fn local(now: UtcMicros, tz: &TimeZone) -> DateTime {
    tz.to_datetime(now.timestamp())
}

/// When it is `at` on `day`. A time that the clock skips comes as much later, one that it shows twice is the first.
fn instant(day: Date, at: DayTime, tz: &TimeZone) -> Option<UtcMicros> {
    Some(tz.to_ambiguous_timestamp(day.to_datetime(at.0)).compatible().ok()?.into())
}

impl QuietHours {
    /// Whether `at` lies within them.
    pub fn contains(&self, at: DayTime) -> bool {
        if self.from < self.until {
            (self.from..self.until).contains(&at)
        } else {
            at >= self.from || at < self.until
        }
    }

    /// When they end, if `now` lies within them.
    pub fn end(&self, now: UtcMicros, tz: &TimeZone) -> Option<UtcMicros> {
        let here = local(now, tz);
        let at = DayTime(here.time());
        if !self.contains(at) {
            return None;
        }
        let day = if at < self.until { here.date() } else { here.date().tomorrow().ok()? };
        // An hour that comes twice is quiet once.
        instant(day, self.until, tz).filter(|end| *end > now)
    }
}

/// The newest day whose daily notice is due at `now`, where it comes at `at`.
pub fn due_day(at: Option<DayTime>, now: UtcMicros, tz: &TimeZone) -> Option<Date> {
    let today = local(now, tz).date();
    let has_come = instant(today, at.unwrap_or(DAILY_AT), tz)? <= now;
    if has_come { Some(today) } else { today.checked_sub(1.day()).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).unwrap()
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[test]
    fn quiet_hours_end_by_the_town_s_clock_also_when_it_changes() {
        let night: QuietHours = "22:00-06:00".parse().unwrap();
        let until_half_past: QuietHours = "22:00-02:30".parse().unwrap();
        for (hours, now, end) in [
            (night, "2026-11-28T21:30:00Z", Some("2026-11-29T05:00:00Z")),
            (night, "2026-11-28T20:59:59Z", None),
            (night, "2026-11-29T04:59:59Z", Some("2026-11-29T05:00:00Z")),
            (night, "2026-11-29T05:00:00Z", None),
            // The clock goes forward in this night, and back in the other.
            (night, "2026-03-28T21:30:00Z", Some("2026-03-29T04:00:00Z")),
            (night, "2026-10-24T20:30:00Z", Some("2026-10-25T05:00:00Z")),
            // 02:30 does not exist.
            (until_half_past, "2026-03-29T00:45:00Z", Some("2026-03-29T01:30:00Z")),
            // 02:30 comes twice; what was over does not begin again.
            (until_half_past, "2026-10-25T00:10:00Z", Some("2026-10-25T00:30:00Z")),
            (until_half_past, "2026-10-25T01:10:00Z", None),
        ] {
            assert_eq!(hours.end(at(now), &berlin()), end.map(at), "{hours} {now}");
        }
    }

    #[test]
    fn the_daily_notice_is_due_once_a_day_also_when_the_clock_changes() {
        let half_past_two = "02:30".parse().ok();
        for (time, now, day) in [
            (None, "2026-11-28T06:59:59Z", "2026-11-27"),
            (None, "2026-11-28T07:00:00Z", "2026-11-28"),
            (half_past_two, "2026-03-29T01:29:59Z", "2026-03-28"),
            (half_past_two, "2026-03-29T01:30:00Z", "2026-03-29"),
            (half_past_two, "2026-10-25T00:29:59Z", "2026-10-24"),
            (half_past_two, "2026-10-25T00:30:00Z", "2026-10-25"),
            (half_past_two, "2026-10-25T01:10:00Z", "2026-10-25"),
        ] {
            assert_eq!(due_day(time, at(now), &berlin()).unwrap().to_string(), day, "{now}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        for text in ["00:00", "07:30", "23:59"] {
            assert_eq!(text.parse::<DayTime>().unwrap().to_string(), text);
        }
        assert_eq!("7:05".parse::<DayTime>().unwrap().to_string(), "07:05");
        for text in ["24:00", "7", "07:5", "07:60", "-1:30", "", "+7:30", "07:30:00"] {
            assert_eq!(text.parse::<DayTime>(), Err(BadTime::NoTime), "{text}");
        }
        assert_eq!("22:00 - 06:00".parse::<QuietHours>().unwrap().to_string(), "22:00-06:00");
        assert_eq!("22:00-22:00".parse::<QuietHours>(), Err(BadTime::Empty));
        assert_eq!("22-6".parse::<QuietHours>(), Err(BadTime::NoSpan));
    }
}
