//! Days and instants.

use domain::UtcMicros;

use super::{Cell, Parsed, complain, exact};

/// A day of the calendar.
pub(crate) fn date(cell: Cell) -> Parsed<jiff::civil::Date> {
    let text = exact(cell)?;
    if text.len() == "2026-11-22".len()
        && let Ok(date) = text.parse::<jiff::civil::Date>()
    {
        return Ok(date);
    }
    let remedy = match german_time(&text) {
        Some(german) => format!("write {}", german.date()),
        None => "write it like 2026-11-22".to_owned(),
    };
    complain("is not a date", remedy)
}

/// An instant with its zone.
pub(crate) fn instant(cell: Cell) -> Parsed<UtcMicros> {
    let text = exact(cell)?;
    if let Ok(instant) = UtcMicros::parse(&text) {
        return Ok(instant);
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() <= "2026-11-22".len()
    {
        return complain(
            "is a plain date, without time and zone",
            format!("write {} for the start of that day in Germany", in_germany(date.at(0, 0, 0, 0))),
        );
    }
    if let Ok(local) = text.parse::<jiff::civil::DateTime>() {
        return complain(
            "has no zone",
            format!("write {} if it is German time, or end it with Z if it is UTC", in_germany(local)),
        );
    }
    if let Some(local) = german_time(&text) {
        return complain(
            "is written the German way, without a zone",
            format!("write {} if it is German time", in_germany(local)),
        );
    }
    complain("is not an RFC 3339 time", "write it like 2026-11-22T13:00:00+01:00 or 2026-11-22T12:00:00Z")
}

/// `22.11.2026`, `22.11.2026 13:00`, `22.11.26 13:00:05`
fn german_time(text: &str) -> Option<jiff::civil::DateTime> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    ["%d.%m.%y", "%d.%m.%Y"].into_iter().find_map(|date_form| {
        let date = jiff::civil::Date::strptime(date_form, date).ok()?;
        let time = ["%H:%M", "%H:%M:%S"]
            .into_iter()
            .find_map(|form| jiff::civil::Time::strptime(form, time.trim()).ok())?;
        Some(date.to_datetime(time))
    })
}

fn in_germany(local: jiff::civil::DateTime) -> String {
    match local.in_tz("Europe/Berlin") {
        Ok(zoned) => zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        Err(_) => format!("{local}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::csv;
    use super::*;

    #[test]
    fn times_need_a_zone() {
        assert_eq!(csv(instant, "2026-11-22T13:00:00+01:00"), csv(instant, "2026-11-22T12:00:00Z"));
        assert_eq!(
            csv(instant, "2026-07-01"),
            "is a plain date, without time and zone; write 2026-07-01T00:00:00+02:00 for the start of that day in \
             Germany"
        );
        assert_eq!(
            csv(instant, "2026-11-22 13:00"),
            "has no zone; write 2026-11-22T13:00:00+01:00 if it is German time, or end it with Z if it is UTC"
        );
        assert_eq!(
            csv(instant, "22.7.2026 13:00"),
            "is written the German way, without a zone; write 2026-07-22T13:00:00+02:00 if it is German time"
        );
        assert_eq!(
            csv(instant, "22.11.26"),
            "is written the German way, without a zone; write 2026-11-22T00:00:00+01:00 if it is German time"
        );
        assert_eq!(
            csv(instant, "11/22/2026"),
            "is not an RFC 3339 time; write it like 2026-11-22T13:00:00+01:00 or 2026-11-22T12:00:00Z"
        );
    }

    #[test]
    fn dates_are_written_year_first() {
        assert_eq!(csv(date, "2026-12-24"), "2026-12-24");
        assert_eq!(csv(date, "24.12.2026"), "is not a date; write 2026-12-24");
        for wrong in ["2026-02-30", "20261224", "2026-12-24T10:00:00Z", "heute"] {
            assert_eq!(csv(date, wrong), "is not a date; write it like 2026-11-22", "{wrong}");
        }
    }
}
