//! `booking_rules.txt`.

use domain::booking::{DayTime, Desk, Notice, Opens, RelativeTo, Terms};

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::{Fault, Table, fault};
use super::times::parse_time;
use crate::timetable::booking::BookingRule;
use crate::timetable::{FeedProblems, NONE};

const HEADER: &str = "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_duration_max,\
    prior_notice_last_day,prior_notice_last_time,prior_notice_start_day,prior_notice_start_time,\
    prior_notice_service_id,message,pickup_message,drop_off_message,phone_number,info_url,booking_url";

/// The longest notice, days.
const MAX_DAYS: u16 = 366;

/// Reads the rules by which rides are booked.
pub fn read(source: &mut Source, draft: &mut Draft, problems: &mut FeedProblems) -> Result<(), ReadError> {
    let Some(mut table) = Table::open(source, "booking_rules.txt", 2, HEADER)? else { return Ok(()) };
    while table.next()? {
        let rule = rule(&table, draft);
        draft.booking_rules.extend(table.read(problems, rule));
    }
    Ok(())
}

fn rule(table: &Table<'_>, draft: &mut Draft) -> Result<BookingRule, Fault> {
    let [id, kind, least, most, last_day, last_time, start_day, start_time, service, text @ ..] =
        table.columns::<15>();
    let [message, pickup_message, drop_off_message, phone, info_url, booking_url] = text;
    let key = table.new_named_id(id, &draft.feed.booking_rules)?;
    let notice = match table.bytes(kind) {
        b"0" => Notice::RealTime,
        b"1" => Notice::Before { at_least_s: required(table, least, "1", minutes)? },
        b"2" => Notice::OnDay(day_time(table, last_day, last_time, "2")?),
        _ => {
            let reason = "it is none of 0 (real time), 1 (same day) and 2 (up to prior days)";
            return Err(fault(kind, reason));
        }
    };
    let is_given = |column: usize| !table.bytes(column).is_empty();
    let opens = if is_given(most) && matches!(notice, Notice::Before { .. }) {
        Opens::Before { at_most_s: minutes(table, most)? }
    } else if is_given(start_day) {
        Opens::OnDay(DayTime {
            days_before: days(table, start_day)?,
            // Required with a day; without one the whole day is the careful reading.
            time_s: if is_given(start_time) { time(table, start_time)? } else { 0 },
        })
    } else {
        Opens::Always
    };
    if let (Notice::Before { at_least_s }, Opens::Before { at_most_s }) = (notice, opens)
        && at_most_s < at_least_s
    {
        return Err(fault(most, "it is less than prior_notice_duration_min; nothing could ever be booked"));
    }
    let counts = matches!(notice, Notice::OnDay(_)) && is_given(service);
    let service = if counts { table.id(service, &draft.feed.services, "service")? } else { NONE };
    let text = |column: usize| Some(table.text(column)).filter(|text| !text.is_empty());
    let messages: Vec<String> =
        [message, pickup_message, drop_off_message].into_iter().filter_map(text).collect();
    draft.feed.booking_rules.insert(key, draft.booking_rules.len() as u32);
    Ok(BookingRule {
        terms: Terms { notice, opens, relative_to: RelativeTo::Boarding },
        service,
        desk: Desk {
            phone: text(phone),
            url: text(booking_url),
            info_url: text(info_url),
            message_de: (!messages.is_empty()).then(|| messages.join(" ")),
            ..Desk::default()
        },
    })
}

/// A field that rules of this booking type must have.
fn required<T>(
    table: &Table<'_>,
    column: usize,
    kind: &str,
    parse: impl Fn(&Table<'_>, usize) -> Result<T, Fault>,
) -> Result<T, Fault> {
    if table.bytes(column).is_empty() {
        return Err(fault(column, format!("it is missing; a rule of booking_type {kind} needs it")));
    }
    parse(table, column)
}

fn day_time(table: &Table<'_>, day: usize, at: usize, kind: &str) -> Result<DayTime, Fault> {
    Ok(DayTime { days_before: required(table, day, kind, days)?, time_s: required(table, at, kind, time)? })
}

/// Minutes, as seconds.
fn minutes(table: &Table<'_>, column: usize) -> Result<i32, Fault> {
    let minutes = table.number::<i32>(column).filter(|n| (0..=i32::from(MAX_DAYS) * 1_440).contains(n));
    let reason = || fault(column, format!("it is not a number of minutes from 0 to {MAX_DAYS} days"));
    Ok(minutes.ok_or_else(reason)? * 60)
}

fn days(table: &Table<'_>, column: usize) -> Result<u16, Fault> {
    let days = table.number::<u16>(column).filter(|days| *days <= MAX_DAYS);
    days.ok_or_else(|| fault(column, format!("it is not a number of days from 0 to {MAX_DAYS}")))
}

fn time(table: &Table<'_>, column: usize) -> Result<i32, Fault> {
    table.choice(column, parse_time, "it is not a time HH:MM:SS")
}
