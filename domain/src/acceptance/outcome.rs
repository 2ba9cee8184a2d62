//! A check before it has its name.

use super::{CheckState, Remedy, Skipped, Unit};

/// Values are given to a ten-thousandth: what devices report is no more exact, and 7.2 V stays 7.2 where it was kept as `f32`.
const DECIMALS: f64 = 10_000.0;

/// See the module's description.
pub(super) struct Outcome {
    pub(super) state: CheckState,
    pub(super) value: Option<f64>,
    pub(super) limit: Option<f64>,
    /// Where it is not that of the check's name.
    pub(super) unit: Option<Unit>,
    pub(super) remedy: Option<Remedy>,
    pub(super) skipped: Option<Skipped>,
    pub(super) places: Vec<String>,
}

impl Outcome {
    const NONE: Outcome = Outcome {
        state: CheckState::Skipped,
        value: None,
        limit: None,
        unit: None,
        remedy: None,
        skipped: None,
        places: Vec::new(),
    };

    pub(super) fn skipped(why: Skipped) -> Self {
        Outcome { skipped: Some(why), ..Outcome::NONE }
    }

    pub(super) fn in_unit(self, unit: Unit) -> Self {
        Outcome { unit: Some(unit), ..self }
    }

    pub(super) fn waiting(limit: Option<f64>, remedy: Remedy) -> Self {
        Outcome { state: CheckState::Waiting, limit, remedy: Some(remedy), ..Outcome::NONE }
    }

    pub(super) fn judged(is_met: bool, value: f64, limit: f64, remedy: Remedy) -> Self {
        let state = if is_met { CheckState::Pass } else { CheckState::Fail };
        let remedy = (!is_met).then_some(remedy);
        let value = Some((value * DECIMALS).round() / DECIMALS);
        Outcome { state, value, limit: Some(limit), remedy, ..Outcome::NONE }
    }

    pub(super) fn at_most(value: f64, limit: f64, remedy: Remedy) -> Self {
        Outcome::judged(value <= limit, value, limit, remedy)
    }

    pub(super) fn at_least(value: f64, limit: f64, remedy: Remedy) -> Self {
        Outcome::judged(value >= limit, value, limit, remedy)
    }
}
