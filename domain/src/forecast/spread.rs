//! The distribution of the errors around the expected value.

use serde::{Deserialize, Serialize};

/// Expected vacant shares with a spread of their own: near full it is narrow.
const LEVELS: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.4];
const LEVEL_COUNT: usize = LEVELS.len() + 1;
const HOURS: usize = 24;

/// The learning rate of the scale.
const SCALE_RATE: f32 = 0.01;
/// The smallest scale: a tenth of a percent of the capacity.
const LEAST: f64 = 0.001;

fn level(expected: f64) -> usize {
    LEVELS.iter().filter(|bound| expected >= **bound).count()
}

/// A site's mean absolute error of one horizon, by hour of the day and by level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scale {
    hours: [f32; HOURS],
    learned: [u16; HOURS],
    levels: [f32; LEVEL_COUNT],
}

impl Scale {
    pub(crate) fn new(usual_error: f64) -> Self {
        Scale { hours: [usual_error as f32; HOURS], learned: [0; HOURS], levels: [1.0; LEVEL_COUNT] }
    }

    pub(crate) fn at(&self, hour: usize, expected: f64) -> f64 {
        (f64::from(self.hours[hour % HOURS]) * f64::from(self.levels[level(expected)])).max(LEAST)
    }

    pub(crate) fn learn(&mut self, hour: usize, expected: f64, error: f64) {
        let ratio = &mut self.levels[level(expected)];
        let learned = &mut self.learned[hour % HOURS];
        *learned = learned.saturating_add(1);
        let rate = SCALE_RATE.max(1.0 / (1.0 + f32::from(*learned)));
        let hour = &mut self.hours[hour % HOURS];
        let error = error.abs() as f32;
        let least = LEAST as f32;
        *ratio += SCALE_RATE * ((error / hour.max(least)).min(10.0) - *ratio);
        *ratio = ratio.max(0.02);
        *hour += rate * ((error / *ratio).min(0.5) - *hour);
        *hour = hour.max(least);
    }
}

/// Bins of the errors in scales, `WIDTH` each, centred on 0; what lies outside goes to the ends.
const BINS: usize = 120;
const WIDTH: f64 = 0.1;
/// How much an old error counts when a new one comes: the last 20,000 matter.
const KEEP: f32 = 0.99995;
/// Weight of the shape assumed before anything is known (Laplace), in errors.
const ASSUMED: f64 = 100.0;

/// The shape of the errors of one horizon, by level: empirical.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Shape {
    levels: Vec<Histogram>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Histogram {
    counts: Vec<f32>,
    /// Weight of one new error; it grows instead of all counts shrinking.
    unit: f32,
    /// Sum of the counts.
    total: f32,
}

/// Where `unit` is brought back to 1.
const RESCALE: f32 = 1e4;

impl Default for Histogram {
    fn default() -> Self {
        let tail = |z: f64| if z < 0.0 { 0.5 * z.exp() } else { 1.0 - 0.5 * (-z).exp() };
        let edge = |i: usize| (i as f64 - BINS as f64 / 2.0) * WIDTH;
        let counts = (0..BINS).map(|i| (ASSUMED * (tail(edge(i + 1)) - tail(edge(i)))) as f32).collect();
        Histogram { counts, unit: 1.0, total: ASSUMED as f32 }
    }
}

impl Histogram {
    fn empty() -> Self {
        Histogram { counts: vec![0.0; BINS], unit: 1.0, total: 0.0 }
    }

    /// How many errors count.
    fn n(&self) -> f64 {
        f64::from(self.total) / f64::from(self.unit)
    }

    fn learn(&mut self, z: f64) {
        let bin = ((z / WIDTH + BINS as f64 / 2.0).floor().max(0.0) as usize).min(BINS - 1);
        self.counts[bin] += self.unit;
        self.total += self.unit;
        self.unit /= KEEP;
        if self.unit > RESCALE {
            self.counts.iter_mut().for_each(|c| *c /= RESCALE);
            self.total = self.counts.iter().sum();
            self.unit /= RESCALE;
        }
    }

    /// Share of the errors below `z` scales.
    fn below(&self, z: f64) -> f64 {
        let place = z / WIDTH + BINS as f64 / 2.0;
        let bin = place.floor().clamp(0.0, BINS as f64 - 1.0) as usize;
        let inside = (place - bin as f64).clamp(0.0, 1.0);
        let before: f32 = self.counts[..bin].iter().sum();
        (f64::from(before) + inside * f64::from(self.counts[bin])) / f64::from(self.total).max(1e-9)
    }
}

impl Default for Shape {
    fn default() -> Self {
        Shape { levels: vec![Histogram::default(); LEVEL_COUNT] }
    }
}

impl Shape {
    /// Nothing assumed, nothing known.
    pub(crate) fn empty() -> Self {
        Shape { levels: vec![Histogram::empty(); LEVEL_COUNT] }
    }

    pub(crate) fn learn(&mut self, expected: f64, error_in_scales: f64) {
        self.levels[level(expected)].learn(error_in_scales);
    }
}

/// Errors of all sites that weigh as much as the site's own, once it has as many.
const COMMON_WEIGHT: f64 = 100.0;

/// The distribution of the vacant share at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distribution<'a> {
    pub(crate) expected: f64,
    pub(crate) scale: f64,
    /// The site's own errors, and those of all.
    pub(crate) own: &'a Shape,
    pub(crate) common: &'a Shape,
}

impl Distribution<'_> {
    /// The chance of at least `share`, 0 to 1, never rising with `share`.
    pub(crate) fn at_least(&self, share: f64) -> f64 {
        let z = (share - self.expected) / self.scale;
        let level = level(self.expected);
        let (own, common) = (&self.own.levels[level], &self.common.levels[level]);
        let n = own.n();
        let below = (n * own.below(z) + COMMON_WEIGHT * common.below(z)) / (n + COMMON_WEIGHT);
        (1.0 - below).clamp(0.0, 1.0)
    }
}
