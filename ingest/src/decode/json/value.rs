//! Values of fields, and their faults.

use std::str::FromStr;

use domain::mistake::{Expected, Mistake, Remedy};
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
    let expected = |e: UnknownName| Invalid::new(Expected::OneOf(e.choices));
    match JsonType::of(raw) {
        JsonType::Text(text) => text.parse().map_err(expected),
        _ => Err(""
            .parse::<T>()
            .err()
            .map_or_else(|| Invalid::new(Expected::Word), expected)
            .remedy(Remedy::QuoteWord)),
    }
}

/// An instant.
pub fn instant(raw: &str) -> Result<UtcMicros, Invalid> {
    let wrong = || Invalid::new(Expected::Instant);
    let text = match JsonType::of(raw) {
        JsonType::Text(text) => text,
        JsonType::Number(digits) => return Err(wrong().remedy(of_unix(digits))),
        _ => return Err(wrong()),
    };
    match UtcMicros::parse(&text) {
        Ok(at) if at >= FIRST_INSTANT => Ok(at),
        _ if text.parse::<f64>().is_ok() => Err(wrong().remedy(of_unix(&text))),
        _ if UtcMicros::parse(&format!("{}Z", text.trim())).is_ok() => Err(wrong().remedy(Remedy::Offset)),
        _ => Err(wrong()),
    }
}

/// Milliseconds since 1970 are larger than this, seconds are not for the next 3,000 years.
pub const MAX_UNIX_S: f64 = 1e11;

fn of_unix(digits: &str) -> Remedy {
    let n: f64 = digits.parse().unwrap_or(0.0);
    let at = |s: f64| UtcMicros::from_unix_s(s as i64);
    if n.abs() > MAX_UNIX_S { Remedy::UnixMilliseconds(at(n / 1e3)) } else { Remedy::UnixSeconds(at(n)) }
}

/// PostgreSQL's text knows no NUL, and ids are short: longer or stranger texts are no ids.
pub fn check_id(text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(Invalid::new(Expected::CleanId));
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
        .map_err(|wrong| Fault::malformed(field, Mistake::IsNot(show(text), wrong.expected)))
}

/// An id, as a text or a whole number: which of the two differs between suppliers. Empty is absent.
pub fn label(raw: &str) -> Result<Option<String>, Invalid> {
    let text = match JsonType::of(raw) {
        JsonType::Text(text) if text.is_empty() => return Ok(None),
        JsonType::Text(text) => text.into_owned(),
        JsonType::Number(_) => number::whole(raw).map_err(|_| Invalid::new(Expected::Id))?.to_string(),
        _ => return Err(Invalid::new(Expected::IdText)),
    };
    check_id(&text).map(|()| Some(text))
}

/// A trip's operating day as GTFS writes it, `20261122`; `2026-11-22` is the same. Empty is absent.
pub fn start_date(raw: &str) -> Result<Option<String>, Invalid> {
    let Some(text) = label(raw)? else { return Ok(None) };
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    match domain::punctuality::service_date(&digits) {
        Some(_) => Ok(Some(digits)),
        None => Err(Invalid::new(Expected::Day)),
    }
}

/// An object, of which the fields `names` are wanted.
pub fn object<'a>(
    within: &'static str,
    names: &'static [&'static str],
) -> impl FnOnce(&'a str) -> Result<Fields<'a>, Invalid> {
    move |raw| Fields::read(within, raw, names).map_err(|_| Invalid::new(Expected::Object))
}

/// A list.
pub fn list(raw: &str) -> Result<Vec<&str>, Invalid> {
    super::fields::elements(raw).map_err(|_| Invalid::new(Expected::List))
}

/// A position on the earth.
pub fn position(lat: f64, lon: f64) -> Result<LatLon, Fault> {
    LatLon::new(lat, lon).ok_or_else(|| {
        Fault::new(Reason::Implausible, "lat, lon", Mistake::NotOnEarth(lat, lon)).remedy(Remedy::Swapped)
    })
}
