//! What a place offers to a driver.

use super::driver::Driver;
use super::reserved::{NextReservation, Unreserved};
use super::site::{SiteCell, SitePlace};
use super::view::{Basis, Flags};
use super::{LiveMap, PlaceRef};
use crate::bay_state::BayState;
use crate::geo::{LatLon, walk_s};
use crate::ids::{BayId, FeedId, SiteId};
use crate::intervals::Span;
use crate::opening::Opening;
use crate::time::UtcMicros;

/// How a place suits a driver. The order is that of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// There is a vacant space.
    Vacant,
    /// There is none.
    Full,
    /// What is known is too old.
    Stale,
    /// Nothing was ever observed.
    NoLiveData,
    /// It is closed when the driver comes.
    Closed,
    /// It is reserved for others.
    Restricted,
}

/// A place with what a driver finds there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    /// Which place it is.
    pub place: PlaceRef,
    /// Where it is.
    pub position: LatLon,
    /// As the crow flies, metres.
    pub distance_m: f64,
    /// The walk: as the crow flies with a usual detour, until the streets are known.
    pub walk_s: f64,
    /// How it suits the driver.
    pub verdict: Verdict,
    /// Vacant spaces that this driver may use; `None` when not known.
    pub vacant: Option<i64>,
    /// All spaces that this driver may use.
    pub capacity: i64,
    /// Those of them of which nothing is known: silent bays, or all.
    pub unknown: i64,
    /// What `vacant` is based on.
    pub basis: Basis,
    /// `vacant` where a space is for this driver, `occupied` where none is.
    pub state: BayState,
    /// When that was observed; `None`: never.
    pub observed_at: Option<UtcMicros>,
    /// Whether it is older than its source promises.
    pub stale: bool,
    /// Remarks on the numbers.
    pub flags: Flags,
    /// When the driver comes; `until` ends also with the driver's own right to park there.
    pub opening: Opening,
    /// When spaces come to be reserved for others before the place closes; `None`: not known to be.
    pub next_reservation: Option<NextReservation>,
    /// The feed behind the state, for its attribution.
    pub feed: Option<FeedId>,
}

/// Where a place lies, seen from the driver's point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub position: LatLon,
    pub distance_m: f64,
}

/// The effect of a site on its bays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Closed,
    /// The whole site is reserved for others.
    Reserved,
    /// It is for bikes and a car looks for a space, or the other way round.
    OtherPurpose,
}

impl Verdict {
    /// Of a bay: the first obstacle.
    pub(super) fn of_bay(state: Option<BayState>, is_stale: bool, admits: bool, gate: Gate) -> Self {
        match state {
            _ if !admits || gate == Gate::Reserved => Verdict::Restricted,
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
        if place.purpose != driver.purpose {
            Gate::OtherPurpose
        } else if self.is_wholly_reserved(cell, driver) {
            Gate::Reserved
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
        let mut opening = self.bay_opening(id, site, driver, now);
        let mut next_reservation = None;
        if opening.is_open == Some(true) {
            let class = self.bays.get(&id)?.shown()?.class;
            let within = Span::of(Some(driver.arrives_at(now)), opening.until);
            next_reservation = self.next_bay_reservation(class, site.map(|(cell, _)| cell), driver, within);
            opening.until = next_reservation.map(|next| next.from).or(opening.until);
        }
        Some(Offer {
            place: PlaceRef::Bay(id),
            position: here.position,
            distance_m: here.distance_m,
            walk_s: walk_s(here.distance_m),
            verdict,
            vacant: is_known.then_some(i64::from(view.state == BayState::Vacant)),
            capacity: 1,
            unknown: i64::from(!is_known),
            basis: if is_known { Basis::Sensor } else { Basis::None },
            state: view.state,
            observed_at: view.observed_at,
            stale: view.stale,
            flags: Flags::NONE,
            opening,
            next_reservation,
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
        let place = cell.placed.as_ref().filter(|p| p.purpose == driver.purpose)?;
        let entry = self.registry.site(id)?;
        let view = self.view_site(cell, &entry.def, id, now);
        let mut opening = self.opening_for(cell, place, driver, now);
        let mut next_reservation = None;
        if opening.is_open == Some(true) {
            let within = Span::of(Some(driver.arrives_at(now)), opening.until);
            next_reservation = self.next_reservation(cell, view.capacity, driver, within);
            opening.until =
                next_reservation.filter(|next| next.is_whole).map(|next| next.from).or(opening.until);
        }

        let admitted = self.admitted_bays(cell, driver);
        let (bays, mut flags) = (i64::from(cell.bay_counts().total()), view.flags);
        let rests_on_bays = match view.basis {
            Basis::Count => false,
            Basis::Bays => true,
            Basis::None | Basis::Sensor => bays > 0 && bays >= view.capacity,
        };
        let (vacant, capacity) = if rests_on_bays {
            let vacant = (admitted.known() > 0).then_some(i64::from(admitted.vacant));
            (vacant, i64::from(admitted.total()))
        } else {
            let rest = self.unreserved(cell, driver, now, Unreserved::all(view.vacant, view.capacity));
            if rest.includes_restricted {
                flags.set(Flags::INCLUDES_RESTRICTED);
            }
            (rest.vacant, rest.capacity)
        };
        let verdict = match vacant {
            _ if capacity <= 0 || self.is_wholly_reserved(cell, driver) => Verdict::Restricted,
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
            walk_s: walk_s(here.distance_m),
            verdict,
            vacant,
            capacity,
            unknown: match view.basis {
                Basis::Count => 0,
                Basis::Bays => i64::from(admitted.unknown),
                Basis::None | Basis::Sensor => capacity,
            },
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
            next_reservation,
            feed: view.feed,
        })
    }

    /// What a site offers to `driver`, seen from a point; `None` unless the public may see it.
    pub fn site_offer(&self, id: SiteId, from: LatLon, driver: &Driver, now: UtcMicros) -> Option<Offer> {
        let position = self.registry.site(id)?.def.position();
        let here = Here { position, distance_m: from.distance_m(position) };
        self.offer_of_site(id, here, driver, now)
    }
}
