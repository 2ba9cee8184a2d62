//! Shared vehicles for journeys: tied to the streets, and what to expect of them.

use std::collections::HashMap;
use std::sync::Arc;

use domain::rental::{TypeIndex, is_stale};
use domain::{FeedFormat, FeedId, Registry, UtcMicros};
use journey::area::Area;
use journey::plan::Stocks;
use journey::rental::{Linked, SpotNumber};
use journey::streets::Workspace;

use crate::rentals::{Held, Rentals};

/// How long a vehicle stands on average until somebody takes it, seconds: shared scooters make two to four rides a day (own
/// estimate). The chance that one is still there falls exponentially with it.
const IDLE_S: f64 = 6.0 * 3_600.0;

/// A system with its ties to the streets.
#[derive(Debug)]
pub(crate) struct LinkedSystem {
    pub held: Held,
    pub linked: Linked,
}

/// All systems, as they were tied to the streets last.
#[derive(Default)]
pub(crate) struct LinkedRentals {
    held: Option<Arc<Vec<Held>>>,
    systems: Vec<Arc<LinkedSystem>>,
}

impl LinkedRentals {
    /// Whether these are the systems that are tied here.
    pub fn is_of(&self, held: &Arc<Vec<Held>>) -> bool {
        self.held.as_ref().is_some_and(|own| Arc::ptr_eq(own, held))
    }

    /// Ties the systems to the streets that were replaced since `self`. Slow: some 0.3 ms for each place that is new.
    pub fn updated(&self, area: &Area, held: Arc<Vec<Held>>, now: UtcMicros) -> LinkedRentals {
        let key = |held: &Held| (held.feed, held.system.id.clone());
        let before: HashMap<(FeedId, String), &Arc<LinkedSystem>> =
            self.systems.iter().map(|system| (key(&system.held), system)).collect();
        let mut workspace = Workspace::new();
        let mut link = |one: &Held| {
            let before = before.get(&key(one));
            if let Some(same) = before.filter(|before| Arc::ptr_eq(&before.held.system, &one.system)) {
                return Arc::clone(same);
            }
            let before = before.map(|before| &before.linked);
            let linked = Linked::new(area, &mut workspace, one.system.clone(), before, now);
            Arc::new(LinkedSystem { held: one.clone(), linked })
        };
        let systems = held.iter().map(&mut link).collect();
        LinkedRentals { held: Some(held), systems }
    }
}

/// The systems of one answer, by the numbers that the planner knows them by.
pub(crate) struct Stock<'a> {
    pub systems: Vec<&'a LinkedSystem>,
    /// By system, see [`domain::rental::is_stale`].
    stale_after_s: Vec<u32>,
    rentals: &'a Rentals,
    now: UtcMicros,
}

impl<'a> Stock<'a> {
    /// Of those systems whose feed is not gone.
    pub fn new(linked: &'a LinkedRentals, registry: &Registry, rentals: &'a Rentals, now: UtcMicros) -> Self {
        let mut stock = Stock { systems: Vec::new(), stale_after_s: Vec::new(), rentals, now };
        for system in &linked.systems {
            let feed = registry.feed(system.held.feed).map(|feed| &feed.def);
            if let Some(feed) = feed.filter(|feed| feed.format == FeedFormat::Gbfs) {
                stock.systems.push(system);
                stock.stale_after_s.push(feed.rental.stale_after_s());
            }
        }
        stock
    }

    /// Whether a state of a system is too old.
    pub fn is_too_old(&self, system: usize, at: UtcMicros) -> bool {
        is_stale(at, self.now, self.stale_after_s[system])
    }
}

impl Stocks for Stock<'_> {
    fn vehicle(
        &self,
        system: usize,
        spot: SpotNumber,
        vehicle_type: TypeIndex,
        arrive_s: i64,
    ) -> Option<f64> {
        let held = &self.systems[system].held;
        let arrive = UtcMicros::from_unix_s(arrive_s).max(self.now);
        match spot {
            SpotNumber::Vehicle(_) => {
                let seen_s = arrive.age_s(held.system.vehicles_at).max(0);
                Some((-(seen_s as f64) / IDLE_S).exp())
            }
            SpotNumber::Station(station) => {
                let station = &held.system.stations[station as usize];
                // How many of them are of this type is known where the station counts types, or has one only.
                let counted = station.status.as_ref().is_some_and(|status| !status.by_type.is_empty());
                let is_known = counted || held.system.types.len() == 1;
                let of_type = is_known.then_some(vehicle_type);
                let stale_after_s = self.stale_after_s[system];
                let chances = self.rentals.chances(held, station, of_type, stale_after_s, self.now, arrive);
                // That there is none of any type says it of this one.
                chances.vehicle.filter(|p| is_known || *p <= 0.0)
            }
        }
    }

    fn dock(&self, system: usize, station: u32, vehicle_type: TypeIndex, arrive_s: i64) -> Option<f64> {
        let held = &self.systems[system].held;
        let arrive = UtcMicros::from_unix_s(arrive_s).max(self.now);
        let station = &held.system.stations[station as usize];
        let stale_after_s = self.stale_after_s[system];
        self.rentals.chances(held, station, Some(vehicle_type), stale_after_s, self.now, arrive).dock
    }

    fn is_stale(&self, system: usize) -> bool {
        self.is_too_old(system, self.systems[system].held.system.vehicles_at)
    }

    fn now(&self) -> UtcMicros {
        self.now
    }
}
