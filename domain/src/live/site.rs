//! A site's live cell: its counts, and the tally of its bays.

use smallvec::SmallVec;

use super::class::{ClassId, Tally};
use crate::bay_state::BayState;
use crate::ids::{FeedId, SensorId};
use crate::opening::{Hours, Opening};
use crate::place::{Audience, Site};
use crate::site_count::CountState;
use crate::time::UtcMicros;

#[derive(Default)]
pub(super) struct SiteCell {
    counts: SmallVec<[CountCell; 1]>,
    pub bays: SmallVec<[ClassTally; 2]>,
    /// Newest observation of any bay that counts here.
    pub bay_observed_at: Option<UtcMicros>,
    pub placed: Option<SitePlace>,
}

pub(super) struct CountCell {
    pub audience: Option<Audience>,
    version: i64,
    pub count: CountState,
    pub stale_at: UtcMicros,
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
    pub opening: Opening,
    pub is_public: bool,
}

impl SiteCell {
    /// Takes a counted state of a higher version; whether it was one.
    pub fn apply_count(
        &mut self,
        audience: Option<Audience>,
        version: i64,
        count: CountState,
        stale_at: Option<UtcMicros>,
    ) -> bool {
        let stale_at = stale_at.unwrap_or(UtcMicros(i64::MIN));
        match self.counts.iter_mut().find(|c| c.audience == audience) {
            Some(held) if held.version >= version => return false,
            Some(held) => *held = CountCell { audience, version, count, stale_at },
            None => self.counts.push(CountCell { audience, version, count, stale_at }),
        }
        true
    }

    /// Recomputes when counts go stale, after the places changed.
    pub fn renew_counts(
        &mut self,
        stale_after_s: impl Fn(FeedId, Option<SensorId>) -> u32,
    ) -> Vec<UtcMicros> {
        let mut renewed = Vec::new();
        for cell in &mut self.counts {
            if let Some((at, (feed, sensor))) = cell.count.observed_at.zip(cell.count.heard_from) {
                cell.stale_at = at.plus_s(stale_after_s(feed, sensor).into());
                renewed.push(cell.stale_at);
            }
        }
        renewed
    }

    /// Whether one of the counts goes stale exactly at `at`: timers of renewed counts are void.
    pub fn count_goes_stale_at(&self, at: UtcMicros) -> bool {
        self.counts.iter().any(|c| c.stale_at == at)
    }

    pub fn count(&self, audience: Option<Audience>) -> Option<&CountCell> {
        self.counts.iter().find(|c| c.audience == audience)
    }

    pub fn place(&mut self, site: &Site, class: ClassId, tz: &str, is_public: bool, now: UtcMicros) {
        let hours = site.opening_hours.as_deref().and_then(|text| Hours::parse(text, tz).ok());
        let opening = hours.as_ref().map_or(Opening::ALWAYS, |h| h.at(now));
        self.placed = Some(SitePlace { class, hours, opening, is_public });
    }

    pub fn unplace(&mut self) {
        self.placed = None;
        self.bays.clear();
        self.bay_observed_at = None;
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

    pub fn note_bay_observed(&mut self, at: Option<UtcMicros>) {
        self.bay_observed_at = self.bay_observed_at.max(at);
    }

    pub fn has_classes(&self) -> bool {
        !self.bays.is_empty()
    }

    /// Re-evaluates the opening when it ended by `now`; whether it changed.
    pub fn tick_opening(&mut self, now: UtcMicros) -> bool {
        let Some(place) = &mut self.placed else { return false };
        if place.opening.until.is_none_or(|until| until > now) {
            return false;
        }
        let Some(hours) = &place.hours else { return false };
        let before = place.opening.is_open;
        place.opening = hours.at(now);
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
        self.hours.as_ref().map_or(Opening::ALWAYS, |h| h.at(at))
    }
}
