//! Columns of booking, in tables and as properties of maps: until when, from when on, and with whom.

use domain::booking::{DayTime, Desk, Notice, Opens, RelativeTo, Terms};
use serde::Serialize;

use crate::address::web_address;
use crate::cell::{self, Cell, Parsed, complain};
use crate::record::Record;

/// The longest notice, minutes: a year.
pub(crate) const MAX_NOTICE_MIN: u32 = 366 * 24 * 60;

/// The earliest day, days before the ride: 52 weeks, since deadlines are looked for within a year.
const MAX_DAYS_BEFORE: u32 = 52 * 7;

const DAY_MIN: u32 = 24 * 60;
const DAY_S: i32 = 24 * 3_600;

/// More is no surcharge, euros.
const MAX_SURCHARGE_EUR: f64 = 1_000.0;

/// The longest telephone number, characters; the longest has 15 digits (ITU-T E.164).
const MAX_PHONE_CHARS: usize = 40;

/// When it can be booked. Without a deadline: until the vehicle comes.
pub(crate) fn terms(r: &mut Record) -> Terms {
    let min = r.optional("min_notice_min", cell::whole(0..=MAX_NOTICE_MIN));
    let last_day = r.optional("last_day", cell::whole(0..=MAX_DAYS_BEFORE));
    let last_time = r.optional("last_time", time_of_day);
    let earliest_day = r.optional("earliest_day", cell::whole(0..=MAX_DAYS_BEFORE));
    if r.has("min_notice_min") && (r.has("last_day") || r.has("last_time")) {
        let message = "is a deadline beside another one, that of last_day and last_time";
        r.refuse("min_notice_min", message, "keep min_notice_min, or last_day and last_time");
    } else {
        for (given, absent, example) in [("last_day", "last_time", "17:00"), ("last_time", "last_day", "1")] {
            if r.has(given) && !r.has(absent) {
                let remedy = format!("add '{absent}', e.g. {example}, or delete '{given}'");
                r.complain(absent, format!("is missing beside '{given}'"), remedy);
            }
        }
    }
    let least = last_day.or(min.map(|min| min / DAY_MIN)).unwrap_or_default();
    if earliest_day.is_some_and(|earliest| earliest < least) {
        let message = "booking would open after the deadline";
        r.refuse(
            "earliest_day",
            message,
            format!("write {least} or more days before the ride, or delete it"),
        );
    }
    let day_time = |days: u32, time_s| DayTime { days_before: days as u16, time_s };
    Terms {
        notice: match (min, last_day.zip(last_time)) {
            (Some(min), _) => Notice::Before { at_least_s: min as i32 * 60 },
            (None, Some((days, time_s))) => Notice::OnDay(day_time(days, time_s)),
            (None, None) => Notice::RealTime,
        },
        opens: earliest_day.map_or(Opens::Always, |days| Opens::OnDay(day_time(days, 0))),
        relative_to: r.optional("relative_to", cell::choice).unwrap_or(RelativeTo::Boarding),
    }
}

/// With whom it is booked.
pub(crate) fn desk(r: &mut Record) -> Desk {
    Desk {
        phone: r.optional("phone", phone),
        phone_hours: r.optional("phone_hours", cell::text),
        url: r.optional("booking_url", web_address),
        info_url: r.optional("info_url", web_address),
        message_de: r.optional("message_de", cell::text),
        message_en: r.optional("message_en", cell::text),
        surcharge_eur: r.optional("surcharge_eur", cell::decimal(0.0..=MAX_SURCHARGE_EUR)),
    }
}

