//! The forecasts of all sites: from readings to chances.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::{Drift, Origin};
use super::grid::{Calendar, Slots, instant, step_of, steps};
use super::health::{Health, Reading};
use super::site::{Common, HORIZONS, Scored, SiteModel};
use super::spread::Distribution;
use crate::ids::SiteId;
use crate::place::{Purpose, wire_enum};
use crate::time::{Times, UtcMicros};

wire_enum! {
    /// What a forecast rests on, best first.
    Basis {
        /// The live state and what was learned from the site's past.
        History = "history",
        /// The site's usual week; there is no live state.
        WeeklyProfile = "weekly_profile",
        /// The live state and its rate of change; the week is not known.
        Live = "live",
    }
}

/// The chance of vacant spaces at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// Of at least as many vacant spaces as are asked for, 0-1.
    pub p: f64,
    /// Bounds of `p`: if the error or the flow of cars that is usual so far ahead goes one way, or the other.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Vacant spaces to expect.
    pub expected: f64,
    /// What it rests on.
    pub basis: Basis,
}

/// Learns from the counts of all sites and forecasts them; the [module](super) describes how.
///
/// About 0.8 MB a site. Serialisable: what was learned outlives a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forecaster {
    slots: Slots,
    /// The next quarter-hour to close; `None` before the first reading.
    next: Option<i64>,
    /// Car parks and bike racks fill for other reasons.
    shared: BTreeMap<Purpose, Shared>,
    sites: BTreeMap<SiteId, SiteModel>,
}

/// What is learned of all sites of one purpose together.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shared {
    drift: Drift,
    common: Vec<Common>,
}

impl Default for Shared {
    fn default() -> Self {
        Shared { drift: Drift::default(), common: HORIZONS.map(Common::new).into() }
    }
}

/// The longest gap that is processed step by step; after a longer one all recent values are unknown
/// anyway (16 days: as far as the features look back).
const LONGEST_WALK: i64 = 16 * super::grid::DAY;
/// Beyond this horizon the usual week repeats.
const FURTHEST_STEPS: f64 = super::grid::WEEK as f64;
/// Vacant share's standard change in a quarter-hour where nothing is known of a site.
const UNKNOWN_SCALE: f64 = 0.03;
/// The scale grows with the root of time, up to this share.
const WIDEST_SCALE: f64 = 0.3;
/// The scale at no distance at all.
const NO_SCALE: f64 = 1e-4;
/// Steps after which a live trend is not followed any further.
const TREND_STEPS: f64 = 2.0;

impl Forecaster {
    /// One that has learned nothing.
    pub fn new(calendar: Calendar) -> Self {
        Forecaster {
            slots: Slots::new(calendar),
            next: None,
            shared: BTreeMap::new(),
            sites: BTreeMap::new(),
        }
    }

    /// Replaces the town's calendar.
    pub(crate) fn set_calendar(&mut self, calendar: Calendar) {
        self.slots = Slots::new(calendar);
    }

    /// Adds a site, or changes its purpose and its capacity (spaces). A reading holds for `hold_s` seconds when
    /// no newer one comes.
    pub fn add_site(&mut self, site: SiteId, purpose: Purpose, capacity: u32, hold_s: i64) {
        let capacity = capacity.max(1);
        let model = self.sites.entry(site).or_insert_with(|| SiteModel::new(purpose, capacity, hold_s));
        (model.purpose, model.capacity) = (purpose, capacity);
        self.shared.entry(purpose).or_default();
    }

    /// Forgets a site and what was learned of it alone.
    pub(crate) fn forget(&mut self, site: SiteId) {
        self.sites.remove(&site);
    }

    /// Takes in a reading of a known site; time moves on to it ([`Forecaster::advance`]). A
    /// reading from before the newest quarter-hour is too late and dropped.
    pub fn observe(
        &mut self,
        site: SiteId,
        at: UtcMicros,
        reading: Reading,
        scored: &mut impl FnMut(SiteId, UtcMicros, Scored),
    ) {
        self.advance(UtcMicros(at.0.saturating_sub(1)), scored);
        let Some(model) = self.sites.get_mut(&site) else { return };
        if self.next.is_some_and(|next| step_of(at) < next - 1) {
            return;
        }
        let share = model.screen.judge(at, reading, model.capacity);
        model.recent.observe(at, share);
    }

