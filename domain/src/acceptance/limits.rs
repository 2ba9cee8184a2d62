//! What is needed to pass.

use serde::{Deserialize, Serialize};

/// The limits of all checks. The file that holds them gives a reason for each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The longest test, seconds.
    pub timeout_s: u32,
    /// How far back the past is judged, days.
    pub history_days: u32,
    /// Most starts during the test.
    pub restarts: u32,
    /// The longest way of a state to us, seconds.
    pub delay_s: f64,
    /// How far the clock may be ahead or behind, seconds.
    pub clock_s: f64,
    /// The smallest margin to the demodulation floor, dB.
    pub snr_margin_db: f64,
    /// The weakest signal, dBm.
    pub rssi_dbm: f64,
    /// The largest spreading factor.
    pub spreading_factor: i16,
    /// The largest share of lost frames.
    pub lost_frames: f64,
    /// The fewest frames of which a share of lost ones is given.
    pub fewest_frames: u32,
    /// The fewest gateways that receive most frames.
    pub gateways: u32,
    /// The lowest voltage of a new battery, volts.
    pub battery_v: f64,
    /// The lowest charge of a new battery, per cent.
    pub battery_pct: f64,
    /// Changes within so many seconds are at the same time.
    pub same_time_s: f64,
    /// At so many changes a neighbour may change likewise.
    pub neighbour_changes: u32,
    /// The farthest neighbour that matters, metres.
    pub neighbour_m: f64,
    /// The farthest from its site, metres.
    pub position_m: f64,
    /// How far a vehicle must move, metres.
    pub moved_m: f64,
    /// The farthest of a vehicle from the nearest place of its municipality, metres.
    pub surroundings_m: f64,
    /// The highest speed of a vehicle, metres per second.
    pub speed_mps: f64,
}
