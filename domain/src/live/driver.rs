//! A driver who looks for a space, now or at a later arrival.

use rustc_hash::FxHashSet;

use super::LiveMap;
use super::class::{ClassId, Reserved};
use super::site::{SiteCell, SitePlace};
use crate::audience_set::AudienceSet;
use crate::ids::{BayId, PlaceId};
use crate::opening::Opening;
use crate::place::{Audience, Purpose};
use crate::time::UtcMicros;

/// A driver who looks for a space: see [`LiveMap::driver`].
#[derive(Debug, Clone)]
pub struct Driver {
    /// What is to be parked.
    pub(super) purpose: Purpose,
    /// Never a personal one.
    pub(super) audiences: AudienceSet,
    arrival: Option<Arrival>,
}

#[derive(Debug, Clone)]
struct Arrival {
    at: UtcMicros,
    /// For whom spaces will be reserved then, by class.
    reserved: Vec<Reserved>,
    /// What will be closed then whatever its hours say.
    closed: FxHashSet<PlaceId>,
}

impl Driver {
    /// The same driver with another vehicle to park.
    pub fn with(self, purpose: Purpose) -> Self {
        Driver { purpose, ..self }
    }

    /// When they come.
    pub(super) fn arrives_at(&self, now: UtcMicros) -> UtcMicros {
        self.arrival.as_ref().map_or(now, |arrival| arrival.at)
    }
}

impl LiveMap {
    /// A driver of a car who belongs to `audiences` (personal ones are never offered) and comes at
    /// `arrive`, or now.
    pub fn driver(&self, audiences: impl IntoIterator<Item = Audience>, arrive: Option<UtcMicros>) -> Driver {
        Driver {
            purpose: Purpose::Car,
            audiences: audiences.into_iter().filter(|a| !a.is_personal()).collect(),
            arrival: arrive.map(|at| Arrival {
                at,
                reserved: (0..self.classes.len() as ClassId)
                    .map(|id| self.classes.reserved_of(id, at))
                    .collect(),
                closed: self.registry.closed_at(at).collect(),
            }),
        }
    }

    /// The same driver at another time, for whom only `classes` may be looked at: no others are evaluated.
    pub(super) fn driver_of_classes(
        &self,
        driver: &Driver,
        at: UtcMicros,
        classes: impl Iterator<Item = ClassId>,
    ) -> Driver {
        let mut reserved = vec![Reserved::default(); self.classes.len()];
        for class in classes {
            reserved[class as usize] = self.classes.reserved_of(class, at);
        }
        Driver { arrival: Some(Arrival { at, reserved, closed: FxHashSet::default() }), ..driver.clone() }
    }

    /// Of every class, whether the driver may park in its spaces.
    pub(super) fn admissions(&self, driver: &Driver) -> Vec<bool> {
        (0..self.classes.len() as ClassId)
            .map(|c| self.reserved(c, driver).admits(driver.audiences))
            .collect()
    }

    pub(super) fn reserved(&self, class: ClassId, driver: &Driver) -> Reserved {
        match &driver.arrival {
            None => self.classes.get(class).reserved,
            Some(arrival) => arrival.reserved.get(class as usize).copied().unwrap_or_default(),
        }
    }

    /// Whether a bay is closed when the driver comes.
    pub(super) fn is_closed_for(&self, bay: BayId, driver: &Driver) -> bool {
        match &driver.arrival {
            None => self.closed_bays.contains(&bay),
            Some(arrival) => arrival.closed.contains(&bay.into()),
        }
    }

    /// A site's opening when the driver comes. That its supplier calls it closed holds until its hours
    /// open it the next time.
    pub(super) fn opening_for(
        &self,
        cell: &SiteCell,
        place: &SitePlace,
        driver: &Driver,
        now: UtcMicros,
    ) -> Opening {
        if cell.is_reported_closed(now) && !place.opens_between(now, driver.arrives_at(now)) {
            return Opening::CLOSED;
        }
        driver.arrival.as_ref().map_or(place.opening, |arrival| place.opening_at(arrival.at))
    }
}
