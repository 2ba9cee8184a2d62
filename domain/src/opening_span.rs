//! Spans of a day whose end cannot be computed.
//!
//! A span that ends before it begins ends on the next day. The parser's clock ends at 48:00, and its evaluation
//! panics where such an end lies beyond: so these are refused when they are read.

use opening_hours::OpeningHours;
use opening_hours_syntax::rules::time::{Time, TimeEvent, TimeSpan};

/// Minutes.
const DAY: i32 = 24 * 60;

/// Whether some day has no end for one of the spans of these hours.
pub fn is_endless(hours: &OpeningHours) -> bool {
    hours.get_expression().rules.iter().flat_map(|rule| &rule.time_selector.spans).any(may_lack_end)
}

fn may_lack_end(span: &TimeSpan) -> bool {
    let (start, end) = (&span.range.start, &span.range.end);
    earliest_and_latest(end).1 > DAY && !is_surely_before(start, end)
}

fn is_surely_before(start: &Time, end: &Time) -> bool {
    if earliest_and_latest(start).1 < earliest_and_latest(end).0 {
        return true;
    }
    match (start, end) {
        // Of one side of the day, whose order is known.
        (Time::Variable(a), Time::Variable(b)) => {
            is_morning(a.event) == is_morning(b.event) && a.event <= b.event && a.offset < b.offset
        }
        _ => false,
    }
}

/// In minutes after midnight. The sun's morning is the first half of a day ([`crate::locality`] sees to that).
fn earliest_and_latest(time: &Time) -> (i32, i32) {
    match time {
        Time::Fixed(at) => (at.mins_from_midnight().into(), at.mins_from_midnight().into()),
        Time::Variable(by_sun) => {
            let first = if is_morning(by_sun.event) { 0 } else { DAY / 2 };
            let offset = i32::from(by_sun.offset);
            (first + offset, first + DAY / 2 - 1 + offset)
        }
    }
}

/// Whether it is the sun's rising.
pub fn is_morning(event: TimeEvent) -> bool {
    matches!(event, TimeEvent::Dawn | TimeEvent::Sunrise)
}
