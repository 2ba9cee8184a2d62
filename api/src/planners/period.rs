//! The period of a planner's request: `from`, `to`, `days`, `hours`, in the town's zone.

use domain::UtcMicros;
use domain::day_kind::{DayKind, TownDays};
use domain::intervals::Span;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::http::params::Params;
use crate::http::problem::Problem;

/// The longest period, days: ten years.
const MAX_DAYS: i64 = 3_653;

const DAY_S: f64 = 86_400.0;

/// `from` and `to`, plain dates or instants: a plain date is the town's midnight with which it begins.
///
/// # Errors
/// 400: one is missing or cannot be read, or the period is empty or longer than ten years.
pub fn period(params: &Params<'_>, tz: &TimeZone) -> Result<Span, Problem> {
    let (from, until) = (instant(params, "from", tz)?, instant(params, "to", tz)?);
    let to = params.text("to").unwrap_or_default();
    if until <= from {
        return Err(Problem::empty_period(to, "a day is from=2026-11-23&to=2026-11-24"));
    }
    if until.seconds_since(from) > MAX_DAYS as f64 * DAY_S {
        return Err(Problem::bad_parameter("to", to, "The period is longer than ten years.")
            .remedy("Ask for ten years or less."));
    }
    Ok(Span { from, until })
}

/// The days in a period that are of any of `kinds`, `YYYY-MM-DD`.
pub fn dates(period: Span, tz: &TimeZone, town: &TownDays, kinds: &[DayKind]) -> Vec<String> {
    let date = |at: UtcMicros| tz.to_datetime(at.timestamp()).date();
    let last = date(period.until);
    let days = date(period.from).series(1.day()).take_while(|day| *day <= last);
    days.filter(|day| kinds.iter().any(|kind| town.is(*kind, *day))).map(|day| day.to_string()).collect()
}

fn instant(params: &Params<'_>, name: &str, tz: &TimeZone) -> Result<UtcMicros, Problem> {
    const REMEDY: &str = "Write a plain date, e.g. 2026-11-01 (the town's midnight with which it begins), or an instant of \
                          RFC 3339 with its zone, e.g. 2026-11-01T08:00:00Z or 2026-11-01T09:00:00%2B01:00.";
    let value = params.text(name).ok_or_else(|| Problem::missing_parameter(name, REMEDY))?;
    let wrong = || {
        let detail = format!("'{name}' is neither a day of the calendar nor an instant.");
        Problem::bad_parameter(name, value, detail).remedy(REMEDY)
    };
    // A date may be read out of an instant as well: only ten characters are a date.
    match value.parse::<Date>().ok().filter(|_| value.len() <= 10) {
        Some(date) => {
            let midnight = tz.to_timestamp(date.to_datetime(Time::midnight()));
            midnight.map(UtcMicros::from).map_err(|_| wrong())
        }
        None => params.time(name).ok().flatten().ok_or_else(wrong),
    }
}

/// `days=mo-fr,sa,so,holiday`; `None`: all.
///
/// # Errors
/// 400: there is no such kind of day.
pub fn days(params: &Params<'_>) -> Result<Option<Vec<DayKind>>, Problem> {
    params.list("days", &DayKind::choices())
}

/// `hours=09:00-18:00` as minutes of the town's day, `[from, until)`; the second may be the smaller:
/// over midnight. `None`: all.
///
/// # Errors
/// 400: it cannot be read.
pub fn hours(params: &Params<'_>) -> Result<Option<(i32, i32)>, Problem> {
    let read = |value: &str| {
        let (from, until) = value.split_once('-')?;
        Some((minute(from)?, minute(until)?)).filter(|(from, until)| from != until)
    };
    let remedy = "Write HH:MM-HH:MM, e.g. 09:00-18:00; over midnight 22:00-06:00.";
    params.read("hours", read, "a span of the day", remedy)
}

