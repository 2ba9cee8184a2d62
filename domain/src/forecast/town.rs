//! A town's forecast as it is stored: the models of its sites, their errors, and the time up to which
//! they have learned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::forecaster::{ByPersistence, Forecast, Forecaster};
use super::grid::{Calendar, STEP_S};
use super::health::Reading;
use super::ledger::Ledger;
use crate::ids::SiteId;
use crate::live::{Basis, Flags, SiteView};
use crate::place::Purpose;
use crate::time::{MICROS_PER_S, Times, UtcMicros};

/// The sampling interval of live state, seconds, on the clock: three times a quarter-hour, which is what
/// the shortest trend that is learned from needs.
pub const SAMPLE_S: i64 = 300;
/// How long a sample holds without a newer one, seconds: up to the next quarter-hour.
const HOLD_S: i64 = STEP_S - 1;
/// Sites of one town that are forecast, at 0.8 MB each; beyond it the first that report are taken.
const MAX_SITES: usize = 500;
/// A site with a larger share of silent bays is not sampled by its bays.
const MOST_SILENT: f64 = 0.1;

/// The state of a site at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteSample {
    /// Which site it is.
    pub site: SiteId,
    /// What is parked there.
    pub purpose: Purpose,
    /// Its spaces and the reading; `None`: no reading.
    pub reported: Option<(u32, Reading)>,
}

impl SiteSample {
    /// Of a site for cars.
    pub fn of_cars(site: SiteId, reported: Option<(u32, Reading)>) -> Self {
        SiteSample { site, purpose: Purpose::Car, reported }
    }
}

/// The sample of a site's live state.
pub fn sample_of(view: &SiteView) -> SiteSample {
    let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
    let of_bays = view.vacant.unwrap_or(0) + view.occupied.unwrap_or(0) + view.unknown;
    let reading = match view.basis {
        _ if view.flags.has(Flags::CLOSED) => Some((view.capacity, Reading::Closed)),
        Basis::Count => view.vacant.map(|n| (view.capacity, Reading::Vacant(count(n)))),
        Basis::Bays if view.unknown as f64 <= MOST_SILENT * of_bays as f64 => {
            view.vacant.map(|n| (of_bays, Reading::Vacant(count(n))))
        }
        _ => None,
    };
    let reported = reading.map(|(spaces, reading)| (count(spaces), reading));
    SiteSample { site: view.id, purpose: view.purpose, reported }
}

/// See the module's description. Between two samples, forecasts change with the caller's live
/// state only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Town {
    calendar: Calendar,
    forecaster: Forecaster,
    /// Sites with a reading in the last sample.
    reporting: BTreeSet<SiteId>,
    /// When the last sample was; `None` before the first.
    at: Option<UtcMicros>,
    /// Kept beside, in rows of its own.
    #[serde(skip)]
    ledger: Ledger,
    #[serde(skip)]
    by_persistence: BTreeMap<SiteId, ByPersistence>,
}

impl Town {
    /// The same with another calendar.
    pub fn with_calendar(mut self, calendar: Calendar) -> Self {
        self.forecaster.set_calendar(calendar.clone());
        Town { calendar, ..self }
    }

    /// A town of which nothing is known.
    pub fn new(calendar: Calendar) -> Self {
        let forecaster = Forecaster::new(calendar.clone());
        let (ledger, by_persistence) = (Ledger::default(), BTreeMap::new());
        Town { calendar, forecaster, reporting: BTreeSet::new(), at: None, ledger, by_persistence }
    }

