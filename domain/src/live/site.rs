//! A site's live cell: its counts, and the tally of its bays.

use smallvec::SmallVec;

use super::class::{ClassId, Tally};
use crate::bay_state::BayState;
use crate::closure::Spans;
use crate::ids::{FeedId, SensorId};
use crate::locality::Locality;
use crate::observation::SiteStatus;
use crate::opening::{Hours, Opening};
use crate::place::{Audience, Purpose, Site};
use crate::site_count::CountState;
use crate::time::UtcMicros;

#[derive(Default)]
pub(super) struct SiteCell {
    counts: SmallVec<[CountCell; 1]>,
    pub bays: SmallVec<[ClassTally; 2]>,
    /// Newest observation of any bay that counts here, and whose feed it came by.
    pub bay_observed: Option<(UtcMicros, FeedId)>,
    pub placed: Option<SitePlace>,
    /// The timer that is set for this site, if any.
    queued_at: Option<UtcMicros>,
}

pub(super) struct CountCell {
    pub audience: Option<Audience>,
    version: i64,
    pub count: CountState,
    pub stale_at: UtcMicros,
    /// That it is stale has been told, or was so from the beginning.
    told_stale: bool,
}

pub(super) struct ClassTally {
    pub class: ClassId,
    pub tally: Tally,
    /// How many of these bays do not show their own state.
    pub hidden: u32,
}

pub(super) struct SitePlace {
    /// The site's own restrictions as a class (spaces kept for audiences in a counted site).
    pub class: ClassId,
    hours: Option<Hours>,
    closed: Spans,
    pub opening: Opening,
    pub is_public: bool,
    pub purpose: Purpose,
}

impl SiteCell {
    /// Takes a counted state of a higher version; whether it was one. Then call
    /// [`Self::renew_counts`].
    pub fn apply_count(&mut self, audience: Option<Audience>, version: i64, count: CountState) -> bool {
        let fresh = CountCell { audience, version, count, stale_at: UtcMicros(i64::MIN), told_stale: true };
        match self.counts.iter_mut().find(|c| c.audience == audience) {
            Some(held) if held.version >= version => return false,
            Some(held) => *held = fresh,
            None => self.counts.push(fresh),
        }
        true
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
                cell.told_stale = cell.stale_at <= now;
            }
        }
        self.next_timer(now)
    }

    /// Whether a count went stale by `now`, and the next timer to set.
    pub fn timer_fired(&mut self, now: UtcMicros) -> (bool, Option<UtcMicros>) {
        self.queued_at = None;
        let mut went_stale = false;
        for cell in self.counts.iter_mut().filter(|c| c.stale_at <= now && !c.told_stale) {
            cell.told_stale = true;
            went_stale = true;
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

    pub fn count(&self, audience: Option<Audience>) -> Option<&CountCell> {
        self.counts.iter().find(|c| c.audience == audience)
    }

    /// The classes of the site itself and of its bays.
    pub fn classes(&self) -> impl Iterator<Item = ClassId> + '_ {
        let own = self.placed.iter().map(|place| place.class);
        own.chain(self.bays.iter().map(|bays| bays.class))
    }

    /// Whether the supplier of its count says that it is closed.
    pub fn is_reported_closed(&self, now: UtcMicros) -> bool {
        let count = self.count(None).filter(|count| now < count.stale_at);
        count.and_then(|c| c.count.status).is_some_and(|(_, status)| status == SiteStatus::Closed)
    }

    /// All bays that count here.
    pub fn tally(&self) -> Tally {
        self.bays.iter().fold(Tally::default(), |mut sum, c| {
            sum.add(c.tally);
            sum
        })
    }

    pub fn is_shown(&self) -> bool {
        self.placed.as_ref().is_some_and(|p| p.is_public)
    }

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

    pub fn unplace(&mut self) {
        self.placed = None;
        self.bays.clear();
        self.bay_observed = None;
    }

    pub fn add_bay(&mut self, class: ClassId, is_public: bool) {
        let entry = self.class_tally(class);
        entry.tally.unknown += 1;
        entry.hidden += u32::from(!is_public);
    }

    pub fn move_bay(&mut self, class: ClassId, from: BayState, to: BayState) {
        let tally = &mut self.class_tally(class).tally;
        *tally.of(from) = tally.of(from).saturating_sub(1);
        *tally.of(to) += 1;
    }

    pub fn note_bay_observed(&mut self, at: UtcMicros, feed: FeedId) {
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

    fn class_tally(&mut self, class: ClassId) -> &mut ClassTally {
        let i = self.bays.iter().position(|c| c.class == class).unwrap_or_else(|| {
            self.bays.push(ClassTally { class, tally: Tally::default(), hidden: 0 });
            self.bays.len() - 1
        });
        &mut self.bays[i]
    }
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
