//! Parses single values, or explains why they are invalid.

mod time;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use domain::place::UnknownName;
use serde_json::Value;

use crate::characters;
use crate::nearest::did_you_mean;
pub(crate) use time::{date, instant};

/// The longest id, bytes.
const MAX_ID_BYTES: usize = 128;

/// What PostgreSQL's `integer` holds.
pub(crate) const MAX_WHOLE: u32 = i32::MAX as u32;

/// How the value is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// CSV: everything is text.
    Untyped,
    /// JSON, TOML: numbers are numbers, texts are texts.
    Typed,
}

/// One value of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub value: &'a Value,
    pub notation: Notation,
}

/// Why a value is invalid, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub message: String,
    pub remedy: String,
}

/// The result of parsing a value.
pub(crate) type Parsed<T> = Result<T, Complaint>;

/// A [`Complaint`] as an error.
pub(crate) fn complain<T>(message: impl Into<String>, remedy: impl Into<String>) -> Parsed<T> {
    Err(Complaint { message: message.into(), remedy: remedy.into() })
}

/// A value as the reader sees it in the file.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Any text for people, without the blanks around it. Entities of web pages become their characters, and
/// what pasting brings along unseen goes.
pub(crate) fn text(cell: Cell) -> Parsed<String> {
    Ok(characters::readable(string(cell)?))
}

/// An identifier-like text, trimmed: an invisible character in it is an error.
pub(crate) fn exact(cell: Cell) -> Parsed<String> {
    let text = string(cell)?;
    match characters::hidden(text) {
        None => Ok(text.to_owned()),
        Some(found) => complain(
            format!("holds a hidden character: {found}"),
            "it came along when the text was copied: type the text again, or paste it without formatting",
        ),
    }
}

fn string<'a>(cell: Cell<'a>) -> Parsed<&'a str> {
    let text = match cell.value {
        Value::String(text) => text.trim(),
        Value::Array(_) => return complain("one text is needed, not a list", "write a single text"),
        Value::Object(_) => return complain("one text is needed, not an object", "write a single text"),
        other => return complain("a text is needed", format!("write it in quotes: \"{other}\"")),
    };
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return complain("holds a control character", "type the text again instead of pasting it");
    }
    Ok(text)
}

/// An id, as its owner writes it; a whole number is its digits.
pub(crate) fn id(cell: Cell) -> Parsed<String> {
    let text = match cell.value {
        Value::Number(n) if n.is_u64() => n.to_string(),
        _ => exact(cell)?,
    };
    if text.chars().any(char::is_control) {
        return complain("an id holds no line breaks or tabs", "write the id on one line");
    }
    if text.len() > MAX_ID_BYTES {
        return complain(format!("is longer than {MAX_ID_BYTES} bytes"), "use a shorter id");
    }
    Ok(text)
}

/// A list of ids.
pub(crate) fn ids(cell: Cell) -> Parsed<Vec<String>> {
    let Some(list) = cell.value.as_array() else {
        return complain("is not a list of ids", "write [\"a\", \"b\"]");
    };
    list.iter().map(|value| id(Cell { value, ..cell })).collect()
}

/// The id of a feed: it stands in topics.
pub(crate) fn feed_id(cell: Cell) -> Parsed<String> {
    let id = id(cell)?;
    if id.contains(['/', '+', '#']) {
        return complain(
            "a feed's id stands in MQTT topics and holds no '/', '+' or '#'",
            "use letters, digits, '-', '_' or '.'",
        );
    }
    Ok(id)
}

/// The id of a device: a DevEUI or the supplier's id.
pub(crate) fn sensor_id(cell: Cell) -> Parsed<String> {
    let id = id(cell)?;
    if is_scientific(&id) {
        return complain(
            "Excel took the DevEUI for a number and cut its digits: it cannot be read back from this",
            "take the DevEUIs from the network server again, format the column as Text before pasting them, \
             save as 'CSV UTF-8'",
        );
    }
    Ok(id)
}

/// A name for addresses: lower-case letters, digits, hyphens.
pub(crate) fn slug(cell: Cell) -> Parsed<String> {
    let slug = id(cell)?;
    if slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Ok(slug);
    }
    complain("a slug holds lower-case letters a-z, digits and hyphens only", {
        let better: String =
            slug.to_lowercase().replace('ä', "ae").replace('ö', "oe").replace('ü', "ue").replace('ß', "ss");
        let better: String =
            better.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("write for example '{better}'")
    })
}

