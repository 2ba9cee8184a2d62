//! CSV as a German Excel opens it: it knows UTF-8 by the byte order mark, separates by semicolons, and reads numbers and
//! times as they are written in Germany. Whatever else it would take for a number, a date or a formula stays text.

use std::borrow::Cow;

use domain::UtcMicros;
use jiff::tz::TimeZone;

use super::csv::{Csv, is_formula};
use super::{Cell, Column, Read};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Monday first.
const WEEKDAYS: [&str; 7] = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"];

/// Months as a German Excel knows them, and as an English one does; it takes the beginning of a name as well.
const MONTHS: &str = "januar februar märz mrz april mai juni juli august september oktober november dezember \
                      january february march may june july october";

/// Words with which a number may begin or end: currencies, and the month that is no beginning of one above.
const WORDS_AROUND: [&str; 4] = ["eur", "dm", "dec", "december"];

/// Letters within or after digits: exponents, halves of the day.
const LETTERS_AFTER: [&str; 5] = ["e", "am", "pm", "a", "p"];

/// Writes CSV for a German Excel; `zone`: whose clock a row goes by.
pub fn encoder<R: 'static>(columns: Vec<Column<R>>, zone: fn(&R) -> &TimeZone) -> Csv<R> {
    let (mut explaining, ordered): (Vec<_>, Vec<_>) = columns.into_iter().partition(|c| c.beside.is_some());
    let mut columns = Vec::new();
    for column in ordered {
        let name = column.name;
        columns.push(column);
        columns.extend(explaining.extract_if(.., |c| c.beside == Some(name)));
    }
    Csv {
        begin: BYTE_ORDER_MARK,
        delimiter: b';',
        header: columns.iter().flat_map(names).collect(),
        cells: Box::new(move |row, out| columns.iter().for_each(|column| cells(column, row, zone(row), out))),
    }
}

/// The name of a column, and those of what is written beside it.
fn names<R>(column: &Column<R>) -> Vec<String> {
    let name = column.flat_name();
    match column.read {
        Read::Time(_) => vec![name.clone(), format!("{name}_weekday"), format!("{name}_offset")],
        _ if column.is_weekday => vec![name.clone(), format!("{name}_name")],
        _ => vec![name],
    }
}

/// Adds the cells of a column in a row: as many as [`names`].
fn cells<R>(column: &Column<R>, row: &R, zone: &TimeZone, out: &mut Vec<String>) {
    match (column.cell(row), &column.read) {
        (Some(Cell::Time(at)), _) => out.extend(local(at, zone)),
        (None, Read::Time(_)) => out.extend([const { String::new() }; 3]),
        (Some(Cell::Integer(day)), _) if column.is_weekday => {
            let name = usize::try_from(day - 1).ok().and_then(|day| WEEKDAYS.get(day));
            out.extend([day.to_string(), name.copied().unwrap_or_default().to_owned()]);
        }
        (None, _) if column.is_weekday => out.extend([const { String::new() }; 2]),
        (Some(Cell::Text(text)), _) => out.push(literal(text).into_owned()),
        (Some(Cell::Integer(number)), _) => out.push(number.to_string()),
        (Some(Cell::Float(number)), _) => out.push(decimal(number)),
        (Some(Cell::Boolean(is)), _) => out.push(is.to_string()),
        (None, _) => out.push(String::new()),
    }
}

/// A date and time that Excel recognises, its day of the week, and the mark that distinguishes the two hours of the same
/// name when clocks go back.
fn local(at: UtcMicros, zone: &TimeZone) -> [String; 3] {
    let local = zone.to_datetime(at.timestamp());
    let weekday = local.weekday().to_monday_zero_offset();
    let weekday =
        usize::try_from(weekday).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or_default();
    let offset_min = zone.to_offset(at.timestamp()).seconds() / 60;
    let sign = if offset_min < 0 { '-' } else { '+' };
    let offset = format!("UTC{sign}{:02}:{:02}", offset_min.abs() / 60, offset_min.abs() % 60);
    [local.strftime("%d.%m.%Y %H:%M:%S").to_string(), weekday.to_owned(), offset]
}

/// At most four decimals, with a comma.
fn decimal(number: f64) -> String {
    let text = format!("{number:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('.', ",") }
}

/// `text` so that Excel shows it as it is: a single quote goes before what it would take for something else.
fn literal(text: &str) -> Cow<'_, str> {
    if is_formula(text) || is_value(text) { format!("'{text}").into() } else { text.into() }
}

/// Whether Excel may take `text` for a number, a date, a time or a truth value: `007`, `1-2`, `8E12`, `3. Mai`.
/// A few texts too many do no harm.
fn is_value(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    if ["wahr", "falsch", "true", "false"].contains(&lower.as_str()) {
        return true;
    }
    let is_sign = |c: char| c.is_ascii_digit() || c.is_whitespace() || ".,:/-+%()€$'".contains(c);
    let is_month = |word: &str| word.chars().count() >= 3 && MONTHS.split(' ').any(|m| m.starts_with(word));
    let is_word = |word: &str| WORDS_AROUND.contains(&word) || is_month(word);
    let begins = lower.starts_with(char::is_alphabetic);
    let mut words = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).enumerate();
    lower.contains(|c: char| c.is_ascii_digit())
        && lower.chars().all(|c| c.is_alphabetic() || is_sign(c))
        && words.all(|(n, word)| is_word(word) || (LETTERS_AFTER.contains(&word) && !(begins && n == 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_excel_would_take_for_a_value_stays_text() {
        for text in [
            "1-2",
            "007",
            "8E12",
            "8e+12",
            "1.8E+15",
            "1/2",
            "3.4",
            "1,5",
            "10:30",
            "10:30 AM",
            "12",
            "70000000000000001",
            "1. Mai",
            "Mrz 5",
            "März 2026",
            "1-Jan",
            "Dec 24",
            "50 %",
            "(5)",
            "5 €",
            "EUR 5",
            "WAHR",
            "false",
            "2026-11-22",
            "1 1/2",
            "=1+1",
            "+49 2581",
            "-12.5",
            "-cmd",
            "@SUM(A1)",
            "\t=1",
            " 007 ",
        ] {
            assert_eq!(literal(text), format!("'{text}"));
        }
        for text in [
            "P1",
            "b-17",
            "Markt",
            "Parkhaus 3",
            "70b3d57ed0000001",
            "R11",
            "Mai",
            "",
            "U1 - Nord",
            "a=b",
            "Süd; 2 #",
        ] {
            assert_eq!(literal(text), text);
        }
    }

    #[test]
    fn numbers_have_a_comma_and_four_decimals() {
        let numbers = [0.25, 1.0 / 3.0, -0.000_01, 100.0, 1_234_567.125, 0.000_05];
        assert_eq!(numbers.map(decimal), ["0,25", "0,3333", "0", "100", "1234567,125", "0,0001"]);
    }

    #[test]
    fn the_two_hours_of_one_name_differ() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let at = |text: &str| local(UtcMicros::parse(text).expect("a time"), &zone);
        assert_eq!(at("2026-10-25T00:00:00Z"), ["25.10.2026 02:00:00", "So", "UTC+02:00"]);
        assert_eq!(at("2026-10-25T01:00:00Z"), ["25.10.2026 02:00:00", "So", "UTC+01:00"]);
        assert_eq!(at("2026-10-25T23:30:00Z"), ["26.10.2026 00:30:00", "Mo", "UTC+01:00"]);
    }
}
