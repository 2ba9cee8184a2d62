//! Amounts of money, and parts of them, as exact decimal numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

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
