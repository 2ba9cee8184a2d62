//! What rides cost, as the county lists it in `fares.toml`: few timetables carry prices.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::booking::is_like;
use crate::place::wire_enum;

/// Hundredths of a cent in a euro.
const PER_EURO: i64 = 10_000;

/// An amount of euros, exact to a hundredth of a cent: prices per kilometre have more digits than coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "f64", from = "f64")]
pub struct Euros(i64);

impl Euros {
    /// Nothing.
    pub const ZERO: Euros = Euros(0);

    /// The largest price of anything.
    pub const MOST: Euros = Euros(100_000 * PER_EURO);

    /// A number of cents.
    pub const fn cents(cents: i64) -> Self {
        Euros(cents.saturating_mul(PER_EURO / 100))
    }

    /// The decimal number that stands in a file, which a JSON or TOML number is the nearest to; `None`: it has more than
    /// four digits behind the point, or is larger than any price.
    pub fn exact(number: f64) -> Option<Self> {
        let units = Euros::from(number);
        let is_exact = f64::from(units).to_bits() == (number + 0.0).to_bits();
        (number.is_finite() && units.0.abs() <= Euros::MOST.0 && is_exact).then_some(units)
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        Euros(self.0.saturating_mul(count))
    }

    /// A part of it, not rounded to cents.
    #[must_use]
    pub fn part(self, factor: Factor) -> Self {
        Euros(divided(self.0.saturating_mul(factor.0.into()), PER_EURO))
    }

    /// Rounded to cents, a half away from zero, as it is charged.
    #[must_use]
    pub fn charged(self) -> Self {
        Euros::cents(divided(self.0, PER_EURO / 100))
    }
}

/// The nearest whole number, a half away from zero.
fn divided(number: i64, by: i64) -> i64 {
    let (whole, rest) = (number / by, number % by);
    if rest.saturating_mul(2).abs() >= by { whole + number.signum() } else { whole }
}

impl std::ops::Add for Euros {
    type Output = Euros;
    fn add(self, other: Euros) -> Euros {
        Euros(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Euros {
    type Output = Euros;
    fn sub(self, other: Euros) -> Euros {
        Euros(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Euros {
    fn sum<I: Iterator<Item = Euros>>(all: I) -> Euros {
        all.fold(Euros::ZERO, |sum, one| sum + one)
    }
}

impl From<Euros> for f64 {
    /// The number nearest to it: its shortest decimal form is the amount.
    fn from(amount: Euros) -> f64 {
        amount.0 as f64 / PER_EURO as f64
    }
}

impl From<f64> for Euros {
    fn from(number: f64) -> Euros {
        Euros((number * PER_EURO as f64).round() as i64)
    }
}

impl fmt::Display for Euros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", f64::from(*self))
    }
}

/// A part from 0 to 1, exact to four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "f64", from = "f64")]
pub struct Factor(u16);

impl Factor {
    /// `None`: it is not from 0 to 1, or has more than four digits behind the point.
    pub fn exact(number: f64) -> Option<Self> {
        let amount = Euros::exact(number).filter(|amount| (0..=PER_EURO).contains(&amount.0))?;
        Some(Factor(amount.0 as u16))
    }
}

impl From<Factor> for f64 {
    fn from(factor: Factor) -> f64 {
        Euros(factor.0.into()).into()
    }
}

impl From<f64> for Factor {
    fn from(number: f64) -> Factor {
        Factor(Euros::from(number.clamp(0.0, 1.0)).0 as u16)
    }
}

wire_enum! {
    /// How a fare is computed.
    FareKind {
        /// By the straight line between first and last stop, whatever the way.
        CrowFly = "crow_fly",
        /// One price for each trip.
        Flat = "flat",
    }
}

/// What trips with some lines cost: `[[fare]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fare {
    /// Its id in the file.
    pub id: String,
    /// Its name for riders; `None`: its id.
    pub name: Option<String>,
    /// How it is computed.
    pub kind: FareKind,
    /// First day on which it holds.
    pub valid_from: Date,
    /// Last day on which it holds.
    pub valid_until: Option<Date>,
    /// Where it is stated.
    pub source: String,
    /// Patterns of ids or names of agencies; empty: all.
    #[serde(default)]
    pub agencies: Vec<String>,
    /// Patterns of short names of lines; empty: all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// For each trip.
    pub base_eur: Option<Euros>,
    /// For each kilometre that has begun.
    pub per_started_km_eur: Option<Euros>,
    /// The most that trips of 24 hours cost.
    pub cap_24h_eur: Option<Euros>,
    /// What children pay of it; `None`: not known.
    pub child_factor: Option<Factor>,
}

/// A ticket for a period that riders have already: `[[pass]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// Its id in the file and in `pass=`.
    pub id: String,
    /// Its name for riders; `None`: its id.
    pub name: Option<String>,
    /// What it costs for its period.
    pub price_eur: Euros,
    /// First day on which it holds.
    pub valid_from: Date,
    /// Last day on which it holds.
    pub valid_until: Option<Date>,
    /// Where it is stated.
    pub source: String,
    /// GTFS's route types that it covers; empty: all.
    #[serde(default)]
    pub route_types: Vec<u16>,
    /// Patterns of ids or names of agencies that it does not cover.
    #[serde(default)]
    pub agencies_except: Vec<String>,
}

/// All of `fares.toml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FareList {
    /// In the order of the file: of fares that match, the first counts.
    pub fares: Vec<Fare>,
    /// In the order of the file.
    pub passes: Vec<Pass>,
}

impl Fare {
    /// Whether it is about rides of this agency on this line, on whichever day.
    pub fn is_about(&self, agency_id: &str, agency_name: &str, line: &str) -> bool {
        let is_agency = self.agencies.is_empty() || names_one(&self.agencies, &[agency_id, agency_name]);
        is_agency && (self.routes.is_empty() || names_one(&self.routes, &[line]))
    }

