//! Tekzitel TekziPark: a magnetometer with a radar, and a receiver for the beacons of parking permits.
//!
//! Source: TheThingsNetwork/lorawan-devices, `vendor/tekzitel/tekzipark.js`. Byte 0: bit 7
//! occupied, bit 5 battery good, bit 4 obstruction, bit 3 radar, bit 1 reset, bit 0 keep-alive;
//! byte 1 int8 degrees Celsius; byte 2 parking id. Port 1 may go on with the RSSI of a beacon and
//! uint16 beacon ids. Port 2 goes on with int8 magnetic deflection x, y, z, baseline x, y, z, fault
//! code, obstruction, radar reflection.
//!
//! Every frame renews the state: bit 7 is documented alike for all of them.
//!
//! The beacon ids name the permits of passing people. They are never read, and [`redact`] cuts them
//! out of the payload before it is kept.

use domain::{BayState, Decoder};
use serde_json::json;

use super::{Report, foreign_payload};
use crate::decode::Fault;

/// Flags, temperature, parking id; on port 1 what follows is personal.
const IMPERSONAL_BYTES: usize = 3;
/// The whole of port 2.
const DIAGNOSTIC_BYTES: usize = 12;

/// Decodes one payload, whole or redacted.
///
/// # Errors
/// Another port, or too short for its port.
pub fn decode(f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    let mut report = match (f_port, payload) {
        (1, [flags, temperature, parking_id, ..]) => read_start(*flags, *temperature, *parking_id),
        (2, [flags, temperature, parking_id, x, y, z, _, _, _, fault, _, reflection, ..]) => {
            let mut report = read_start(*flags, *temperature, *parking_id);
            report.note("deflection", json!([x, y, z].map(|axis| axis.cast_signed())));
            report.note("fault_code", json!(fault));
            report.note("radar_reflection", json!(reflection));
            report
        }
        _ => return Err(foreign_payload(payload, f_port, Decoder::TekziPark)),
    };
    if f_port == 2 && report.kind == "state_change" {
        report.kind = "diagnostics";
    }
    Ok(report)
}

fn read_start(flags: u8, temperature: u8, parking_id: u8) -> Report {
    let is_set = |bit: u8| flags >> bit & 1 == 1;
    let mut report = Report {
        state: Some(if is_set(7) { BayState::Occupied } else { BayState::Vacant }),
        kind: match (is_set(1), is_set(0)) {
            (true, _) => "reset",
            (false, true) => "keep_alive",
            (false, false) => "state_change",
        },
        temperature_c: Some(f32::from(temperature.cast_signed())),
        ..Report::default()
    };
    report.note("battery_low", json!(!is_set(5)));
    report.note("obstructed", json!(is_set(4)));
    report.note("parking_id", json!(parking_id));
    report
}

/// The payload without what names a person. Of an unknown port nothing is left: what it carries is
/// not known.
pub fn redact(f_port: i32, payload: &[u8]) -> Vec<u8> {
    let kept = match f_port {
        1 => IMPERSONAL_BYTES,
        2 => DIAGNOSTIC_BYTES,
        _ => 0,
    };
    payload[..payload.len().min(kept)].to_vec()
}
