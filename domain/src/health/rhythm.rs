//! How often a bay changes, by the time of the week.
//!
//! A bay is a process of two states whose intensities (changes per hour: arrivals while vacant, departures while occupied)
//! depend on the time of the week. Each sensor learns its own, shrunk to those of its site by a Gamma prior (the conjugate
//! of the Poisson: Gelman et al., Bayesian Data Analysis, 2.6): what few events cannot say, the neighbours do.

use serde::{Deserialize, Serialize};

use super::chance::{Moments, ln_student_tail};
use super::message::WeekHour;

/// Three kinds of days (working day, Saturday, Sunday and holiday) of eight spans of three hours.
pub(super) const SPANS: usize = 24;

/// Events that the prior is worth.
const PRIOR_EVENTS: f64 = 4.0;
/// A bay before anything is known: changes per hour.
const USUAL_PER_H: f64 = 0.2;
/// When a span holds so many hours, old ones are halved: a rhythm of years ago is none.
const MOST_HOURS: f32 = 300.0;
/// Stays that count, the newest most.
const MOST_STAYS: f32 = 200.0;
/// Stays before anything is known: the logarithm of seconds (an hour and a half), and its deviation.
const USUAL_STAY: (f64, f64) = (8.6, 1.2);
/// What the site's stays are worth among a sensor's own.
const PRIOR_STAYS: f64 = 3.0;
/// The deviation of logarithms of stays is never taken to be smaller: nobody parks like clockwork.
const LEAST_DEVIATION: f64 = 0.3;
/// Degrees of freedom at most: however much was learned, tails are heavier than normal.
const MOST_FREEDOM: f64 = 120.0;
/// Shape of the mixing Gamma distribution at most, for the same reason.
const MOST_SHAPE: f64 = 20.0;

/// The span of a time of the week.
pub(super) fn span(at: WeekHour) -> usize {
    let day = match at.weekday {
        5 => 1,
        6 => 2,
        _ => 0,
    };
    day * 8 + usize::from(at.hour % 24) / 3
}

/// What was learned: of one bay, or of all of a site together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rhythm {
    /// Changes out of a state (0 vacant, 1 occupied), and hours in it, by span.
    changes: [[u16; SPANS]; 2],
    hours: [[f32; SPANS]; 2],
    /// Of the logarithms of stays in seconds.
    stays: Moments,
}

/// Changes per hour out of each state, by span.
pub(super) type Intensities = [[f32; SPANS]; 2];

/// An intensity of one bay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Intensity {
    /// Changes per hour.
    pub(super) per_h: f64,
    /// Of the Gamma distribution that it is known by: how sure it is.
    pub(super) shape: f64,
}

impl Rhythm {
    /// A spell in `state` has ended in `span` after `hours` by span.
    pub(super) fn learn(&mut self, state: usize, hours: &[f32; SPANS], span: usize) {
        self.changes[state][span] = self.changes[state][span].saturating_add(1);
        for (at, more) in hours.iter().enumerate().filter(|(_, more)| **more > 0.0) {
            self.hours[state][at] += more;
            if self.hours[state][at] > MOST_HOURS {
                self.hours[state][at] /= 2.0;
                self.changes[state][at] /= 2;
            }
        }
        if state == 1 {
            let stay_s = f64::from(hours.iter().sum::<f32>()) * 3_600.0;
            self.stays.add(stay_s.max(1.0).ln(), MOST_STAYS);
        }
    }

    fn total(&self, state: usize) -> (f64, f64) {
        let changes = self.changes[state].iter().map(|n| f64::from(*n)).sum();
        (changes, f64::from(self.hours[state].iter().sum::<f32>()))
    }

    /// Hours in `state` until it changes, with the site's as the prior.
    pub(super) fn mean_rest_h(&self, site: &Rhythm, state: usize) -> f64 {
        let (of_site, site_h) = site.total(state);
        let prior_h = (1.0 / USUAL_PER_H + site_h) / (1.0 + of_site);
        let (n, hours) = self.total(state);
        (PRIOR_EVENTS * prior_h + hours) / (PRIOR_EVENTS + n)
    }