fn minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten();
    let (hour, minute) = (number(hour)?, number(minute)?);
    let of_day = hour * 60 + minute;
    (hour <= 24 && minute < 60 && of_day <= 24 * 60).then_some(of_day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::params::RawQuery;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn asked<T>(query: &str, read: impl Fn(&Params<'_>) -> Result<T, Problem>) -> Result<T, Problem> {
        let query = RawQuery::new(query);
        read(&query.params(&[&["from", "to", "days", "hours"]]).ok().unwrap())
    }

    fn bounds(query: &str) -> Result<(String, String), Problem> {
        asked(query, |params| period(params, &berlin())).map(|p| (p.from.to_string(), p.until.to_string()))
    }

    #[test]
    fn dates_are_the_towns_midnights() {
        let day = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(
            bounds("from=2026-11-22&to=2026-11-23").ok(),
            day("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z")
        );
        // The day on which clocks go forward has 23 hours.
        assert_eq!(
            bounds("from=2026-03-29&to=2026-03-30").ok(),
            day("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
        );
        assert_eq!(
            bounds("from=2026-11-22T10:00:00+01:00&to=2026-11-22T09:30:00Z").ok(),
            day("2026-11-22T09:00:00Z", "2026-11-22T09:30:00Z")
        );
    }

    #[test]
    fn invalid_periods_are_refused() {
        for query in [
            "to=2026-11-22",
            "from=2026-11-22",
            "from=2026-11-22&to=2026-11-22",
            "from=2026-13-01&to=2026-11-22",
            "from=2026-11-22T10:00:00&to=2026-11-23",
            "from=2010-01-01&to=2026-11-22",
            "from=today&to=2026-11-22",
        ] {
            let problem = serde_json::to_value(bounds(query).expect_err(query)).unwrap();
            assert!(problem["field"].is_string() && problem["remedy"].is_string(), "{query}: {problem}");
        }
    }

    #[test]
    fn whoever_writes_no_time_learns_both_ways_to_write_one() {
        for value in
            ["2026-13-01", "2026-11-22T10:00:00", "today", "22.11.2026", "1795435200", "2026-11-22 10:00"]
        {
            for query in [format!("from={value}&to=2027-01-01"), format!("from=2026-01-01&to={value}")] {
                let problem = serde_json::to_value(bounds(&query).expect_err(&query)).unwrap();
                let remedy = problem["remedy"].as_str().unwrap();
                assert!(remedy.contains("2026-11-01 (the town's midnight"), "{query}: {problem}");
                assert!(remedy.contains("2026-11-01T08:00:00Z"), "{query}: {problem}");
                assert_eq!(problem["value"], value, "{problem}");
            }
        }
    }

    #[test]
    fn hours_may_go_over_midnight() {
        let read = |query: &str| asked(query, hours);
        assert_eq!(read("").ok(), Some(None));
        assert_eq!(read("hours=09:00-18:30").ok(), Some(Some((540, 1110))));
        assert_eq!(read("hours=22:00-06:00").ok(), Some(Some((1320, 360))));
        assert_eq!(read("hours=00:00-24:00").ok(), Some(Some((0, 1440))));
        for wrong in
            ["9-18", "09:00", "09:00-09:00", "25:00-26:00", "09:60-10:00", "24:30-25:00", "%2B9:00-10:00"]
        {
            assert!(read(&format!("hours={wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_are_those_of_the_town() {
        let period = asked("from=2026-10-01&to=2026-11-02", |params| period(params, &berlin())).ok().unwrap();
        let of = |ags| dates(period, &berlin(), &TownDays::new(ags, &[]), &[DayKind::Holiday]);
        assert_eq!(of("05570052"), ["2026-10-03", "2026-11-01"]);
        assert_eq!(of("03"), ["2026-10-03", "2026-10-31"]);
        assert_eq!(of("99"), [""; 0]);
    }

    #[test]
    fn kinds_of_days() {
        let read = |query| asked(query, days);
        assert_eq!(read("days=mo-fr,holiday").ok().flatten().unwrap(), [DayKind::MoFr, DayKind::Holiday]);
        assert!(read("days=mo").is_err());
    }
}
