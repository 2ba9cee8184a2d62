//! What a ride costs, by GBFS's `system_pricing_plans`.

use serde::{Deserialize, Serialize};

/// A pricing plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The operator's id of it.
    pub id: String,
    /// ISO 4217.
    pub currency: String,
    /// For every ride, in the currency.
    pub price: f64,
    /// By time, minutes.
    pub per_min: Vec<Segment>,
    /// By distance, kilometres.
    pub per_km: Vec<Segment>,
}

/// A part of a price that grows with time or distance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// From which minute or kilometre on it is charged.
    pub start: f64,
    /// What is charged for each interval that has begun.
    pub rate: f64,
    /// Its length; 0: it is charged once.
    pub interval: f64,
    /// Until which minute or kilometre; `None`: without end.
    pub end: Option<f64>,
}

impl Segment {
    fn charge(&self, used: f64) -> f64 {
        let charged = self.end.map_or(used, |end| used.min(end)) - self.start;
        match charged {
            charged if charged <= 0.0 => 0.0,
            _ if self.interval <= 0.0 => self.rate,
            // 30 minutes in seconds are not a hair more than 30 intervals.
            charged => self.rate * (charged / self.interval - 1e-9).ceil(),
        }
    }
}

impl Plan {
    /// What a ride costs in euros; `None`: the plan has another currency.
    pub fn price_eur(&self, duration_s: f64, distance_m: f64) -> Option<f64> {
        let sum = |segments: &[Segment], used: f64| {
            segments.iter().map(|segment| segment.charge(used)).sum::<f64>()
        };
        let price =
            self.price + sum(&self.per_min, duration_s / 60.0) + sum(&self.per_km, distance_m / 1_000.0);
        (self.currency == "EUR").then_some((price * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start: f64, rate: f64, interval: f64, end: Option<f64>) -> Segment {
        Segment { start, rate, interval, end }
    }

    fn plan(per_min: Vec<Segment>, per_km: Vec<Segment>) -> Plan {
        Plan { id: "p".into(), currency: "EUR".into(), price: 3.0, per_min, per_km }
    }

    #[test]
    fn intervals_that_have_begun_are_charged() {
        // The specification's first example: 10 km in 9 minutes for 10.
        let both = plan(vec![segment(0.0, 0.5, 1.0, None)], vec![segment(0.0, 0.25, 1.0, None)]);
        assert_eq!(both.price_eur(540.0, 10_000.0), Some(10.0));
        assert_eq!(both.price_eur(541.0, 10_001.0), Some(10.75));
        assert_eq!(both.price_eur(0.0, 0.0), Some(3.0));
        // 30 minutes are free, an hour more costs 1 once, each half hour from then on 2.
        let stepped =
            plan(vec![segment(30.0, 1.0, 0.0, None), segment(90.0, 2.0, 30.0, Some(150.0))], vec![]);
        let costs =
            [30.0, 30.5, 90.0, 91.0, 121.0, 400.0].map(|min| stepped.price_eur(min * 60.0, 0.0).unwrap());
        assert_eq!(costs, [3.0, 4.0, 4.0, 6.0, 8.0, 8.0]);
        assert_eq!(Plan { currency: "NOK".into(), ..both }.price_eur(60.0, 0.0), None);
    }
}
