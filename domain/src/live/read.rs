//! Reads views out of live state.

use super::class::{BayCounts, shared};
use super::site::{CountCell, SiteCell};
use super::stage::Stage;
use super::view::{Basis, BayView, ByRestriction, Flags, SiteView, VehicleView};
use super::{LiveMap, PlaceRef};
use crate::bay_state::BayReading;
use crate::geo::LatLon;
use crate::ids::{BayId, SiteId, VehicleId};
use crate::opening::Opening;
use crate::place::{Audience, Site};
use crate::time::UtcMicros;

impl LiveMap {
    /// A bay by its surrogate id; `None` unless the public may see it.
    pub fn bay(&self, id: BayId, now: UtcMicros) -> Option<BayView> {
        let cell = self.bays.get(&id)?;
        let place = cell.shown()?;
        let reading = cell.readings.current();
        Some(BayView {
            id,
            position: place.position,
            site: place.site,
            state: cell.state_at(now),
            last_state: reading.map(|r| r.state),
            observed_at: reading.map(|r| r.observed_at),
            stale: cell.is_stale(now),
            feed: reading.map(|r| r.feed),
        })
    }

    /// The statement that holds of any bay, whatever the public may see: for
    /// installers.
    pub fn reading(&self, id: BayId) -> Option<&BayReading> {
        self.bays.get(&id)?.readings.current()
    }

    /// A bay by its text id; `None` unless the public may see it.
    pub fn bay_by_key(&self, key: &str, now: UtcMicros) -> Option<BayView> {
        self.bay(self.registry.bay_by_key(key)?.id, now)
    }

    /// A site by its text id; `None` unless the public may see it.
    pub fn site_by_key(&self, key: &str, now: UtcMicros) -> Option<SiteView> {
        self.site(self.registry.site_by_key(key)?.id, now)
    }

    /// A site by its surrogate id; `None` unless the public may see it.
    pub fn site(&self, id: SiteId, now: UtcMicros) -> Option<SiteView> {
        let cell = self.sites.get(&id).filter(|c| c.is_shown())?;
        Some(self.view_site(cell, &self.registry.site(id)?.def, id, now))
    }

    pub(super) fn view_site(&self, cell: &SiteCell, def: &Site, id: SiteId, now: UtcMicros) -> SiteView {
        let main = cell.count(None);
        let fresh_main = fresh(main, now);
        // A stated capacity expires with its count.
        let stated = fresh_main.and_then(|c| c.count.capacity).map(|(_, capacity)| i64::from(capacity));
        let of_count = stated.unwrap_or(i64::from(def.capacity));
        let occupied = fresh_main.and_then(|c| c.count.occupied(of_count));
        let is_without_hidden = occupied.is_none() && cell.is_without_hidden();
        let capacity = match stated.filter(|_| !is_without_hidden) {
            Some(stated) => stated,
            None if occupied.is_some() => of_count,
            None => i64::from(cell.capacity(def.capacity)),
        };
        let bays = cell.bay_counts();
        let counted_at = main.and_then(|c| c.count.observed_at.zip(c.count.heard_from));
        let counted_at = counted_at.map(|(at, (feed, _))| (at, feed));
        let mut newest = counted_at.max(cell.bay_observed());

        let mut view = SiteView {
            id,
            purpose: def.purpose,
            capacity,
            vacant: None,
            occupied: None,
            unknown: i64::from(bays.unknown),
            basis: Basis::None,
            opening: cell.placed.as_ref().map_or(Opening::ALWAYS, |p| p.opening),
            observed_at: None,
            stale: false,
            flags: Flags::NONE,
            feed: None,
        };
        if is_without_hidden {
            view.flags.set(Flags::WITHOUT_HIDDEN_BAYS);
        }
        if let Some(occupied) = occupied {
            view.basis = Basis::Count;
            view.vacant = Some((capacity - occupied).clamp(0, capacity));
            view.occupied = Some(occupied.max(0));
            view.unknown = 0;
            newest = counted_at;
            if occupied > capacity {
                view.flags.set(Flags::OVER_CAPACITY);
            }
            if occupied < 0 {
                view.flags.set(Flags::DRIFT);
            }
        } else if bays.known() > 0 {
            view.basis = Basis::Bays;
            view.vacant = Some(i64::from(bays.vacant));
            view.occupied = Some(i64::from(bays.occupied));
            newest = cell.bay_observed();
        }
        view.observed_at = newest.map(|(at, _)| at);
        view.feed = newest.map(|(_, feed)| feed);
        view.stale = view.basis == Basis::None && newest.is_some() && fresh_main.is_none();
        if cell.is_reported_closed(now) {
            view.flags.set(Flags::CLOSED);
            view.opening = Opening::CLOSED;
        }
        view
    }

