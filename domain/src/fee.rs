//! What parking costs: texts for people, and the tariff that [`crate::meter`] computes amounts from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::money::Euros;

/// The longest stay that has a price, and the longest time of one unit, minutes: a week.
pub const MAX_STAY_MIN: u32 = 7 * 24 * 60;

/// More is no charge, euros.
const MAX_CHARGE_EUR: f64 = 1_000.0;

/// What a site costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fee {
    /// In German, as the file says it.
    pub de: Option<String>,
    /// In English, as the file says it.
    pub en: Option<String>,
    /// What an amount is computed from; `None`: only the texts are known.
    #[serde(flatten)]
    pub tariff: Option<Tariff>,
}

/// How an amount comes about. Times are such within `hours`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tariff {
    /// What is charged for.
    pub charge: Charge,
    /// The first minutes of a stay that cost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_min: Option<u32>,
    /// The most that units which begin on one day cost together, by the clock of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_max_eur: Option<Euros>,
    /// When it is charged, in OSM's opening-hours syntax; `None`: always. At other times parking costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
}

/// What is charged for, written as OSM's `charge=*`: `1.50 EUR/hour`, `0.50 EUR/20 minutes`, `4 EUR/day`, `2 EUR`, and `no`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Charge {
    /// Nothing.
    Free,
    /// A stay, however long.
    Stay(Euros),
    /// Each day of a stay, by the clock of the place.
    Day(Euros),
    /// Each unit of time that has begun.
    Unit {
        /// Of one unit.
        amount: Euros,
        /// How long it is.
        minutes: u32,
    },
}

/// A text that is no charge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {remedy}")]
pub struct NoCharge {
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl NoCharge {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        NoCharge { message: message.into(), remedy: remedy.into() }
    }
}

impl FromStr for Charge {
    type Err = NoCharge;

    fn from_str(text: &str) -> Result<Self, NoCharge> {
        let text = text.trim();
        if text == "no" {
            return Ok(Charge::Free);
        }
        let (amount, unit) = match text.split_once('/') {
            Some((amount, unit)) => (amount, Some(unit.trim())),
            None => (text, None),
        };
        let amount = euros(amount.trim())?;
        Ok(match unit {
            _ if amount == Euros::ZERO => Charge::Free,
            None => Charge::Stay(amount),
            Some("day") => Charge::Day(amount),
            Some(unit) => Charge::Unit { amount, minutes: minutes(unit)? },
        })
    }
}

/// `1.50 EUR`.
fn euros(text: &str) -> Result<Euros, NoCharge> {
    let example =
        "write the amount in euros, e.g. 1.50 EUR/hour, 0.50 EUR/20 minutes, 4 EUR/day, 2 EUR, or no";
    let Some(number) = text.strip_suffix("EUR").map(str::trim_end) else {
        return Err(NoCharge::new("is no amount of euros", example));
    };
    if number.contains(',') {
        let right = number.replace(',', ".");
        return Err(NoCharge::new("has a decimal comma", format!("write {right} EUR, with a decimal point")));
    }
    let (whole, cents) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let value = number.parse::<f64>().ok().filter(|_| is_digits(whole) && is_digits(cents));
    match value {
        None => Err(NoCharge::new("is no amount of euros", example)),
        Some(_) if cents.len() > 2 => {
            Err(NoCharge::new("has parts of a cent", "write at most two digits behind the point"))
        }
        Some(value) if value > MAX_CHARGE_EUR => {
            Err(NoCharge::new("is out of range", format!("write 0 to {MAX_CHARGE_EUR} EUR")))
        }
        Some(value) => Ok(value.into()),
    }
}

