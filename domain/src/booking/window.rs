//! Deadlines: when a ride can be booked, and which rides can be booked now.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{DayTime, Notice, Opens, Terms};
use crate::time::UtcMicros;

/// Deadlines are looked for so many days before a ride, and rides so many days after a booking.
const MAX_DAYS: i32 = 366;

/// The days that deadlines are counted in.
pub struct BookingDays<'a> {
    /// Time zone of the agency.
    pub zone: TimeZone,
    /// Whether a day counts (`prior_notice_service_id`); `None`: all do.
    pub counts: Option<&'a dyn Fn(Date) -> bool>,
}

/// When one ride can be booked, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// `None`: however long before.
    pub from: Option<UtcMicros>,
    /// Until when.
    pub by: UtcMicros,
}

/// The rides that can be booked at one moment: those that begin in this span of time, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookable {
    first: UtcMicros,
    /// `None`: however late.
    last: Option<UtcMicros>,
}

impl Window {
    /// For a ride at `at`: when one gets on, or when the vehicle sets out, as the terms want. `None`: it can never be booked,
    /// as no day that counts lies before it.
    pub fn of(terms: &Terms, at: UtcMicros, days: &BookingDays<'_>) -> Option<Window> {
        let by = match terms.notice {
            Notice::RealTime => at,
            Notice::Before { at_least_s } => at.plus_s(-i64::from(at_least_s)),
            Notice::OnDay(time) => days.before(time, days.date(at))?,
        };
        let from = match terms.opens {
            Opens::Always => None,
            Opens::Before { at_most_s } => Some(at.plus_s(-i64::from(at_most_s))),
            Opens::OnDay(time) => days.before(time, days.date(at)),
        };
        Some(Window { from, by })
    }

    /// Whether the ride can be booked at `now`, or, where nobody answers before `asked`, then.
    pub fn is_open(&self, now: UtcMicros, asked: UtcMicros) -> bool {
        self.from.is_none_or(|from| from <= now) && asked <= self.by
    }
}

impl Bookable {
    /// The rides that can be booked at `now`, or, where nobody answers before `asked`, then. `None`: none can.
    pub fn at(terms: &Terms, now: UtcMicros, asked: UtcMicros, days: &BookingDays<'_>) -> Option<Bookable> {
        let first = match terms.notice {
            Notice::RealTime => asked,
            Notice::Before { at_least_s } => asked.plus_s(at_least_s.into()),
            Notice::OnDay(time) => days.midnight(
                days.first_date(now, |date| days.before(time, date).is_some_and(|by| by >= asked))?,
            )?,
        };
        let last = match terms.opens {
            Opens::Always => None,
            Opens::Before { at_most_s } => Some(now.plus_s(at_most_s.into())),
            Opens::OnDay(time) => {
                let not_yet = |date| days.before(time, date).is_some_and(|from| from > now);
                let midnight = days.first_date(now, not_yet).and_then(|date| days.midnight(date));
                midnight.map(|midnight| UtcMicros(midnight.0 - 1))
            }
        };
        Some(Bookable { first, last })
    }

    /// The first.
    pub fn first(&self) -> UtcMicros {
        self.first
    }

    /// The last; `None`: however late.
    pub fn last(&self) -> Option<UtcMicros> {
        self.last
    }

    /// Whether a ride at `at` is one of them.
    pub fn has(&self, at: UtcMicros) -> bool {
        self.first <= at && self.last.is_none_or(|last| at <= last)
    }
}

