//! The chance of a vacant space, as it is written.

use domain::UtcMicros;
use domain::availability::Availability;
use serde::Serialize;
use utoipa::ToSchema;

/// The chance of a vacant space.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChanceOut {
    /// The chance, 0 to 1.
    pub p: f64,
    /// Lower bound of the chance.
    pub low: f64,
    /// Upper bound of the chance.
    pub high: f64,
    /// The time it is about.
    pub at: UtcMicros,
}

impl ChanceOut {
    /// In thousandths; `None`: nothing is known.
    pub fn new(availability: &Availability, at: UtcMicros) -> Option<Self> {
        let chance = availability.chance?;
        let digits = |p: f64| (p * 1000.0).round() / 1000.0;
        Some(ChanceOut { p: digits(chance.p), low: digits(chance.low), high: digits(chance.high), at })
    }
}
