//! Dingtek DO200 and DO202: ultrasound and a magnetometer under one lid, port 3.
//!
//! Source: TheThingsNetwork/lorawan-devices, `vendor/dingtek/do200-codec.yaml` and
//! `do202-codec.yaml`. Byte 3 says what it is, byte 4 how long it is. A report has 21 bytes (DO200)
//! or 23 (DO202): 5-6 level in mm; 7 high nibble parking alarm (occupied), low nibble level alarm; 8
//! high nibble magnet alarm, low nibble battery alarm; 9-10 battery x 0.01 V; 11-16 magnetometer
//! int16 x, y, z; DO200: 17-18 frame counter; DO202: 17 int8 degrees Celsius, 18 humidity in
//! percent, 19-20 frame counter. All numbers are big-endian.
//!
//! A report renews the state, an alarm as much as a periodic one. Parameters (byte 3 = 3) carry no
//! state and never renew it. A published DO202 report says -117 degC: such a temperature is
//! dropped like any implausible one (see [`super::decode_device`]), and the state is kept.

use domain::{BayState, Decoder};
use serde_json::json;

use super::{Report, foreign_payload, foreign_port};
use crate::decode::Fault;

const PORT: i32 = 3;
const PARAMETERS: u8 = 3;

/// Which of the two: it decides how the end of a report is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    decoder: Decoder,
    report_bytes: usize,
}

/// Without thermometer.
pub const DO200: Model = Model { decoder: Decoder::DingtekDo200, report_bytes: 21 };

/// With thermometer and hygrometer.
pub const DO202: Model = Model { decoder: Decoder::DingtekDo202, report_bytes: 23 };

/// Decodes one payload.
///
/// # Errors
/// Another port, or neither a report nor parameters of this model.
pub fn decode(model: &Model, f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    if f_port != PORT {
        return Err(foreign_port(f_port, model.decoder));
    }
    match *payload {
        [_, _, _, PARAMETERS, _, major, minor, upload_h, ..] => {
            let mut report = Report { kind: "parameters", ..Report::default() };
            report.note("firmware", json!(format!("{major}.{minor}")));
            report.note("upload_interval_h", json!(upload_h));
            Ok(report)
        }
        [_, _, _, _, _, l1, l0, park, alarms, v1, v0, x1, x0, y1, y0, z1, z0, ref tail @ ..]
            if payload.len() == model.report_bytes =>
        {
            let mut report = Report {
                state: Some(if park >> 4 != 0 { BayState::Occupied } else { BayState::Vacant }),
                kind: "report",
                battery_v: Some(f32::from(u16::from_be_bytes([v1, v0])) / 100.0),
                ..Report::default()
            };
            report.note("level_mm", json!(u16::from_be_bytes([l1, l0])));
            report.note("level_alarm", json!(park & 0x0f != 0));
            report.note("magnet_alarm", json!(alarms >> 4 != 0));
            report.note("battery_low", json!(alarms & 0x0f != 0));
            let magnet = [[x1, x0], [y1, y0], [z1, z0]].map(i16::from_be_bytes);
            report.note("magnet", json!(magnet));
            let counter = match *tail {
                [temperature, humidity, ref counter @ ..] if *model == DO202 => {
                    report.temperature_c = Some(f32::from(temperature.cast_signed()));
                    report.note("humidity_pct", json!(humidity));
                    counter
                }
                _ => tail,
            };
            if let [c1, c0, ..] = *counter {
                report.note("frame_counter", json!(u16::from_be_bytes([c1, c0])));
            }
            Ok(report)
        }
        _ => Err(foreign_payload(payload, f_port, model.decoder)),
    }
}
