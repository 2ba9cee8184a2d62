//! Ordered delays: a vehicle has a time of its own, which is behind the simulated time.

use super::{Setting, State, VehicleProcess};
use crate::world::event::{Event, VehicleCause, VehicleReport};

impl VehicleProcess {
    /// When the vehicle will next arrive, depart or leave the depot.
    pub(in crate::world) fn next_change(&self) -> i64 {
        match self.state {
            State::Depot { until } | State::Stop { until, .. } | State::Leg { until, .. } => {
                until.saturating_add(self.late)
            }
        }
    }

    /// From `now` on it runs late by `late`, in addition to delays on its way. It stands still until it
    /// is; a smaller delay than before holds at once.
    pub(in crate::world) fn set_late(&mut self, now: i64, late: i64) {
        let own = self.own_time(now);
        self.late = late;
        self.held = (now - late < own).then_some((own, own + late));
        self.plan += 1;
    }

    /// The vehicle's own time: the simulated time less the ordered delay.
    fn own_time(&self, now: i64) -> i64 {
        match self.held {
            Some((own, until)) if now < until => own,
            _ => now - self.late,
        }
    }

    fn is_held(&self, now: i64) -> bool {
        self.held.is_some_and(|(_, until)| now < until)
    }

    /// Does what is due at `now`; the events happen at that instant.
    pub(in crate::world) fn advance(&mut self, now: i64, on: Setting) -> Vec<Event> {
        let own = self.own_time(now);
        self.proceed(own, on)
    }

    /// The vehicle's report at `now`.
    pub(in crate::world) fn report(&self, now: i64, on: Setting, cause: VehicleCause) -> VehicleReport {
        let mut report = self.describe(self.own_time(now), on, cause);
        if self.is_held(now) {
            report.speed_mps = 0.0;
        }
        report
    }
}
