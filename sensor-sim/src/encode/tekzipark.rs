//! Tekzitel TekziPark: it also hears the beacons of parking permits.
//!
//! Byte 0: bit 7 occupied, bit 5 good battery, bit 2 no beacon, bit 1 reset, bit 0 keep-alive;
//! byte 1 int8 degC; byte 2 parking id. Port 1 then: int8 RSSI of the beacon and its uint16 ids, when
//! one was received. Port 2 then: int8 magnetic deflection x, y, z, baseline x, y, z, fault code,
//! obstruction, radar reflection. The beacon ids are invented, and personal data all the same: what
//! is decoded must not contain them.

use super::{Frame, FrameKind, Reading};

const OCCUPIED: u8 = 1 << 7;
const GOOD_BATTERY: u8 = 1 << 5;
const NO_BEACON: u8 = 1 << 2;
const RESET: u8 = 1 << 1;
const KEEP_ALIVE: u8 = 1;
/// Below this a battery is not good, volts.
const LOW_BATTERY_V: f64 = 3.1;

/// The bytes the sensor sends.
pub(crate) fn encode(reading: &Reading) -> Frame {
    let mut flags = 0;
    if reading.occupied {
        flags |= OCCUPIED;
    }
    if reading.battery_v >= LOW_BATTERY_V {
        flags |= GOOD_BATTERY;
    }
    let has_permit = reading.kind == FrameKind::Change && reading.occupied && reading.noise.is_multiple_of(3);
    if !has_permit {
        flags |= NO_BEACON;
    }
    match reading.kind {
        FrameKind::Change => {}
        FrameKind::Heartbeat => flags |= KEEP_ALIVE,
        FrameKind::StartUp => flags |= RESET,
    }
    let [high, low] = reading.noise.to_be_bytes();
    let mut payload = vec![flags, reading.temperature_c.round() as i8 as u8, low];
    if reading.kind == FrameKind::Heartbeat {
        let deflection = if reading.occupied { [34, (-21_i8) as u8, 12] } else { [1, 0, 0xff] };
        payload.extend(deflection);
        payload.extend([5, 0xf8, 19, 0, 0, if reading.occupied { 180 } else { 12 }]);
        return Frame { f_port: 2, payload };
    }
    if has_permit {
        payload.extend([(-70_i8) as u8, high, low]);
    }
    Frame { f_port: 1, payload }
}
