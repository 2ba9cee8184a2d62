//! Bosch TPS110: the port says what kind of frame it is.
//!
//! Port 1 state change (1 byte, bit 0 = occupied), port 2 heartbeat (state, int8 degC), port 3
//! start-up (12 bytes of debug codes, firmware major.minor.patch, reset cause, state).

use super::{Frame, FrameKind, Reading};

const FIRMWARE: [u8; 3] = [0, 29, 2];
const RESET_BY_POWER: u8 = 2;

/// The bytes the sensor sends.
pub(crate) fn encode(reading: &Reading) -> Frame {
    let state = u8::from(reading.occupied);
    let (f_port, payload) = match reading.kind {
        FrameKind::Change => (1, vec![state]),
        FrameKind::Heartbeat => (2, vec![state, reading.temperature_c.round() as i8 as u8]),
        FrameKind::StartUp => {
            let mut payload = vec![0; 12];
            payload[..2].copy_from_slice(&(reading.noise & 0xfff).to_le_bytes());
            payload.extend(FIRMWARE);
            payload.extend([RESET_BY_POWER, state]);
            (3, payload)
        }
    };
    Frame { f_port, payload }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_documented_bytes() {
        let reading = Reading {
            kind: FrameKind::Change,
            occupied: true,
            temperature_c: -3.6,
            battery_v: 3.6,
            counter: 0,
            noise: 0x0324,
        };
        let frame = |kind| encode(&Reading { kind, ..reading });
        assert_eq!(frame(FrameKind::Change), Frame { f_port: 1, payload: vec![1] });
        assert_eq!(frame(FrameKind::Heartbeat), Frame { f_port: 2, payload: vec![1, 0xfc] });
        let start = frame(FrameKind::StartUp);
        assert_eq!((start.f_port, start.payload.len()), (3, 17));
        assert_eq!(start.payload[..2], [0x24, 0x03]);
        assert_eq!(start.payload[12..], [0, 29, 2, 2, 1]);
    }
}
