//! Bad input is data: it gets a reason, a counter and a place in quarantine.

use crate::ids::{FeedId, MunicipalityId};
use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// Why a message, or one element of it, was not believed. The list is closed.
    Reason {
        Malformed = "malformed", UnknownTopic = "unknown_topic", UnknownSensor = "unknown_sensor",
        UnboundSensor = "unbound_sensor", UnknownPlace = "unknown_place", ClockAhead = "clock_ahead",
        TooOld = "too_old", Implausible = "implausible", UnsupportedDevice = "unsupported_device",
        /// Counted only: a redelivery is no fault.
        Duplicate = "duplicate",
        TooLarge = "too_large",
    }
}

/// A rejected message or element, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    pub municipality: MunicipalityId,
    pub feed: FeedId,
    pub reason: Reason,
    pub topic: String,
    pub received_at: UtcMicros,
    /// The field, its value and what would be right.
    pub detail: String,
    /// The message (of a too large one its head).
    pub payload: Vec<u8>,
    /// QoS it was delivered with.
    pub qos: u8,
}

/// Bytes kept of a message that was too large.
pub const TOO_LARGE_HEAD_BYTES: usize = 4096;
