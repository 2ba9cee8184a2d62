//! Spaces of a site that are kept for others than the driver, and from when.

use super::LiveMap;
use super::class::{BayCounts, ClassId};
use super::driver::Driver;
use super::site::SiteCell;
use super::view::ByRestriction;
use crate::audience_set::AudienceSet;
use crate::ids::SiteId;
use crate::time::UtcMicros;

/// The most changes of restrictions that are followed: a day of rules of several kinds.
const MAX_CHANGES: usize = 8;

/// From when, and for whom, spaces are kept that a driver may still use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptNext {
    pub from: UtcMicros,
    pub audiences: AudienceSet,
    /// Whether none is left for the driver then.
    pub is_whole: bool,
}

impl LiveMap {
    /// When, between two times, spaces of a site that the driver may use come to be kept for others: when
    /// the last of them do, else when the first do.
    pub(super) fn kept_next(
        &self,
        cell: &SiteCell,
        capacity: i64,
        driver: &Driver,
        (from, until): (UtcMicros, Option<UtcMicros>),
    ) -> Option<KeptNext> {
        let next_change = |at| self.next_change(cell.classes(), (at, until));
        // Most sites have no such hours.
        let mut at = next_change(from)?;
        let spaces = |part: &ByRestriction| part.capacity.unwrap_or(0);
        let is_kept = |driver: &Driver, at| {
            let kept = || self.parts_of_others(cell, driver, at).map(|part| spaces(&part)).sum::<i64>();
            let are_all_kept = self.admitted_bays(cell, driver).total() == 0 && kept() >= capacity.max(1);
            are_all_kept || self.is_kept_whole(cell, driver)
        };
        if is_kept(driver, from) {
            return None;
        }
        let now: Vec<ByRestriction> = self.parts_of_others(cell, driver, from).collect();
        let is_more = |part: &ByRestriction| {
            let before = now.iter().find(|p| p.audience == part.audience);
            spaces(part) > before.map_or(0, spaces)
        };
        let mut first = None;
        for _ in 0..MAX_CHANGES {
            let then = self.driver_of_classes(driver, at, cell.classes());
            if is_kept(&then, at) {
                return Some(KeptNext {
                    from: at,
                    audiences: self.kept_for_others(cell, &then),
                    is_whole: true,
                });
            }
            let more = self.parts_of_others(cell, &then, at).filter(is_more).map(|part| part.audience);
            let audiences: AudienceSet = more.collect();
            if first.is_none() && !audiences.is_empty() {
                first = Some(KeptNext { from: at, audiences, is_whole: false });
            }
            let Some(next) = next_change(at) else { break };
            at = next;
        }
        first
    }

    /// When, between two times, a bay that the driver may use comes to be kept for others.
    pub(super) fn bay_kept_next(
        &self,
        class: ClassId,
        site: Option<&SiteCell>,
        driver: &Driver,
        (from, until): (UtcMicros, Option<UtcMicros>),
    ) -> Option<KeptNext> {
        let of_site = site.and_then(|site| site.placed.as_ref()).map(|place| place.class);
        let mut at = from;
        for _ in 0..MAX_CHANGES {
            let classes = of_site.into_iter().chain([class]);
            at = self.next_change(classes.clone(), (at, until))?;
            // Whether a site is kept as a whole depends on its own rules alone.
            let then = self.driver_of_classes(driver, at, classes);
            let kept = self.kept(class, &then);
            if !kept.admits(driver.audiences) {
                return Some(KeptNext { from: at, audiences: kept.audiences, is_whole: true });
            }
            if let Some(site) = site.filter(|site| self.is_kept_whole(site, &then)) {
                return Some(KeptNext {
                    from: at,
                    audiences: self.kept_for_others(site, &then),
                    is_whole: true,
                });
            }
        }
        None
    }

