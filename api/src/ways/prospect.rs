//! The chance of a space at the arrival, and the search for it.

use domain::UtcMicros;
use domain::arrival::{Chance, Flow, Supply, chance, expected_vacant, search_s, usual_stay_s};
use domain::place::SiteKind;
use journey::plan::Prospect;

/// Of a place of which nothing is known, so many of its spaces are taken to be vacant for the length
/// of the search.
const UNKNOWN_VACANT_SHARE: f64 = 0.1;

/// What may be expected of a place at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    pub chance: Option<Chance>,
    pub search_s: f64,
}

impl Outlook {
    /// `supply` stood at `known_at`; the site fills by `filling_per_s`.
    pub fn new(
        kind: Option<SiteKind>,
        (supply, capacity): (Option<Supply>, u32),
        filling_per_s: f64,
        known_at: UtcMicros,
        arrive_at: UtcMicros,
    ) -> Self {
        let Some(supply) = supply else {
            let vacant = f64::from(capacity) * UNKNOWN_VACANT_SHARE;
            return Outlook { chance: None, search_s: search_s(kind, vacant, capacity) };
        };
        let horizon_s = (arrive_at.0 - known_at.0) as f64 / 1e6;
        let flow = Flow::of(supply, usual_stay_s(kind), filling_per_s);
        let spaces = match supply {
            Supply::Bays { vacant, occupied, unknown } => vacant + occupied + unknown,
            Supply::Count { capacity, .. } => capacity,
        };
        Outlook {
            chance: chance(supply, flow, horizon_s),
            search_s: search_s(kind, expected_vacant(supply, flow, horizon_s), spaces),
        }
    }

    pub fn prospect(&self) -> Prospect {
        Prospect { p: self.chance.map(|chance| chance.p), search_s: self.search_s }
    }
}
