//! The world follows orders from outside.

use super::{Cause, Due, Event, World};
use crate::clock::us;
use crate::orders::Order;

impl World {
    /// Follows `order` with the next thing that happens, which is within a second where vehicles run.
    pub(crate) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    pub(super) fn follow(&mut self, at: i64, order: Order) {
        match order {
            Order::Full { site, on } => {
                self.full[site] = on;
                if on {
                    self.fill(at, site);
                }
            }
            Order::Notice { notice, on } => self.emit(at, Event::Notice { notice, on }),
            Order::Cancel { what, on } => self.cancel(at, what, on),
            Order::Station { station, level } => self.set_level(at, station, level),
            Order::Late { vehicle, seconds } => {
                let process = &mut self.vehicles[vehicle];
                process.set_late(at, us(f64::from(seconds)));
                let (next, plan) = (process.next_change(), process.plan);
                self.plan(next.max(at + 1), Due::VehicleChange(vehicle, plan));
            }
        }
    }

    /// Whether a bay's vehicle has to stay, because its site is ordered to be full.
    pub(super) fn stays(&self, bay: usize) -> bool {
        self.bays[bay].occupied && self.county.bays[bay].site.is_some_and(|site| self.full[site])
    }

    fn fill(&mut self, at: i64, site: usize) {
        let county = std::sync::Arc::clone(&self.county);
        if let Some(process) = &mut self.sites[site] {
            let stays_s = process.fill();
            let (occupied, open) = (process.occupied, process.is_open(at, &self.clock));
            for stay_s in stays_s {
                self.plan(at + us(stay_s), Due::Exit(site));
            }
            self.emit(at, Event::Site { site, occupied, open, cause: Cause::Change });
        }
        for bay in (0..county.bays.len()).filter(|bay| county.bays[*bay].site == Some(site)) {
            if !self.bays[bay].occupied {
                // What was planned as its next arrival is now the departure of its vehicle.
                self.bays[bay].occupied = true;
                self.report_bay(at, bay, Cause::Change);
            }
        }
    }
}

#[cfg(test)]
mod tests;
