//! How fast sites fill or empty, learned from samples of live state.

use std::collections::HashMap;

use domain::live::LiveMap;
use domain::{SiteId, UtcMicros};

/// Half-life of a sample's weight, seconds: as long as a rush hour rises.
const HALF_LIFE_S: f64 = 600.0;

/// See the module's description.
#[derive(Debug, Default)]
pub struct Filling {
    sites: HashMap<SiteId, Trend>,
}

#[derive(Debug, Clone, Copy)]
struct Trend {
    occupied: f64,
    /// Spaces whose state is known.
    known: f64,
    at: UtcMicros,
    /// Cars more per second; negative: fewer.
    per_s: f64,
}

impl Filling {
    /// Samples the occupied spaces of all sites.
    pub fn sample(&mut self, live: &LiveMap, now: UtcMicros) {
        for id in live.shown_sites() {
            let Some(view) = live.site(id, now) else { continue };
            match view.occupied {
                Some(occupied) => {
                    let known = occupied + view.vacant.unwrap_or(0);
                    self.note(id, occupied as f64, known as f64, now);
                }
                // Silence is no trend.
                None => drop(self.sites.remove(&id)),
            }
        }
    }

    fn note(&mut self, site: SiteId, occupied: f64, known: f64, at: UtcMicros) {
        let trend = self.sites.entry(site).or_insert(Trend { occupied, known, at, per_s: 0.0 });
        if trend.known != known {
            // Spaces fell silent or are seen again: no car came or left for that.
            (trend.occupied, trend.known, trend.at) = (occupied, known, at);
            return;
        }
        let passed_s = (at.0 - trend.at.0) as f64 / 1e6;
        if passed_s <= 0.0 {
            // The clock went back: the time between is not known.
            (trend.occupied, trend.at) = (occupied, at);
            return;
        }
        let keep = 0.5f64.powf(passed_s / HALF_LIFE_S);
        let new = (occupied - trend.occupied) / passed_s;
        *trend = Trend { occupied, known, at, per_s: trend.per_s * keep + new * (1.0 - keep) };
    }

    /// Cars more per second in a site; 0 when nothing is known.
    pub fn per_s(&self, site: SiteId) -> f64 {
        self.sites.get(&site).map_or(0.0, |trend| trend.per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_inflow_is_learnt_and_forgotten() {
        let mut filling = Filling::default();
        for i in 0..240 {
            filling.note(SiteId(1), f64::from(i), 500.0, UtcMicros(i64::from(i) * 15_000_000));
        }
        assert!((filling.per_s(SiteId(1)) - 1.0 / 15.0).abs() < 0.002);
        for i in 240..480 {
            filling.note(SiteId(1), 239.0, 500.0, UtcMicros(i64::from(i) * 15_000_000));
        }
        assert!(filling.per_s(SiteId(1)).abs() < 0.002);
        assert_eq!(filling.per_s(SiteId(2)), 0.0);
    }

    #[test]
    fn a_clock_that_was_ahead_stops_no_trend() {
        let mut filling = Filling::default();
        filling.note(SiteId(1), 0.0, 500.0, UtcMicros(365 * 86_400_000_000));
        for i in 0..240 {
            filling.note(SiteId(1), f64::from(i), 500.0, UtcMicros(i64::from(i) * 15_000_000));
        }
        assert!((filling.per_s(SiteId(1)) - 1.0 / 15.0).abs() < 0.002);
    }

    #[test]
    fn bays_that_fall_silent_are_no_cars_that_left() {
        let mut filling = Filling::default();
        for i in 0..40 {
            // Every minute an occupied bay falls silent, later they are seen again.
            let occupied = if i < 20 { 30 - i } else { i - 10 };
            filling.note(
                SiteId(1),
                f64::from(occupied),
                f64::from(occupied + 5),
                UtcMicros(i64::from(i) * 60_000_000),
            );
            assert_eq!(filling.per_s(SiteId(1)), 0.0, "minute {i}");
        }
    }
}
