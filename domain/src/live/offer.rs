//! What a place offers to a driver.

use super::class::Tally;
use super::driver::Driver;
use super::site::{SiteCell, SitePlace};
use super::view::{Basis, Flags};
use super::{LiveMap, PlaceRef};
use crate::audience_set::AudienceSet;
use crate::bay_state::BayState;
use crate::geo::{LatLon, WALK_DETOUR, WALK_SPEED_MPS};
use crate::ids::{BayId, FeedId, SiteId};
use crate::opening::Opening;
use crate::place::Site;
use crate::time::UtcMicros;

/// So many changes of restrictions are followed: a day of rules of several kinds.
const MAX_CHANGES: usize = 8;

/// What a place is to a driver. The order is the order of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Vacant,
    Full,
    Stale,
    NoLiveData,
    Closed,
    Restricted,
}

/// A place with what a driver finds there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    pub place: PlaceRef,
    pub position: LatLon,
    pub distance_m: f64,
    /// The walk: as the crow flies with a usual detour, until somebody knows the streets.
    pub walk_s: f64,
    pub verdict: Verdict,
    /// Vacant spaces that this driver may use; `None` when not known.
    pub vacant: Option<i64>,
    /// All spaces that this driver may use.
    pub capacity: i64,
    pub basis: Basis,
    pub state: BayState,
    pub observed_at: Option<UtcMicros>,
    pub stale: bool,
    pub flags: Flags,
    /// When the driver comes.
    pub opening: Opening,
    pub feed: Option<FeedId>,
}

/// Where a place lies, seen from the driver's point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub position: LatLon,
    pub distance_m: f64,
}

/// What a site means for its bays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Closed,
    /// The whole site is kept for others.
    Kept,
    NotForCars,
}

impl Verdict {
    /// Of a bay: what holds it back first.
    pub(super) fn of_bay(state: Option<BayState>, is_stale: bool, admits: bool, gate: Gate) -> Self {
        match state {
            _ if !admits || gate == Gate::Kept => Verdict::Restricted,
            _ if gate == Gate::Closed => Verdict::Closed,
            None => Verdict::NoLiveData,
            Some(_) if is_stale => Verdict::Stale,
            Some(BayState::Vacant) => Verdict::Vacant,
            Some(BayState::Occupied) => Verdict::Full,
            Some(BayState::Unknown) => Verdict::Stale,
        }
    }
}

impl LiveMap {
    pub(super) fn gate(&self, site: SiteId, driver: &Driver, now: UtcMicros) -> Gate {
        let Some(cell) = self.sites.get(&site) else { return Gate::Open };
        let Some(place) = &cell.placed else { return Gate::Open };
        if !place.is_for_cars {
            Gate::NotForCars
        } else if self.is_kept_whole(cell, driver) {
            Gate::Kept
        } else if self.opening_for(cell, place, driver, now).is_open == Some(false) {
            Gate::Closed
        } else {
            Gate::Open
        }
    }

    pub(super) fn offer_of_bay(
        &self,
        id: BayId,
        verdict: Verdict,
        here: Here,
        driver: &Driver,
        now: UtcMicros,
    ) -> Option<Offer> {
        let view = self.bay(id, now)?;
        let site =
            view.site.and_then(|id| self.sites.get(&id)).and_then(|cell| Some((cell, cell.placed.as_ref()?)));
        let is_known = view.state != BayState::Unknown;
        Some(Offer {
            place: PlaceRef::Bay(id),
            position: here.position,
            distance_m: here.distance_m,
            walk_s: here.distance_m * WALK_DETOUR / WALK_SPEED_MPS,
            verdict,
            vacant: is_known.then_some(i64::from(view.state == BayState::Vacant)),
            capacity: 1,
            basis: if is_known { Basis::Sensor } else { Basis::None },
            state: view.state,
            observed_at: view.observed_at,
            stale: view.stale,
            flags: Flags::NONE,
            opening: self.bay_opening(id, site, driver, now),
            feed: view.feed,
        })
    }

    /// The site's opening, unless the bay itself is closed.
    fn bay_opening(
        &self,
        id: BayId,
        site: Option<(&SiteCell, &SitePlace)>,
        driver: &Driver,
        now: UtcMicros,
    ) -> Opening {
        let of_site =
            site.map_or(Opening::ALWAYS, |(cell, place)| self.opening_for(cell, place, driver, now));
        let own = self.registry.closures(id).map(|spans| Opening::of(None, spans, driver.arrives_at(now)));
        own.filter(|own| own.is_open == Some(false)).unwrap_or(of_site)
    }