/// The columns of [`terms`] and [`desk`], to be written.
#[derive(Debug, Serialize)]
pub(crate) struct Columns<'a> {
    min_notice_min: Option<i32>,
    last_day: Option<u16>,
    last_time: Option<String>,
    earliest_day: Option<u16>,
    relative_to: RelativeTo,
    booking_url: Option<&'a str>,
    #[serde(flatten)]
    desk: &'a Desk,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(terms: &Terms, desk: &'a Desk) -> Self {
        let last = if let Notice::OnDay(last) = terms.notice { Some(last) } else { None };
        Columns {
            min_notice_min: match terms.notice {
                Notice::Before { at_least_s } => Some(at_least_s / 60),
                _ => None,
            },
            last_day: last.map(|last| last.days_before),
            last_time: last.map(|last| shown_time(last.time_s)),
            earliest_day: match terms.opens {
                Opens::OnDay(from) => Some(from.days_before),
                _ => None,
            },
            relative_to: terms.relative_to,
            booking_url: desk.url.as_deref(),
            desk,
        }
    }
}

/// Seconds of a day from `17:00` or `17:00:00`; 24:00 is its end.
fn time_of_day(cell: Cell) -> Parsed<i32> {
    let text = cell::exact(cell)?;
    let number = |part: &str| {
        let is_plain = part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| part.parse::<i32>().ok())?
    };
    let parts: Option<Vec<i32>> = text.split(':').map(number).collect();
    let time_s = match parts.as_deref() {
        Some([hour, minute @ 0..60]) => Some(hour * 3_600 + minute * 60),
        Some([hour, minute @ 0..60, second @ 0..60]) => Some(hour * 3_600 + minute * 60 + second),
        _ => None,
    };
    match time_s.filter(|time_s| *time_s <= DAY_S) {
        Some(time_s) => Ok(time_s),
        None => complain("is no time of day", "write it by the clock of the line, like 17:00"),
    }
}

fn shown_time(time_s: i32) -> String {
    let (hour, minute, second) = (time_s / 3_600, time_s / 60 % 60, time_s % 60);
    let seconds = if second == 0 { String::new() } else { format!(":{second:02}") };
    format!("{hour:02}:{minute:02}{seconds}")
}

/// A telephone number.
pub(crate) fn phone(cell: Cell) -> Parsed<String> {
    let text = cell::exact(cell)?;
    if let Some(other) = text.chars().find(|c| !c.is_ascii_digit() && !" +-/()".contains(*c)) {
        let message = format!("a telephone number holds digits, blanks and + - / ( ) only, no '{other}'");
        let remedy = "write it like 02541 123456 or +49 2541 123456; hours go into phone_hours, in Excel format the \
                      column as Text";
        return complain(message, remedy);
    }
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return complain("is no telephone number", "write it like 02541 123456, or leave it empty");
    }
    if text.len() > MAX_PHONE_CHARS {
        return complain(format!("is longer than {MAX_PHONE_CHARS} characters"), "write one number");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cell::Notation;

    fn read<T: std::fmt::Debug>(parse: fn(Cell) -> Parsed<T>, text: &str) -> Option<T> {
        parse(Cell { value: &json!(text), notation: Notation::Untyped }).ok()
    }

    #[test]
    fn times_of_day_have_minutes() {
        for (text, time_s) in [
            ("17:00", Some(61_200)),
            ("7:30", Some(27_000)),
            ("17:00:05", Some(61_205)),
            ("00:00", Some(0)),
            ("24:00", Some(86_400)),
            ("24:00:01", None),
            ("25:00", None),
            ("17", None),
            ("17:60", None),
            ("17:00:60", None),
            ("17:00:00:00", None),
            ("+7:00", None),
            ("-1:00", None),
            (":00", None),
            ("99999999999:00", None),
            ("5 pm", None),
        ] {
            assert_eq!(read(time_of_day, text), time_s, "{text}");
        }
        for time_s in [0, 61_200, 61_205, 86_400] {
            assert_eq!(read(time_of_day, &shown_time(time_s)), Some(time_s));
        }
    }

    #[test]
    fn telephone_numbers_are_numbers() {
        for good in ["0251 14480444", "+49 (251) 14480-444", "02541/123", "115"] {
            assert_eq!(read(phone, good).as_deref(), Some(good));
        }
        for bad in ["+", "0251 14480444 (8-18 Uhr)", "2.5114E+10", "tel:0251", "٠٢٥١", &"1".repeat(41)] {
            assert_eq!(read(phone, bad), None, "{bad}");
        }
    }
}