    /// Whether it holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|until| day <= until)
    }

    /// Whether both hold on some day.
    pub fn meets(&self, other: &Fare) -> bool {
        let ends_before = |a: &Fare, b: &Fare| a.valid_until.is_some_and(|until| until < b.valid_from);
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// The agencies and lines that it is about, whatever their order and case.
    pub fn scope(&self) -> (Vec<String>, Vec<String>) {
        let sorted = |patterns: &[String]| {
            let mut patterns: Vec<String> = patterns.iter().map(|pattern| pattern.to_lowercase()).collect();
            patterns.sort_unstable();
            patterns.dedup();
            patterns
        };
        (sorted(&self.agencies), sorted(&self.routes))
    }

    /// What riders read.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

impl Pass {
    /// Whether it covers a ride of this agency and route type on a day.
    pub fn covers(&self, agency_id: &str, agency_name: &str, route_type: u16, day: Date) -> bool {
        let holds = self.valid_from <= day && self.valid_until.is_none_or(|until| day <= until);
        let is_kind = self.route_types.is_empty() || self.route_types.contains(&route_type);
        holds && is_kind && !names_one(&self.agencies_except, &[agency_id, agency_name])
    }

    /// What riders read.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// Whether one of `patterns` is like one of `texts`. Case does not matter.
fn names_one(patterns: &[String], texts: &[&str]) -> bool {
    let texts = || texts.iter().filter(|text| !text.is_empty()).map(|text| text.to_lowercase());
    patterns.iter().map(|p| p.to_lowercase()).any(|pattern| texts().any(|text| is_like(&text, &pattern)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (number, shown) in
            [(1.4, "1.4"), (0.27, "0.27"), (0.2675, "0.2675"), (63.0, "63.0"), (0.0, "0.0")]
        {
            let amount = Euros::exact(number).unwrap();
            assert_eq!(serde_json::to_string(&amount).unwrap(), shown);
            assert_eq!(serde_json::from_str::<Euros>(shown).unwrap(), amount);
        }
        assert_eq!(Euros::exact(0.26755), None);
        assert_eq!(Euros::exact(100_000.1), None);
        assert_eq!(Euros::exact(f64::NAN), None);
        // Ten times ten cents is a euro, which sums of binary fractions miss.
        let sum: Euros = std::iter::repeat_n(Euros::exact(0.1).unwrap(), 10).sum();
        assert_eq!(sum, Euros::cents(100));
        assert_eq!(Euros::exact(0.2675).unwrap().times(2).charged(), Euros::cents(54));
        assert_eq!(Euros::exact(-0.005).unwrap().charged(), Euros::cents(-1));
        assert_eq!(Euros::cents(205).part(Factor::exact(0.5).unwrap()).charged(), Euros::cents(103));
    }

    #[test]
    fn factors_are_parts() {
        assert_eq!(Factor::exact(1.0001), None);
        assert_eq!(Factor::exact(-0.5), None);
        assert_eq!(serde_json::to_string(&Factor::exact(0.6).unwrap()).unwrap(), "0.6");
    }
}
