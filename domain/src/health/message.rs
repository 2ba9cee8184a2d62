//! What is known of one message, and what the files promise of a device.

use serde::{Deserialize, Serialize};

use crate::bay_state::BayState;
use crate::rejection::Reason;
use crate::sensor::stale_after_s;
use crate::time::UtcMicros;

/// What a device, or its network, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Event {
    /// An uplink of the device.
    #[default]
    Up,
    /// It joined the network: its counters begin again.
    Join,
    /// The network says something about it, e.g. its battery.
    Status,
}

/// One message of one device, as received.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Message {
    /// When it reached us.
    pub received_at: UtcMicros,
    /// When it was so, by the clock of the network or of the device, however wrong.
    pub observed_at: Option<UtcMicros>,
    /// What it is.
    pub event: Event,
    /// The frame counter of an uplink.
    pub f_cnt: Option<u32>,
    /// Of LoRa, 5 to 12.
    pub spreading_factor: Option<u8>,
    /// Of the best reception.
    pub snr_db: Option<f32>,
    /// Of the battery.
    pub battery_v: Option<f32>,
    /// Of the battery.
    pub battery_pct: Option<f32>,
    /// What the device itself says of its battery.
    pub battery_low: Option<bool>,
    /// At the sensor.
    pub temperature_c: Option<f32>,
    /// The state of the bay, where the message has one.
    pub state: Option<BayState>,
    /// Why it was not accepted.
    pub rejected: Option<Reason>,
}

/// What the files promise of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The longest silence that it promises, seconds.
    pub heartbeat_s: u32,
    /// Silent for longer, it is silent, seconds.
    pub stale_after_s: u32,
}

impl Promise {
    /// With the usual tolerance of one lost frame ([`stale_after_s`]).
    pub fn of_heartbeat(heartbeat_s: u32) -> Self {
        Promise { heartbeat_s, stale_after_s: stale_after_s(heartbeat_s) }
    }
}

/// An hour of the week on the clock of the place: holidays count as Sundays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekHour {
    /// 0 is Monday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
}
