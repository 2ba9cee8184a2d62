//! For how long a vehicle is shown after it was last somewhere.

use crate::time::UtcMicros;

/// How long after its last position a vehicle is fresh, seconds.
const VEHICLE_FRESH_S: i64 = 300;

/// How long after its last position a vehicle is shown, seconds.
const VEHICLE_SHOWN_S: i64 = 3_600;

/// How a vehicle is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Fresh,
    Stale,
    #[default]
    Gone,
}

impl Stage {
    /// Of a vehicle that was seen at `seen_at`.
    pub fn at(seen_at: UtcMicros, now: UtcMicros) -> Stage {
        match now {
            now if now <= seen_at.plus_s(VEHICLE_FRESH_S) => Stage::Fresh,
            now if now <= seen_at.plus_s(VEHICLE_SHOWN_S) => Stage::Stale,
            _ => Stage::Gone,
        }
    }

    /// When the next one begins; `None`: there is none.
    pub fn ends_at(self, seen_at: UtcMicros) -> Option<UtcMicros> {
        let after_s = match self {
            Stage::Fresh => VEHICLE_FRESH_S,
            Stage::Stale => VEHICLE_SHOWN_S,
            Stage::Gone => return None,
        };
        Some(UtcMicros(seen_at.plus_s(after_s).0 + 1))
    }
}
