//! How good the forecasts of a town's sites were, month by month, kept for ever.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::forecaster::ByPersistence;
use super::grid::Calendar;
use super::quality::Quality;
use super::site::{HORIZONS, Scored};
use crate::ids::SiteId;
use crate::time::UtcMicros;

/// A month in UTC: year and month.
pub type Month = (i16, i8);

/// The months over which the forecast is compared with the persistence baseline: a season, so that
/// three hundred daytime quarter-hours are soon available.
const JUDGED_MONTHS: usize = 3;
/// The fewest forecasts that are compared: three days of daytime.
const FEWEST: u64 = 150;

/// Sums by site, month and horizon (place in [`HORIZONS`]); only forecasts for daytime
/// ([`Calendar::is_scored`]).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    sums: BTreeMap<(SiteId, Month), [Quality; HORIZONS.len()]>,
    /// The last target time and its month: many forecasts share it.
    latest: Option<(UtcMicros, Option<Month>)>,
}

/// The month of `at`, UTC.
fn month(at: UtcMicros) -> Month {
    let date = TimeZone::UTC.to_datetime(at.timestamp()).date();
    (date.year(), date.month())
}

impl Ledger {
    /// Sums as they were kept: site, month, place in [`HORIZONS`].
    pub fn new(rows: impl IntoIterator<Item = (SiteId, Month, usize, Quality)>) -> Self {
        let mut ledger = Ledger::default();
        for (site, month, horizon, quality) in rows {
            if let Some(sum) = ledger.sums.entry((site, month)).or_default().get_mut(horizon) {
                *sum = quality;
            }
        }
        ledger
    }

    /// Adds a forecast whose time has come.
    pub fn add(&mut self, calendar: &Calendar, site: SiteId, at: UtcMicros, scored: &Scored) {
        let month = match self.latest {
            Some((latest, month)) if latest == at => month,
            _ => {
                let month = calendar.is_scored(at).then(|| month(at));
                self.latest = Some((at, month));
                month
            }
        };
        let horizon = HORIZONS.iter().position(|h| *h == scored.horizon);
        if let Some((month, horizon)) = month.zip(horizon) {
            self.sums.entry((site, month)).or_default()[horizon].add(scored);
        }
    }

    /// All sums of the month of `since` and later: site, month, place in [`HORIZONS`].
    pub fn rows(&self, since: UtcMicros) -> impl Iterator<Item = (SiteId, Month, usize, Quality)> + '_ {
        let since = month(since);
        let kept = self.sums.iter().filter(move |((_, month), _)| *month >= since);
        kept.flat_map(|((site, month), sums)| {
            sums.iter().enumerate().filter(|(_, q)| q.n > 0).map(|(h, q)| (*site, *month, h, *q))
        })
    }

    /// A site's sums of all months, one for each of [`HORIZONS`].
    pub fn of_site(&self, site: SiteId) -> [Quality; HORIZONS.len()] {
        self.newest(site, usize::MAX)
    }

    fn newest(&self, site: SiteId, months: usize) -> [Quality; HORIZONS.len()] {
        let all = self.sums.range((site, (i16::MIN, i8::MIN))..=(site, (i16::MAX, i8::MAX)));
        let mut sums = [Quality::default(); HORIZONS.len()];
        for (_, of_month) in all.rev().take(months) {
            sums.iter_mut().zip(of_month).for_each(|(sum, q)| *sum += *q);
        }
        sums
    }

    /// The horizons at which persistence was recently closer to the truth than the forecast of this site.
    pub fn by_persistence(&self, site: SiteId) -> ByPersistence {
        self.newest(site, JUDGED_MONTHS)
            .map(|q| q.n >= FEWEST && q.forecast.absolute > q.persistence.absolute)
    }
}
