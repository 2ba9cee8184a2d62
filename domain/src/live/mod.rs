//! Live state in memory: what is vacant now, where the vehicles are.
//!
//! Can be thrown away and rebuilt from the store at any moment. Applying changes is idempotent
//! and order-free: bays by [`crate::bay_state`], site counts by their version, vehicles part by
//! part (`vehicle`), trips by their [`Rank`](crate::trip_update::Rank). No state is given out
//! without its age.

mod alerts;
mod change;
mod class;
mod clock;
mod coverage;
mod driver;
mod grid;
mod list;
mod offer;
mod placement;
mod read;
mod reserved;
mod search;
mod site;
mod stage;
#[cfg(test)]
mod tests;
mod trips;
mod vehicle;
mod view;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::bay_state::{BayReading, BayReadings, BayState};
use crate::feed::is_ahead;
use crate::geo::{Bbox, LatLon};
use crate::ids::{BayId, SiteId, VehicleId};
use crate::place::{Audience, wire_enum};
use crate::registry::Registry;
use crate::sensor::Target;
use crate::site_count::CountState;
use crate::time::UtcMicros;

use alerts::Alerts;
pub use alerts::HeldAlert;
pub use change::Change;
pub use class::BayCounts;
use class::{ClassId, Classes};
pub use coverage::Coverage;
pub use driver::Driver;
use grid::{Grid, Slot};
pub use list::Within;
pub use offer::{Offer, Verdict};
use placement::{BaySpot, Listed, SiteSpot};
pub use reserved::NextReservation;
pub use search::{BaysWanted, Found, LeftOut, Search};
use site::SiteCell;
use stage::Stage;
pub use trips::TRIP_HOLDS_S;
use trips::Trips;
use vehicle::VehicleCell;
pub use vehicle::VehiclePart;
pub use view::{Basis, BayView, ByRestriction, Flags, SiteView, VehicleView};

wire_enum! {
    /// Why an event is sent.
    EventReason {
        /// The state or the number has changed.
        Changed = "changed",
        /// The same state, observed again: its age restarts.
        Confirmed = "confirmed",
        /// Nothing was received for longer than promised.
        Stale = "stale",
        /// An import changed the place.
        Places = "places",
    }
}

/// An event for subscribers, about places that the public may see and about vehicles. Read the
/// subject's view for its values, except a bay's statement, which the event carries.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// A bay.
    Bay {
        /// Which one.
        bay: BayId,
        /// `unknown` when stale.
        state: BayState,
        /// When that was observed; `None`: never.
        observed_at: Option<UtcMicros>,
        /// Whether it is older than its source promises.
        stale: bool,
        /// Why the event is sent.
        reason: EventReason,
    },
    /// A site.
    Site {
        /// Which one.
        site: SiteId,
        /// Why the event is sent.
        reason: EventReason,
    },
    /// `was_at`: its place before, if it moved.
    Vehicle {
        /// Which one.
        vehicle: VehicleId,
        /// Why the event is sent.
        reason: EventReason,
        /// Its place before, if it moved.
        was_at: Option<LatLon>,
    },
    /// It has been at no known place for so long that it is not shown.
    RemovedVehicle {
        /// Which one.
        vehicle: VehicleId,
    },
    /// A bay that is not shown any more.
    RemovedBay {
        /// Its text id.
        key: String,
    },
    /// A site that is not shown any more.
    RemovedSite {
        /// Its text id.
        key: String,
    },
}

/// Any place on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceRef {
    /// A bay.
    Bay(BayId),
    /// A site.
    Site(SiteId),
}

struct BayCell {
    readings: BayReadings,
    /// When the current reading goes stale.
    stale_at: UtcMicros,
    /// The state counted for this bay in its site, and whether the site has counted it as reporting.
    counted: BayState,
    has_reported: bool,
    queued_at: UtcMicros,
    placed: Option<BayPlace>,
}

/// What the registry says of a bay that is valid now.
struct BayPlace {
    site: Option<SiteId>,
    class: ClassId,
    position: LatLon,
    is_public: bool,
    counts_in_site: bool,
    /// Where it is in the grid, when the public may see it.
    slot: Option<Slot>,
}

