//! Kinds of days that figures can be restricted to: `days=mo-fr`, `days=market`.

use jiff::civil::{Date, Weekday};

use crate::calendar::{CalendarDay, MarkedKind};
use crate::holidays::Land;
use crate::place::wire_enum;

wire_enum! {
    /// A kind of day in a town's own time. Not a partition: a market may be held on a Wednesday, a
    /// holiday fall on a Sunday.
    DayKind {
        /// Monday to Friday, without holidays.
        MoFr = "mo-fr",
        /// Saturdays, without holidays.
        Sa = "sa",
        /// All Sundays.
        So = "so",
        /// Public holidays of the Land, and those that the town's calendar adds.
        Holiday = "holiday",
        /// Days of a market, by the town's calendar.
        Market = "market",
        /// Days of an event, by the town's calendar.
        Event = "event",
    }
}

/// What is known of a town's days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TownDays {
    land: Option<Land>,
    /// First and last day of each entry.
    marked: Vec<(MarkedKind, Date, Date)>,
}

impl TownDays {
    /// Of the town with this official key and calendar.
    pub fn new<'a>(ags: &str, calendar: impl IntoIterator<Item = &'a CalendarDay>) -> Self {
        let marked = calendar.into_iter().map(|day| (day.kind, day.date, day.until)).collect();
        TownDays { land: Land::of_ags(ags), marked }
    }

    /// Whether `day` is of this kind.
    pub fn is(&self, kind: DayKind, day: Date) -> bool {
        match kind {
            DayKind::MoFr => {
                !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.is_holiday(day)
            }
            DayKind::Sa => day.weekday() == Weekday::Saturday && !self.is_holiday(day),
            DayKind::So => day.weekday() == Weekday::Sunday,
            DayKind::Holiday => self.is_holiday(day),
            DayKind::Market => self.is_marked(MarkedKind::Market, day),
            DayKind::Event => self.is_marked(MarkedKind::Event, day),
        }
    }

    fn is_holiday(&self, day: Date) -> bool {
        self.land.is_some_and(|land| land.is_holiday(day)) || self.is_marked(MarkedKind::Holiday, day)
    }

    fn is_marked(&self, kind: MarkedKind, day: Date) -> bool {
        self.marked.iter().any(|(k, first, last)| *k == kind && (*first..=*last).contains(&day))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn kinds(town: &TownDays, day: Date) -> Vec<&'static str> {
        DayKind::ALL.iter().filter(|kind| town.is(**kind, day)).map(|kind| kind.as_str()).collect()
    }

    #[test]
    fn holidays_are_neither_working_days_nor_saturdays() {
        let town = TownDays::new("05558012", &[]);
        assert_eq!(kinds(&town, date(2026, 11, 26)), ["mo-fr"]);
        assert_eq!(kinds(&town, date(2026, 11, 28)), ["sa"]);
        assert_eq!(kinds(&town, date(2026, 11, 29)), ["so"]);
        assert_eq!(kinds(&town, date(2026, 12, 25)), ["holiday"], "a Friday");
        assert_eq!(kinds(&town, date(2026, 12, 26)), ["holiday"], "a Saturday");
        assert_eq!(kinds(&town, date(2026, 11, 1)), ["so", "holiday"], "All Saints on a Sunday");
        assert_eq!(kinds(&TownDays::new("11000000", &[]), date(2027, 11, 1)), ["mo-fr"], "not in Berlin");
    }

    #[test]
    fn the_calendar_adds_days_of_its_own() {
        let entry = |kind, from, until| CalendarDay {
            municipality: "augsburg".into(),
            date: from,
            until,
            kind,
            name: "x".into(),
        };
        let calendar = [
            entry(MarkedKind::Holiday, date(2026, 8, 8), date(2026, 8, 8)),
            entry(MarkedKind::Market, date(2026, 8, 5), date(2026, 8, 5)),
            entry(MarkedKind::Event, date(2026, 8, 7), date(2026, 8, 9)),
        ];
        let town = TownDays::new("09761", &calendar);
        assert_eq!(kinds(&town, date(2026, 8, 5)), ["mo-fr", "market"]);
        assert_eq!(kinds(&town, date(2026, 8, 6)), ["mo-fr"]);
        assert_eq!(kinds(&town, date(2026, 8, 8)), ["holiday", "event"]);
        assert_eq!(kinds(&town, date(2026, 8, 9)), ["so", "event"], "the last day is one of them");
        assert_eq!(kinds(&town, date(2026, 8, 10)), ["mo-fr"]);
    }

    #[test]
    fn the_choices_are_named() {
        assert_eq!("mo-fr".parse(), Ok(DayKind::MoFr));
        assert_eq!(
            "mo".parse::<DayKind>().unwrap_err().to_string(),
            "'mo' is not one of: mo-fr, sa, so, holiday, market, event"
        );
    }
}
