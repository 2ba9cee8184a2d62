//! Ages such as `30d`, `12h`, `20y`.

use serde_json::Value;

use crate::cell::{Cell, Parsed, complain, shown};

/// Seconds per unit, largest first; a year has 365 days.
const UNITS: [(char, i64); 6] =
    [('y', 365 * 86_400), ('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The oldest age, seconds: a thousand years.
pub(crate) const MAX_AGE_S: i64 = 1_000 * 365 * 86_400;

/// An age in seconds.
pub(crate) fn age_s(cell: Cell) -> Parsed<i64> {
    let parsed = cell.value.as_str().and_then(|text| {
        let text = text.trim();
        let unit = text.chars().last()?;
        let (_, seconds) = UNITS.into_iter().find(|(u, _)| *u == unit)?;
        let number: i64 = text[..text.len() - 1].parse().ok()?;
        number.checked_mul(seconds)
    });
    match parsed {
        Some(seconds) if (1..=MAX_AGE_S).contains(&seconds) => Ok(seconds),
        Some(_) => complain("is out of range", "write 1s to 1000y"),
        None => complain("is not an age", {
            let example = match cell.value {
                Value::Number(_) => format!("\"{}s\"", shown(cell.value)),
                _ => "\"30d\"".to_owned(),
            };
            format!("write a number and a unit (s, m, h, d, w, y) in quotes, e.g. {example}")
        }),
    }
}

/// `seconds` with the largest unit that divides it.
pub(crate) fn shown_age(seconds: i64) -> String {
    let (unit, size) = UNITS.into_iter().find(|(_, size)| seconds % size == 0).unwrap_or(('s', 1));
    format!("{}{unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Notation;
    use serde_json::json;

    fn read(value: Value) -> Parsed<i64> {
        age_s(Cell { value: &value, notation: Notation::Typed })
    }

    #[test]
    fn ages_go_both_ways() {
        for (text, seconds) in [
            ("45s", 45),
            ("90m", 5_400),
            ("12h", 43_200),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("20y", 630_720_000),
        ] {
            assert_eq!(read(json!(text)), Ok(seconds));
            assert_eq!(shown_age(seconds), text);
        }
        assert_eq!(shown_age(86_400), "1d");
    }

    #[test]
    fn other_ages_say_how_to_write_them() {
        for (value, message) in [
            (
                json!("30 days"),
                "is not an age; write a number and a unit (s, m, h, d, w, y) in quotes, e.g. \"30d\"",
            ),
            (
                json!(3600),
                "is not an age; write a number and a unit (s, m, h, d, w, y) in quotes, e.g. \"3600s\"",
            ),
            (json!("0d"), "is out of range; write 1s to 1000y"),
            (
                json!("5ü"),
                "is not an age; write a number and a unit (s, m, h, d, w, y) in quotes, e.g. \"30d\"",
            ),
        ] {
            assert_eq!(read(value).unwrap_err().to_string(), message);
        }
    }
}