    /// The intensities of a site: spans shrunk to the mean of all.
    pub(super) fn of_site(&self) -> Intensities {
        let mut intensities = [[0.0; SPANS]; 2];
        for (state, of_state) in intensities.iter_mut().enumerate() {
            let (n, hours) = self.total(state);
            let mean = (1.0 + n) / (1.0 / USUAL_PER_H + hours);
            for (span, per_h) in of_state.iter_mut().enumerate() {
                let n = f64::from(self.changes[state][span]);
                let hours = f64::from(self.hours[state][span]);
                *per_h = ((PRIOR_EVENTS / 2.0 + n) / (PRIOR_EVENTS / 2.0 / mean + hours)) as f32;
            }
        }
        intensities
    }

    /// An intensity of one bay: the site's scaled to its own pace, and the span shrunk to that.
    pub(super) fn of_bay(&self, site: &Intensities, state: usize, span: usize) -> Intensity {
        let (n, _) = self.total(state);
        let usual = self.hours[state].iter().zip(&site[state]);
        let expected: f64 = usual.map(|(hours, per_h)| f64::from(hours * per_h)).sum();
        let prior = f64::from(site[state][span]) * (PRIOR_EVENTS + n) / (PRIOR_EVENTS + expected);
        let in_span = f64::from(self.changes[state][span]);
        let hours = f64::from(self.hours[state][span]);
        Intensity {
            per_h: (PRIOR_EVENTS + in_span) / (PRIOR_EVENTS / prior + hours),
            shape: (PRIOR_EVENTS + n).min(MOST_SHAPE),
        }
    }

    /// What is known of the next stay, with the site's stays as the prior.
    pub(super) fn stay(&self, site: &Rhythm) -> Stay {
        let of_site = &site.stays;
        let (mean, deviation) = if of_site.n >= 8.0 {
            (f64::from(of_site.mean), f64::from(of_site.squares / of_site.n).sqrt())
        } else {
            USUAL_STAY
        };
        let (n, own) = (f64::from(self.stays.n), f64::from(self.stays.mean));
        let weight = PRIOR_STAYS + n;
        let squares = PRIOR_STAYS * deviation * deviation
            + f64::from(self.stays.squares)
            + PRIOR_STAYS * n / weight * (own - mean) * (own - mean);
        let variance = (squares / weight).max(LEAST_DEVIATION * LEAST_DEVIATION);
        Stay {
            mean: (PRIOR_STAYS * mean + n * own) / weight,
            deviation: (variance * (1.0 + 1.0 / weight)).sqrt(),
            freedom: weight.min(MOST_FREEDOM),
        }
    }
}

/// The predictive distribution of a stay's logarithm: Student's, from the normal-inverse-gamma posterior (Gelman et al.,
/// 3.3). Lengths of stays are about lognormal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stay {
    mean: f64,
    deviation: f64,
    freedom: f64,
}

impl Stay {
    /// The logarithm of the chance that a stay is longer.
    pub(super) fn ln_longer(&self, seconds: f64) -> f64 {
        ln_student_tail((seconds.max(1.0).ln() - self.mean) / self.deviation, self.freedom)
    }

    /// Density of the logarithm of the length.
    pub(super) fn ln_density(&self, seconds: f64) -> f64 {
        let t = (seconds.max(1.0).ln() - self.mean) / self.deviation;
        -(self.freedom + 1.0) / 2.0 * (t * t / self.freedom).ln_1p() - (self.deviation * 2.507).ln()
    }
}

/// The logarithm of the chance that nothing changes while `expected` changes were: Poisson, mixed over what is not known of
/// the intensity (a Gamma distribution of mean 1), so that it is over-dispersed.
pub(super) fn ln_no_change(expected: f64, shape: f64) -> f64 {
    -shape * (expected / shape).ln_1p()
}
