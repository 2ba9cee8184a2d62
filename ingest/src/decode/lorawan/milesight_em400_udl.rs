//! Milesight EM400-UDL: it measures a distance; the binding's `threshold_mm` makes a state of it.
//!
//! Source: tago-io/decoders, `decoders/connector/milesight/em400-udl-lora`. A chain of channel,
//! type and value, on any port: `01 75` battery in percent, `03 67` int16 x 0.1 degC, `04 82`
//! uint16 distance in mm, `05 00` position (0 upright, 1 tilted); `83 67` and `84 82` are the same
//! values with one byte more, whether their alarm is on. All numbers are little-endian.
//!
//! Every distance renews the state: occupied below the threshold, else vacant; a value beyond what
//! ultrasound reaches is no measurement and means `unknown`. A frame without a distance
//! is about the device. A tilted sensor is noted, its state is kept: whoever mounted it so set the
//! threshold for it. An unknown channel ends the reading, what was understood before it is kept.

use domain::mistake::Mistake;
use domain::{BayState, Decoder, Reason};
use serde_json::json;

use super::{Report, foreign_payload};
use crate::decode::Fault;

/// Farther than ultrasound of a sensor of this size reaches, mm.
const MAX_DISTANCE_MM: u16 = 10_000;

/// Decodes one payload.
///
/// # Errors
/// It does not begin with a channel of this device; or it carries a distance and the binding has
/// no threshold.
pub fn decode(f_port: i32, payload: &[u8], threshold_mm: Option<u32>) -> Result<Report, Fault> {
    let mut report = Report { kind: "device_information", ..Report::default() };
    let mut distance_mm = None;
    let mut rest = payload;
    loop {
        rest = match *rest {
            [0x01, 0x75, percent, ref tail @ ..] => {
                report.battery_pct = (percent <= 100).then_some(f32::from(percent));
                tail
            }
            [0x03, 0x67, low, high, ref tail @ ..] => {
                report.temperature_c = Some(celsius(low, high));
                tail
            }
            [0x83, 0x67, low, high, alarm, ref tail @ ..] => {
                report.temperature_c = Some(celsius(low, high));
                report.note("temperature_alarm", json!(alarm != 0));
                tail
            }
            [0x04, 0x82, low, high, ref tail @ ..] => {
                distance_mm = Some(u16::from_le_bytes([low, high]));
                tail
            }
            [0x84, 0x82, low, high, alarm, ref tail @ ..] => {
                distance_mm = Some(u16::from_le_bytes([low, high]));
                report.note("distance_alarm", json!(alarm != 0));
                tail
            }
            [0x05, 0x00, position, ref tail @ ..] => {
                report.note("tilted", json!(position != 0));
                tail
            }
            _ => break,
        };
    }
    if rest.len() == payload.len() && !is_device_information(payload) {
        return Err(foreign_payload(payload, f_port, Decoder::MilesightEm400Udl));
    }
    if !rest.is_empty() {
        report.note("unread_bytes", json!(rest.len()));
    }
    if let Some(distance_mm) = distance_mm {
        report.kind = "distance";
        report.note("distance_mm", json!(distance_mm));
        report.state = Some(state(distance_mm, threshold_mm)?);
    }
    Ok(report)
}

/// What it sends when switched on (serial number, versions) is on channel FF.
fn is_device_information(payload: &[u8]) -> bool {
    payload.first() == Some(&0xff)
}

fn celsius(low: u8, high: u8) -> f32 {
    f32::from(i16::from_le_bytes([low, high])) / 10.0
}

fn state(distance_mm: u16, threshold_mm: Option<u32>) -> Result<BayState, Fault> {
    let threshold_mm = threshold_mm.ok_or_else(|| {
        Fault::new(Reason::UnsupportedDevice, "threshold_mm", Mistake::NoThreshold(distance_mm))
    })?;
    Ok(match distance_mm {
        d if d > MAX_DISTANCE_MM => BayState::Unknown,
        d if u32::from(d) < threshold_mm => BayState::Occupied,
        _ => BayState::Vacant,
    })
}
