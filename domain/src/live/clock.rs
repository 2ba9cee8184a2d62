//! Recovery from a clock that was ahead.
//!
//! While it was ahead, statements were timestamped in the future, others went stale, places opened and closed too
//! early. So all of it is evaluated again with the corrected clock.

use std::cmp::Reverse;

use super::stage::Stage;
use super::{EventReason, LiveEvent, LiveMap};
use crate::feed::is_ahead;
use crate::ids::BayId;
use crate::time::UtcMicros;

impl LiveMap {
    /// Notes the time; where the clock was ahead until now ([`is_ahead`]) all state is evaluated again. What was replaced by
    /// statements in the future is in the store: load it. Returns events of all that is shown.
    pub(super) fn look_at_clock(&mut self, now: UtcMicros) -> Vec<LiveEvent> {
        let before = self.looked_at.replace(now);
        if before.is_none_or(|before| !is_ahead(before, now)) {
            return Vec::new();
        }
        self.timers.clear();
        self.vehicle_timers.clear();
        self.trips.forget_ahead(now);
        self.alerts.forget_ahead(now);
        for cell in self.bays.values_mut() {
            cell.readings.forget_ahead(now);
            cell.queued_at = UtcMicros(i64::MAX);
        }
        self.sites.values_mut().for_each(|cell| cell.forget_ahead(now));
        let mut events = self.replace_registry(self.registry.clone(), now);
        let bays: Vec<BayId> = self.shown_bays().collect();
        events.extend(bays.into_iter().filter_map(|bay| self.bay_event(bay, now, EventReason::Changed)));
        for (vehicle, cell) in &mut self.vehicles {
            let vehicle = *vehicle;
            cell.forget_ahead(now);
            let (before, stage, timer) = cell.renew(now);
            self.vehicle_timers.extend(timer.map(|at| Reverse((at, vehicle))));
            if self.registry.vehicle(vehicle).is_none() {
                continue;
            }
            match (before, stage) {
                (Stage::Gone, Stage::Gone) => {}
                (_, Stage::Gone) => events.push(LiveEvent::RemovedVehicle { vehicle }),
                _ => events.push(LiveEvent::Vehicle { vehicle, reason: EventReason::Changed, was_at: None }),
            }
        }
        events
    }
}
