//! Small rules shared by the JSON formats.

use std::borrow::Cow;

use domain::{LatLon, Reason, UtcMicros};
use serde::Deserialize;

use super::Fault;

/// No car park and no bus is larger.
const MAX_COUNT: i64 = 1_000_000;

/// Parses JSON; the fault tells line and column.
pub(super) fn parse<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(payload).map_err(|e| {
        if payload.is_empty() {
            Fault::malformed("empty payload")
        } else {
            Fault::malformed(format!("JSON: {e}"))
        }
    })
}

/// Parses an instant; the fault names the field.
pub(super) fn instant(field: &str, text: &str) -> Result<UtcMicros, Fault> {
    UtcMicros::parse(text).map_err(|_| {
        Fault::malformed(format!("{field}: '{text}' is not an RFC 3339 time such as 2026-11-22T12:00:00Z"))
    })
}

/// [`id`] of a field that may be absent.
pub(super) fn optional_id(field: &str, text: Option<Cow<'_, str>>) -> Result<Option<String>, Fault> {
    text.map(|text| check_id(field, &text).map(|()| text.into_owned())).transpose()
}

/// PostgreSQL's text knows no NUL, and ids are short: longer or stranger texts are no ids.
pub(super) fn id(field: &str, text: &str) -> Result<String, Fault> {
    check_id(field, text).map(|()| text.to_owned())
}

/// See [`id`].
pub(super) fn check_id(field: &str, text: &str) -> Result<(), Fault> {
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(Fault::malformed(format!(
            "{field}: an id has 1 to 128 characters and no control characters"
        )));
    }
    Ok(())
}

/// A number of cars or people.
pub(super) fn count(field: &str, n: i64) -> Result<i32, Fault> {
    match i32::try_from(n) {
        Ok(count) if (0..=MAX_COUNT).contains(&n) => Ok(count),
        _ => {
            let what = format!("{field}: {n} is not between 0 and {MAX_COUNT}");
            Err(Fault::new(Reason::Implausible, what))
        }
    }
}

/// A measurement as it is kept. Messages are read as `f64`: whether an `f32` that is too large is
/// infinite or an error depends on how the JSON library was built.
pub(super) fn finite(field: &str, value: Option<f64>) -> Result<Option<f32>, Fault> {
    match value.map(|v| v as f32) {
        Some(v) if !v.is_finite() => Err(Fault::malformed(format!("{field}: the number is too large"))),
        value => Ok(value),
    }
}

/// A position on the earth.
pub(super) fn position(lat: f64, lon: f64) -> Result<LatLon, Fault> {
    LatLon::new(lat, lon).ok_or_else(|| {
        let what = format!("lat, lon: {lat}, {lon} is not a place on the earth");
        Fault::new(Reason::Implausible, what)
    })
}