/// See the module's description.
#[derive(Default)]
pub struct LiveMap {
    registry: Arc<Registry>,
    bays: FxHashMap<BayId, BayCell>,
    sites: FxHashMap<SiteId, SiteCell>,
    vehicles: FxHashMap<VehicleId, VehicleCell>,
    trips: Trips,
    alerts: Alerts,
    classes: Classes,
    /// Visible places on the map.
    bay_grid: Grid<BaySpot>,
    site_grid: Grid<SiteSpot>,
    /// Visible places in the order of their text ids.
    bay_keys: Vec<Listed<BayId>>,
    site_keys: Vec<Listed<SiteId>>,
    bounds: Option<Bbox>,
    timers: BinaryHeap<Reverse<(UtcMicros, PlaceRef)>>,
    vehicle_timers: BinaryHeap<Reverse<(UtcMicros, VehicleId)>>,
    /// Bays that are closed now.
    closed_bays: FxHashSet<BayId>,
    /// The next instant at which some place begins or ceases to be valid, or a bay to be closed.
    next_validity_change: Option<UtcMicros>,
    /// The last time seen; `None`: no time yet.
    looked_at: Option<UtcMicros>,
}

impl LiveMap {
    /// An empty map of the registry's places; `now` decides which are valid.
    pub fn new(registry: Arc<Registry>, now: UtcMicros) -> Self {
        let mut map = LiveMap::default();
        map.place(registry, now);
        map
    }

    /// The places as they are known here.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The box of all visible places.
    pub fn bounds(&self) -> Option<Bbox> {
        self.bounds
    }

