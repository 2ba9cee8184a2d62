//! On which days the trips run.

use std::io;

use jiff::civil::{Date, Weekday};

use super::super::timetable::Service;
use super::{date_of, table};

/// `calendar.txt`.
pub(super) fn calendar(first: Date, last: Date) -> io::Result<Vec<u8>> {
    let header = [
        "service_id",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "start_date",
        "end_date",
    ];
    table(
        &header,
        Service::ALL.into_iter().map(|service| {
            let day = |weekday: Weekday| {
                let runs = service == Service::Night || service == usual(weekday);
                u8::from(runs).to_string()
            };
            [
                service.id().into(),
                day(Weekday::Monday),
                day(Weekday::Tuesday),
                day(Weekday::Wednesday),
                day(Weekday::Thursday),
                day(Weekday::Friday),
                day(Weekday::Saturday),
                day(Weekday::Sunday),
                date_of(first),
                date_of(last),
            ]
        }),
    )
}

/// The service of a weekday that is no holiday.
fn usual(weekday: Weekday) -> Service {
    match weekday {
        Weekday::Saturday => Service::Saturday,
        Weekday::Sunday => Service::Sunday,
        _ => Service::WorkingDay,
    }
}

/// `calendar_dates.txt`. Public holidays: what would run does not, and the Sunday's trips do.
pub(super) fn exceptions(days: &[Date]) -> io::Result<Vec<u8>> {
    let holidays = days.iter().copied().filter(|day| usual(day.weekday()) != Service::on(*day));
    let rows = holidays.flat_map(|day| {
        [(usual(day.weekday()), "2"), (Service::on(day), "1")]
            .map(|(service, exception)| [service.id().to_owned(), date_of(day), exception.to_owned()])
    });
    table(&["service_id", "date", "exception_type"], rows)
}
