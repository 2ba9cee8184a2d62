//! What a device's payload says, whatever the make.

use domain::{BayState, Decoder, Reason};

use super::bosch_tps110;
use crate::decode::Fault;

/// A decoded payload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// `None`: the frame speaks of the device, not of the bay. Joins, status and parameter frames
    /// renew the sensor's last sign of life, not the bay's state.
    pub state: Option<BayState>,
    /// The device's own frame kind, e.g. `heartbeat`.
    pub kind: &'static str,
    pub battery_v: Option<f32>,
    pub battery_pct: Option<f32>,
    pub temperature_c: Option<f32>,
    /// Device-specific fields, kept beside the message.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Version of each decoder, kept with every message: raise it when a decoder reads differently.
pub const fn version(_decoder: Decoder) -> i16 {
    1
}

/// Decodes `payload` of a device.
///
/// # Errors
/// A fault: the payload is not one of this device, or the binding lacks what it needs.
pub fn decode_device(
    decoder: Decoder,
    f_port: i32,
    payload: &[u8],
    threshold_mm: Option<u32>,
) -> Result<Report, Fault> {
    let _ = threshold_mm;
    match decoder {
        Decoder::BoschTps110 => bosch_tps110::decode(f_port, payload),
        other => Err(Fault::new(Reason::UnsupportedDevice, format!("decoder: '{other}' is not built yet"))),
    }
}
