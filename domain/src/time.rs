//! Instants: UTC microseconds, as PostgreSQL keeps them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// Suppliers send nanoseconds, PostgreSQL keeps microseconds: whatever enters the product is cut
/// here, once, so that the same instant is the same key everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UtcMicros(pub i64);

/// Microseconds in a second.
pub const MICROS_PER_S: i64 = 1_000_000;

/// Where the time comes from; tests have clocks of their own.
pub type Clock = Arc<dyn Fn() -> UtcMicros + Send + Sync>;

/// The times of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it is asked.
    pub now: UtcMicros,
    /// When the driver arrives: the time that it is about.
    pub arrive: UtcMicros,
}

impl UtcMicros {
    /// The earliest instant the product stores: 1970-01-01. Anything before is a broken clock.
    pub const EPOCH: UtcMicros = UtcMicros(0);

    /// Parses RFC 3339 (any offset, any precision; cut to microseconds).
    ///
    /// # Errors
    /// The text is not an RFC 3339 instant.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        // The standard sets no limit to the digits of a second's fraction, the library has one.
        match long_fraction(text) {
            Some((start, end)) => [&text[..start], &text[end..]].concat().parse::<Timestamp>(),
            None => text.parse::<Timestamp>(),
        }
        .map(Self::from)
    }

    /// Whole seconds since the Unix epoch, e.g. a GTFS-Realtime timestamp. Saturates.
    pub fn from_unix_s(seconds: i64) -> Self {
        UtcMicros(seconds.saturating_mul(MICROS_PER_S))
    }

    /// This instant moved by `seconds` (may be negative). Saturates.
    pub fn plus_s(self, seconds: i64) -> Self {
        UtcMicros(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_S)))
    }

    /// Seconds from `earlier` to this instant (negative when it lies before).
    pub fn seconds_since(self, earlier: UtcMicros) -> f64 {
        (self.0.saturating_sub(earlier.0)) as f64 / MICROS_PER_S as f64
    }

    /// Whole seconds from `earlier` to this instant, rounded down, never negative: an age.
    pub fn age_s(self, earlier: UtcMicros) -> i64 {
        (self.0.saturating_sub(earlier.0) / MICROS_PER_S).max(0)
    }

    /// As a `jiff` timestamp; instants outside its range are clamped.
    pub fn timestamp(self) -> Timestamp {
        let nearest = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_microsecond(self.0).unwrap_or(nearest)
    }
}

/// Digits of a fraction that can be read: nanoseconds.
const FRACTION_DIGITS: usize = 9;

/// Where a fraction's digits beyond [`FRACTION_DIGITS`] begin and end, if it has so many.
fn long_fraction(text: &str) -> Option<(usize, usize)> {
    let point = text.find(['.', ','])?;
    let digits = text[point + 1..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > FRACTION_DIGITS).then_some((point + 1 + FRACTION_DIGITS, point + 1 + digits))
}

impl From<Timestamp> for UtcMicros {
    fn from(timestamp: Timestamp) -> Self {
        // `as_microsecond` rounds toward zero; instants before 1970 must be cut toward the past.
        UtcMicros(timestamp.as_nanosecond().div_euclid(1_000) as i64)
    }
}

impl fmt::Display for UtcMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

impl Serialize for UtcMicros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for UtcMicros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            UtcMicros::parse(&text).map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(UtcMicros)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_cut_not_rounded() {
        let a = UtcMicros::parse("2022-07-18T09:34:15.775023999+00:00").unwrap();
        assert_eq!(a.to_string(), "2022-07-18T09:34:15.775023Z");
        let before_1970 = UtcMicros::parse("1969-12-31T23:59:59.999999999Z").unwrap();
        assert_eq!(before_1970.0, -1);
    }

    #[test]
    fn a_fraction_has_as_many_digits_as_it_likes() {
        let at = UtcMicros::parse("2026-11-22T12:00:00.123456Z").unwrap();
        for digits in 6..60 {
            let fraction = format!("123456{}", "9".repeat(digits - 6));
            for offset in ["Z", "+00:00", "z"] {
                let text = format!("2026-11-22T12:00:00.{fraction}{offset}");
                assert_eq!(UtcMicros::parse(&text).unwrap(), at, "{text}");
            }
            let zone = UtcMicros::parse(&format!("2026-11-22T13:00:00.{fraction}+01:00")).unwrap();
            assert_eq!(zone, at);
        }
        let long = format!("1969-12-31T23:59:59.{}Z", "9".repeat(30));
        assert_eq!(UtcMicros::parse(&long).unwrap().0, -1);
        assert!(UtcMicros::parse("2026-11-22T12:00:00.1234567890").is_err(), "still no offset");
        assert!(UtcMicros::parse("2026-11-22T12:00:00.123456789x0Z").is_err());
    }

    #[test]
    fn offsets_are_the_same_instant() {
        assert_eq!(
            UtcMicros::parse("2026-11-22T13:00:00+01:00").unwrap(),
            UtcMicros::parse("2026-11-22T12:00:00Z").unwrap()
        );
    }
}
