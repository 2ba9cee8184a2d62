//! Events as they are on the wire.

use serde::Serialize;
use store::inspect::DeviceMessage;
use utoipa::ToSchema;

use crate::installers::acceptance::AcceptanceOut;
use crate::installers::sensors::{MessageOut, SensorOut};

/// The `data` of an event: of `message`, of `health`, of `check`; that of `missed` is an empty object.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the document only")]
pub enum DeviceEventData {
    Message(DeviceMessageOut),
    Health(Box<SensorOut>),
    Check(AcceptanceOut),
}

/// A message that was stored.
#[derive(Serialize, ToSchema)]
pub struct DeviceMessageOut {
    /// DevEUI as 16 lower-case hexadecimal digits, or the supplier's id.
    sensor: String,
    /// Slug of the municipality whose feed it came by; null: not known any more.
    municipality: Option<String>,
    /// Id of that feed; null: not known any more.
    feed: Option<String>,
    #[serde(flatten)]
    message: MessageOut,
}

/// See [`DeviceMessageOut`].
#[derive(Serialize)]
pub struct MessageEvent<'a> {
    pub sensor: &'a str,
    pub municipality: Option<&'a str>,
    pub feed: Option<&'a str>,
    #[serde(flatten)]
    pub message: &'a DeviceMessage,
}