/// `hour`, `2 hours`, `minute`, `20 minutes`.
fn minutes(unit: &str) -> Result<u32, NoCharge> {
    let (count, word) = match unit.split_once(char::is_whitespace) {
        Some((count, word)) => (count.parse::<u32>().ok(), word.trim()),
        None => (Some(1), unit),
    };
    let of_word = match word {
        "minute" | "minutes" | "min" => Some(1),
        "hour" | "hours" | "h" => Some(60),
        _ => None,
    };
    let minutes = count.zip(of_word).and_then(|(count, minutes)| count.checked_mul(minutes));
    minutes.filter(|minutes| (1..=MAX_STAY_MIN).contains(minutes)).ok_or_else(|| {
        let remedy = "write hour, 2 hours, 30 minutes or day behind the '/', a week at most";
        NoCharge::new(format!("'{unit}' is no time that can be charged for"), remedy)
    })
}

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Charge::Free => f.write_str("no"),
            Charge::Stay(amount) => write!(f, "{amount} EUR"),
            Charge::Day(amount) => write!(f, "{amount} EUR/day"),
            Charge::Unit { amount, minutes: 1 } => write!(f, "{amount} EUR/minute"),
            Charge::Unit { amount, minutes: 60 } => write!(f, "{amount} EUR/hour"),
            Charge::Unit { amount, minutes } if minutes % 60 == 0 => {
                write!(f, "{amount} EUR/{} hours", minutes / 60)
            }
            Charge::Unit { amount, minutes } => write!(f, "{amount} EUR/{minutes} minutes"),
        }
    }
}

impl TryFrom<String> for Charge {
    type Error = NoCharge;

    fn try_from(text: String) -> Result<Self, NoCharge> {
        text.parse()
    }
}

impl From<Charge> for String {
    fn from(charge: Charge) -> String {
        charge.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_charge_reads_back_as_it_is_written(
            (kind, cents, minutes) in (0..4, 1i64..100_000, 1..=MAX_STAY_MIN),
            (free_min, most) in (proptest::option::of(1u32..200), proptest::option::of(1i64..2_000)),
        ) {
            let amount = Euros::cents(cents);
            let charge = match kind {
                0 => Charge::Free,
                1 => Charge::Stay(amount),
                2 => Charge::Day(amount),
                _ => Charge::Unit { amount, minutes },
            };
            prop_assert_eq!(charge.to_string().parse::<Charge>().unwrap(), charge);
            let tariff = Tariff { charge, free_min, day_max_eur: most.map(Euros::cents), hours: Some("24/7".into()) };
            let fee = Fee { de: None, en: Some("x".into()), tariff: Some(tariff) };
            let text = serde_json::to_string(&fee).unwrap();
            prop_assert_eq!(serde_json::from_str::<Fee>(&text).unwrap(), fee);
        }
    }

    #[test]
    fn a_fee_of_texts_alone_reads_back() {
        let text = r#"{"de":"1 €","en":null}"#;
        let fee: Fee = serde_json::from_str(text).unwrap();
        assert_eq!((fee.de.as_deref(), &fee.tariff), (Some("1 €"), &None));
        assert_eq!(serde_json::to_string(&fee).unwrap(), text);
    }

    #[test]
    fn a_charge_that_cannot_be_read_names_the_remedy() {
        for (good, written) in [
            ("no", "no"),
            ("0 EUR/hour", "no"),
            ("2 EUR", "2.00 EUR"),
            ("1.5EUR / hour", "1.50 EUR/hour"),
            ("0.50 EUR/20 minutes", "0.50 EUR/20 minutes"),
            ("1 EUR/90 min", "1.00 EUR/90 minutes"),
            ("1 EUR/120 min", "1.00 EUR/2 hours"),
            ("4 EUR/day", "4.00 EUR/day"),
        ] {
            assert_eq!(good.parse::<Charge>().unwrap().to_string(), written);
        }
        for (bad, message) in [
            ("1,50 EUR/hour", "has a decimal comma; write 1.50 EUR, with a decimal point"),
            ("1.505 EUR", "has parts of a cent"),
            ("1 USD", "is no amount of euros"),
            ("1 €", "is no amount of euros"),
            ("EUR", "is no amount of euros"),
            ("-1 EUR", "is no amount of euros"),
            ("1e2 EUR", "is no amount of euros"),
            ("1. EUR", "is no amount of euros"),
            ("1001 EUR", "is out of range"),
            ("1 EUR/week", "'week' is no time"),
            ("1 EUR/0 minutes", "'0 minutes' is no time"),
            ("1 EUR/2 days", "'2 days' is no time"),
            ("1 EUR/99999999999 hours", "is no time"),
            ("1 EUR/", "'' is no time"),
        ] {
            let error = bad.parse::<Charge>().unwrap_err().to_string();
            assert!(error.contains(message), "{bad}: {error}");
        }
    }
}