    /// Applies changes and returns the events: one for every bay statement that holds, one for each
    /// site that changed.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>, now: UtcMicros) -> Vec<LiveEvent> {
        let mut events = self.look_at_clock(now);
        let mut sites = BTreeSet::new();
        let mut withdrawn = BTreeSet::new();
        for change in changes {
            match change {
                Change::Bay { bay, reading } => self.apply_bay(bay, reading, now, &mut events, &mut sites),
                Change::Site { site, audience, version, count } => {
                    if self.apply_count(site, audience, version, count, now) {
                        sites.insert(site);
                    }
                }
                Change::Vehicle { vehicle, feed, observed_at, digest, fix } => {
                    let cell = self.vehicles.entry(vehicle).or_default();
                    let was_at = cell.position();
                    if cell.apply(feed, observed_at, digest, fix, now) {
                        let was_at = was_at.filter(|was_at| cell.position() != Some(*was_at));
                        let (_, stage, timer) = cell.renew(now);
                        self.vehicle_timers.extend(timer.map(|at| Reverse((at, vehicle))));
                        let is_shown = stage != Stage::Gone && self.registry.vehicle(vehicle).is_some();
                        let reason = EventReason::Changed;
                        events.extend(is_shown.then_some(LiveEvent::Vehicle { vehicle, reason, was_at }));
                    }
                }
                Change::WithdrawnVehicle { vehicle, observed_at, digest } => {
                    let cell = self.vehicles.entry(vehicle).or_default();
                    if cell.withdraw(observed_at, digest) {
                        let (before, stage, timer) = cell.renew(now);
                        self.vehicle_timers.extend(timer.map(|at| Reverse((at, vehicle))));
                        let is_shown = before != Stage::Gone && self.registry.vehicle(vehicle).is_some();
                        events.extend(is_shown.then_some(match stage {
                            Stage::Gone => LiveEvent::RemovedVehicle { vehicle },
                            _ => LiveEvent::Vehicle { vehicle, reason: EventReason::Changed, was_at: None },
                        }));
                    }
                }
                Change::Trip { feed, report } => self.trips.apply(feed, report, now),
                Change::Alerts { feed, report } => self.alerts.apply(feed, report, now),
                Change::Withdrawn { bay, newest, holds } => {
                    let cell = self.bays.entry(bay).or_insert_with(BayCell::empty);
                    let is_distrusted = holds.is_some_and(|reading| {
                        self.registry.is_distrusted(reading.source(), bay, reading.observed_at)
                    });
                    cell.readings.withdraw(&newest, holds, is_distrusted);
                    withdrawn.insert(bay);
                }
                Change::Places | Change::Corrected { .. } | Change::Heard { .. } | Change::Judged { .. } => {}
            }
        }
        if !withdrawn.is_empty() {
            // Sites do not know which of their bays their times rest on.
            events.extend(self.replace_registry(self.registry.clone(), now));
            events.extend(
                withdrawn.into_iter().filter_map(|bay| self.bay_event(bay, now, EventReason::Changed)),
            );
        }
        self.push_site_events(sites, EventReason::Changed, &mut events);
        events
    }

    fn apply_bay(
        &mut self,
        bay: BayId,
        reading: BayReading,
        now: UtcMicros,
        events: &mut Vec<LiveEvent>,
        sites: &mut BTreeSet<SiteId>,
    ) {
        let is_of_hidden_time =
            self.registry.public_since(bay).is_some_and(|since| reading.observed_at < since);
        if is_of_hidden_time || is_ahead(reading.observed_at, now) {
            return;
        }
        let cell = self.bays.entry(bay).or_insert_with(BayCell::empty);
        let before = cell.readings.current().map(|_| cell.state_at(now));
        // Statements from a clock that was ahead give way to the first one after it.
        let has_forgotten = cell.readings.forget_ahead(now);
        let is_distrusted = self.registry.is_distrusted(reading.source(), bay, reading.observed_at);
        if !cell.readings.apply(reading, is_distrusted) && !has_forgotten {
            return;
        }
        self.renew(bay, now);
        if let Some(site) = self.recount(bay, now) {
            sites.insert(site);
        }
        let after = self.bays.get(&bay).map(|cell| cell.state_at(now));
        let reason = if before == after { EventReason::Confirmed } else { EventReason::Changed };
        events.extend(self.bay_event(bay, now, reason));
    }

    /// Applies a count; whether that changes the shown state of the site.
    fn apply_count(
        &mut self,
        site: SiteId,
        audience: Option<Audience>,
        version: i64,
        count: CountState,
        now: UtcMicros,
    ) -> bool {
        let registry = &self.registry;
        let cell = self.sites.entry(site).or_default();
        let was_closed = cell.is_reported_closed(now);
        if !cell.apply_count(audience, version, count.without_ahead(now)) {
            return false;
        }
        cell.forget_before(registry.public_since(site));
        let stale_after_s = |feed, sensor, at| registry.stale_after_s(feed, sensor, Target::Site(site), at);
        let timer = cell.renew_counts(stale_after_s, now);
        self.timers.extend(timer.map(|at| Reverse((at, PlaceRef::Site(site)))));
        cell.uses_count(audience) || was_closed != cell.is_reported_closed(now)
    }

    /// What has gone stale, opened or closed by `now`. Call it at least once a second.
    pub fn tick(&mut self, now: UtcMicros) -> Vec<LiveEvent> {
        let mut events = self.look_at_clock(now);
        self.trips.tick(now);
        self.alerts.tick(now);
        events.extend(self.tick_vehicles(now));
        if self.next_validity_change.is_some_and(|at| at <= now) {
            events.extend(self.replace_registry(self.registry.clone(), now));
            return events;
        }
        let mut sites = BTreeSet::new();
        while let Some(Reverse((at, place))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match place {
                PlaceRef::Bay(bay) => {
                    if let Some(cell) = self.bays.get_mut(&bay) {
                        cell.queued_at = UtcMicros(i64::MAX);
                        if cell.stale_at > now {
                            self.queue(bay);
                            continue;
                        }
                    }
                    if let Some(site) = self.recount(bay, now) {
                        sites.insert(site);
                    }
                    events.extend(self.bay_event(bay, now, EventReason::Stale));
                }
                PlaceRef::Site(site) => {
                    if let Some(cell) = self.sites.get_mut(&site) {
                        let (went_stale, next) = cell.timer_fired(now);
                        self.timers.extend(next.map(|at| Reverse((at, place))));
                        sites.extend(went_stale.then_some(site));
                    }
                }
            }
        }
        self.push_site_events(sites, EventReason::Stale, &mut events);
        let changed = self.classes.tick(now);
        let mut sites = BTreeSet::new();
        for (id, cell) in &mut self.sites {
            if cell.tick_opening(now) | cell.classes().any(|class| changed.contains(&class)) {
                sites.insert(*id);
            }
        }
        self.push_site_events(sites, EventReason::Changed, &mut events);
        events
    }

    /// Vehicles that have been at no known place for too long.
    fn tick_vehicles(&mut self, now: UtcMicros) -> Vec<LiveEvent> {
        let mut events = Vec::new();
        while let Some(Reverse((_, vehicle))) = self.vehicle_timers.peek().copied().filter(|t| t.0.0 <= now) {
            self.vehicle_timers.pop();
            let Some(cell) = self.vehicles.get_mut(&vehicle) else { continue };
            cell.timer_fired();
            let (before, stage, timer) = cell.renew(now);
            self.vehicle_timers.extend(timer.map(|at| Reverse((at, vehicle))));
            if stage <= before || self.registry.vehicle(vehicle).is_none() {
                continue;
            }
            events.push(match stage {
                Stage::Gone => LiveEvent::RemovedVehicle { vehicle },
                _ => LiveEvent::Vehicle { vehicle, reason: EventReason::Stale, was_at: None },
            });
        }
        events
    }

    fn push_site_events(&self, sites: BTreeSet<SiteId>, reason: EventReason, events: &mut Vec<LiveEvent>) {
        let shown = sites.into_iter().filter(|id| self.sites.get(id).is_some_and(SiteCell::is_shown));
        events.extend(shown.map(|site| LiveEvent::Site { site, reason }));
    }

    /// Recomputes when the bay's current reading goes stale; one that is stale already needs no
    /// timer.
    fn renew(&mut self, bay: BayId, now: UtcMicros) {
        let Some(cell) = self.bays.get_mut(&bay) else { return };
        let Some(reading) = cell.readings.current() else {
            cell.stale_at = UtcMicros(i64::MIN);
            return;
        };
        let (feed, sensor, at) = (reading.feed, reading.sensor, reading.observed_at);
        let stale_after_s = self.registry.stale_after_s(feed, sensor, Target::Bay(bay), at);
        let holds_for_s = if cell.readings.is_distrusted() { 0 } else { stale_after_s };
        cell.stale_at = reading.observed_at.plus_s(holds_for_s.into());
        if let Some(spot) = cell.placed.as_ref().and_then(|p| self.bay_grid.item_mut(p.slot?)) {
            spot.last_state = Some(reading.state);
            spot.stale_at = cell.stale_at;
        }
        if cell.stale_at > now {
            self.queue(bay);
        }
    }

    /// One timer per bay at most, unless it must fire earlier than the queued one.
    fn queue(&mut self, bay: BayId) {
        if let Some(cell) = self.bays.get_mut(&bay)
            && cell.stale_at < cell.queued_at
        {
            cell.queued_at = cell.stale_at;
            self.timers.push(Reverse((cell.stale_at, PlaceRef::Bay(bay))));
        }
    }

    /// Updates the site's counts by the bay; returns the site when they changed.
    fn recount(&mut self, bay: BayId, now: UtcMicros) -> Option<SiteId> {
        let cell = self.bays.get_mut(&bay)?;
        let state = cell.state_at(now);
        let place = cell.placed.as_ref()?;
        let site = place.site.filter(|_| place.counts_in_site)?;
        let site_cell = self.sites.get_mut(&site)?;
        if let Some(reading) = cell.readings.current() {
            let is_first = !std::mem::replace(&mut cell.has_reported, true);
            site_cell.note_bay_observed(reading.observed_at, reading.feed, is_first);
        }
        if cell.counted == state {
            return None;
        }
        let was_shown = site_cell.shows_bays();
        site_cell.move_bay(place.class, cell.counted, state);
        cell.counted = state;
        (was_shown || site_cell.shows_bays()).then_some(site)
    }

    /// The event of a bay; none of one that the public may not see.
    fn bay_event(&self, bay: BayId, now: UtcMicros, reason: EventReason) -> Option<LiveEvent> {
        let cell = self.bays.get(&bay)?;
        cell.shown()?;
        Some(LiveEvent::Bay {
            bay,
            state: cell.state_at(now),
            observed_at: cell.readings.current().map(|r| r.observed_at),
            stale: cell.is_stale(now),
            reason,
        })
    }
}

impl BayCell {
    fn empty() -> Self {
        BayCell {
            readings: BayReadings::default(),
            stale_at: UtcMicros(i64::MIN),
            counted: BayState::Unknown,
            has_reported: false,
            queued_at: UtcMicros(i64::MAX),
            placed: None,
        }
    }

    fn state_at(&self, now: UtcMicros) -> BayState {
        match self.readings.current() {
            Some(reading) if now < self.stale_at => reading.state,
            _ => BayState::Unknown,
        }
    }

    fn is_stale(&self, now: UtcMicros) -> bool {
        self.readings.current().is_some() && now >= self.stale_at
    }

    /// Its place, if the public may see it.
    fn shown(&self) -> Option<&BayPlace> {
        self.placed.as_ref().filter(|p| p.is_public)
    }
}