    /// Closes all quarter-hours up to `now`, and learns from them. `scored` is called for every
    /// forecast whose time has come: site, target time, outcome.
    pub fn advance(&mut self, now: UtcMicros, scored: &mut impl FnMut(SiteId, UtcMicros, Scored)) {
        let last = step_of(now);
        let first = self.next.unwrap_or(last + 1).max(last.saturating_sub(LONGEST_WALK));
        for step in first..=last {
            self.close(step, scored);
        }
        self.next = Some(self.next.unwrap_or(last + 1).max(last + 1));
    }

    fn close(&mut self, step: i64, scored: &mut impl FnMut(SiteId, UtcMicros, Scored)) {
        self.slots.advance(step);
        let (now, slot) = (instant(step), self.slots.slot(step));
        let Forecaster { slots, shared, sites, .. } = self;
        let mut shares = Vec::with_capacity(sites.len());
        for (id, site) in sites.iter_mut() {
            let share = site.recent.close(step);
            let is_served = site.screen.health() == Health::Ok;
            let shared = shared.entry(site.purpose).or_default();
            site.resolve(step, slot, share, &mut shared.common, &mut |s| {
                if is_served {
                    scored(*id, now, s);
                }
            });
            shares.push(share);
        }
        for (purpose, shared) in shared.iter_mut() {
            let known = sites.values().zip(&shares).filter(|(site, _)| site.purpose == *purpose);
            shared.drift =
                Drift::mean(known.filter_map(|(site, share)| site.view(slots).drift(now, (*share)?)));
        }
        for (site, share) in sites.values_mut().zip(&shares) {
            let Some(share) = *share else { continue };
            let Some(shared) = shared.get(&site.purpose) else { continue };
            if let Some(origin) = site.view(slots).origin(now, share, shared.drift) {
                site.foresee(step, slots, &origin, &shared.common);
            }
            site.learn_week(slot, share);
        }
    }

    /// The health of the site's source; `None`: the site is not known.
    pub fn health(&self, site: SiteId) -> Option<Health> {
        Some(self.sites.get(&site)?.screen.health())
    }

    /// All known sites.
    pub fn sites(&self) -> impl Iterator<Item = SiteId> + '_ {
        self.sites.keys().copied()
    }

    /// How many spaces of a site will be vacant.
    ///
    /// `vacant`: how many are now, when the caller knows a newer number than was observed here; at the horizons of
    /// `by_persistence` the persistence baseline is returned instead of a forecast. `None` when nothing is known: an
    /// unknown site, a source that is not healthy, or neither a live state nor a known week. Times in the past are
    /// treated as now, times more than a week ahead as the same time of the week within one week.
    pub fn forecast(
        &self,
        site: SiteId,
        times: Times,
        vacant: Option<u32>,
        by_persistence: &ByPersistence,
    ) -> Option<Forecast<'_>> {
        let Times { now, arrive } = times;
        let site = self.sites.get(&site)?;
        if !matches!(site.screen.health(), Health::Ok | Health::TooLittle) {
            return None;
        }
        let given = vacant.map(|vacant| (f64::from(vacant) / f64::from(site.capacity)).min(1.0));
        let share = given.or_else(|| site.recent.reading(now));
        let t = steps(now);
        let ahead = (steps(arrive) - t).max(0.0);
        let target = t + if ahead <= FURTHEST_STEPS {
            ahead
        } else {
            FURTHEST_STEPS - (-ahead).rem_euclid(FURTHEST_STEPS)
        };
        let Shared { drift, common } = self.shared.get(&site.purpose)?;
        let view = site.view(&self.slots);
        let hour = self.slots.slot(target.floor() as i64).hour();
        let around = |around, basis| Some(Forecast::around(site.capacity, around, basis));
        let Some(share) = share else {
            let usual = view.usual(target)?;
            return around(site.around(HORIZONS.len() - 1, hour, usual, common), Basis::WeeklyProfile);
        };
        let ahead = target - t;
        if let Some(origin) = view.origin(now, share, *drift) {
            let upper = upper_horizon(ahead);
            if by_persistence[upper] {
                return around(site.around(upper, hour, share, common), Basis::Live);
            }
            if let Some(forecast) = self.by_history(site, common, &origin, ahead) {
                return Some(forecast);
            }
        }
        let before = site.recent.reading(now.plus_s(-super::grid::STEP_S)).unwrap_or(share);
        let expected = (share + (share - before) * ahead.min(TREND_STEPS)).clamp(0.0, 1.0);
        let scale = (UNKNOWN_SCALE * ahead.sqrt()).clamp(NO_SCALE, WIDEST_SCALE);
        around(Distribution { scale, ..site.around(0, 0, expected, common) }, Basis::Live)
    }

    /// Between two horizons both models are evaluated and averaged by distance; before the first, the
    /// current state stands for horizon zero, and the uncertainty grows with the root of time.
    fn by_history<'a>(
        &'a self,
        site: &'a SiteModel,
        common: &'a [Common],
        origin: &Origin,
        ahead: f64,
    ) -> Option<Forecast<'a>> {
        let view = site.view(&self.slots);
        let input = view.input(origin, origin.t() + ahead)?;
        let upper = upper_horizon(ahead);
        let lower = upper.checked_sub(1);
        let from = lower.map_or(0.0, |lower| HORIZONS[lower] as f64);
        let part = ((ahead - from) / (HORIZONS[upper] as f64 - from)).clamp(0.0, 1.0);
        let part = if lower.is_none() { part.sqrt() } else { part };
        let now = origin.share;
        let above = site.predict(upper, &input, common);
        let below = lower.map(|lower| (lower, site.predict(lower, &input, common)));
        let low = below.as_ref().map_or(now, |(_, prediction)| prediction.expected);
        let expected = low + part * (above.expected - low);
        let scale = above.scale;
        let at_least = move |asked: f64| {
            let low = match &below {
                Some((lower, prediction)) => site.at_least(asked, prediction, *lower, common),
                None => f64::from(u8::from(now >= asked)),
            };
            low + part * (site.at_least(asked, &above, upper, common) - low)
        };
        let (capacity, basis) = (f64::from(site.capacity), Basis::History);
        Some(Forecast { capacity, expected, scale, basis, at_least: Box::new(at_least) })
    }
}