/// An official municipality key: Kreis, AGS or ARS.
pub(crate) fn ags(cell: Cell) -> Parsed<String> {
    let key = id(cell)?;
    let as_text = "format the column as Text before typing the keys, save as 'CSV UTF-8'";
    if is_scientific(&key) {
        return complain("Excel took the key for a number and cut its digits", as_text);
    }
    let digits = key.len();
    if !key.bytes().all(|b| b.is_ascii_digit()) {
        return complain("an official key holds digits only", "write it without blanks, e.g. 05558024");
    }
    match digits {
        5 | 8 | 12 => Ok(key),
        4 | 7 | 11 => complain(
            format!("has {digits} digits: Excel took the key for a number and dropped its leading zero"),
            format!("write 0{key}; in Excel {as_text}"),
        ),
        _ => complain(
            format!("has {digits} digits"),
            "write the 5 digits of a Kreis, the 8 of an AGS or the 12 of an ARS",
        ),
    }
}

/// `1.8E+15`, `7,0B3E+15`: what Excel makes of long numbers.
fn is_scientific(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let Some((mantissa, exponent)) = upper.rsplit_once("E+") else { return false };
    let is_number = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ',');
    !mantissa.is_empty()
        && mantissa.chars().all(is_number)
        && !exponent.is_empty()
        && exponent.bytes().all(|b| b.is_ascii_digit())
}

/// A whole number within a range.
pub(crate) fn whole(range: RangeInclusive<u32>) -> impl Fn(Cell) -> Parsed<u32> {
    move |cell| {
        let number = match (cell.value, cell.notation) {
            (Value::String(text), Notation::Untyped) => text.trim().parse::<i64>().ok(),
            // Maps write whole numbers of a decimal column as 12.0.
            (Value::Number(n), _) => {
                n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64))
            }
            _ => None,
        };
        let Some(number) = number else {
            return complain("a whole number is needed", number_remedy(cell, "12"));
        };
        match u32::try_from(number) {
            Ok(n) if range.contains(&n) => Ok(n),
            _ => complain("is out of range", format!("write {} to {}", range.start(), range.end())),
        }
    }
}

/// A number within a range.
pub(crate) fn decimal(range: RangeInclusive<f64>) -> impl Fn(Cell) -> Parsed<f64> {
    move |cell| {
        let number = match (cell.value, cell.notation) {
            (Value::String(text), Notation::Untyped) if is_decimal_comma(text) => {
                let right = text.trim().replace(',', ".");
                return complain(
                    "is written with a decimal comma",
                    format!("write {right}, with a decimal point"),
                );
            }
            (Value::String(text), Notation::Untyped) => text.trim().parse::<f64>().ok(),
            (Value::Number(n), _) => n.as_f64(),
            _ => None,
        };
        match number {
            None => complain("a number is needed", number_remedy(cell, "51.94")),
            Some(n) if range.contains(&n) => Ok(n),
            Some(_) => complain("is out of range", format!("write {} to {}", range.start(), range.end())),
        }
    }
}

fn is_decimal_comma(text: &str) -> bool {
    let text = text.trim();
    text.matches(',').count() == 1 && text.replace(',', ".").parse::<f64>().is_ok()
}

fn number_remedy(cell: Cell, example: &str) -> String {
    match cell.value {
        Value::String(text) if cell.notation == Notation::Typed && text.trim().parse::<f64>().is_ok() => {
            format!("write {} without quotes", text.trim())
        }
        _ => format!("write digits only, e.g. {example}"),
    }
}

/// `true` or `false`; in tables also as Excel writes them, in English and in German.
pub(crate) fn boolean(cell: Cell) -> Parsed<bool> {
    match (cell.value, cell.notation) {
        (Value::Bool(b), _) => return Ok(*b),
        (Value::String(text), Notation::Untyped) => match &*text.trim().to_lowercase() {
            "true" | "wahr" => return Ok(true),
            "false" | "falsch" => return Ok(false),
            _ => {}
        },
        _ => {}
    }
    let remedy = match cell.notation {
        Notation::Typed => "write true or false, without quotes",
        Notation::Untyped => "write true or false",
    };
    complain("is neither true nor false", remedy)
}

