//! `forecast evaluate`: years past are forecast, quarter-hour by quarter-hour, each from what was known before it.

mod pairs;
mod plot;
mod report;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use domain::forecast::{Calendar, Calibration, Forecaster, HORIZONS, Health, Quality, STEP_S, Scored};
use domain::place::Purpose;
use domain::{SiteId, UtcMicros};
use places::history::{History, Mapping};

pub use pairs::Pairs;

/// Errors of the forecasts, by site.
pub struct Evaluation {
    sites: Vec<SiteResult>,
}

struct SiteResult {
    id: String,
    /// How reliable the source was when the test began.
    health: Health,
    scores: Scores,
}

/// One for each of [`HORIZONS`].
type Scores = [Score; HORIZONS.len()];

#[derive(Clone, Copy, Default)]
struct Score {
    quality: Quality,
    calibration: Calibration,
}

/// Minutes ahead of each horizon.
pub fn minutes(index: usize) -> i64 {
    HORIZONS[index] * STEP_S / 60
}

/// Feeds all counts up to the end of `test` in the order of time and scores the targets in
/// `test`. `on_pair` is called for each, `on_day` for each new day.
pub fn replay(
    history: &History,
    mapping: &Mapping,
    test: Range<UtcMicros>,
    sites: &[String],
    mut on_pair: impl FnMut(&str, UtcMicros, &Scored),
    mut on_day: impl FnMut(UtcMicros),
) -> Evaluation {
    let calendar = Calendar::new(&mapping.tz, mapping.land);
    let mut forecaster = Forecaster::new(calendar.clone());
    for (i, series) in history.series.iter().enumerate() {
        forecaster.add_site(id(i), Purpose::Car, series.capacity, i64::from(mapping.hold_s));
    }
    let mut scores = vec![[Score::default(); HORIZONS.len()]; history.series.len()];
    let mut scored = |site: SiteId, at: UtcMicros, s: Scored| {
        let is_counted = test.contains(&at) && calendar.is_scored(at);
        let horizon = HORIZONS.iter().position(|h| *h == s.horizon);
        if let Some(horizon) = horizon.filter(|_| is_counted) {
            let score = &mut scores[site.0 as usize][horizon];
            score.quality.add(&s);
            score.calibration.add(&s);
            on_pair(&history.series[site.0 as usize].site, at, &s);
        }
    };
    let mut health = None;
    let mut day = 0;
    let mut heads: BinaryHeap<_> = (0..history.series.len()).filter_map(|i| head(history, i, 0)).collect();
    while let Some(Reverse((at, i, place))) = heads.pop() {
        if at >= test.end {
            break;
        }
        if at >= test.start && health.is_none() {
            health = Some(verdicts(&forecaster, history));
        }
        if at.0.div_euclid(86_400_000_000) != day {
            day = at.0.div_euclid(86_400_000_000);
            on_day(at);
        }
        forecaster.observe(id(i), at, history.series[i].readings[place].1, &mut scored);
        heads.extend(head(history, i, place + 1));
    }
    let health = health.unwrap_or_else(|| verdicts(&forecaster, history));
    let results = history.series.iter().zip(health).zip(scores);
    let is_wanted = |id: &str, name: &str| sites.is_empty() || sites.iter().any(|s| s == id || s == name);
    let sites = results
        .filter(|((series, _), _)| is_wanted(&series.site, &series.name))
        .map(|((series, health), scores)| SiteResult { id: series.site.clone(), health, scores })
        .collect();
    Evaluation { sites }
}

fn id(index: usize) -> SiteId {
    SiteId(i32::try_from(index).unwrap_or(i32::MAX))
}

fn verdicts(forecaster: &Forecaster, history: &History) -> Vec<Health> {
    (0..history.series.len()).map(|i| forecaster.health(id(i)).unwrap_or(Health::TooLittle)).collect()
}

type Head = Reverse<(UtcMicros, usize, usize)>;

fn head(history: &History, series: usize, place: usize) -> Option<Head> {
    let (at, _) = history.series[series].readings.get(place)?;
    Some(Reverse((*at, series, place)))
}

impl Evaluation {
    /// The sites' results together.
    fn all(&self) -> Scores {
        let mut sums = Scores::default();
        for site in &self.sites {
            for (sum, score) in sums.iter_mut().zip(&site.scores) {
                sum.quality += score.quality;
                sum.calibration += score.calibration;
            }
        }
        sums
    }
}
