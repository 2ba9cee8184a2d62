//! A site's live state: its counts, and the states of its bays.

use smallvec::SmallVec;

use super::class::{BayCounts, ClassId};
use crate::audience_set::AudienceSet;
use crate::bay_state::BayState;
use crate::closure::Spans;
use crate::ids::{FeedId, SensorId};
use crate::inclusion::{Inclusion, MIN_HIDDEN_BAYS};
use crate::locality::Locality;
use crate::observation::SiteStatus;
use crate::opening::{Hours, Opening};
use crate::place::{Audience, Purpose, Site};
use crate::site_count::CountState;
use crate::time::UtcMicros;

#[derive(Default)]
pub(super) struct SiteCell {
    counts: SmallVec<[CountCell; 1]>,
    /// Bays that count: either all are shown singly, or none is.
    bays: SmallVec<[ClassCounts; 2]>,
    /// The newest observation of any bay that counts here, and its feed.
    bay_observed: Option<(UtcMicros, FeedId)>,
    /// How many bays that count have ever reported.
    reporting: u32,
    pub placed: Option<SitePlace>,
    /// What counts here.
    pub inclusion: Inclusion,
    /// Whom single bays are reserved for, whether they count or not.
    pub reserved_by_bays: AudienceSet,
    /// The timer that is set for this site, if any.
    queued_at: Option<UtcMicros>,
}

pub(super) struct CountCell {
    pub audience: Option<Audience>,
    version: i64,
    pub count: CountState,
    pub stale_at: UtcMicros,
    /// An event has reported that it is stale, or it was stale from the beginning.
    is_stale_reported: bool,
}

struct ClassCounts {
    class: ClassId,
    counts: BayCounts,
}

pub(super) struct SitePlace {
    /// The site's own restrictions as a class (spaces reserved for audiences in a counted site).
    pub class: ClassId,
    hours: Option<Hours>,
    closed: Spans,
    pub opening: Opening,
    pub is_public: bool,
    pub purpose: Purpose,
}

impl SiteCell {
    /// Applies a counted state if its version is higher; whether it was. Then call
    /// [`Self::renew_counts`].
    pub fn apply_count(&mut self, audience: Option<Audience>, version: i64, count: CountState) -> bool {
        let fresh =
            CountCell { audience, version, count, stale_at: UtcMicros(i64::MIN), is_stale_reported: true };
        match self.counts.iter_mut().find(|c| c.audience == audience) {
            Some(held) if held.version >= version => return false,
            Some(held) => *held = fresh,
            None => self.counts.push(fresh),
        }
        true
    }

    /// Forgets of its counts what lies ahead of `now`, and its timer. Then call [`Self::renew_counts`].
    pub fn forget_ahead(&mut self, now: UtcMicros) {
        for cell in &mut self.counts {
            cell.count = std::mem::take(&mut cell.count).without_ahead(now);
            cell.stale_at = UtcMicros(i64::MIN);
        }
        self.queued_at = None;
    }

    /// Forgets counts that were last observed before the site was public. Then call [`Self::renew_counts`].
    pub fn forget_before(&mut self, public_since: Option<UtcMicros>) {
        for cell in self.counts.iter_mut().filter(|cell| cell.count.observed_at < public_since) {
            cell.count = CountState::default();
            cell.stale_at = UtcMicros(i64::MIN);
        }
    }

    /// Recomputes when counts go stale. Returns a timer to set.
    pub fn renew_counts(
        &mut self,
        stale_after_s: impl Fn(FeedId, Option<SensorId>, UtcMicros) -> u32,
        now: UtcMicros,
    ) -> Option<UtcMicros> {
        for cell in &mut self.counts {
            if let Some((at, (feed, sensor))) = cell.count.observed_at.zip(cell.count.heard_from) {
                cell.stale_at = at.plus_s(stale_after_s(feed, sensor, at).into());
                cell.is_stale_reported = cell.stale_at <= now;
            }
        }
        self.next_timer(now)
    }

    /// Whether a count went stale by `now`, and the next timer to set.
    pub fn timer_fired(&mut self, now: UtcMicros) -> (bool, Option<UtcMicros>) {
        self.queued_at = None;
        let mut went_stale = false;
        let inclusion = self.inclusion;
        for cell in self.counts.iter_mut().filter(|c| c.stale_at <= now && !c.is_stale_reported) {
            cell.is_stale_reported = true;
            went_stale |= is_used(&inclusion, cell.audience) || cell.says_closed();
        }
        (went_stale, self.next_timer(now))
    }

