//! A message for the broker, and its statements as data.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

/// One MQTT message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// When it should go out.
    pub(crate) intended_utc: Timestamp,
    pub(crate) statements: Vec<Statement>,
}

/// When something is sent, and what the sender's clock shows then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// `at`, unless that clock is wrong.
    pub(crate) stamp: Timestamp,
}

/// One statement of a message about a place, vehicle or device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Statement {
    /// `bay`, `site`, `vehicle`, `passengers` or `device`.
    pub(crate) kind: &'static str,
    /// The place's or vehicle's id; of a device its DevEUI.
    pub(crate) id: String,
    /// Its time in the message.
    pub(crate) at: Timestamp,
    #[serde(flatten)]
    pub(crate) claim: Claim,
}

/// What is stated.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Claim {
    /// A bay's state, and by which device when there is one.
    Bay {
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sensor: Option<String>,
    },
    /// A site's occupied spaces.
    Count {
        occupied: u32,
    },
    /// Passages through a gate.
    Passages {
        #[serde(rename = "in")]
        entries: u32,
        #[serde(rename = "out")]
        exits: u32,
        gate: u8,
    },
    Position {
        lat: f64,
        lon: f64,
        delay_s: i32,
        trip_id: String,
    },
    Passengers {
        boarded: u32,
        alighted: u32,
        on_board: u32,
    },
    /// `join`, `status` or `start-up`.
    Device {
        event: &'static str,
    },
}

impl Statement {
    pub(crate) fn new(kind: &'static str, id: &str, at: Timestamp, claim: Claim) -> Self {
        Self { kind, id: id.to_owned(), at, claim }
    }
}

/// `occupied` or `vacant`.
pub(crate) fn state_name(occupied: bool) -> &'static str {
    if occupied { "occupied" } else { "vacant" }
}
