//! Public holidays of Germany and its Laender, computed for any year.
//!
//! Sources: the Feiertagsgesetze of the Laender as they stand in 2026; Easter by the Gregorian
//! rule of Meeus, Jones and Butcher (`computus`).

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

/// Whose public holidays hold: a Land by its ISO 3166-2 code without `DE-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Land {
    /// Brandenburg.
    Bb,
    /// Berlin.
    Be,
    /// Baden-Württemberg.
    Bw,
    /// Bayern.
    By,
    /// Bremen.
    Hb,
    /// Hessen.
    He,
    /// Hamburg.
    Hh,
    /// Mecklenburg-Vorpommern.
    Mv,
    /// Niedersachsen.
    Ni,
    /// Nordrhein-Westfalen.
    Nw,
    /// Rheinland-Pfalz.
    Rp,
    /// Schleswig-Holstein.
    Sh,
    /// Saarland.
    Sl,
    /// Sachsen.
    Sn,
    /// Sachsen-Anhalt.
    St,
    /// Thüringen.
    Th,
}

/// Easter Sunday of `year` in the Gregorian calendar; `None` outside the years 1583 to 9999.
fn easter(year: i16) -> Option<Date> {
    computus::gregorian_jiff_date(year.into()).ok()
}

impl Land {
    /// The Land of a municipality, by the first two digits of its official key (AGS or ARS;
    /// Statistisches Bundesamt, Gemeindeverzeichnis).
    pub fn of_ags(ags: &str) -> Option<Land> {
        use Land::*;
        const IN_ORDER: [Land; 16] = [Sh, Hh, Ni, Hb, Nw, He, Rp, Bw, By, Sl, Be, Bb, Mv, Sn, St, Th];
        let number: usize = ags.get(..2)?.parse().ok()?;
        IN_ORDER.get(number.checked_sub(1)?).copied()
    }

    /// Whether shops and offices in most of the Land are closed on `day`.
    pub fn is_holiday(self, day: Date) -> bool {
        self.is_fixed_holiday(day) || self.is_moving_holiday(day)
    }

    /// The holidays of a year, in order.
    pub fn holidays(self, year: i16) -> impl Iterator<Item = Date> {
        let first = Date::new(year, 1, 1).ok();
        let days = first.into_iter().flat_map(|first| first.series(1.day()));
        days.take_while(move |day| day.year() == year).filter(move |day| self.is_holiday(*day))
    }

    fn is_fixed_holiday(self, day: Date) -> bool {
        use Land::*;
        match (day.month(), day.day()) {
            (1, 1) | (5, 1) | (10, 3) | (12, 25) | (12, 26) => true,
            (1, 6) => matches!(self, Bw | By | St),
            (3, 8) => matches!(self, Be) || (matches!(self, Mv) && day.year() >= 2023),
            (8, 15) => matches!(self, Sl | By),
            (9, 20) => matches!(self, Th) && day.year() >= 2019,
            (10, 31) => {
                matches!(self, Bb | Mv | Sn | St | Th)
                    || (matches!(self, Hb | Hh | Ni | Sh) && day.year() >= 2018)
                    || day.year() == 2017
            }
            (11, 1) => matches!(self, Bw | By | Nw | Rp | Sl),
            _ => false,
        }
    }

    fn is_moving_holiday(self, day: Date) -> bool {
        let Some(easter) = easter(day.year()) else { return false };
        match day.day_of_year() - easter.day_of_year() {
            -2 | 1 | 39 | 50 => true,
            // Corpus Christi.
            60 => matches!(self, Land::Bw | Land::By | Land::He | Land::Nw | Land::Rp | Land::Sl),
            _ => self.is_repentance(day),
        }
    }

    /// Buss- und Bettag: the Wednesday before 23 November, in Sachsen only.
    fn is_repentance(self, day: Date) -> bool {
        matches!(self, Land::Sn)
            && (date(day.year(), 11, 16)..=date(day.year(), 11, 22)).contains(&day)
            && day.weekday() == jiff::civil::Weekday::Wednesday
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_is_where_the_almanac_says() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (2000, 4, 23),
            (2008, 3, 23),
            (2019, 4, 21),
            (2024, 3, 31),
            (2038, 4, 25),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
        assert_eq!(easter(i16::MIN), None);
    }

    #[test]
    fn the_key_names_the_land() {
        for (ags, land) in [
            ("01001000", Land::Sh), // Flensburg
            ("02000000", Land::Hh),
            ("03241001", Land::Ni), // Hannover
            ("04011000", Land::Hb), // Bremen
            ("05558012", Land::Nw), // Coesfeld
            ("06412000", Land::He), // Frankfurt am Main
            ("07315000", Land::Rp), // Mainz
            ("08111000", Land::Bw), // Stuttgart
            ("09761", Land::By),    // Augsburg
            ("10041100", Land::Sl), // Saarbruecken
            ("11000000", Land::Be),
            ("12054000", Land::Bb), // Potsdam
            ("13003000", Land::Mv), // Rostock
            ("14612000", Land::Sn), // Dresden
            ("15003000", Land::St), // Magdeburg
            ("16051000", Land::Th), // Erfurt
        ] {
            assert_eq!(Land::of_ags(ags), Some(land), "{ags}");
        }
        for unknown in ["", "5", "00", "17", "99000000", "ab"] {
            assert_eq!(Land::of_ags(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_holidays_of_a_year_are_all_days_that_are_one() {
        let lands = (1..=16).filter_map(|n| Land::of_ags(&format!("{n:02}")));
        for (land, year) in lands.flat_map(|land| [2016, 2017, 2024, 2026, 2059].map(|year| (land, year))) {
            let days = date(year, 1, 1).series(1.day()).take_while(|day| day.year() == year);
            let expected: Vec<Date> = days.filter(|day| land.is_holiday(*day)).collect();
            let mut listed: Vec<Date> = land.holidays(year).collect();
            listed.sort_unstable();
            listed.dedup();
            assert_eq!(listed, expected, "{land:?} {year}");
        }
    }

    #[test]
    fn every_land_has_its_own_days() {
        assert!(Land::Nw.is_holiday(date(2024, 5, 30)), "Corpus Christi");
        assert!(!Land::Be.is_holiday(date(2024, 5, 30)));
        assert!(Land::Nw.is_holiday(date(2023, 11, 1)));
        assert!(Land::Sn.is_holiday(date(2023, 11, 22)));
        assert!(!Land::Nw.is_holiday(date(2023, 11, 22)));
        assert!(Land::Hh.is_holiday(date(2024, 10, 3)));
    }
}