    pub(super) fn offer_of_site(
        &self,
        id: SiteId,
        here: Here,
        driver: &Driver,
        now: UtcMicros,
    ) -> Option<Offer> {
        let cell = self.sites.get(&id).filter(|c| c.is_shown())?;
        let place = cell.placed.as_ref().filter(|p| p.is_for_cars)?;
        let entry = self.registry.site(id)?;
        let view = self.view_site(cell, &entry.def, id, now);
        let mut opening = self.opening_for(cell, place, driver, now);
        if opening.is_open == Some(true) {
            let kept_from =
                self.kept_from(cell, view.capacity, driver, (driver.arrives_at(now), opening.until));
            opening.until = kept_from.or(opening.until);
        }

        let admitted = self.admitted_bays(cell, driver);
        let bays = cell.tally().total();
        let mut flags = view.flags;
        let (vacant, capacity) = match view.basis {
            Basis::Count => {
                let rest = self.without_kept(cell, &entry.def, driver, now, (view.vacant, view.capacity));
                if rest.includes_restricted {
                    flags.set(Flags::INCLUDES_RESTRICTED);
                }
                (rest.vacant, rest.capacity)
            }
            Basis::Bays => {
                let vacant = (admitted.known() > 0).then_some(i64::from(admitted.vacant));
                (vacant, i64::from(admitted.total()))
            }
            Basis::None | Basis::Sensor if bays > 0 && i64::from(bays) >= view.capacity => {
                (None, i64::from(admitted.total()))
            }
            Basis::None | Basis::Sensor => {
                let rest = self.without_kept(cell, &entry.def, driver, now, (None, view.capacity));
                (None, rest.capacity)
            }
        };
        let verdict = match vacant {
            _ if capacity <= 0 || self.is_kept_whole(cell, driver) => Verdict::Restricted,
            _ if opening.is_open == Some(false) => Verdict::Closed,
            Some(0) => Verdict::Full,
            Some(_) => Verdict::Vacant,
            None if view.observed_at.is_some() => Verdict::Stale,
            None => Verdict::NoLiveData,
        };
        Some(Offer {
            place: PlaceRef::Site(id),
            position: here.position,
            distance_m: here.distance_m,
            walk_s: here.distance_m * WALK_DETOUR / WALK_SPEED_MPS,
            verdict,
            vacant,
            capacity,
            basis: if vacant.is_some() { view.basis } else { Basis::None },
            state: match vacant {
                None => BayState::Unknown,
                Some(0) => BayState::Occupied,
                Some(_) => BayState::Vacant,
            },
            observed_at: view.observed_at,
            stale: vacant.is_none() && view.observed_at.is_some(),
            flags,
            opening,
            feed: view.feed,
        })
    }

    /// What a site offers to `driver`, seen from a point; `None` unless the public may see it.
    pub fn site_offer(&self, id: SiteId, from: LatLon, driver: &Driver, now: UtcMicros) -> Option<Offer> {
        let position = self.registry.site(id)?.def.position();
        let here = Here { position, distance_m: from.distance_m(position) };
        self.offer_of_site(id, here, driver, now)
    }

    /// When a site that the driver may use comes to be kept for others, between two times.
    fn kept_from(
        &self,
        cell: &SiteCell,
        capacity: i64,
        driver: &Driver,
        (from, until): (UtcMicros, Option<UtcMicros>),
    ) -> Option<UtcMicros> {
        let next_change = |at| {
            let changes = cell.classes().filter_map(|class| self.classes.next_change(class, at));
            changes.min().filter(|next| *next > at && until.is_none_or(|until| *next < until))
        };
        // Most sites have no such hours.
        let mut at = next_change(from)?;
        let is_kept = |driver: &Driver| {
            let are_all_bays_kept = i64::from(cell.tally().total()) >= capacity.max(1)
                && self.admitted_bays(cell, driver).total() == 0;
            are_all_bays_kept || self.is_kept_whole(cell, driver)
        };
        if is_kept(driver) {
            return None;
        }
        for _ in 0..MAX_CHANGES {
            if is_kept(&self.driver(driver.audiences.iter(), Some(at))) {
                return Some(at);
            }
            at = next_change(at)?;
        }
        None
    }

    fn admitted_bays(&self, cell: &SiteCell, driver: &Driver) -> Tally {
        let mut sum = Tally::default();
        for c in cell.bays.iter().filter(|c| self.kept(c.class, driver).admits(driver.audiences)) {
            sum.add(c.tally);
        }
        sum
    }

    /// Whether a site is not kept as a whole for some audience at the moment (a number of its spaces
    /// may be).
    pub fn is_open_to_all(&self, site: SiteId) -> bool {
        let everyone = self.driver([], None);
        self.sites.get(&site).is_some_and(|cell| !self.is_kept_whole(cell, &everyone))
    }

    /// Whether the whole site is kept for others: a restriction without a number of spaces, of
    /// which no single bay of the site is the bearer.
    fn is_kept_whole(&self, cell: &SiteCell, driver: &Driver) -> bool {
        let Some(place) = &cell.placed else { return false };
        let named = self.kept(place.class, driver).without_number;
        if named.is_empty() {
            return false;
        }
        let named_by_bays =
            cell.bays.iter().fold(AudienceSet::EMPTY, |set, c| set.union(self.classes.get(c.class).named));
        let whole = named.minus(named_by_bays);
        !whole.is_empty() && !whole.intersects(driver.audiences)
    }

    /// A counted site's spaces less those that are kept for others at the moment.
    fn without_kept(
        &self,
        cell: &SiteCell,
        def: &Site,
        driver: &Driver,
        now: UtcMicros,
        (vacant, capacity): (Option<i64>, i64),
    ) -> Rest {
        let mut rest = Rest { vacant, capacity, includes_restricted: false };
        let own = cell.placed.as_ref().map_or(AudienceSet::EMPTY, |p| self.kept(p.class, driver).audiences);
        let of_bays = cell
            .bays
            .iter()
            .map(|c| self.kept(c.class, driver))
            .filter(|kept| !kept.admits(driver.audiences))
            .fold(AudienceSet::EMPTY, |set, kept| set.union(kept.audiences));
        for audience in own.union(of_bays).minus(driver.audiences).iter() {
            let Some(part) = self.part_for(cell, def, audience, now) else { continue };
            rest.capacity -= part.capacity.unwrap_or(0);
            match (rest.vacant, part.vacant) {
                (Some(vacant), Some(kept)) => rest.vacant = Some(vacant - kept),
                (Some(_), None) => rest.includes_restricted = true,
                (None, _) => {}
            }
        }
        rest.capacity = rest.capacity.max(0);
        rest.vacant = rest.vacant.map(|n| n.clamp(0, rest.capacity));
        rest
    }
}

struct Rest {
    vacant: Option<i64>,
    capacity: i64,
    includes_restricted: bool,
}