    /// With the stored errors.
    pub fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = ledger;
        self.judge();
        self
    }

    /// The last instant at or before `now` at which a sample is taken.
    pub fn sample_time(now: UtcMicros) -> UtcMicros {
        UtcMicros(now.0 - now.0.rem_euclid(SAMPLE_S * MICROS_PER_S))
    }

    /// When the last sample was taken.
    pub fn at(&self) -> Option<UtcMicros> {
        self.at
    }

    /// The models of its sites.
    pub fn forecaster(&self) -> &Forecaster {
        &self.forecaster
    }

    /// How good they were.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The horizons at which persistence is served for a site, because it had the smaller error.
    pub fn by_persistence(&self, site: SiteId) -> ByPersistence {
        self.by_persistence.get(&site).copied().unwrap_or_default()
    }

    /// How many spaces of a site will be vacant; `vacant`: how many are now, where the caller knows. `None`: not known
    /// ([`Forecaster::forecast`]).
    pub fn forecast(&self, site: SiteId, times: Times, vacant: Option<u32>) -> Option<Forecast<'_>> {
        self.forecaster.forecast(site, times, vacant, &self.by_persistence(site))
    }

    /// Adds the samples of all sites at `at`; learns when a quarter-hour ends. A sample that is not
    /// newer than the last is ignored.
    pub fn sample(&mut self, seen: impl IntoIterator<Item = SiteSample>, at: UtcMicros) {
        if self.at.is_some_and(|last| at <= last) {
            return;
        }
        self.at = Some(at);
        let Town { calendar, forecaster, reporting, ledger, .. } = self;
        let mut has_scored = false;
        let mut scored = |site: SiteId, at: UtcMicros, scored: super::Scored| {
            has_scored = true;
            ledger.add(calendar, site, at, &scored);
        };
        forecaster.advance(UtcMicros(at.0 - 1), &mut scored);
        for SiteSample { site, purpose, reported } in seen {
            let reading = match reported {
                Some((spaces, reading)) => {
                    let is_known = forecaster.health(site).is_some();
                    if !is_known && forecaster.sites().count() >= MAX_SITES {
                        continue;
                    }
                    forecaster.add_site(site, purpose, spaces, HOLD_S);
                    reporting.insert(site);
                    reading
                }
                // Silence is no reading; only its beginning is recorded.
                None if reporting.remove(&site) => Reading::Unknown,
                None => continue,
            };
            forecaster.observe(site, at, reading, &mut scored);
        }
        if has_scored {
            self.judge();
        }
    }

    /// Forgets a site.
    pub fn forget(&mut self, site: SiteId) {
        self.forecaster.forget(site);
        self.reporting.remove(&site);
        self.by_persistence.remove(&site);
    }

    fn judge(&mut self) {
        let sites = self.forecaster.sites();
        self.by_persistence = sites.map(|site| (site, self.ledger.by_persistence(site))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{Basis, Chance, Errors, HORIZONS, Health, Quality};
    use crate::holidays::Land;

    const SITE: SiteId = SiteId(1);
    /// Monday, 2024-01-08T00:00:00+01:00.
    const BEGIN: UtcMicros = UtcMicros(1_704_668_400_000_000);

    fn town() -> Town {
        Town::new(Calendar::new("Europe/Berlin", Some(Land::Nw)))
    }

    /// Full around 13:00 on workdays, half full on others.
    fn vacant(at: UtcMicros) -> u32 {
        let minutes = (at.0 - BEGIN.0) / MICROS_PER_S / 60;
        let (hour, day) = (minutes as f64 / 60.0 % 24.0, minutes / 1440 % 7);
        let taken = 100.0 * (-((hour - 13.0) / 4.0).powi(2)).exp() * if day < 5 { 1.0 } else { 0.5 };
        (100.0 - taken) as u32
    }

    fn live(town: &mut Town, days: i64, predict: impl Fn(UtcMicros) -> Option<u32>) -> UtcMicros {
        let mut at = town.at().map_or(BEGIN, |at| at.plus_s(SAMPLE_S));
        let end = at.plus_s(days * 86_400);
        while at < end {
            let reported = predict(at).map(|n| (100, Reading::Vacant(n)));
            town.sample([SiteSample::of_cars(SITE, reported)], at);
            at = at.plus_s(SAMPLE_S);
        }
        at.plus_s(-SAMPLE_S)
    }

    /// The chance of `spaces` after `minutes`.
    fn chance(
        town: &Town,
        site: SiteId,
        spaces: u32,
        now: UtcMicros,
        minutes: i64,
        vacant: Option<u32>,
    ) -> Option<Chance> {
        let times = Times { now, arrive: now.plus_s(minutes * 60) };
        Some(town.forecast(site, times, vacant)?.chance(spaces))
    }

    fn basis(town: &Town, now: UtcMicros) -> Option<Basis> {
        Some(chance(town, SITE, 1, now, 30, None)?.basis)
    }

    #[test]
    fn a_silent_site_keeps_its_week_and_its_name() {
        let mut town = town();
        let now = live(&mut town, 16, |at| Some(vacant(at)));
        assert_eq!(basis(&town, now), Some(Basis::History));
        let now = live(&mut town, 60, |_| None);
        assert_eq!(town.forecaster().health(SITE), Some(Health::Ok), "silence is no fault");
        assert_eq!(basis(&town, now), Some(Basis::WeeklyProfile));
    }

    #[test]
    fn what_is_kept_and_loaded_goes_on_the_same() {
        let mut town = town();
        live(&mut town, 17, |at| Some(vacant(at)));
        let bytes = postcard::to_stdvec(&town).unwrap();
        let rows: Vec<_> = town.ledger().rows(BEGIN).collect();
        assert!(rows.len() >= 6 && rows.iter().all(|(_, month, ..)| *month == (2024, 1)));
        let again: Town = postcard::from_bytes(&bytes).unwrap();
        let mut again = again.with_ledger(Ledger::new(rows));
        let now = live(&mut town, 3, |at| Some(vacant(at)));
        assert_eq!(live(&mut again, 3, |at| Some(vacant(at))), now);
        let ask = |t: &Town| chance(t, SITE, 20, now, 90, None);
        assert_eq!(ask(&town), ask(&again));
        assert_eq!(town.ledger().of_site(SITE), again.ledger().of_site(SITE));
    }

    #[test]
    fn persistence_is_served_where_it_had_the_smaller_error() {
        let mut town = town();
        let now = live(&mut town, 16, |at| Some(vacant(at)));
        let errors = |absolute| Errors { absolute, squared_chance: 0.0 };
        let lost =
            Quality { n: 500, forecast: errors(20.0), persistence: errors(10.0), ..Quality::default() };
        let ledger = Ledger::new([(SITE, (2024, 1), 2, lost)]);
        let town = town.with_ledger(ledger);
        let mut expected = ByPersistence::default();
        expected[2] = true;
        assert_eq!(town.by_persistence(SITE), expected);
        let at = |minutes| chance(&town, SITE, 1, now, minutes, Some(37)).unwrap();
        assert_eq!((HORIZONS[2], at(60).basis, at(60).expected.round()), (4, Basis::Live, 37.0));
        assert_eq!(at(120).basis, Basis::History);
    }

    #[test]
    fn bikes_teach_cars_nothing() {
        const RACK: SiteId = SiteId(9);
        let mut alone = town();
        let mut mixed = town();
        let mut at = BEGIN;
        while at < BEGIN.plus_s(16 * 86_400) {
            let car = SiteSample::of_cars(SITE, Some((100, Reading::Vacant(vacant(at)))));
            // Fuller by night, and of other size.
            let taken = 100 - vacant(at.plus_s(43_200));
            let rack = SiteSample {
                site: RACK,
                purpose: Purpose::Bike,
                reported: Some((300, Reading::Vacant(300 - 3 * taken))),
            };
            alone.sample([car], at);
            mixed.sample([rack, car], at);
            at = at.plus_s(SAMPLE_S);
        }
        let now = at.plus_s(-SAMPLE_S);
        for minutes in [15, 60, 240] {
            let ask = |town: &Town, site| chance(town, site, 10, now, minutes, None);
            assert!(ask(&alone, SITE).is_some() && ask(&mixed, RACK).is_some());
            assert_eq!(ask(&mixed, SITE), ask(&alone, SITE), "{minutes} min");
        }
        assert_eq!(mixed.ledger().of_site(SITE), alone.ledger().of_site(SITE));
    }

    #[test]
    fn the_callers_live_state_counts() {
        let mut town = town();
        let now = live(&mut town, 21, |at| Some(vacant(at).max(40)));
        let chance = |minutes, vacant| chance(&town, SITE, 1, now, minutes, Some(vacant)).unwrap();
        let full = chance(5, 0);
        assert!(full.expected < 5.0 && full.low <= full.p && full.p <= full.high, "{full:?}");
        let many = chance(5, 60);
        assert!(many.p > 0.9 && (many.expected - 60.0).abs() < 5.0, "{many:?}");
    }
}