impl BookingDays<'_> {
    /// The date of a moment.
    fn date(&self, at: UtcMicros) -> Date {
        self.zone.to_datetime(at.timestamp()).date()
    }

    /// When a date begins.
    fn midnight(&self, date: Date) -> Option<UtcMicros> {
        self.zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok().map(UtcMicros::from)
    }

    /// The moment that lies so before a ride on `date`.
    fn before(&self, time: DayTime, date: Date) -> Option<UtcMicros> {
        let mut day = date;
        let mut left = time.days_before;
        let mut looked = 0;
        while left > 0 {
            if looked == MAX_DAYS {
                return None;
            }
            looked += 1;
            day = day.yesterday().ok()?;
            if self.counts.is_none_or(|counts| counts(day)) {
                left -= 1;
            }
        }
        let noon = self.zone.to_ambiguous_timestamp(day.at(12, 0, 0, 0)).compatible().ok()?;
        Some(UtcMicros::from(noon).plus_s(i64::from(time.time_s) - 12 * 3_600))
    }

    /// The first date of a ride for which `is` holds, which for all later ones holds too.
    fn first_date(&self, now: UtcMicros, is: impl Fn(Date) -> bool) -> Option<Date> {
        // Times of a service day reach into the days after.
        let begin = self.date(now).checked_sub(8.days()).ok()?;
        let date = |days: i32| begin.checked_add(days.days()).ok();
        let (mut low, mut high) = (0, MAX_DAYS + 8);
        while low < high {
            let middle = i32::midpoint(low, high);
            if date(middle).is_some_and(&is) { high = middle } else { low = middle + 1 }
        }
        date(low).filter(|_| low < MAX_DAYS + 8)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::RelativeTo;
    use super::*;

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).unwrap()
    }

    fn berlin<'a>() -> BookingDays<'a> {
        BookingDays { zone: TimeZone::get("Europe/Berlin").unwrap(), counts: None }
    }

    fn terms(notice: Notice) -> Terms {
        Terms { notice, opens: Opens::Always, relative_to: RelativeTo::Boarding }
    }

    fn by(notice: Notice, ride: &str, days: &BookingDays<'_>) -> Option<UtcMicros> {
        Window::of(&terms(notice), at(ride), days).map(|window| window.by)
    }

    #[test]
    fn half_an_hour_is_half_an_hour_across_a_clock_change() {
        let notice = Notice::Before { at_least_s: 1_800 };
        for (ride, deadline) in [
            ("2026-11-28T00:10:00+01:00", "2026-11-27T23:40:00+01:00"),
            ("2026-10-25T02:10:00+01:00", "2026-10-25T02:40:00+02:00"),
            ("2027-03-28T03:10:00+02:00", "2027-03-28T01:40:00+01:00"),
        ] {
            assert_eq!(by(notice, ride, &berlin()), Some(at(deadline)), "{ride}");
        }
    }

    #[test]
    fn a_deadline_of_the_day_before_is_by_the_clock_of_that_day() {
        let notice = Notice::OnDay(DayTime { days_before: 1, time_s: 17 * 3_600 });
        for (ride, deadline) in [
            ("2026-11-28T00:10:00+01:00", "2026-11-27T17:00:00+01:00"),
            ("2026-11-27T23:50:00+01:00", "2026-11-26T17:00:00+01:00"),
            ("2026-10-25T12:00:00+01:00", "2026-10-24T17:00:00+02:00"),
            ("2026-10-26T12:00:00+01:00", "2026-10-25T17:00:00+01:00"),
            ("2027-03-28T12:00:00+02:00", "2027-03-27T17:00:00+01:00"),
        ] {
            assert_eq!(by(notice, ride, &berlin()), Some(at(deadline)), "{ride}");
            let bookable = |now| Bookable::at(&terms(notice), now, now, &berlin());
            let deadline = at(deadline);
            assert!(bookable(deadline).is_some_and(|rides| rides.has(at(ride))), "{ride}");
            assert!(!bookable(deadline.plus_s(1)).is_some_and(|rides| rides.has(at(ride))), "{ride}");
        }
    }

    #[test]
    fn days_off_do_not_count() {
        // Monday to Friday, but Christmas, a Friday in 2026.
        let works = |date: Date| {
            date.weekday().to_monday_zero_offset() < 5 && date != jiff::civil::date(2026, 12, 25)
        };
        let days = BookingDays { counts: Some(&works), ..berlin() };
        let notice = Notice::OnDay(DayTime { days_before: 2, time_s: 16 * 3_600 });
        let monday = by(notice, "2026-12-28T08:00:00+01:00", &days);
        assert_eq!(monday, Some(at("2026-12-23T16:00:00+01:00")));
        let never = |_: Date| false;
        assert_eq!(
            by(notice, "2026-12-28T08:00:00+01:00", &BookingDays { counts: Some(&never), ..berlin() }),
            None
        );
    }

    #[test]
    fn a_ride_may_not_be_bookable_yet() {
        let opens = Opens::OnDay(DayTime { days_before: 7, time_s: 8 * 3_600 });
        let terms = Terms { opens, ..terms(Notice::Before { at_least_s: 3_600 }) };
        let window = Window::of(&terms, at("2026-12-08T10:00:00+01:00"), &berlin()).unwrap();
        assert_eq!(window.from, Some(at("2026-12-01T08:00:00+01:00")));
        let is_open = |now| window.is_open(at(now), at(now));
        assert!(!is_open("2026-12-01T07:59:59+01:00") && is_open("2026-12-01T08:00:00+01:00"));
    }

    fn some_terms() -> impl Strategy<Value = Terms> {
        let day_time =
            || (0u16..9, 0i32..100_000).prop_map(|(days_before, time_s)| DayTime { days_before, time_s });
        let notice = prop_oneof![
            Just(Notice::RealTime),
            (0i32..200_000).prop_map(|at_least_s| Notice::Before { at_least_s }),
            day_time().prop_map(Notice::OnDay),
        ];
        let opens = prop_oneof![
            Just(Opens::Always),
            (0i32..2_000_000).prop_map(|at_most_s| Opens::Before { at_most_s }),
            day_time().prop_map(Opens::OnDay),
        ];
        (notice, opens).prop_map(|(notice, opens)| Terms { notice, opens, relative_to: RelativeTo::Boarding })
    }

    proptest! {
        /// Around both clock changes, with days that do not count.
        #[test]
        fn what_is_bookable_now_is_what_has_an_open_window(
            terms in some_terms(),
            autumn in any::<bool>(),
            now_s in 0i64..400_000,
            wait_s in prop_oneof![Just(0i64), 0i64..100_000],
            ride_s in 0i64..1_500_000,
            weekdays in 0u8..128,
        ) {
            let begin = at(if autumn { "2026-10-23T00:00:00Z" } else { "2027-03-26T00:00:00Z" });
            let counts = |date: Date| weekdays >> date.weekday().to_monday_zero_offset() & 1 == 1;
            let days = BookingDays { counts: (weekdays > 0).then_some(&counts), ..berlin() };
            let (now, ride) = (begin.plus_s(now_s), begin.plus_s(ride_s));
            let asked = now.plus_s(wait_s);
            let window = Window::of(&terms, ride, &days).is_some_and(|window| window.is_open(now, asked));
            let bookable = Bookable::at(&terms, now, asked, &days).is_some_and(|rides| rides.has(ride));
            prop_assert_eq!(window, bookable);
        }
    }
}
