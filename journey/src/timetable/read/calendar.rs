//! `calendar.txt` and `calendar_dates.txt`; either may stand alone.

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::Table;
use crate::timetable::FeedProblems;
use crate::timetable::services::{Service, parse_day};

const ID: usize = 0;
const FROM: usize = 1;
const UNTIL: usize = 2;
const MONDAY: usize = 3;

/// Reads on which days services run.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let weekly = rules(source, draft, problems)?;
    let exceptions = exceptions(source, draft, problems)?;
    if !weekly && !exceptions {
        return Err(ReadError::Missing {
            feed: source.name.clone(),
            file: "calendar.txt and no calendar_dates.txt",
        });
    }
    Ok(())
}

/// Whether there is a file.
fn rules(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<bool, ReadError> {
    let columns = [
        "service_id",
        "start_date",
        "end_date",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let Some(mut table) = Table::open(source, "calendar.txt", columns.len(), columns)? else {
        return Ok(false);
    };
    'rows: while table.next()? {
        if draft.feed.services.contains_key(table.bytes(ID)) {
            table.fault(problems, ID, "there is one already");
            continue;
        }
        let mut weekdays = 0;
        for day in 0..7 {
            match table.bytes(MONDAY + day) {
                b"1" => weekdays |= 1 << day,
                b"0" => {}
                _ => {
                    table.fault(problems, MONDAY + day, "it is neither 0 nor 1");
                    continue 'rows;
                }
            }
        }
        let mut days = [0; 2];
        for column in [FROM, UNTIL] {
            let Some(day) = parse_day(&table.text(column)) else {
                table.fault(problems, column, "it is not a date YYYYMMDD");
                continue 'rows;
            };
            days[column - FROM] = day;
        }
        if days[0] > days[1] {
            table.fault(problems, UNTIL, "it is before start_date; the service does not run by week");
        }
        draft.feed.services.insert(table.bytes(ID).into(), draft.services.len() as u32);
        draft.services.push(Service::weekly(weekdays, days[0], days[1]));
    }
    Ok(true)
}

/// Whether there is a file.
fn exceptions(
    source: &mut Source,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Result<bool, ReadError> {
    const DATE: usize = 1;
    const TYPE: usize = 2;
    let columns = ["service_id", "date", "exception_type"];
    let Some(mut table) = Table::open(source, "calendar_dates.txt", columns.len(), columns)? else {
        return Ok(false);
    };
    while table.next()? {
        let runs = match table.bytes(TYPE) {
            b"1" => true,
            b"2" => false,
            _ => {
                table.fault(problems, TYPE, "it is neither 1 (runs) nor 2 (does not run)");
                continue;
            }
        };
        let Some(day) = parse_day(&table.text(DATE)) else {
            table.fault(problems, DATE, "it is not a date YYYYMMDD");
            continue;
        };
        let number = match draft.feed.services.get(table.bytes(ID)) {
            Some(number) => *number,
            None => {
                let number = draft.services.len() as u32;
                draft.feed.services.insert(table.bytes(ID).into(), number);
                // Runs on no day but the exceptions.
                draft.services.push(Service::default());
                number
            }
        };
        draft.services[number as usize].except(day, runs);
    }
    Ok(true)
}
