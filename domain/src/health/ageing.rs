//! What grows weaker: the battery, and how well the device is received.

use serde::{Deserialize, Serialize};

use super::chance::{Cusum, Moments};
use super::message::Message;
use super::trend::Trend;
use crate::time::UtcMicros;

/// A battery that lasts for fewer days gets attention.
pub(super) const LEAST_DAYS: f64 = 30.0;

/// One way of stating a charge.
struct Scale {
    low: f32,
    empty: f32,
    /// Falls of less are noise and temperature.
    noise: f32,
    /// A rise by so much is a new battery.
    replaced: f32,
}

/// Lithium thionyl chloride cells keep 3.6 V until some tenth of their charge is left, then fall within weeks: a fall that is
/// seen at all is the end (Saft LS 14500 data sheet, discharge at +20 °C; below 2 V the cell is cut off, radios stop
/// sooner).
const VOLTS: Scale = Scale { low: 3.2, empty: 3.0, noise: 0.08, replaced: 0.25 };
const PERCENT: Scale = Scale { low: 20.0, empty: 5.0, noise: 6.0, replaced: 30.0 };
/// Messages in which the device itself says that its battery is low.
const LOW_IN_A_ROW: u8 = 2;

/// The battery of a device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Battery {
    volts: Trend,
    percent: Trend,
    low_in_a_row: u8,
}

impl Battery {
    pub(super) fn note(&mut self, message: &Message) {
        let at = message.received_at;
        for (trend, value, scale) in
            [(&mut self.volts, message.battery_v, VOLTS), (&mut self.percent, message.battery_pct, PERCENT)]
        {
            let Some(value) = value else { continue };
            if trend.newest().is_some_and(|newest| value - newest > scale.replaced) {
                trend.forget();
            }
            trend.add(at, value);
        }
        match message.battery_low {
            Some(true) => self.low_in_a_row = self.low_in_a_row.saturating_add(1),
            Some(false) => self.low_in_a_row = 0,
            None => {}
        }
    }

    /// Estimated days until it is empty, by what speaks worst of it; `None`: no end is in sight.
    pub(super) fn days_left(&self) -> Option<f64> {
        let of = |trend: &Trend, scale: &Scale| {
            let newest = trend.newest()?;
            let left = |per_day: f32| f64::from((newest - scale.empty) / -per_day).max(0.0);
            let slope = trend.per_day().filter(|slope| *slope < 0.0 && trend.fall() >= scale.noise);
            let slope = slope.or(trend.falls_per_day(scale.noise));
            if newest < scale.low { Some(slope.map_or(0.0, left)) } else { slope.map(left) }
        };
        let low = (self.low_in_a_row >= LOW_IN_A_ROW).then_some(0.0);
        [of(&self.volts, &VOLTS), of(&self.percent, &PERCENT), low].into_iter().flatten().reduce(f64::min)
    }
}

/// SNR below which frames of each spreading factor are lost, from 7 to 12: Semtech SX1276 data sheet, table 13, and AN1200.22.
const FLOOR_DB: [f32; 6] = [-7.5, -10.0, -12.5, -15.0, -17.5, -20.0];
/// Receptions that the usual one is learned from; later ones move it slowly.
const LEARNED: f32 = 30.0;
/// A decline is looked for from one deviation below the usual.
const DECLINE: f64 = 1.0;
const LEAST_DEVIATION_DB: f64 = 1.5;
const DECLINE_LIMIT: f64 = 20.0;
/// What is less is weather and parked cars.
const LEAST_DECLINE_DB: f64 = 5.0;
/// While a gateway is off for an afternoon the next one receives worse.
const LEAST_DECLINE_S: f64 = 86_400.0;
/// Nearer to the floor frames are lost.
const LEAST_MARGIN_DB: f64 = 2.0;

/// How well a device is received.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reception {
    usual: Moments,
    /// Exponentially weighted over some ten receptions.
    snr_db: f32,
    margin_db: f32,
    pub(super) decline: Cusum,
}

impl Reception {
    /// The margin in dB to the demodulation floor, and where it is too little; after an uplink that says so.
    pub(super) fn note(&mut self, message: &Message, at: UtcMicros) -> Option<(f64, f64)> {
        let snr_db = message.snr_db?;
        let factor = usize::from(message.spreading_factor.unwrap_or(12).clamp(7, 12) - 7);
        let margin_db = snr_db - FLOOR_DB[factor];
        if self.usual.n < 1.0 {
            (self.snr_db, self.margin_db) = (snr_db, margin_db);
        }
        self.snr_db += (snr_db - self.snr_db) / 10.0;
        self.margin_db += (margin_db - self.margin_db) / 10.0;
        if self.usual.n < LEARNED {
            self.usual.add(f64::from(snr_db), LEARNED);
            return None;
        }
        let deviation = f64::from(self.usual.squares / self.usual.n).sqrt().max(LEAST_DEVIATION_DB);
        let below = (f64::from(self.usual.mean) - f64::from(snr_db)) / deviation;
        self.decline.add(at, (below - DECLINE).clamp(-3.0, 3.0), DECLINE_LIMIT);
        if self.decline.sum() < 3.0 {
            self.usual.mean += (snr_db - self.usual.mean) / 300.0;
        }
        // What the decline leaves of the usual margin: the rate adapts to the signal, and hides it.
        let declined_db = f64::from(self.usual.mean - self.snr_db);
        let has_lasted = at.seconds_since(self.decline.since()) > LEAST_DECLINE_S;
        let has_declined =
            has_lasted && self.decline.sum() >= DECLINE_LIMIT && declined_db >= LEAST_DECLINE_DB;
        let allowed_db = f64::from(self.margin_db) + declined_db - LEAST_DECLINE_DB;
        let limit = if has_declined { allowed_db } else { LEAST_MARGIN_DB };
        Some((f64::from(self.margin_db), limit))
    }

    /// Whether it is as well received as usual.
    pub(super) fn is_usual(&self) -> bool {
        self.decline.sum() < 2.0 && f64::from(self.margin_db) > LEAST_MARGIN_DB + 2.0
    }
}