/// One name of a closed list.
pub(crate) fn choice<T: FromStr<Err = UnknownName>>(cell: Cell) -> Parsed<T> {
    let text = exact(cell)?;
    text.parse::<T>().or_else(|unknown| {
        let guess = did_you_mean(&text, unknown.choices.split(", "));
        complain("is not known", format!("{guess}choices: {}", unknown.choices))
    })
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub(super) fn csv<T: fmt::Debug>(parse: impl Fn(Cell) -> Parsed<T>, text: &str) -> String {
        let value = json!(text);
        match parse(Cell { value: &value, notation: Notation::Untyped }) {
            Ok(v) => format!("{v:?}"),
            Err(complaint) => complaint.to_string(),
        }
    }

    fn typed<T: fmt::Debug>(parse: impl Fn(Cell) -> Parsed<T>, value: Value) -> String {
        match parse(Cell { value: &value, notation: Notation::Typed }) {
            Ok(v) => format!("{v:?}"),
            Err(complaint) => complaint.to_string(),
        }
    }

    #[test]
    fn what_excel_does_to_keys_is_named() {
        assert_eq!(csv(ags, "05558024"), "\"05558024\"");
        assert_eq!(
            csv(ags, "5558024"),
            "has 7 digits: Excel took the key for a number and dropped its leading zero; write 05558024; in Excel \
             format the column as Text before typing the keys, save as 'CSV UTF-8'"
        );
        assert!(csv(ags, "5558").starts_with("has 4 digits: Excel"));
        assert!(csv(ags, "55580024024").starts_with("has 11 digits: Excel"));
        assert!(csv(ags, "5,558E+10").starts_with("Excel took the key for a number"));
        assert_eq!(
            csv(ags, "123"),
            "has 3 digits; write the 5 digits of a Kreis, the 8 of an AGS or the 12 of an ARS"
        );
        assert!(csv(ags, "05 5 58 024").starts_with("an official key holds digits only"));
    }

    #[test]
    fn what_excel_does_to_dev_euis_is_named() {
        for cut in ["1.8E+15", "1,8E+15", "7,0B3E+15", "1.84467440737096e+19", "2E+15"] {
            assert!(csv(sensor_id, cut).starts_with("Excel took the DevEUI for a number"), "{cut}");
        }
        for good in ["70B3D57ED0051A2B", "e+", "gate-2", "E+15"] {
            assert_eq!(csv(sensor_id, good), format!("{good:?}"));
        }
    }

    #[test]
    fn numbers_say_how_they_are_written_right() {
        assert_eq!(csv(decimal(-90.0..=90.0), "51.94"), "51.94");
        assert_eq!(
            csv(decimal(-90.0..=90.0), "51,94"),
            "is written with a decimal comma; write 51.94, with a decimal point"
        );
        assert_eq!(csv(decimal(-90.0..=90.0), "97.1"), "is out of range; write -90 to 90");
        assert_eq!(csv(decimal(-90.0..=90.0), "NaN"), "is out of range; write -90 to 90");
        assert_eq!(csv(whole(1..=9), "12 m"), "a whole number is needed; write digits only, e.g. 12");
        assert_eq!(csv(whole(1..=9), "-1"), "is out of range; write 1 to 9");
        assert_eq!(typed(whole(1..=20), json!(12.0)), "12");
        assert_eq!(typed(whole(1..=20), json!("12")), "a whole number is needed; write 12 without quotes");
        assert_eq!(typed(text, json!(17)), "a text is needed; write it in quotes: \"17\"");
    }

    #[test]
    fn booleans_are_true_or_false() {
        for (text, read) in [("true", "true"), ("TRUE", "true"), ("WAHR", "true"), ("Falsch", "false")] {
            assert_eq!(csv(boolean, text), read);
        }
        assert_eq!(csv(boolean, "ja"), "is neither true nor false; write true or false");
        assert_eq!(
            typed(boolean, json!("true")),
            "is neither true nor false; write true or false, without quotes"
        );
    }

    #[test]
    fn slugs_and_ids_are_plain() {
        assert_eq!(
            csv(slug, "Lüdinghausen Süd"),
            "a slug holds lower-case letters a-z, digits and hyphens only; write for example 'luedinghausen-sued'"
        );
        assert!(csv(feed_id, "a/b").starts_with("a feed's id stands in MQTT topics"));
        assert!(csv(id, "a\u{7}b").starts_with("holds a control character"));
        assert_eq!(typed(id, json!(275)), "\"275\"");
        assert!(typed(id, json!(2.5)).starts_with("a text is needed; write it in quotes"));
        assert!(typed(text, json!(["a", "b"])).starts_with("one text is needed, not a list"));
        assert_eq!(
            csv(sensor_id, "\u{200b}70b3d57ed0057001"),
            "holds a hidden character: a zero-width space (U+200B) before '70b3d57ed0057001'; it came along when the \
             text was copied: type the text again, or paste it without formatting"
        );
        assert_eq!(csv(text, "Park\u{ad}haus\u{a0}S&uuml;d\u{feff}"), "\"Parkhaus Süd\"");
        assert!(csv(id, &"x".repeat(129)).starts_with("is longer than 128 bytes"));
        assert_eq!(csv(id, &"x".repeat(128)).len(), 130);
    }

    #[test]
    fn a_wrong_choice_is_answered_with_the_list() {
        assert_eq!(
            csv(choice::<domain::SiteKind>, "carpark"),
            "is not known; did you mean 'car_park'? choices: on_street, lot, car_park, underground, park_and_ride"
        );
    }
}
