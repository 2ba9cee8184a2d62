//! Public holidays of North Rhine-Westphalia.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

/// Month and day.
const FIXED: [(i8, i8); 6] = [(1, 1), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26)];
/// Days after Easter Sunday: Good Friday, Easter Monday, Ascension, Whit Monday, Corpus Christi.
const AFTER_EASTER: [i32; 5] = [-2, 1, 39, 50, 60];

/// Whether a date is a public holiday.
pub(super) fn is_holiday(date: Date) -> bool {
    let is_movable = |days: i32| {
        easter(date.year()).checked_add(Span::new().days(days)).is_ok_and(|holiday| holiday == date)
    };
    FIXED.contains(&(date.month(), date.day())) || AFTER_EASTER.into_iter().any(is_movable)
}

/// Easter Sunday, by the Gregorian algorithm of Meeus, Jones and Butcher (Nature, 1876).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y.rem_euclid(19), y.div_euclid(100), y.rem_euclid(100));
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let days = h + l - 7 * m;
    // Between 22 March and 25 April.
    let first = Date::new(year, 3, 22).unwrap_or(Date::ZERO);
    first.checked_add(days.days()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_is_when_it_was() {
        for day in
            [date(2019, 4, 21), date(2024, 3, 31), date(2026, 4, 5), date(2027, 3, 28), date(2038, 4, 25)]
        {
            assert_eq!(easter(day.year()), day);
        }
    }

    #[test]
    fn holidays_of_a_year() {
        let year = date(2026, 1, 1).series(1.day()).take(365);
        let found: Vec<String> =
            year.filter(|d| is_holiday(*d)).map(|d| d.strftime("%m-%d").to_string()).collect();
        let expected = [
            "01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "06-04", "10-03", "11-01", "12-25", "12-26",
        ];
        assert_eq!(found, expected);
    }
}
