//! Public holidays of North Rhine-Westphalia.

use jiff::ToSpan;
use jiff::civil::Date;

/// Month and day.
const FIXED: [(i8, i8); 6] = [(1, 1), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26)];
/// Days after Easter Sunday: Good Friday, Easter Monday, Ascension, Whit Monday, Corpus Christi.
const AFTER_EASTER: [i32; 5] = [-2, 1, 39, 50, 60];

/// Whether a date is a public holiday.
pub(super) fn is_holiday(date: Date) -> bool {
    let easter = easter(date.year());
    let is_movable =
        |days: i32| easter.is_some_and(|easter| easter.checked_add(days.days()).is_ok_and(|day| day == date));
    FIXED.contains(&(date.month(), date.day())) || AFTER_EASTER.into_iter().any(is_movable)
}

/// Easter Sunday in the Gregorian calendar.
fn easter(year: i16) -> Option<Date> {
    computus::gregorian_jiff_date(year.into()).ok()
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
            assert_eq!(easter(day.year()), Some(day));
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
