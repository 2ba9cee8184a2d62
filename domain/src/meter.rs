//! What a stay costs by the tariff of a place.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::fee::{Charge, MAX_STAY_MIN, Tariff};
use crate::locality::Locality;
use crate::money::Euros;
use crate::opening::{Hours, HoursError};
use crate::time::{MICROS_PER_S, UtcMicros};

const MICROS_PER_MIN: i64 = 60 * MICROS_PER_S;

/// A tariff at a place, ready to compute amounts.
#[derive(Debug, Clone)]
pub struct Meter {
    tariff: Tariff,
    hours: Option<Hours>,
    locality: Locality,
}

impl Meter {
    /// Of a place in `locality`.
    ///
    /// # Errors
    /// The tariff's hours are not in OSM's syntax.
    pub fn new(tariff: &Tariff, locality: &Locality) -> Result<Meter, HoursError> {
        let hours = tariff.hours.as_deref().map(|hours| Hours::parse(hours, locality)).transpose()?;
        Ok(Meter { tariff: tariff.clone(), hours, locality: locality.clone() })
    }

    /// What a stay costs. `None`: the hours do not say whether some of it is charged for, or it is longer than
    /// [`MAX_STAY_MIN`].
    pub fn price(&self, from: UtcMicros, until: UtcMicros) -> Option<Euros> {
        if until.0.saturating_sub(from.0) > i64::from(MAX_STAY_MIN) * MICROS_PER_MIN {
            return None;
        }
        let Tariff { charge, free_min, day_max_eur, .. } = &self.tariff;
        let spans = match &self.hours {
            _ if *charge == Charge::Free || until <= from => Vec::new(),
            None => vec![[from, until]],
            Some(hours) => hours.open_between(from, until)?,
        };
        let spans = without_first(spans, i64::from(free_min.unwrap_or(0)) * MICROS_PER_MIN);
        Some(match charge {
            _ if spans.is_empty() => Euros::ZERO,
            Charge::Free => Euros::ZERO,
            Charge::Stay(amount) => *amount,
            Charge::Day(amount) => amount.times(self.days(&spans)?),
            Charge::Unit { amount, minutes } => {
                let units = self.units(&spans, i64::from(*minutes) * MICROS_PER_MIN)?;
                let of_day = |count: i64| {
                    let sum = amount.times(count);
                    day_max_eur.map_or(sum, |most| sum.min(most))
                };
                units.into_values().map(of_day).sum()
            }
        })
    }

    /// On how many days there is some of the time.
    fn days(&self, spans: &[[UtcMicros; 2]]) -> Option<i64> {
        let mut days: Vec<NaiveDate> = Vec::new();
        for [from, until] in spans {
            let (first, last) = (self.date(*from)?, self.date(UtcMicros(until.0 - 1))?);
            days.extend(first.iter_days().take_while(|day| *day <= last));
        }
        days.sort_unstable();
        days.dedup();
        i64::try_from(days.len()).ok()
    }

    /// How many units begin on each day; one goes on behind a time that is not charged for.
    fn units(&self, spans: &[[UtcMicros; 2]], unit_us: i64) -> Option<BTreeMap<NaiveDate, i64>> {
        let mut units = BTreeMap::new();
        let mut left_us = 0;
        for [from, until] in spans {
            let mut at = from.0 + left_us;
            while at < until.0 {
                *units.entry(self.date(UtcMicros(at))?).or_default() += 1;
                at += unit_us;
            }
            left_us = at - until.0;
        }
        Some(units)
    }

    fn date(&self, at: UtcMicros) -> Option<NaiveDate> {
        Some(self.locality.local(at)?.date())
    }
}

