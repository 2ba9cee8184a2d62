//! All sites' forecasts: takes in readings, answers with chances.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::{Drift, Origin};
use super::grid::{Calendar, Slots, instant, step_of, steps};
use super::health::{Health, Reading};
use super::site::{Common, HORIZONS, Scored, SiteModel};
use super::spread::Distribution;
use crate::ids::SiteId;
use crate::time::UtcMicros;

/// What a forecast rests on, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The live state and what was learned from the site's past.
    History,
    /// The site's usual week; there is no live state.
    WeeklyProfile,
    /// The live state and its rate of change; the week is not known.
    Live,
}

/// The chance of vacant spaces at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Of at least as many vacant spaces as were asked for, 0-1.
    pub p: f64,
    /// Vacant spaces to expect.
    pub expected: f64,
    /// With a chance of 10 % there are fewer.
    pub low: u32,
    /// With a chance of 10 % there are more.
    pub high: u32,
    pub basis: Basis,
}

/// A site's live state: vacant spaces, and when that was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    pub vacant: u32,
    pub at: UtcMicros,
}

/// Learns all sites' counts and forecasts them; see the [module](super) for how.
///
/// About 0.4 MB a site. Serialisable: what was learned outlives a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forecaster {
    slots: Slots,
    /// The next quarter-hour to close; `None` before the first reading.
    next: Option<i64>,
    drift: Drift,
    common: Vec<Common>,
    sites: BTreeMap<SiteId, SiteModel>,
}

