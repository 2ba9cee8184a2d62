//! What readers see of live state, each with its age.

use super::class::Tally;
use super::site::{CountCell, SiteCell};
use super::{LiveMap, PlaceRef};
use crate::bay_state::BayState;
use crate::geo::LatLon;
use crate::ids::{BayId, FeedId, SensorId, SiteId, VehicleId};
use crate::observation::{SiteStatus, VehicleFix};
use crate::opening::Opening;
use crate::place::{Audience, Bay, Site, Vehicle};
use crate::registry::Entry;
use crate::time::UtcMicros;

/// The fewest hidden bays whose number of vacant ones may be shown on its own: with fewer, the
/// number would tell the state of a bay that belongs to a person.
pub const MIN_HIDDEN_BAYS: u32 = 3;

/// A visible bay now.
#[derive(Debug, Clone)]
pub struct BayView<'a> {
    pub entry: &'a Entry<BayId, Bay>,
    pub position: LatLon,
    pub site: Option<SiteId>,
    /// `unknown` when stale.
    pub state: BayState,
    /// The last stated one, whatever its age.
    pub last_state: Option<BayState>,
    pub observed_at: Option<UtcMicros>,
    pub age_s: Option<i64>,
    pub stale: bool,
    pub feed: Option<FeedId>,
}

/// What a site's number stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    Count,
    Bays,
    None,
}

impl Basis {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::Count => "count",
            Basis::Bays => "bays",
            Basis::None => "none",
        }
    }
}

/// Spaces kept for one audience in a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRestriction {
    pub audience: Audience,
    pub capacity: Option<i64>,
    /// `None`: not known, or it would tell the state of a bay that is not shown.
    pub vacant: Option<i64>,
}

/// A visible site now.
#[derive(Debug, Clone)]
pub struct SiteView<'a> {
    pub entry: &'a Entry<SiteId, Site>,
    pub capacity: i64,
    /// All vacant spaces, for whomever; 0 when closed sites say so, `None` when not known.
    pub vacant: Option<i64>,
    pub occupied: Option<i64>,
    /// Bays whose state is not known (0 for counts).
    pub unknown: i64,
    pub basis: Basis,
    pub by_restriction: Vec<ByRestriction>,
    pub opening: Opening,
    /// The supplier says the site is closed.
    pub closed_by_supplier: bool,
    pub observed_at: Option<UtcMicros>,
    pub age_s: Option<i64>,
    /// There was live data, and it is too old.
    pub stale: bool,
    pub flags: Vec<&'static str>,
    /// The feed behind the number, for its attribution.
    pub feed: Option<FeedId>,
}

/// What a driver is offered at a site or bay: vacant spaces that they may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    pub vacant: i64,
    pub capacity: i64,
    pub basis: OfferBasis,
    /// The number may contain spaces kept for others: the source does not tell them apart.
    pub includes_restricted: bool,
}

/// Where an [`Offer`]'s number comes from.
pub type OfferBasis = Basis;

/// A vehicle, as last heard.
#[derive(Debug, Clone)]
pub struct VehicleView<'a> {
    pub entry: &'a Entry<VehicleId, Vehicle>,
    pub fix: &'a VehicleFix,
    pub observed_at: UtcMicros,
    pub age_s: i64,
    pub feed: FeedId,
}

