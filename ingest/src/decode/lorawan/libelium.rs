//! Libelium Smart Parking, protocol v2 and v3: always 11 bytes, on any port.
//!
//! Source: ZennerIoT/element-parsers, `lib/libelium_smart-parking_v3.ex`. Byte 0: bit 7 occupied,
//! bit 6 battery low, bit 5 configuration refused, bit 4 recalibrated, bits 3..0 the frame type.
//! Byte 1: the device's own frame counter. Info and keep-alive: byte 2 sensor error, byte 3 int8
//! degrees Celsius. Start 1: byte 2 firmware. The rest is the maker's own: kept, not read.
//!
//! Bit 7 stands in every frame, but only info (0), keep-alive (1) and daily (2) renew the state:
//! they are sent to report it. The others are about the device, and it is not known when their
//! bit was measured: a sensor that only restarts and answers commands must go stale.

use domain::{BayState, Decoder};
use serde_json::json;

use super::{Report, foreign_payload};
use crate::decode::Fault;

const KINDS: [&str; 9] =
    ["info", "keep_alive", "daily", "error", "start1", "start2", "service", "downlink", "rssi"];

/// Decodes one payload.
///
/// # Errors
/// Not 11 bytes.
pub fn decode(f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    let [flags, counter, third, fourth, _, _, _, _, _, _, _] = *payload else {
        return Err(foreign_payload(payload, f_port, Decoder::Libelium));
    };
    let kind = flags & 0x0f;
    let mut report =
        Report { kind: KINDS.get(usize::from(kind)).copied().unwrap_or("unknown"), ..Report::default() };
    if kind <= 2 {
        report.state = Some(if flags & 0x80 != 0 { BayState::Occupied } else { BayState::Vacant });
    }
    if kind <= 1 {
        report.temperature_c = Some(f32::from(fourth.cast_signed()));
        report.note("sensor_error", json!(third));
    }
    if kind == 4 {
        report.note("firmware", json!(third));
    }
    report.note("battery_low", json!(flags & 0x40 != 0));
    report.note("configuration_refused", json!(flags & 0x20 != 0));
    report.note("recalibrated", json!(flags & 0x10 != 0));
    report.note("frame_counter", json!(counter));
    Ok(report)
}
