//! Will there be a vehicle, and a dock? Of the systems that are served, by what was learned of their stations.

use domain::UtcMicros;
use domain::rental::{Station, TypeIndex};
use domain::stations::chances;
use domain::time::Times;

pub(crate) use domain::stations::Chances;

use super::{Held, Rentals};

impl Rentals {
    /// The chances at a station of this system for somebody who comes at `at`. `vehicle_type`: which one is wanted, all without;
    /// `stale_after_s`: after how many seconds the feed's states are unknown.
    pub(crate) fn chances(
        &self,
        held: &Held,
        station: &Station,
        vehicle_type: Option<TypeIndex>,
        stale_after_s: u32,
        now: UtcMicros,
        at: UtcMicros,
    ) -> Chances {
        let learned = self.learned.load();
        let of_system = learned.iter().find(|l| l.feed == held.feed && l.system == held.system.id);
        let model = of_system.map(|learned| &*learned.model);
        chances(model, station, vehicle_type, stale_after_s, Times { now, arrive: at })
    }
}
