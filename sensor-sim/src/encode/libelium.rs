//! Libelium Smart Parking v2/v3: always 11 bytes.
//!
//! Byte 0: bit 7 occupied, bit 6 battery low, bit 5 configuration refused, bit 4 recalibrated, bits
//! 3..0 frame type; byte 1 frame counter; byte 2 sensor error; byte 3 int8 degC; the rest is the
//! maker's own. A `start1` frame has the firmware in byte 2.

use super::{Frame, FrameKind, Reading};

const PORT: u8 = 3;
const INFO: u8 = 0;
const KEEP_ALIVE: u8 = 1;
const START_1: u8 = 4;
const FIRMWARE: u8 = 30;
/// Below this a battery is to be changed, volts.
const LOW_BATTERY_V: f64 = 3.1;

/// The bytes the sensor sends.
pub(crate) fn encode(reading: &Reading) -> Frame {
    let frame_type = match reading.kind {
        FrameKind::Change => INFO,
        FrameKind::Heartbeat => KEEP_ALIVE,
        FrameKind::StartUp => START_1,
    };
    let battery_low = reading.battery_v < LOW_BATTERY_V;
    let flags = u8::from(reading.occupied) << 7 | u8::from(battery_low) << 6 | frame_type;
    let [high, low] = reading.noise.to_be_bytes();
    let mut payload = vec![flags, reading.counter as u8, 0, reading.temperature_c.round() as i8 as u8];
    if reading.kind == FrameKind::StartUp {
        payload[1..4].copy_from_slice(&[0, FIRMWARE, high]);
    }
    payload.extend([0, low, 0, high, low >> 1, high >> 1, low]);
    Frame { f_port: PORT, payload }
}