    /// The spaces of a visible site that are reserved for someone.
    pub fn by_restriction(&self, id: SiteId, now: UtcMicros) -> Vec<ByRestriction> {
        let Some(cell) = self.sites.get(&id).filter(|c| c.is_shown()) else { return Vec::new() };
        let Some(entry) = self.registry.site(id) else { return Vec::new() };
        let parts = Audience::ALL.iter().map(|a| {
            let bays = cell.bay_counts_of(|class| self.classes.get(class).named.contains(*a));
            self.restricted_spaces(cell, *a, entry.def.capacity_for(*a).map(i64::from), bays, now)
        });
        parts.flatten().collect()
    }

    /// The spaces of a site that are reserved for `audience`: so many as are `defined`, or the bays; `None`
    /// when there are none. Where hidden bays do not count, the bays alone.
    pub(super) fn restricted_spaces(
        &self,
        cell: &SiteCell,
        audience: Audience,
        defined: Option<i64>,
        bays: BayCounts,
        now: UtcMicros,
    ) -> Option<ByRestriction> {
        let in_bays = (bays.total() > 0).then_some(i64::from(bays.total()));
        let is_counted = fresh(cell.count(None), now).is_some_and(|c| c.count.anchor.is_some());
        let capacity = defined.filter(|_| is_counted || !cell.is_without_hidden()).or(in_bays);
        let count = cell.count(Some(audience));
        if capacity.is_none() && count.is_none() {
            return None;
        }
        let counted = fresh(count, now).zip(capacity).and_then(|(c, capacity)| {
            c.count.occupied(capacity).map(|occupied| (capacity - occupied).clamp(0, capacity))
        });
        let from_bays = (bays.known() > 0).then_some(i64::from(bays.vacant));
        let hours = self.hours_for(cell, audience);
        Some(ByRestriction { audience, capacity, vacant: counted.or(from_bays), hours })
    }

    /// When a site's spaces for `audience` are reserved: the same hours, wherever it is named.
    fn hours_for(&self, cell: &SiteCell, audience: Audience) -> Option<String> {
        let classes = cell.classes().map(|class| self.classes.get(class));
        let naming = classes.filter(|class| class.named.contains(audience));
        shared(naming.map(|class| class.hours_for(audience))).map(str::to_owned)
    }

    /// A vehicle as last heard.
    pub fn vehicle(&self, id: VehicleId) -> Option<VehicleView> {
        self.registry.vehicle(id)?;
        self.vehicles.get(&id)?.view(id)
    }

    /// All vehicles that have ever reported, in no order.
    pub fn all_vehicles(&self) -> impl Iterator<Item = VehicleView> + '_ {
        self.vehicles.keys().filter_map(|id| self.vehicle(*id))
    }

    /// The vehicles that are shown, with their last position, in no order. Those that were at no known place
    /// for an hour are not.
    pub fn vehicle_positions(
        &self,
        now: UtcMicros,
    ) -> impl Iterator<Item = (VehicleId, Option<LatLon>)> + '_ {
        let shown = self.vehicles.iter().filter(move |(_, cell)| cell.stage(now) != Stage::Gone);
        shown.map(|(id, cell)| (*id, cell.position()))
    }

    /// Where a visible place is.
    pub fn position(&self, place: PlaceRef) -> Option<LatLon> {
        match place {
            PlaceRef::Bay(id) => Some(self.bays.get(&id)?.shown()?.position),
            PlaceRef::Site(id) => {
                self.sites.get(&id).filter(|c| c.is_shown())?;
                Some(self.registry.site(id)?.def.position())
            }
        }
    }
}

pub(super) fn fresh(count: Option<&CountCell>, now: UtcMicros) -> Option<&CountCell> {
    count.filter(|c| now < c.stale_at)
}
