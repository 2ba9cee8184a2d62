//! Spaces of a site that are reserved for others than the driver, and from when.

use super::LiveMap;
use super::class::{BayCounts, ClassId};
use super::driver::Driver;
use super::site::SiteCell;
use super::view::ByRestriction;
use crate::audience_set::AudienceSet;
use crate::ids::SiteId;
use crate::intervals::Span;
use crate::time::UtcMicros;

/// The most changes of restrictions that are followed: a day of rules of several kinds.
const MAX_CHANGES: usize = 8;

/// From when, and for whom, spaces are reserved that a driver may still use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextReservation {
    /// When it begins.
    pub from: UtcMicros,
    /// Who may park there then.
    pub audiences: AudienceSet,
    /// Whether none is left for the driver then.
    pub is_whole: bool,
}

impl LiveMap {
    /// When, within a span, spaces of a site that the driver may use come to be reserved for others: when
    /// the last of them do, else when the first do.
    pub(super) fn next_reservation(
        &self,
        cell: &SiteCell,
        capacity: i64,
        driver: &Driver,
        within: Span,
    ) -> Option<NextReservation> {
        let Span { from, until } = within;
        let next_change = |from| self.next_change(cell.classes(), Span { from, until });
        // Most sites have no such hours.
        let mut at = next_change(from)?;
        let spaces = |part: &ByRestriction| part.capacity.unwrap_or(0);
        let is_reserved = |driver: &Driver, at| {
            let reserved =
                || self.restricted_to_others(cell, driver, at).map(|part| spaces(&part)).sum::<i64>();
            let are_all_reserved =
                self.admitted_bays(cell, driver).total() == 0 && reserved() >= capacity.max(1);
            are_all_reserved || self.is_wholly_reserved(cell, driver)
        };
        if is_reserved(driver, from) {
            return None;
        }
        let now: Vec<ByRestriction> = self.restricted_to_others(cell, driver, from).collect();
        let is_more = |part: &ByRestriction| {
            let before = now.iter().find(|p| p.audience == part.audience);
            spaces(part) > before.map_or(0, spaces)
        };
        let mut first = None;
        for _ in 0..MAX_CHANGES {
            let then = self.driver_of_classes(driver, at, cell.classes());
            if is_reserved(&then, at) {
                let audiences = self.reserved_for_others(cell, &then);
                return Some(NextReservation { from: at, audiences, is_whole: true });
            }
            let more = self.restricted_to_others(cell, &then, at).filter(is_more).map(|part| part.audience);
            let audiences: AudienceSet = more.collect();
            if first.is_none() && !audiences.is_empty() {
                first = Some(NextReservation { from: at, audiences, is_whole: false });
            }
            let Some(next) = next_change(at) else { break };
            at = next;
        }
        first
    }

    /// When, within a span, a bay that the driver may use comes to be reserved for others.
    pub(super) fn next_bay_reservation(
        &self,
        class: ClassId,
        site: Option<&SiteCell>,
        driver: &Driver,
        within: Span,
    ) -> Option<NextReservation> {
        let of_site = site.and_then(|site| site.placed.as_ref()).map(|place| place.class);
        let mut at = within.from;
        for _ in 0..MAX_CHANGES {
            let classes = of_site.into_iter().chain([class]);
            at = self.next_change(classes.clone(), Span { from: at, ..within })?;
            // Whether a site is reserved as a whole depends on its own rules alone.
            let then = self.driver_of_classes(driver, at, classes);
            let reserved = self.reserved(class, &then);
            let audiences = match site {
                _ if !reserved.admits(driver.audiences) => reserved.audiences,
                Some(site) if self.is_wholly_reserved(site, &then) => self.reserved_for_others(site, &then),
                _ => continue,
            };
            return Some(NextReservation { from: at, audiences, is_whole: true });
        }
        None
    }

    /// When next within a span a rule of some classes comes into or goes out of force.
    fn next_change(&self, classes: impl Iterator<Item = ClassId>, within: Span) -> Option<UtcMicros> {
        let changes = classes.filter_map(|class| self.classes.next_change(class, within.from));
        changes.min().filter(|next| *next > within.from && *next < within.until)
    }