impl LiveMap {
    /// A bay by its surrogate id; `None` unless the public may see it.
    pub fn bay(&self, id: BayId, now: UtcMicros) -> Option<BayView<'_>> {
        let cell = self.bays.get(&id)?;
        let place = cell.placed.as_ref().filter(|p| p.is_public)?;
        let reading = cell.readings.current();
        Some(BayView {
            entry: self.registry.bay(id)?,
            position: place.position,
            site: place.site,
            state: cell.state_at(now),
            last_state: reading.map(|r| r.state),
            observed_at: reading.map(|r| r.observed_at),
            age_s: reading.map(|r| now.age_s(r.observed_at)),
            stale: reading.is_some() && now >= cell.stale_at,
            feed: reading.map(|r| r.feed),
        })
    }

    /// A bay by its text id; `None` unless the public may see it.
    pub fn bay_by_key(&self, key: &str, now: UtcMicros) -> Option<BayView<'_>> {
        self.bay(self.registry.bay_by_key(key)?.id, now)
    }

    /// Whether a driver of `audiences` may park in this bay now.
    pub fn bay_admits(&self, id: BayId, audiences: &[Audience]) -> bool {
        let place = self.bays.get(&id).and_then(|c| c.placed.as_ref());
        place.is_some_and(|p| self.classes.get(p.class).admits(audiences))
    }

    /// A site by its text id; `None` unless the public may see it.
    pub fn site_by_key(&self, key: &str, now: UtcMicros) -> Option<SiteView<'_>> {
        self.site(self.registry.site_by_key(key)?.id, now)
    }

    /// A site by its surrogate id; `None` unless the public may see it.
    pub fn site(&self, id: SiteId, now: UtcMicros) -> Option<SiteView<'_>> {
        let cell = self.sites.get(&id)?;
        let place = cell.placed.as_ref().filter(|p| p.is_public)?;
        let entry = self.registry.site(id)?;
        let main = cell.count(None);
        let capacity = main
            .and_then(|c| c.count.capacity)
            .map_or(i64::from(entry.def.capacity), |(_, capacity)| i64::from(capacity));
        let counted = fresh(main, now).and_then(|c| c.count.occupied(capacity).map(|n| (c, n)));
        let tally = cell.tally();
        let has_fresh_bay = tally.vacant + tally.occupied > 0;

        let mut view = SiteView {
            entry,
            capacity,
            vacant: None,
            occupied: None,
            unknown: i64::from(tally.unknown),
            basis: Basis::None,
            by_restriction: self.by_restriction(cell, entry, now),
            opening: place.opening,
            closed_by_supplier: fresh(main, now)
                .and_then(|c| c.count.status)
                .is_some_and(|(_, status)| status == SiteStatus::Closed),
            observed_at: main.and_then(|c| c.count.observed_at).max(cell.bay_observed_at),
            age_s: None,
            stale: false,
            flags: Vec::new(),
            feed: main.and_then(|c| c.count.heard_from).map(|(feed, _)| feed),
        };
        if let Some((count, occupied)) = counted {
            view.basis = Basis::Count;
            view.vacant = Some((capacity - occupied).clamp(0, capacity));
            view.occupied = Some(occupied.max(0));
            view.unknown = 0;
            view.observed_at = count.count.observed_at;
            if occupied > capacity {
                view.flags.push("over_capacity");
            }
            if occupied < 0 {
                view.flags.push("drift");
            }
        } else if has_fresh_bay {
            view.basis = Basis::Bays;
            view.vacant = Some(i64::from(tally.vacant));
            view.occupied = Some(i64::from(tally.occupied));
            view.observed_at = cell.bay_observed_at;
        }
        view.stale = view.basis == Basis::None && view.observed_at.is_some();
        view.age_s = view.observed_at.map(|at| now.age_s(at));
        if view.closed_by_supplier {
            view.flags.push("closed");
        }
        Some(view)
    }

    fn by_restriction(
        &self,
        cell: &SiteCell,
        entry: &Entry<SiteId, Site>,
        now: UtcMicros,
    ) -> Vec<ByRestriction> {
        Audience::ALL
            .iter()
            .filter_map(|&audience| {
                let (tally, hidden) = self.audience_tally(cell, audience);
                let capacity = entry
                    .def
                    .capacity_for(audience)
                    .map(i64::from)
                    .or_else(|| (tally.total() > 0).then_some(i64::from(tally.total())));
                let count = cell.count(Some(audience));
                if capacity.is_none() && count.is_none() {
                    return None;
                }
                let counted = fresh(count, now).and_then(|c| {
                    let capacity = capacity.unwrap_or(0);
                    c.count.occupied(capacity).map(|n| (capacity - n).max(0))
                });
                let from_bays = (tally.vacant + tally.occupied > 0
                    && (hidden == 0 || hidden >= MIN_HIDDEN_BAYS))
                    .then_some(i64::from(tally.vacant));
                Some(ByRestriction { audience, capacity, vacant: counted.or(from_bays) })
            })
            .collect()
    }

    /// The bays kept for `audience` in a site, and how many of them are hidden.
    fn audience_tally(&self, cell: &SiteCell, audience: Audience) -> (Tally, u32) {
        let mut sum = Tally::default();
        let mut hidden = 0;
        for c in &cell.bays {
            if self.classes.get(c.class).restrictions.iter().any(|r| r.audience == Some(audience)) {
                sum.add(c.tally);
                hidden += c.hidden;
            }
        }
        (sum, hidden)
    }

    /// What a driver of `audiences` finds at a site; `None` without live data.
    pub fn offer(&self, view: &SiteView<'_>, audiences: &[Audience]) -> Option<Offer> {
        let cell = self.sites.get(&view.entry.id)?;
        match view.basis {
            Basis::None => None,
            Basis::Bays => {
                let mut sum = Tally::default();
                for c in cell.bays.iter().filter(|c| self.classes.get(c.class).admits(audiences)) {
                    sum.add(c.tally);
                }
                Some(Offer {
                    vacant: sum.vacant.into(),
                    capacity: sum.total().into(),
                    basis: Basis::Bays,
                    includes_restricted: false,
                })
            }
            Basis::Count => {
                let class = self.classes.get(cell.placed.as_ref()?.class);
                let (mut vacant, mut capacity, mut includes_restricted) =
                    (view.vacant?, view.capacity, false);
                for kept in class.audiences_in_force() {
                    if !kept.is_personal() && audiences.contains(&kept) {
                        continue;
                    }
                    let of_kept = view.by_restriction.iter().find(|r| r.audience == kept);
                    capacity -= of_kept.and_then(|r| r.capacity).unwrap_or(0);
                    match of_kept.and_then(|r| r.vacant) {
                        Some(n) => vacant -= n,
                        None => includes_restricted = true,
                    }
                }
                let vacant = vacant.clamp(0, capacity.max(0));
                Some(Offer { vacant, capacity, basis: Basis::Count, includes_restricted })
            }
        }
    }

    /// The opening of a site at another moment than now (an arrival).
    pub fn opening_at(&self, site: SiteId, at: UtcMicros) -> Opening {
        let place = self.sites.get(&site).and_then(|c| c.placed.as_ref());
        place.map_or(Opening::ALWAYS, |p| p.opening_at(at))
    }

    /// The number of bays that count in a site.
    pub fn bays_in_site(&self, site: SiteId) -> u32 {
        self.sites.get(&site).map_or(0, |c| c.tally().total())
    }

    /// A vehicle as last heard.
    pub fn vehicle(&self, id: VehicleId, now: UtcMicros) -> Option<VehicleView<'_>> {
        let cell = self.vehicles.get(&id)?;
        Some(VehicleView {
            entry: self.registry.vehicle(id)?,
            fix: &cell.fix,
            observed_at: cell.observed_at,
            age_s: now.age_s(cell.observed_at),
            feed: cell.feed,
        })
    }

    /// All vehicles ever heard.
    pub fn vehicles(&self, now: UtcMicros) -> impl Iterator<Item = VehicleView<'_>> {
        self.vehicles.keys().filter_map(move |id| self.vehicle(*id, now))
    }

    /// Where a visible place is.
    pub fn position(&self, place: PlaceRef) -> Option<LatLon> {
        match place {
            PlaceRef::Bay(id) => {
                self.bays.get(&id)?.placed.as_ref().filter(|p| p.is_public).map(|p| p.position)
            }
            PlaceRef::Site(id) => {
                self.sites.get(&id)?.placed.as_ref().filter(|p| p.is_public)?;
                self.registry.site(id).map(|s| s.def.position())
            }
        }
    }

    /// How long the current statement of a source stays fresh, seconds.
    pub fn stale_after_s(&self, feed: FeedId, sensor: Option<SensorId>, bay: BayId) -> u32 {
        self.registry.stale_after_s(feed, sensor, crate::sensor::Target::Bay(bay))
    }
}

impl SiteCell {
    fn tally(&self) -> Tally {
        self.bays.iter().fold(Tally::default(), |mut sum, c| {
            sum.add(c.tally);
            sum
        })
    }
}

fn fresh(count: Option<&CountCell>, now: UtcMicros) -> Option<&CountCell> {
    count.filter(|c| now < c.stale_at)
}
