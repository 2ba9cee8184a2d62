//! `calendar.txt` and `calendar_dates.txt`; either may stand alone.

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Fault, Table, fault};
use crate::timetable::FeedProblems;
use crate::timetable::services::{Day, Service, parse_day};

/// Reads on which days services run.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let weekly = rules(source, draft, problems)?;
    let exceptions = exceptions(source, draft, problems)?;
    if !weekly && !exceptions {
        let file = "calendar.txt and no calendar_dates.txt";
        return Err(ReadError::Missing { feed: source.name.clone(), file });
    }
    Ok(())
}

/// Whether there is a file.
fn rules(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<bool, ReadError> {
    let header = "service_id,start_date,end_date,monday,tuesday,wednesday,thursday,friday,saturday,sunday";
    let Some(mut table) = Table::open(source, "calendar.txt", 10, header)? else {
        return Ok(false);
    };
    while table.next()? {
        let service = rule(&table, draft, problems);
        draft.services.extend(table.read(problems, service));
    }
    Ok(true)
}

fn rule(table: &Table<'_>, draft: &mut Draft, problems: &mut FeedProblems) -> Result<Service, Fault> {
    let [id, from, until, weekdays @ ..] = table.columns::<10>();
    let key = table.new_id(id, &draft.feed.services)?;
    let mut days = 0;
    for (number, column) in weekdays.into_iter().enumerate() {
        match table.bytes(column) {
            b"1" => days |= 1 << number,
            b"0" => {}
            _ => return Err(fault(column, "it is neither 0 nor 1")),
        }
    }
    let (first, last) = (day(table, from)?, day(table, until)?);
    if first > last {
        table.fault(problems, until, "it is before start_date; the service does not run by week");
    }
    draft.feed.services.insert(key, draft.services.len() as u32);
    Ok(Service::weekly(days, first, last))
}

fn day(table: &Table<'_>, column: usize) -> Result<Day, Fault> {
    parse_day(&table.text(column)).ok_or_else(|| fault(column, "it is not a date YYYYMMDD"))
}

/// Whether there is a file.
fn exceptions(
    source: &mut Source,
    draft: &mut Draft,
    problems: &mut FeedProblems,
) -> Result<bool, ReadError> {
    let header = "service_id,date,exception_type";
    let Some(mut table) = Table::open(source, "calendar_dates.txt", 3, header)? else {
        return Ok(false);
    };
    while table.next()? {
        let exception = exception(&table, draft);
        table.read(problems, exception);
    }
    Ok(true)
}

fn exception(table: &Table<'_>, draft: &mut Draft) -> Result<(), Fault> {
    let [id, date, kind] = table.columns();
    let runs = match table.bytes(kind) {
        b"1" => true,
        b"2" => false,
        _ => return Err(fault(kind, "it is neither 1 (runs) nor 2 (does not run)")),
    };
    let day = day(table, date)?;
    let number = draft.feed.services.get(table.bytes(id)).copied().unwrap_or_else(|| {
        draft.feed.services.insert(table.bytes(id).into(), draft.services.len() as u32);
        // Runs on no day but the exceptions.
        draft.services.push(Service::default());
        draft.services.len() as u32 - 1
    });
    draft.services[number as usize].except(day, runs);
    Ok(())
}
