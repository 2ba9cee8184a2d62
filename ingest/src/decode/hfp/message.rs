//! An HFP payload: `{"VP": {...}}`. Keys of counts occur in lower case (from the bus) and in camel
//! case (completed by the operator), numbers as texts and the other way round.

use domain::UtcMicros;
use domain::mistake::{Mistake, Spot};

use crate::decode::Fault;
use crate::decode::json::{Fields, Invalid, JsonType, entries, instant, loose, whole};

/// The fields that are read; all of them may be null.
const BODY: &[&str] = &[
    "tst",
    "lat",
    "long",
    "spd",
    "hdg",
    "dl",
    "occu",
    "dir",
    "oday",
    "start",
    "stop",
    "route",
    "vehiclecounts",
    "vehicleCounts",
];
/// Passengers by door.
pub const COUNTS: &[&str] = &["vehicleload", "vehicleLoad", "doorcounts", "doorCounts"];
/// One door; its classes (adult, pram, ...) are summed up.
pub const DOOR: &[&str] = &["door", "count"];
/// Passengers of one class.
pub const CLASS: &[&str] = &["in", "out"];

/// Milliseconds since 1970 are larger than this, seconds are not for the next 3,000 years.
const MAX_SECONDS: u64 = 100_000_000_000;

/// RFC 3339, or seconds or milliseconds since 1970.
pub fn time(raw: &str) -> Result<UtcMicros, Invalid> {
    match (JsonType::of(raw), loose(whole)(raw)) {
        (JsonType::Number(_) | JsonType::Text(_), Ok(n)) if n.unsigned_abs() > MAX_SECONDS => {
            Ok(UtcMicros(n.saturating_mul(1_000)))
        }
        (JsonType::Number(_) | JsonType::Text(_), Ok(n)) => Ok(UtcMicros::from_unix_s(n)),
        _ => instant(raw),
    }
}

/// The body of a message of `event`: it stands under its event's name; `payload` is what the operator
/// calls it.
///
/// # Errors
/// No JSON, or the event is not in it.
pub fn body<'a>(event: &'static str, message: &'a str) -> Result<Fields<'a>, Fault> {
    // A partial count is an APC as well.
    let event = event.strip_suffix("-partial").unwrap_or(event);
    let Some(all) = entries(message) else {
        // The same once more, for what is wrong.
        Fields::read("", message, BODY)?;
        return Err(Fault::malformed(Spot::Payload, Mistake::Unreadable));
    };
    let is_body = |key: &str| key.eq_ignore_ascii_case(event) || key == "payload";
    let body = all.iter().rev().find(|(key, raw)| is_body(key) && *raw != "null");
    let key = event.to_ascii_uppercase();
    let Some((_, raw)) = body else {
        return Err(Fault::malformed(key, Mistake::EventMissing(event.into())));
    };
    Fields::read("", raw, BODY).map_err(|mut fault| {
        if fault.detail.at == Spot::Payload {
            fault.detail.at = key.into();
        }
        fault
    })
}