    pub(super) fn admitted_bays(&self, cell: &SiteCell, driver: &Driver) -> BayCounts {
        cell.bay_counts_of(|class| self.reserved(class, driver).admits(driver.audiences))
    }

    /// Whether a site is not reserved as a whole for some audience at the moment (a number of its spaces
    /// may be).
    pub fn is_open_to_all(&self, site: SiteId) -> bool {
        let everyone = self.driver([], None);
        self.sites.get(&site).is_some_and(|cell| !self.is_wholly_reserved(cell, &everyone))
    }

    /// Whether the whole site is reserved for others: a restriction without a number of spaces, of
    /// which no single bay of the site is the bearer.
    pub(super) fn is_wholly_reserved(&self, cell: &SiteCell, driver: &Driver) -> bool {
        let Some(place) = &cell.placed else { return false };
        let named = self.reserved(place.class, driver).without_number;
        if named.is_empty() {
            return false;
        }
        let whole = named.minus(cell.reserved_by_bays);
        !whole.is_empty() && !whole.intersects(driver.audiences)
    }

    /// A counted site's spaces less those that are reserved for others at the moment.
    pub(super) fn unreserved(
        &self,
        cell: &SiteCell,
        driver: &Driver,
        now: UtcMicros,
        mut rest: Unreserved,
    ) -> Unreserved {
        for part in self.restricted_to_others(cell, driver, now) {
            rest.capacity -= part.capacity.unwrap_or(0);
            match (rest.vacant, part.vacant) {
                (Some(vacant), Some(reserved)) => rest.vacant = Some(vacant - reserved),
                (Some(_), None) => rest.includes_restricted = true,
                (None, _) => {}
            }
        }
        rest.capacity = rest.capacity.max(0);
        rest.vacant = rest.vacant.map(|n| n.clamp(0, rest.capacity));
        rest
    }

    /// The spaces of a visible site that are reserved for others when the driver comes: what is beside the
    /// driver's own offer.
    pub fn others_at(&self, site: SiteId, driver: &Driver, now: UtcMicros) -> Vec<ByRestriction> {
        let Some(cell) = self.sites.get(&site).filter(|c| c.is_shown()) else { return Vec::new() };
        let mut parts: Vec<ByRestriction> = self.restricted_to_others(cell, driver, now).collect();
        // Reserved without a number of spaces.
        for audience in self.reserved_for_others(cell, driver).iter() {
            if parts.iter().all(|part| part.audience != audience) {
                parts.push(ByRestriction { audience, capacity: None, vacant: None, hours: None });
            }
        }
        parts
    }

    fn restricted_to_others(
        &self,
        cell: &SiteCell,
        driver: &Driver,
        now: UtcMicros,
    ) -> impl Iterator<Item = ByRestriction> {
        let at = driver.arrives_at(now);
        self.reserved_for_others(cell, driver).iter().filter_map(move |audience| {
            let own = cell.placed.as_ref().map(|place| place.class);
            let defined = own.and_then(|class| self.classes.spaces_for(class, audience, at));
            let bays = cell.bay_counts_of(|class| {
                let reserved = self.reserved(class, driver);
                reserved.audiences.contains(audience) && !reserved.admits(driver.audiences)
            });
            self.restricted_spaces(cell, audience, defined, bays, now)
        })
    }

    /// For whom else spaces of a site are reserved when the driver comes.
    fn reserved_for_others(&self, cell: &SiteCell, driver: &Driver) -> AudienceSet {
        let own =
            cell.placed.as_ref().map_or(AudienceSet::EMPTY, |p| self.reserved(p.class, driver).audiences);
        let of_bays = (cell.bay_classes())
            .map(|class| self.reserved(class, driver))
            .filter(|reserved| !reserved.admits(driver.audiences))
            .fold(AudienceSet::EMPTY, |set, reserved| set.union(reserved.audiences));
        own.union(of_bays).minus(driver.audiences)
    }
}

/// What is left of a count for a driver.
pub(super) struct Unreserved {
    pub vacant: Option<i64>,
    pub capacity: i64,
    /// The number may contain spaces reserved for others.
    pub includes_restricted: bool,
}

impl Unreserved {
    /// Before anything is taken off.
    pub fn all(vacant: Option<i64>, capacity: i64) -> Self {
        Unreserved { vacant, capacity, includes_restricted: false }
    }
}
