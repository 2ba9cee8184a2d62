//! The health of a device, from its last messages.

use crate::health::Health;
use crate::time::UtcMicros;

/// Lithium cells of 3.6 V are nearly empty below.
const LOW_BATTERY_V: f32 = 3.2;

const LOW_BATTERY_PCT: f32 = 20.0;

/// Near the sensitivity of a gateway at spreading factor 12 (-137 dBm) less a fading margin.
const WEAK_SIGNAL_DBM: f32 = -120.0;

/// What is known of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Symptoms {
    /// It is in the files.
    pub is_known: bool,
    /// The time of its last message; `None`: there was none.
    pub last_heard: Option<UtcMicros>,
    /// How long it may be silent, seconds.
    pub stale_after_s: u32,
    /// Every message of its last heartbeat was rejected, and at least three, for a fault of its own ([`crate::rejection::Reason::OWN_FAULTS`]).
    pub is_rejected: bool,
    /// Of its battery.
    pub battery_v: Option<f32>,
    /// Of its battery.
    pub battery_pct: Option<f32>,
    /// At the gateway that received its last message best.
    pub rssi_dbm: Option<f32>,
}

impl Symptoms {
    /// The health at `now`.
    pub fn health(&self, now: UtcMicros) -> Health {
        if !self.is_known {
            return Health::New;
        }
        if self.last_heard.is_none_or(|at| now >= at.plus_s(self.stale_after_s.into())) {
            return Health::Silent;
        }
        if self.is_rejected {
            return Health::Faulty;
        }
        let is_low = self.battery_v.is_some_and(|v| v < LOW_BATTERY_V)
            || self.battery_pct.is_some_and(|pct| pct < LOW_BATTERY_PCT);
        let is_weak = self.rssi_dbm.is_some_and(|dbm| dbm < WEAK_SIGNAL_DBM);
        if is_low || is_weak { Health::Watch } else { Health::Ok }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_symptom_decides() {
        let now = UtcMicros::EPOCH.plus_s(1_000);
        let well = Symptoms {
            is_known: true,
            last_heard: Some(now.plus_s(-10)),
            stale_after_s: 60,
            battery_v: Some(3.6),
            rssi_dbm: Some(-101.0),
            ..Symptoms::default()
        };
        assert_eq!(well.health(now), Health::Ok);
        assert_eq!(Symptoms { battery_v: Some(3.0), ..well }.health(now), Health::Watch);
        assert_eq!(Symptoms { is_rejected: true, battery_v: Some(3.0), ..well }.health(now), Health::Faulty);
        assert_eq!(Symptoms { is_rejected: true, ..well }.health(now.plus_s(50)), Health::Silent);
        assert_eq!(Symptoms { is_known: false, ..well }.health(now), Health::New);
    }
}