/// The spans without so much time at their begin.
fn without_first(spans: Vec<[UtcMicros; 2]>, mut free_us: i64) -> Vec<[UtcMicros; 2]> {
    let rest = spans.into_iter().filter_map(|[from, until]| {
        let skipped = free_us.min(until.0 - from.0);
        free_us -= skipped;
        let from = UtcMicros(from.0 + skipped);
        (from < until).then_some([from, until])
    });
    rest.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn coesfeld() -> Locality {
        Locality::new("Europe/Berlin", "05558012", [])
    }

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).unwrap()
    }

    /// The amount, minute by minute.
    fn by_minutes(tariff: &Tariff, from: UtcMicros, stay_min: i64) -> Option<Euros> {
        let locality = coesfeld();
        let hours = tariff.hours.as_deref().map(|text| Hours::parse(text, &locality).unwrap());
        let (mut charged_min, mut days) = (0, BTreeSet::new());
        let mut units: BTreeMap<NaiveDate, i64> = BTreeMap::new();
        for minute in 0..stay_min {
            let now = from.plus_s(60 * minute);
            if !hours.as_ref().map_or(Some(true), |hours| hours.is_open_at(now))? {
                continue;
            }
            let paid_min = charged_min - i64::from(tariff.free_min.unwrap_or(0));
            charged_min += 1;
            if paid_min < 0 {
                continue;
            }
            let day = locality.local(now).unwrap().date();
            days.insert(day);
            if let Charge::Unit { minutes, .. } = tariff.charge
                && paid_min % i64::from(minutes) == 0
            {
                *units.entry(day).or_default() += 1;
            }
        }
        Some(match tariff.charge {
            Charge::Free => Euros::ZERO,
            Charge::Stay(amount) => amount.times((!days.is_empty()).into()),
            Charge::Day(amount) => amount.times(days.len() as i64),
            Charge::Unit { amount, .. } => {
                let most = tariff.day_max_eur.unwrap_or(Euros::MOST);
                units.into_values().map(|count| amount.times(count).min(most)).sum()
            }
        })
    }

    const HOURS: [&str; 8] = [
        "24/7",
        "Mo-Fr 08:00-18:00; Sa 08:00-13:00; PH off",
        "00:00-02:45",
        "02:15-02:20,02:40-03:10",
        "22:00-03:30",
        "Mo-Su 09:00-12:00,14:00-18:30",
        "Sa 20:00-26:00; Su 02:30-04:00 open \"Markt\"; Mo off",
        "Mo-Sa 08:00-18:00; Su unknown \"Kirmes\"",
    ];

    prop_compose! {
        fn tariff()(
            kind in 0..4, cents in 0i64..500, minutes in 1u32..200, free_min in proptest::option::of(1u32..200),
            most in proptest::option::of(0i64..2_000), hours in proptest::option::of(select(&HOURS[..])),
        ) -> Tariff {
            let amount = Euros::cents(cents);
            let charge = match kind {
                0 => Charge::Free,
                1 => Charge::Stay(amount),
                2 => Charge::Day(amount),
                _ => Charge::Unit { amount, minutes },
            };
            Tariff { charge, free_min, day_max_eur: most.map(Euros::cents), hours: hours.map(str::to_owned) }
        }
    }

    proptest! {
        #[test]
        fn an_amount_is_that_of_its_minutes_also_where_clocks_change(
            tariff in tariff(),
            // Around both changes of clocks, and around a holiday.
            day in select(&["2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2026-12-24T12:00:00Z"][..]),
            (begin_min, stay_min) in (0i64..1_500, 0i64..3_000),
        ) {
            let from = at(day).plus_s(60 * begin_min);
            let price = Meter::new(&tariff, &coesfeld()).unwrap().price(from, from.plus_s(60 * stay_min));
            let expected = by_minutes(&tariff, from, stay_min);
            // What is free is free at undecided hours as well.
            prop_assert_eq!(price, expected.or((tariff.charge == Charge::Free).then_some(Euros::ZERO)));
        }
    }

    #[test]
    fn a_started_unit_is_charged_to_the_second() {
        let tariff = |free_min| Tariff {
            charge: "1.50 EUR/hour".parse().unwrap(),
            free_min,
            day_max_eur: Some(Euros::cents(800)),
            hours: Some("Mo-Fr 08:00-18:00; PH off".into()),
        };
        let price = |free_min, from: &str, until: &str| {
            Meter::new(&tariff(free_min), &coesfeld()).unwrap().price(at(from), at(until))
        };
        // A Friday in winter: 08:00 is 07:00 UTC.
        for (free_min, from, until, cents) in [
            (None, "2026-11-27T07:00:00Z", "2026-11-27T08:00:00Z", 150),
            (None, "2026-11-27T07:00:00Z", "2026-11-27T08:00:00.000001Z", 300),
            (None, "2026-11-27T06:00:00Z", "2026-11-27T07:00:00Z", 0),
            (None, "2026-11-27T06:00:00Z", "2026-11-27T07:00:01Z", 150),
            (Some(30), "2026-11-27T07:00:00Z", "2026-11-27T07:30:00Z", 0),
            (Some(30), "2026-11-27T07:00:00Z", "2026-11-27T07:30:01Z", 150),
            (None, "2026-11-27T07:00:00Z", "2026-11-27T17:00:00Z", 800),
            // Half an hour in the evening and half an hour on Monday are one unit.
            (None, "2026-11-27T16:30:00Z", "2026-11-30T07:30:00Z", 150),
            (None, "2026-11-27T16:30:00Z", "2026-11-30T07:31:00Z", 300),
            (None, "2026-12-25T08:00:00Z", "2026-12-25T12:00:00Z", 0),
        ] {
            assert_eq!(
                price(free_min, from, until),
                Some(Euros::cents(cents)),
                "{free_min:?} {from} {until}"
            );
        }
        assert_eq!(price(None, "2026-11-20T07:00:00Z", "2026-11-27T07:01:00Z"), None, "more than a week");
    }
}
