//! A message for the broker, and its statements as data.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

/// One MQTT message.
#[derive(Debug, Clone)]
pub struct Message {
    pub topic: String,
    pub payload: Bytes,
    /// When it should go out.
    pub intended_utc: Timestamp,
    pub says: Vec<Statement>,
}

/// One statement of a message about a place, vehicle or device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// `bay`, `site`, `vehicle`, `passengers` or `device`.
    pub kind: &'static str,
    /// The place's or vehicle's id; of a device its DevEUI.
    pub id: String,
    /// Its time in the message.
    pub at: Timestamp,
    #[serde(flatten)]
    pub fact: Fact,
}

/// The value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Fact {
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
