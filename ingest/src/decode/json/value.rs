//! Values of fields, and their faults.

use std::str::FromStr;

use domain::place::UnknownName;
use domain::{LatLon, Reason, UtcMicros};

use super::fields::Fields;
use super::json_type::{Invalid, JsonType, show};
use super::number;
use crate::decode::Fault;

/// The year 1, where the calendar begins that everybody agrees on.
const FIRST_INSTANT: UtcMicros = UtcMicros(-62_135_596_800_000_000);

/// One of a closed list of words.
pub fn word<T: FromStr<Err = UnknownName>>(raw: &str) -> Result<T, Invalid> {
    let expected = |e: UnknownName| Invalid::new(format!("one of: {}", e.choices));
    match JsonType::of(raw) {
        JsonType::Text(text) => text.parse().map_err(expected),
        _ => Err(""
            .parse::<T>()
            .err()
            .map_or_else(|| Invalid::new("a word"), expected)
            .remedy("Write one of the words, in quotation marks.")),
    }
}

/// An instant.
pub fn instant(raw: &str) -> Result<UtcMicros, Invalid> {
    let wrong = || Invalid::new("an RFC 3339 time such as 2026-11-22T12:00:00Z");
    let text = match JsonType::of(raw) {
        JsonType::Text(text) => text,
        JsonType::Number(digits) => return Err(wrong().remedy(of_unix(digits))),
        _ => return Err(wrong()),
    };
    match UtcMicros::parse(&text) {
        Ok(at) if at >= FIRST_INSTANT => Ok(at),
        _ if text.parse::<f64>().is_ok() => Err(wrong().remedy(of_unix(&text))),
        _ if UtcMicros::parse(&format!("{}Z", text.trim())).is_ok() => {
            Err(wrong().remedy("A local time means nothing without its offset: add Z (UTC), or e.g. +01:00."))
        }
        _ => Err(wrong()),
    }
}

/// Milliseconds since 1970 are larger than this, seconds are not for the next 3,000 years.
pub const MAX_UNIX_S: f64 = 1e11;

fn of_unix(digits: &str) -> String {
    let n: f64 = digits.parse().unwrap_or(0.0);
    let (unit, s) = if n.abs() > MAX_UNIX_S { ("milliseconds", n / 1e3) } else { ("seconds", n) };
    let at = UtcMicros::from_unix_s(s as i64);
    format!("These are Unix {unit}: write the time out, \"{at}\".")
}

/// PostgreSQL's text knows no NUL, and ids are short: longer or stranger texts are no ids.
pub fn check_id(text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(Invalid::new("an id of 1 to 128 characters without control characters"));
    }
    Ok(())
}

/// An id that is not of JSON.
///
/// # Errors
/// See [`check_id`].
pub fn id(field: &str, text: &str) -> Result<String, Fault> {
    check_id(text)
        .map(|()| text.to_owned())
        .map_err(|wrong| Fault::malformed(format!("{field}: {} is not {}", show(text), wrong.expected)))
}

/// An id, as a text or a whole number: which of the two differs between suppliers. Empty is absent.
pub fn label(raw: &str) -> Result<Option<String>, Invalid> {
    let text = match JsonType::of(raw) {
        JsonType::Text(text) if text.is_empty() => return Ok(None),
        JsonType::Text(text) => text.into_owned(),
        JsonType::Number(_) => number::whole(raw).map_err(|_| Invalid::new("an id"))?.to_string(),
        _ => return Err(Invalid::new("an id, a text of 1 to 128 characters")),
    };
    check_id(&text).map(|()| Some(text))
}

/// A trip's operating day as GTFS writes it, `20261122`; `2026-11-22` is the same. Empty is absent.
pub fn start_date(raw: &str) -> Result<Option<String>, Invalid> {
    let Some(text) = label(raw)? else { return Ok(None) };
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    match domain::punctuality::service_date(&digits) {
        Some(_) => Ok(Some(digits)),
        None => Err(Invalid::new("a day such as 20261122")),
    }
}

/// An object, of which the fields `names` are wanted.
pub fn object<'a>(
    within: &'static str,
    names: &'static [&'static str],
) -> impl FnOnce(&'a str) -> Result<Fields<'a>, Invalid> {
    move |raw| Fields::read(within, raw, names).map_err(|_| Invalid::new("an object"))
}

/// A list.
pub fn list(raw: &str) -> Result<Vec<&str>, Invalid> {
    super::fields::elements(raw).map_err(|_| Invalid::new("a list"))
}

/// A position on the earth.
pub fn position(lat: f64, lon: f64) -> Result<LatLon, Fault> {
    LatLon::new(lat, lon).ok_or_else(|| {
        let what = format!("lat, lon: {lat}, {lon} is not a place on the earth");
        Fault::new(Reason::Implausible, what).remedy("Are latitude and longitude swapped, or not in degrees?")
    })
}