    /// When, between two times, a rule of some classes next comes into or goes out of force.
    fn next_change(
        &self,
        classes: impl Iterator<Item = ClassId>,
        (from, until): (UtcMicros, Option<UtcMicros>),
    ) -> Option<UtcMicros> {
        let changes = classes.filter_map(|class| self.classes.next_change(class, from));
        changes.min().filter(|next| *next > from && until.is_none_or(|until| *next < until))
    }

    pub(super) fn admitted_bays(&self, cell: &SiteCell, driver: &Driver) -> BayCounts {
        cell.tally_of(|class| self.kept(class, driver).admits(driver.audiences))
    }

    /// Whether a site is not kept as a whole for some audience at the moment (a number of its spaces
    /// may be).
    pub fn is_open_to_all(&self, site: SiteId) -> bool {
        let everyone = self.driver([], None);
        self.sites.get(&site).is_some_and(|cell| !self.is_kept_whole(cell, &everyone))
    }

    /// Whether the whole site is kept for others: a restriction without a number of spaces, of
    /// which no single bay of the site is the bearer.
    pub(super) fn is_kept_whole(&self, cell: &SiteCell, driver: &Driver) -> bool {
        let Some(place) = &cell.placed else { return false };
        let named = self.kept(place.class, driver).without_number;
        if named.is_empty() {
            return false;
        }
        let whole = named.minus(cell.kept_by_bays);
        !whole.is_empty() && !whole.intersects(driver.audiences)
    }

    /// A counted site's spaces less those that are kept for others at the moment.
    pub(super) fn without_kept(
        &self,
        cell: &SiteCell,
        driver: &Driver,
        now: UtcMicros,
        (vacant, capacity): (Option<i64>, i64),
    ) -> Rest {
        let mut rest = Rest { vacant, capacity, includes_restricted: false };
        for part in self.parts_of_others(cell, driver, now) {
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

    /// The spaces of a visible site that are kept for others when the driver comes: what is beside the
    /// driver's own offer.
    pub fn others_at(&self, site: SiteId, driver: &Driver, now: UtcMicros) -> Vec<ByRestriction> {
        let Some(cell) = self.sites.get(&site).filter(|c| c.is_shown()) else { return Vec::new() };
        let mut parts: Vec<ByRestriction> = self.parts_of_others(cell, driver, now).collect();
        // Reserved without a number of spaces.
        for audience in self.kept_for_others(cell, driver).iter() {
            if parts.iter().all(|part| part.audience != audience) {
                parts.push(ByRestriction { audience, capacity: None, vacant: None, hours: None });
            }
        }
        parts
    }

    fn parts_of_others(
        &self,
        cell: &SiteCell,
        driver: &Driver,
        now: UtcMicros,
    ) -> impl Iterator<Item = ByRestriction> {
        let at = driver.arrives_at(now);
        self.kept_for_others(cell, driver).iter().filter_map(move |audience| {
            let own = cell.placed.as_ref().map(|place| place.class);
            let defined = own.and_then(|class| self.classes.spaces_for(class, audience, at));
            let bays = cell.tally_of(|class| {
                let kept = self.kept(class, driver);
                kept.audiences.contains(audience) && !kept.admits(driver.audiences)
            });
            self.part_for(cell, audience, (defined, bays), now)
        })
    }

    /// For whom else spaces of a site are kept when the driver comes.
    fn kept_for_others(&self, cell: &SiteCell, driver: &Driver) -> AudienceSet {
        let own = cell.placed.as_ref().map_or(AudienceSet::EMPTY, |p| self.kept(p.class, driver).audiences);
        let of_bays = (cell.bay_classes())
            .map(|class| self.kept(class, driver))
            .filter(|kept| !kept.admits(driver.audiences))
            .fold(AudienceSet::EMPTY, |set, kept| set.union(kept.audiences));
        own.union(of_bays).minus(driver.audiences)
    }
}

/// What is left of a count for a driver.
pub(super) struct Rest {
    pub vacant: Option<i64>,
    pub capacity: i64,
    /// The number may contain spaces kept for others.
    pub includes_restricted: bool,
}
