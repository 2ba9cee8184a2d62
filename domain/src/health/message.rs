//! What is known of one message, and what the files promise of a device.

use chrono::{Datelike, Timelike};
use serde::{Deserialize, Serialize};

use crate::bay_state::BayState;
use crate::locality::Locality;
use crate::observation::BayObservation;
use crate::rejection::Reason;
use crate::sensor::stale_after_s;
use crate::time::UtcMicros;

/// What a device, or its network, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Event {
    /// An uplink of the device.
    #[default]
    Up,
    /// It joined the network: its counters begin again.
    Join,
    /// The network says something about it, e.g. its battery.
    Status,
}

impl Event {
    /// Of the name of a network server's event; `None`: it says nothing of the device.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "up" => Some(Event::Up),
            "join" => Some(Event::Join),
            "status" | "ack" => Some(Event::Status),
            _ => None,
        }
    }
}

/// One message of one device, as received.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
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

impl From<&BayObservation> for Message {
    /// Of a feed that names its bays itself. A clock that was corrected says nothing of when it was so.
    fn from(bay: &BayObservation) -> Self {
        Message {
            received_at: bay.provenance.received_at,
            observed_at: (!bay.provenance.clock_corrected).then_some(bay.observed_at),
            battery_v: bay.battery_v,
            temperature_c: bay.temperature_c,
            state: Some(bay.state),
            ..Message::default()
        }
    }
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

impl WeekHour {
    /// On the clocks of `locality`, by its holidays.
    pub fn at(locality: &Locality, at: UtcMicros) -> Self {
        let Some(local) = locality.local(at) else { return WeekHour { weekday: 0, hour: 0 } };
        let weekday =
            if locality.is_holiday(local.date()) { 6 } else { local.weekday().num_days_from_monday() };
        WeekHour { weekday: weekday as u8, hour: local.hour() as u8 }
    }
}
