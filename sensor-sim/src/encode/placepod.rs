//! PNI PlacePod: triplets of channel, type and value.
//!
//! `15 66` state, `37 66` state with the keep-alive, `02 67` int16 x 0.1 degC, `03 02` int16 x
//! 0.01 V, `21 00` vehicle count (above 0x80: the sensor was restarted), `3F 01` answer to a reboot.

use super::{Frame, FrameKind, Reading};

const PORT: u8 = 2;
const RESTARTED: u8 = 0x81;

/// The bytes the sensor sends.
pub(crate) fn encode(reading: &Reading) -> Frame {
    let state = u8::from(reading.occupied);
    let mut payload = Vec::new();
    match reading.kind {
        FrameKind::Change => payload.extend([0x15, 0x66, state]),
        FrameKind::Heartbeat => payload.extend([0x37, 0x66, state]),
        FrameKind::StartUp => payload.extend([0x3f, 0x01, 1, 0x21, 0x00, RESTARTED, 0x15, 0x66, state]),
    }
    if reading.kind != FrameKind::Change {
        payload.extend([0x03, 0x02]);
        payload.extend(((reading.battery_v * 100.0).round() as i16).to_be_bytes());
        payload.extend([0x02, 0x67]);
        payload.extend(((reading.temperature_c * 10.0).round() as i16).to_be_bytes());
    }
    Frame { f_port: PORT, payload }
}
