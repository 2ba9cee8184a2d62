//! Dingtek DO200 and DO202: ultrasound and a magnetometer under one lid.
//!
//! 21 (DO200) or 23 bytes (DO202): 5-6 level in mm, 7 high nibble parking alarm (occupied), low
//! nibble level alarm, 8 high nibble magnet alarm, low nibble battery alarm, 9-10 battery x 0.01 V,
//! 11-16 magnetometer int16 x, y, z; DO200: 17-18 frame counter; DO202: 17 int8 degC, 18 humidity
//! in percent, 19-20 frame counter. When switched on, both send 17 bytes of parameters without a
//! state (byte 3 = 3).

use super::{Frame, FrameKind, Reading};

const PORT: u8 = 3;
const END: u8 = 0x81;
/// Below this the battery alarm is raised, volts.
const LOW_BATTERY_V: f64 = 3.1;

/// Which of the two it is, by byte 2 of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Do200 = 0x02,
    Do202 = 0x32,
}

/// The bytes the sensor sends.
pub(crate) fn encode(reading: &Reading, model: Model) -> Frame {
    let payload = match reading.kind {
        FrameKind::StartUp => parameters(model),
        FrameKind::Change | FrameKind::Heartbeat => {
            let under_the_car_mm = 150 + reading.noise % 200;
            let shift = (reading.noise % 90) as i16;
            state(&State {
                model,
                level_mm: if reading.occupied { under_the_car_mm } else { 0 },
                occupied: reading.occupied,
                battery_alarm: reading.battery_v < LOW_BATTERY_V,
                battery_v: reading.battery_v,
                magnet: if reading.occupied {
                    [310 + shift, -205 + shift, 96 - shift]
                } else {
                    [121, -80, -11]
                },
                temperature_c: reading.temperature_c,
                humidity_percent: 40 + (reading.noise % 45) as u8,
                counter: reading.counter,
            })
        }
    };
    Frame { f_port: PORT, payload }
}

pub(super) struct State {
    pub(super) model: Model,
    pub(super) level_mm: u16,
    pub(super) occupied: bool,
    pub(super) battery_alarm: bool,
    pub(super) battery_v: f64,
    pub(super) magnet: [i16; 3],
    pub(super) temperature_c: f64,
    pub(super) humidity_percent: u8,
    pub(super) counter: u16,
}

pub(super) fn state(state: &State) -> Vec<u8> {
    let length = if state.model == Model::Do200 { 21 } else { 23 };
    let mut payload = vec![0x80, 0x00, state.model as u8, 0x01, length];
    payload.extend(state.level_mm.to_be_bytes());
    payload.push(u8::from(state.occupied) << 4);
    payload.push(u8::from(state.battery_alarm));
    payload.extend(((state.battery_v * 100.0).round() as u16).to_be_bytes());
    payload.extend(state.magnet.iter().flat_map(|axis| axis.to_be_bytes()));
    if state.model == Model::Do202 {
        payload.push(state.temperature_c.round() as i8 as u8);
        payload.push(state.humidity_percent);
    }
    payload.extend(state.counter.to_be_bytes());
    payload.extend([0, END]);
    payload
}

/// Firmware 0.11, a report every 24 hours, ultrasound every 2 minutes, magnet every 10 seconds,
/// threshold 60.
pub(super) fn parameters(model: Model) -> Vec<u8> {
    vec![0x80, 0x00, model as u8, 0x03, 17, 0, 11, 24, 2, 10, 0x05, 0xa0, 0, 60, 0, 0, END]
}
