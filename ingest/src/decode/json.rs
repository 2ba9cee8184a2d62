//! Small rules shared by the JSON formats.

use std::borrow::Cow;

use domain::UtcMicros;
use serde::Deserialize;

use super::Fault;

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
    text.map(|text| id(field, &text)).transpose()
}

/// PostgreSQL's text knows no NUL, and ids are short: longer or stranger texts are no ids.
pub(super) fn id(field: &str, text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(Fault::malformed(format!(
            "{field}: an id has 1 to 128 characters and no control characters"
        )));
    }
    Ok(text.to_owned())
}