/// For each of [`HORIZONS`], whether the persistence baseline is served there instead of a forecast.
pub type ByPersistence = [bool; HORIZONS.len()];

/// The first horizon that reaches `ahead` steps.
fn upper_horizon(ahead: f64) -> usize {
    HORIZONS.iter().position(|h| *h as f64 >= ahead).unwrap_or(HORIZONS.len() - 1)
}

/// How many spaces of a site will be vacant at one time, as a distribution.
pub struct Forecast<'a> {
    capacity: f64,
    /// Of the vacant share.
    expected: f64,
    /// How far off that usually is.
    scale: f64,
    basis: Basis,
    /// The chance of at least a share.
    at_least: Box<dyn Fn(f64) -> f64 + 'a>,
}

/// Halvings that find a quantile to a thousandth of a percent of the capacity.
const HALVINGS: usize = 17;

impl<'a> Forecast<'a> {
    fn around(capacity: u32, around: Distribution<'a>, basis: Basis) -> Self {
        Forecast {
            capacity: f64::from(capacity),
            expected: around.expected,
            scale: around.scale,
            basis,
            at_least: Box::new(move |share| around.at_least(share)),
        }
    }

    /// What it rests on.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The chance that at least `spaces` are vacant, without its bounds.
    pub fn at_least(&self, spaces: u32) -> f64 {
        self.p(spaces, 0.0)
    }

    /// The chance that at least `spaces` are vacant.
    pub fn chance(&self, spaces: u32) -> Chance {
        Chance {
            p: self.at_least(spaces),
            low: self.p(spaces, self.scale),
            high: self.p(spaces, -self.scale),
            expected: self.expected * self.capacity,
            basis: self.basis,
        }
    }

    /// The number of vacant spaces below which it is with a chance of `part`, 0 to 1. Much slower than [`Self::chance`].
    pub fn quantile(&self, part: f64) -> u32 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            *(if 1.0 - (self.at_least)(middle) < part { &mut low } else { &mut high }) = middle;
        }
        (high * self.capacity).round() as u32
    }

    /// The chance of at least so many spaces, and `more` of the capacity.
    fn p(&self, spaces: u32, more: f64) -> f64 {
        match spaces {
            0 => 1.0,
            n if f64::from(n) > self.capacity => 0.0,
            // Half a space below: a share is a little off the count it came from.
            n => (self.at_least)((f64::from(n) - 0.5) / self.capacity + more),
        }
    }
}
