//! Numbers, as suppliers write them. `39.0` is a whole number.

use std::ops::RangeInclusive;

use domain::mistake::{Expected, Remedy};

use super::json_type::{Invalid, JsonType};

/// Beyond it not every whole number is one of its own in JSON of most languages.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// No car park and no bus is larger.
const COUNTS: RangeInclusive<i64> = 0..=1_000_000;

/// A number. Messages are read as `f64`: whether an `f32` that is too large is infinite or an error
/// depends on how the JSON library was built.
pub fn number(raw: &str) -> Result<f64, Invalid> {
    let parsed = match JsonType::of(raw) {
        JsonType::Number(digits) => digits.parse::<f64>().ok().filter(|n| n.is_finite()),
        _ => None,
    };
    parsed.ok_or_else(|| wrong(raw, Expected::Number))
}

/// A measurement as it is kept; one outside of `plausible` is implausible.
pub fn measurement(plausible: RangeInclusive<f64>) -> impl FnOnce(&str) -> Result<f32, Invalid> {
    move |raw| {
        let n = number(raw)?;
        if plausible.contains(&n) {
            return Ok(n as f32);
        }
        let (low, high) = plausible.into_inner();
        Err(Invalid::implausible(Expected::Between(low, high)))
    }
}

/// A whole number.
pub fn whole(raw: &str) -> Result<i64, Invalid> {
    let JsonType::Number(digits) = JsonType::of(raw) else { return Err(wrong(raw, Expected::Whole)) };
    if let Ok(n) = digits.parse::<i64>() {
        return Ok(n);
    }
    match digits.parse::<f64>() {
        Ok(n) if n.fract() == 0.0 && n.abs() <= MAX_EXACT => Ok(n as i64),
        Ok(n) if n.abs() > MAX_EXACT => Err(Invalid::new(Expected::Whole64)),
        _ => Err(wrong(raw, Expected::Whole)),
    }
}

/// A whole number; one outside of `plausible` is implausible.
pub fn whole_in<T: TryFrom<i64>>(plausible: RangeInclusive<i64>) -> impl FnOnce(&str) -> Result<T, Invalid> {
    move |raw| {
        let n = whole(raw)?;
        match T::try_from(n) {
            Ok(value) if plausible.contains(&n) => Ok(value),
            _ => {
                let (low, high) = plausible.into_inner();
                Err(Invalid::implausible(Expected::Between(low as f64, high as f64)))
            }
        }
    }
}

/// A number of cars or people.
pub fn count(raw: &str) -> Result<i32, Invalid> {
    whole_in(COUNTS)(raw)
}

/// `read` of a number that may also stand as a text, as proto3 allows it in JSON.
pub fn loose<'a, T>(
    read: impl FnOnce(&'a str) -> Result<T, Invalid>,
) -> impl FnOnce(&'a str) -> Result<T, Invalid> {
    move |raw| {
        let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::trim);
        let digits = inner.filter(|text| !text.starts_with('+') && is_number(text));
        read(digits.unwrap_or(raw))
    }
}

/// Words such as "NaN" are numbers for Rust, and none here.
fn is_number(text: &str) -> bool {
    let is_part = |b: u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    text.bytes().all(is_part) && text.ends_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

fn wrong(raw: &str, expected: Expected) -> Invalid {
    let remedy = match JsonType::of(raw) {
        JsonType::Number(_) if expected == Expected::Number => Remedy::SmallerNumber,
        JsonType::Number(_) => Remedy::NoFraction,
        JsonType::Text(text) => match text.trim() {
            "" => Remedy::LeaveOut,
            text if is_number(text) => Remedy::UnquoteNumber,
            text if is_number(&text.replace(',', ".")) => Remedy::PointUnquoted,
            text => match &*text.trim_start_matches('-').to_ascii_lowercase() {
                "nan" | "inf" | "infinity" => Remedy::NoNumber,
                _ => Remedy::Digits,
            },
        },
        _ => return Invalid::new(expected),
    };
    Invalid::new(expected).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use domain::Lang;

    use super::*;

    #[test]
    fn whole_numbers_may_have_a_point() {
        for (raw, n) in
            [("39.0", 39), ("-60.0", -60), ("1e3", 1_000), ("-0.0", 0), ("9223372036854775807", i64::MAX)]
        {
            assert_eq!(whole(raw).unwrap(), n, "{raw}");
        }
        for raw in ["39.5", "18446744073709551615", "1e300", "1e999", "\"39\"", "true", "[39]", "{}", "null"]
        {
            assert!(whole(raw).is_err(), "{raw}");
        }
        assert_eq!(count("-1").unwrap_err().reason, domain::Reason::Implausible);
        assert_eq!(count("1000001").unwrap_err().reason, domain::Reason::Implausible);
    }

    #[test]
    fn remedies_know_how_numbers_go_wrong() {
        for (raw, remedy) in [
            ("\"\"", "null"),
            ("\"3.6\"", "quotation marks"),
            ("\"3,6\"", "decimal point"),
            ("\"NaN\"", "no number"),
            ("\"-inf\"", "no number"),
            ("1e999", "too large"),
        ] {
            assert!(number(raw).unwrap_err().remedy.unwrap().sentence(Lang::En).contains(remedy), "{raw}");
        }
        assert!(whole("3.5").unwrap_err().remedy == Some(Remedy::NoFraction));
    }

    #[test]
    fn texts_of_digits_are_numbers_where_the_format_says_so() {
        assert_eq!(loose(whole)("\"7\"").unwrap(), 7);
        assert_eq!(loose(number)("\"-7.5\"").unwrap(), -7.5);
        for raw in ["\"NaN\"", "\"Infinity\"", "\"\"", "\"0x7\"", "\"7 V\"", "true"] {
            assert!(loose(number)(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn what_does_not_fit_is_implausible() {
        assert_eq!(measurement(-60.0..=100.0)("20").unwrap(), 20.0);
        assert_eq!(measurement(-60.0..=100.0)("655.35").unwrap_err().reason, domain::Reason::Implausible);
        assert_eq!(measurement(super::super::ANY)("1e300").unwrap_err().reason, domain::Reason::Implausible);
    }
}
