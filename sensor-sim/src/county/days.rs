//! Special days of the county town: a fair, and market days.

use std::io;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::County;
use super::files::csv_of;

/// When the county town was without its market place: days before today, first and last.
const FAIR_DAYS_AGO: (i32, i32) = (40, 36);

/// Weeks of market days before and after today.
const MARKET_WEEKS: (i32, i32) = (52, 26);

impl County {
    /// One closure in the past: a fair on the market place of the county town.
    pub(super) fn closures_csv(&self, today: Date) -> io::Result<Vec<u8>> {
        let site = &self.sites[0].id;
        let [from, until] =
            [FAIR_DAYS_AGO.0, FAIR_DAYS_AGO.1 - 1].map(|days| today.saturating_sub(days.days()));
        csv_of("place,from,until,reason", [(site, from, until, "Herbstkirmes")])
    }

    /// A market in the county town each Wednesday and Saturday, and the fair.
    pub(super) fn calendar_csv(&self, today: Date) -> io::Result<Vec<u8>> {
        let town = self.municipalities[self.sites[0].municipality].slug;
        let first = today.saturating_sub(MARKET_WEEKS.0.weeks());
        let market = first
            .series(1.day())
            .take_while(|day| *day < today.saturating_add(MARKET_WEEKS.1.weeks()))
            .filter(|day| matches!(day.weekday(), Weekday::Wednesday | Weekday::Saturday))
            .map(|day| (town, day, "market", "Wochenmarkt", day));
        let [from, until] = [FAIR_DAYS_AGO.0, FAIR_DAYS_AGO.1].map(|days| today.saturating_sub(days.days()));
        let fair = (town, from, "event", "Herbstkirmes", until);
        csv_of("municipality,date,kind,name,until", [fair].into_iter().chain(market))
    }
}
