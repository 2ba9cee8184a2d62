//! The driver's question: where is a vacant space near here that I may use?

use rstar::AABB;

use super::class::Tally;
use super::driver::Driver;
use super::layout::position_of;
use super::site::SiteCell;
use super::view::{Basis, Flags};
use super::{LiveMap, PlaceRef};
use crate::audience_set::AudienceSet;
use crate::bay_state::BayState;
use crate::geo::LatLon;
use crate::ids::{BayId, FeedId, SiteId};
use crate::opening::Opening;
use crate::place::Site;
use crate::time::UtcMicros;

/// Which bays are offered one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaysWanted {
    None,
    /// Those that no site speaks for.
    WithoutSite,
    All,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Search {
    pub near: LatLon,
    pub radius_m: f64,
    pub driver: Driver,
    pub bays: BaysWanted,
    pub sites: bool,
    pub limit: usize,
    pub include_full: bool,
    pub include_stale: bool,
    pub include_without_live_data: bool,
}

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

/// How many places were left out, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub full: u32,
    pub stale: u32,
    pub closed: u32,
    pub restricted: u32,
    pub no_live_data: u32,
}

/// The answer to a [`Search`].
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Best first: vacant ones, then by the walk.
    pub offers: Vec<Offer>,
    pub left_out: LeftOut,
}

impl LiveMap {
    /// Places within the radius, best first, and the number of those left out.
    pub fn search(&self, search: &Search, now: UtcMicros) -> Found {
        let bbox = search.near.around(search.radius_m);
        let envelope = AABB::from_corners([bbox.west, bbox.south], [bbox.east, bbox.north]);
        let mut found = Found { offers: Vec::new(), left_out: LeftOut::default() };
        for point in self.index.locate_in_envelope(envelope) {
            let wanted = match (point.data.place, search.bays) {
                (PlaceRef::Site(_), _) => search.sites,
                (PlaceRef::Bay(_), BaysWanted::All) => true,
                (PlaceRef::Bay(_), BaysWanted::WithoutSite) => !point.data.in_site,
                (PlaceRef::Bay(_), BaysWanted::None) => false,
            };
            if !wanted {
                continue;
            }
            let position = position_of(point);
            let distance_m = search.near.distance_m(position);
            if distance_m > search.radius_m {
                continue;
            }
            let offer = match point.data.place {
                PlaceRef::Bay(id) => self.offer_of_bay(id, &search.driver, now),
                PlaceRef::Site(id) => self.offer_of_site(id, &search.driver, now),
            };
            if let Some(offer) = offer {
                found.sort_in(Offer { position, distance_m, ..offer }, search);
            }
        }
        let best = |a: &Offer, b: &Offer| {
            let by_walk = a.distance_m.total_cmp(&b.distance_m);
            a.verdict.cmp(&b.verdict).then(by_walk).then(a.place.cmp(&b.place))
        };
        if found.offers.len() > search.limit && search.limit > 0 {
            found.offers.select_nth_unstable_by(search.limit - 1, best);
        }
        found.offers.truncate(search.limit);
        found.offers.sort_unstable_by(best);
        found
    }

    fn offer_of_bay(&self, id: BayId, driver: &Driver, now: UtcMicros) -> Option<Offer> {
        let view = self.bay(id, now)?;
        let place = self.bays.get(&id)?.shown()?;
        let mut opening = Opening::ALWAYS;
        let mut is_restricted = !self.kept(place.class, driver).admits(driver.audiences);
        if let Some(site) = place.site.and_then(|id| self.sites.get(&id))
            && let Some(site_place) = &site.placed
        {
            if !site_place.is_for_cars {
                return None;
            }
            opening = self.opening_for(site_place, driver);
            is_restricted |= self.is_kept_whole(site, driver);
        }
        let verdict = match view.state {
            _ if is_restricted => Verdict::Restricted,
            _ if opening.is_open == Some(false) => Verdict::Closed,
            BayState::Vacant => Verdict::Vacant,
            BayState::Occupied => Verdict::Full,
            BayState::Unknown if view.observed_at.is_some() => Verdict::Stale,
            BayState::Unknown => Verdict::NoLiveData,
        };
        let is_known = view.state != BayState::Unknown;
        Some(Offer {
            place: PlaceRef::Bay(id),
            position: view.position,
            distance_m: 0.0,
            verdict,
            vacant: is_known.then_some(i64::from(view.state == BayState::Vacant)),
            capacity: 1,
            basis: if is_known { Basis::Sensor } else { Basis::None },
            state: view.state,
            observed_at: view.observed_at,
            stale: view.stale,
            flags: Flags::NONE,
            opening,
            feed: view.feed,
        })
    }

    fn offer_of_site(&self, id: SiteId, driver: &Driver, now: UtcMicros) -> Option<Offer> {
        let cell = self.sites.get(&id).filter(|c| c.is_shown())?;
        let place = cell.placed.as_ref().filter(|p| p.is_for_cars)?;
        let entry = self.registry.site(id)?;
        let view = self.view_site(cell, &entry.def, id, now);
        let is_closed_now = view.flags.has(Flags::CLOSED) && !driver.arrives_later();
        let opening = if is_closed_now { view.opening } else { self.opening_for(place, driver) };

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
            position: LatLon { lat: 0.0, lon: 0.0 },
            distance_m: 0.0,
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
        let named_by_bays =
            cell.bays.iter().fold(AudienceSet::EMPTY, |set, c| set.union(self.classes.get(c.class).named));
        let whole = self.kept(place.class, driver).without_number.minus(named_by_bays);
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

impl Found {
    /// Keeps an offer or counts it as left out.
    fn sort_in(&mut self, offer: Offer, search: &Search) {
        let out = &mut self.left_out;
        let (counter, included) = match offer.verdict {
            Verdict::Vacant => return self.offers.push(offer),
            Verdict::Full => (&mut out.full, search.include_full),
            Verdict::Stale => (&mut out.stale, search.include_stale),
            Verdict::NoLiveData => (&mut out.no_live_data, search.include_without_live_data),
            Verdict::Closed => (&mut out.closed, false),
            Verdict::Restricted => (&mut out.restricted, false),
        };
        if included {
            self.offers.push(offer);
        } else {
            *counter += 1;
        }
    }
}