/// Longest silence that is walked through; after a longer one all recent values are unknown
/// anyway (16 days: what the features look back to).
const LONGEST_WALK: i64 = 16 * super::grid::DAY;
/// Further ahead than this the week says no more than it does for a week ahead.
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
    pub fn new(calendar: Calendar) -> Self {
        Forecaster {
            slots: Slots::new(calendar),
            next: None,
            drift: Drift::default(),
            common: HORIZONS.map(Common::new).into(),
            sites: BTreeMap::new(),
        }
    }

    /// Adds a site, or changes its capacity (spaces). A reading holds for `hold_s` seconds when
    /// no newer one comes.
    pub fn add_site(&mut self, site: SiteId, capacity: u32, hold_s: i64) {
        let capacity = capacity.max(1);
        self.sites.entry(site).or_insert_with(|| SiteModel::new(capacity, hold_s)).capacity = capacity;
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

    /// Closes all quarter-hours up to `now`, and learns from them. `scored` hears of every
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
        let Forecaster { slots, common, sites, .. } = self;
        let mut shares = Vec::with_capacity(sites.len());
        for (id, site) in sites.iter_mut() {
            let share = site.recent.close(step);
            let is_served = site.screen.health() == Health::Ok;
            site.resolve(step, slot, share, common, &mut |s| {
                if is_served {
                    scored(*id, now, s);
                }
            });
            shares.push(share);
        }
        let known = || sites.values().zip(&shares).filter_map(|(site, share)| Some((site, (*share)?)));
        self.drift = Drift::mean(known().filter_map(|(site, share)| site.view(slots).drift(now, share)));
        for (site, share) in sites.values_mut().zip(&shares) {
            let Some(share) = *share else { continue };
            if let Some(origin) = site.view(slots).origin(now, share, self.drift) {
                site.foresee(step, slots, &origin, common);
            }
            site.learn_week(slot, share);
        }
    }

    /// What the site's source is worth; `None`: the site is not known.
    pub fn health(&self, site: SiteId) -> Option<Health> {
        Some(self.sites.get(&site)?.screen.health())
    }

    /// The chance that at least `at_least` spaces are vacant at `at`, seen from `now`.
    ///
    /// `live`: the state now when the caller knows a newer one than was observed here. `None`
    /// when nothing can be said: an unknown site, a source that is not healthy, or neither a live
    /// state nor a known week. What lies in the past is answered as `now`, what lies more than a
    /// week ahead like the same time a week ahead or less.
    pub fn chance(
        &self,
        site: SiteId,
        at_least: u32,
        at: UtcMicros,
        now: UtcMicros,
        live: Option<Live>,
    ) -> Option<Chance> {
        let site = self.sites.get(&site)?;
        if !matches!(site.screen.health(), Health::Ok | Health::TooLittle) {
            return None;
        }
        let given = live.filter(|live| live.at <= now && site.recent.holds(live.at, now));
        let given = given.map(|live| (f64::from(live.vacant) / f64::from(site.capacity)).min(1.0));
        let share = given.or_else(|| site.recent.reading(now));
        let t = steps(now);
        let ahead = (steps(at) - t).max(0.0);
        let target = t + if ahead <= FURTHEST_STEPS {
            ahead
        } else {
            FURTHEST_STEPS - (-ahead).rem_euclid(FURTHEST_STEPS)
        };
        let view = site.view(&self.slots);
        let Some(share) = share else {
            let usual = view.usual(target)?;
            let last = HORIZONS.len() - 1;
            let hour = self.slots.slot(target.floor() as i64).hour();
            let around = site.around(last, hour, usual, &self.common);
            return Some(chance(site, at_least, usual, Basis::WeeklyProfile, |asked| around.at_least(asked)));
        };
        let ahead = target - t;
        if let Some(origin) = view.origin(now, share, self.drift) {
            let history = self.by_history(site, &origin, ahead);
            if let Some((expected, p)) = history {
                return Some(chance(site, at_least, expected, Basis::History, p));
            }
        }
        let before = site.recent.reading(now.plus_s(-super::grid::STEP_S)).unwrap_or(share);
        let expected = (share + (share - before) * ahead.min(TREND_STEPS)).clamp(0.0, 1.0);
        let scale = (UNKNOWN_SCALE * ahead.sqrt()).clamp(NO_SCALE, WIDEST_SCALE);
        let around = Distribution { scale, ..site.around(0, 0, expected, &self.common) };
        Some(chance(site, at_least, expected, Basis::Live, |asked| around.at_least(asked)))
    }

    /// Expected share, and the chance of at least a share. Between two horizons both models are
    /// asked and averaged by distance; before the first, the state now counts as the model for no
    /// time at all, and the doubt grows with the root of time.
    fn by_history<'a>(
        &'a self,
        site: &'a SiteModel,
        origin: &Origin,
        ahead: f64,
    ) -> Option<(f64, impl Fn(f64) -> f64 + 'a)> {
        let view = site.view(&self.slots);
        let way = view.way(origin, origin.t() + ahead)?;
        let upper = HORIZONS.iter().position(|h| *h as f64 >= ahead).unwrap_or(HORIZONS.len() - 1);
        let lower = upper.checked_sub(1);
        let from = lower.map_or(0.0, |lower| HORIZONS[lower] as f64);
        let part = ((ahead - from) / (HORIZONS[upper] as f64 - from)).clamp(0.0, 1.0);
        let part = if lower.is_none() { part.sqrt() } else { part };
        let now = origin.share;
        let above = site.say(upper, &way, &self.common);
        let below = lower.map(|lower| (lower, site.say(lower, &way, &self.common)));
        let low = below.as_ref().map_or(now, |(_, said)| said.expected);
        let expected = low + part * (above.expected - low);
        let p = move |asked: f64| {
            let low = match &below {
                Some((lower, said)) => site.at_least(asked, said, *lower, &self.common),
                None => f64::from(u8::from(now >= asked)),
            };
            low + part * (site.at_least(asked, &above, upper, &self.common) - low)
        };
        Some((expected, p))
    }
}

/// Halvings that find a quantile to a thousandth of a percent of the capacity.
const HALVINGS: usize = 17;

fn chance(site: &SiteModel, at_least: u32, expected: f64, basis: Basis, p: impl Fn(f64) -> f64) -> Chance {
    let capacity = f64::from(site.capacity);
    let quantile = |part: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            *(if 1.0 - p(middle) < part { &mut low } else { &mut high }) = middle;
        }
        (high * capacity).round() as u32
    };
    Chance {
        p: match at_least {
            0 => 1.0,
            n if n > site.capacity => 0.0,
            // Half a space below: a share is a little off the count it came from.
            n => p((f64::from(n) - 0.5) / capacity),
        },
        expected: expected * capacity,
        low: quantile(0.1),
        high: quantile(0.9),
        basis,
    }
}
