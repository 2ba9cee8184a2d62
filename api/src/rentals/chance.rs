//! Will there be a vehicle, and a dock?

use domain::UtcMicros;
use domain::rental::{Station, TypeIndex, is_stale};

use super::{Held, Rentals};

/// Chances at a station, 0 to 1; `None`: not known.
pub(crate) struct Chances {
    pub vehicle: Option<f64>,
    pub dock: Option<f64>,
}

impl Rentals {
    /// The chances at a station of this system for somebody who comes at `at`.
    pub(crate) fn chances(
        &self,
        _held: &Held,
        station: &Station,
        vehicle_type: Option<TypeIndex>,
        stale_after_s: u32,
        now: UtcMicros,
        _at: UtcMicros,
    ) -> Chances {
        let status = station.status.as_ref().filter(|status| !is_stale(status.at, now, stale_after_s));
        let any = |count: Option<u32>| count.map(|count| if count > 0 { 1.0 } else { 0.0 });
        let of_type = |t| status.and_then(|status| any(status.rentable_of(t)));
        let docks_of = |t| status.and_then(|status| any(status.docks_of(t)));
        Chances {
            vehicle: vehicle_type.map_or_else(|| status.and_then(|status| any(status.rentable())), of_type),
            dock: vehicle_type.map_or_else(|| status.and_then(|status| any(status.returnable())), docks_of),
        }
    }
}
