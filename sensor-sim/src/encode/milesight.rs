//! Milesight EM400-UDL: it knows a distance, not a state.
//!
//! `01 75` battery in percent, `03 67` int16 little-endian x 0.1 degC, `04 82` uint16 little-endian
//! distance in mm, `05 00` position (0 upright, 1 tilted); `84 82` is the distance with one byte
//! more when the alarm threshold is crossed (1 alarm, 0 over).

use super::{Frame, FrameKind, Reading};

const PORT: u8 = 85;
/// Volts of an empty and of a full battery.
const BATTERY_V: (f64, f64) = (2.9, 3.65);
/// To the roof of a car and to the ground, mm, from a mast.
const DISTANCE_MM: (u16, u16) = (820, 2_350);

/// Nearer than this is a vehicle, mm.
pub(crate) const THRESHOLD_MM: u32 = 1_600;

/// The bytes the sensor sends.
pub(crate) fn encode(reading: &Reading) -> Frame {
    let charge = (reading.battery_v - BATTERY_V.0) / (BATTERY_V.1 - BATTERY_V.0);
    let ground_mm = DISTANCE_MM.1 - 40 + reading.noise % 80;
    let roof_mm = DISTANCE_MM.0 - 250 + reading.noise % 500;
    let payload = payload(
        (charge * 100.0).clamp(1.0, 100.0) as u8,
        reading.temperature_c,
        if reading.occupied { roof_mm } else { ground_mm },
        (reading.kind == FrameKind::Change).then_some(reading.occupied),
        false,
    );
    Frame { f_port: PORT, payload }
}

/// `alarm`: the threshold was just crossed, and in which direction.
pub(super) fn payload(
    battery_percent: u8,
    temperature_c: f64,
    distance_mm: u16,
    alarm: Option<bool>,
    tilted: bool,
) -> Vec<u8> {
    let mut payload = vec![0x01, 0x75, battery_percent, 0x03, 0x67];
    payload.extend(((temperature_c * 10.0).round() as i16).to_le_bytes());
    payload.extend([if alarm.is_some() { 0x84 } else { 0x04 }, 0x82]);
    payload.extend(distance_mm.to_le_bytes());
    payload.extend(alarm.map(u8::from));
    payload.extend([0x05, 0x00, u8::from(tilted)]);
    payload
}
