//! How rides on demand are booked, for whichever time in a window one chooses.

use domain::booking::{Bookable, Notice};
use domain::time::{MICROS_PER_S, UtcMicros};

use super::run::both;
use super::{Booked, BookedRides, RideBooking, Rule, RuleIx};
use crate::timetable::{NONE, Timetable, ZoneIx};

/// Times of rides that can be booked, seconds since 1970, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookableSpan {
    /// The first.
    pub from: i64,
    /// The last.
    pub until: i64,
}

impl BookableSpan {
    /// Any time.
    pub const ALWAYS: BookableSpan = BookableSpan { from: i64::MIN, until: i64::MAX };
}

impl Booked<'_> {
    /// The rides that can be booked by both of two rules ([`NONE`]: nothing says how, it is taken as possible). `None`: none can.
    pub(crate) fn span(&self, timetable: &Timetable, zone: ZoneIx, rules: [u32; 2]) -> Option<BookableSpan> {
        let now = match self.rides {
            BookedRides::All => return Some(BookableSpan::ALWAYS),
            BookedRides::OpenAt(now) => now,
            BookedRides::None => return None,
        };
        let mut span = BookableSpan::ALWAYS;
        for rule in rules.into_iter().filter(|rule| *rule != NONE) {
            let Some(rule) = self.area_rule(timetable, rule) else { continue };
            let asked = rule.asked(now)?;
            let bookable =
                rule.with_days(timetable, zone, |days| Bookable::at(&rule.terms, now, asked, days))?;
            span.from = span.from.max(ceil_s(bookable.first()));
            span.until = span.until.min(bookable.last().map_or(i64::MAX, floor_s));
        }
        (span.from <= span.until).then_some(span)
    }

    fn area_rule<'t>(&'t self, timetable: &'t Timetable, number: u32) -> Option<Rule<'t>> {
        let rule = self.bookings.rule(timetable, RuleIx::Feed(number))?;
        Some(rule.with_wheelchair(self.wheelchair))
    }

    /// How a ride at `at` (seconds since 1970) is booked by both of two rules. Both notices count from when one gets on: it is one
    /// booking.
    pub fn area_ride(&self, timetable: &Timetable, zone: ZoneIx, rules: [u32; 2], at: i64) -> RideBooking {
        let each = rules.into_iter().filter(|rule| *rule != NONE).map(|number| {
            let rule = self.area_rule(timetable, number);
            let window = rule.and_then(|rule| rule.window(timetable, zone, UtcMicros::from_unix_s(at)));
            let notice_s = rule.and_then(|rule| match rule.terms.notice {
                Notice::Before { at_least_s } => Some(at_least_s),
                Notice::RealTime => Some(0),
                Notice::OnDay(_) => None,
            });
            RideBooking { rule: Some(RuleIx::Feed(number)), window, notice_s }
        });
        each.reduce(both).unwrap_or(RideBooking { rule: None, window: None, notice_s: None })
    }
}

fn ceil_s(at: UtcMicros) -> i64 {
    floor_s(at) + i64::from(at.0.rem_euclid(MICROS_PER_S) > 0)
}

fn floor_s(at: UtcMicros) -> i64 {
    at.0.div_euclid(MICROS_PER_S)
}
