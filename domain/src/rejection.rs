//! Bad input is data: it gets a reason, a counter and a place in quarantine.

use serde::{Deserialize, Serialize};

use crate::ids::{FeedId, MunicipalityId};
use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// Why a message, or one element of it, was rejected. The list is closed.
    Reason {
        Malformed = "malformed", UnknownTopic = "unknown_topic", UnknownSensor = "unknown_sensor",
        UnboundSensor = "unbound_sensor", UnknownPlace = "unknown_place", ClockAhead = "clock_ahead",
        TooOld = "too_old", Implausible = "implausible", UnsupportedDevice = "unsupported_device",
        /// Counted only: a redelivery is no fault.
        Duplicate = "duplicate",
        TooLarge = "too_large",
    }
}

impl Reason {
    /// Faults of the device or of how it is set up: a device that sends nothing else is faulty. That nobody has bound it, or named
    /// its place, is none.
    pub const OWN_FAULTS: [Reason; 6] = [
        Reason::Malformed,
        Reason::Implausible,
        Reason::UnsupportedDevice,
        Reason::TooLarge,
        Reason::ClockAhead,
        Reason::TooOld,
    ];

    /// Whether it is one of [`Reason::OWN_FAULTS`].
    pub fn is_own_fault(self) -> bool {
        Reason::OWN_FAULTS.contains(&self)
    }
}

/// A rejected message, as it is kept. Of a message of many elements it stands for all that were not
/// believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// Whose feed it is.
    pub municipality: MunicipalityId,
    /// The feed that it came from.
    pub feed: FeedId,
    /// Of several the most frequent one.
    pub reason: Reason,
    /// The MQTT topic, or the address it was fetched from.
    pub topic: String,
    /// When it reached us.
    pub received_at: UtcMicros,
    /// The field, its value and what would be right.
    pub detail: String,
    /// What to do about it; `None`: the reason's own [`Reason::remedy`].
    pub remedy: Option<String>,
    /// Devices and places it is about, each once: as the message or its topic names them.
    pub devices: Vec<String>,
    /// How many elements were not believed.
    pub count: u32,
    /// Some of them, when there are several; each reason is among them.
    pub examples: Vec<RejectedElement>,
    /// Set for a feed that repeats the same faults: rejections with the same value are stored as one,
    /// the first.
    pub repeats: Option<i64>,
    /// The message (of a too large one its head).
    pub payload: Vec<u8>,
    /// QoS it was delivered with.
    pub qos: u8,
}

/// One element of a message that was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedElement {
    /// Why.
    pub reason: Reason,
    /// The device or place that it is about, as the message names it.
    pub device: Option<String>,
    /// The field, its value and what would be right.
    pub detail: String,
}

/// Elements described one by one in a rejection.
pub const MAX_EXAMPLES: usize = 10;

/// Devices named in a rejection: a batch of 1 MiB may hold ten times as many.
pub const MAX_DEVICES: usize = 1_000;

/// Bytes kept of a message that was too large.
pub const TOO_LARGE_HEAD_BYTES: usize = 4096;