    /// One timer per site at most, unless it must fire earlier than the one that is set.
    fn next_timer(&mut self, now: UtcMicros) -> Option<UtcMicros> {
        let next = self.counts.iter().map(|c| c.stale_at).filter(|at| *at > now).min()?;
        if self.queued_at.is_some_and(|queued| queued <= next) {
            return None;
        }
        self.queued_at = Some(next);
        Some(next)
    }

    /// The count of the site, or of one audience's spaces in it, if it may be used.
    pub fn count(&self, audience: Option<Audience>) -> Option<&CountCell> {
        let count = self.counts.iter().find(|c| c.audience == audience)?;
        is_used(&self.inclusion, audience).then_some(count)
    }

    /// All counts, also those that may not be used.
    pub fn all_counts(&self) -> &[CountCell] {
        &self.counts
    }

    /// Whether it is valid now.
    pub fn is_placed(&self) -> bool {
        self.placed.is_some()
    }

    /// Whether a count changes what is shown.
    pub fn uses_count(&self, audience: Option<Audience>) -> bool {
        is_used(&self.inclusion, audience)
    }

    fn is_counted(&self) -> bool {
        self.counts.iter().any(|c| c.audience.is_none())
    }

    /// The classes of the site itself and of its bays.
    pub fn classes(&self) -> impl Iterator<Item = ClassId> + '_ {
        let own = self.placed.iter().map(|place| place.class);
        own.chain(self.bay_classes())
    }

    /// Whether the supplier of its count says that it is closed.
    pub fn is_reported_closed(&self, now: UtcMicros) -> bool {
        self.counts.iter().any(|c| c.audience.is_none() && now < c.stale_at && c.says_closed())
    }

    /// Whether hidden bays count here, and none else.
    fn rests_on_hidden(&self) -> bool {
        self.inclusion.hidden_bays(self.is_counted())
    }

    /// Whether it has hidden bays, or spaces without a bay, too few to be published: without a count that may be used its
    /// numbers rest on the bays that are shown.
    pub fn is_without_hidden(&self) -> bool {
        let is_counted = self.is_counted();
        let has_left_out =
            self.inclusion.left_out(is_counted) > 0 || (is_counted && !self.inclusion.own_count);
        has_left_out && !self.rests_on_hidden()
    }

    /// Spaces of a site of which its definition says that it has `defined`, as far as no count says otherwise.
    pub fn capacity(&self, defined: u32) -> u32 {
        match self.inclusion.shown {
            shown if shown > 0 && self.is_without_hidden() => shown,
            _ => defined.saturating_sub(self.inclusion.left_out(self.is_counted())),
        }
    }

    /// The bays that count, those of some classes. Where the number of vacant ones would be that of fewer than five hidden
    /// bays, their states are unknown.
    pub fn bay_counts_of(&self, is_wanted: impl Fn(ClassId) -> bool) -> BayCounts {
        let (mut all, mut wanted) = (BayCounts::default(), BayCounts::default());
        if !self.publishes_classes() {
            return wanted;
        }
        for c in &self.bays {
            all.add(c.counts);
            if is_wanted(c.class) {
                wanted.add(c.counts);
            }
        }
        let is_crowd = |counts: BayCounts| counts.known() >= MIN_HIDDEN_BAYS;
        let is_part = 0 < wanted.total() && wanted.total() < all.total();
        let may_show = !self.rests_on_hidden()
            || is_crowd(all)
                && (!is_part
                    || self.inclusion.by_restriction && self.bays.iter().all(|c| is_crowd(c.counts)));
        if may_show { wanted } else { BayCounts { unknown: wanted.total(), ..BayCounts::default() } }
    }

    /// All bays that count here.
    pub fn bay_counts(&self) -> BayCounts {
        self.bay_counts_of(|_| true)
    }

    /// The classes of the bays that count.
    pub fn bay_classes(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.bays.iter().filter(|_| self.publishes_classes()).map(|bays| bays.class)
    }

    /// The hidden bays of a site of this kind do not count once it has a count of its own.
    fn publishes_classes(&self) -> bool {
        self.inclusion.shown > 0 || self.rests_on_hidden()
    }

    /// Whether changes of the bays that count are shown.
    pub fn shows_bays(&self) -> bool {
        !self.rests_on_hidden() && self.publishes_classes() || self.bay_counts().known() > 0
    }

    /// The newest observation of the bays that count, unless fewer than five hidden ones have ever reported.
    pub fn bay_observed(&self) -> Option<(UtcMicros, FeedId)> {
        let may_show =
            self.publishes_classes() && (!self.rests_on_hidden() || self.reporting >= MIN_HIDDEN_BAYS);
        self.bay_observed.filter(|_| may_show)
    }

    /// Whether the public may see it.
    pub fn is_shown(&self) -> bool {
        self.placed.as_ref().is_some_and(|p| p.is_public)
    }

    /// Puts it on the map, as its definition says.
    pub fn place(
        &mut self,
        site: &Site,
        closed: Spans,
        class: ClassId,
        locality: &Locality,
        is_public: bool,
        now: UtcMicros,
    ) {
        let hours = site
            .opening_hours
            .as_deref()
            .and_then(|text| Hours::parse(text, &locality.at(site.position())).ok());
        let opening = Opening::of(hours.as_ref(), &closed, now);
        self.placed = Some(SitePlace { class, hours, closed, opening, is_public, purpose: site.purpose });
    }

    /// Takes it and its bays off the map; its counts stay.
    pub fn unplace(&mut self) {
        self.placed = None;
        self.bays.clear();
        (self.bay_observed, self.reporting) = (None, 0);
        (self.inclusion, self.reserved_by_bays) = Default::default();
    }

    /// Adds a bay that counts.
    pub fn add_bay(&mut self, class: ClassId) {
        self.class_counts(class).unknown += 1;
    }

    /// A bay that counts has changed its state.
    pub fn move_bay(&mut self, class: ClassId, from: BayState, to: BayState) {
        let counts = self.class_counts(class);
        *counts.of(from) = counts.of(from).saturating_sub(1);
        *counts.of(to) += 1;
    }

    /// A bay that counts has reported; `is_first`: for the first time.
    pub fn note_bay_observed(&mut self, at: UtcMicros, feed: FeedId, is_first: bool) {
        self.reporting += u32::from(is_first);
        self.bay_observed = self.bay_observed.max(Some((at, feed)));
    }

    /// Re-evaluates the opening when it ended by `now`; whether it changed.
    pub fn tick_opening(&mut self, now: UtcMicros) -> bool {
        let Some(place) = &mut self.placed else { return false };
        if place.opening.until.is_none_or(|until| until > now) {
            return false;
        }
        let before = place.opening.is_open;
        place.opening = place.opening_at(now);
        before != place.opening.is_open
    }

    fn class_counts(&mut self, class: ClassId) -> &mut BayCounts {
        let i = self.bays.iter().position(|c| c.class == class).unwrap_or_else(|| {
            self.bays.push(ClassCounts { class, counts: BayCounts::default() });
            self.bays.len() - 1
        });
        &mut self.bays[i].counts
    }
}

impl CountCell {
    fn says_closed(&self) -> bool {
        self.count.status.is_some_and(|(_, status)| status == SiteStatus::Closed)
    }
}

fn is_used(inclusion: &Inclusion, audience: Option<Audience>) -> bool {
    if audience.is_none() { inclusion.own_count } else { inclusion.counts_by_audience }
}

impl SitePlace {
    /// The opening at another moment than now (an arrival).
    pub fn opening_at(&self, at: UtcMicros) -> Opening {
        Opening::of(self.hours.as_ref(), &self.closed, at)
    }

    /// Whether opening hours and closures open the place after `from`, at `until` at the latest.
    pub fn opens_between(&self, from: UtcMicros, until: UtcMicros) -> bool {
        let ends_in_time = |opening: Opening| opening.until.filter(|end| *end <= until);
        let now = self.opening_at(from);
        match now.is_open {
            Some(false) => ends_in_time(now).is_some(),
            _ => ends_in_time(now).is_some_and(|closes| {
                let then = self.opening_at(closes);
                then.is_open == Some(false) && ends_in_time(then).is_some()
            }),
        }
    }
}
