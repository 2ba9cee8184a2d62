//! On which days the trips run.

use std::io;

use jiff::civil::{Date, Weekday};

use super::super::files::csv_of;
use super::super::timetable::Service;
use super::date_of;

/// `calendar.txt`.
pub(super) fn calendar(first: Date, last: Date) -> io::Result<Vec<u8>> {
    let rows = Service::ALL.into_iter().map(|service| {
        let runs = |weekday| u8::from(service == Service::Night || service == usual(weekday));
        let days: Vec<u8> = Weekday::Monday.cycle_forward().take(7).map(runs).collect();
        (service.id(), days, date_of(first), date_of(last))
    });
    let columns = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date";
    csv_of(columns, rows)
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
        [(usual(day.weekday()), 2), (Service::on(day), 1)]
            .map(|(service, exception)| (service.id(), date_of(day), exception))
    });
    csv_of("service_id,date,exception_type", rows)
}
