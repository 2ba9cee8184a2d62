//! Bosch TPS110 parking lot sensor.
//!
//! Source: TheThingsNetwork/lorawan-devices, vendor/bosch/tps110-0292-codec.yaml and
//! tpl110-0292.js. Port 1: state change (bit 0 = occupied). Port 2: heartbeat. Both have 1 byte or 2
//! by firmware (byte 1 = int8 degrees Celsius). Port 3: start-up, 17 bytes, byte 16 = state. Ports 4
//! to 6 carry device information and debug data: kept, not read. Public decoders disagree on the
//! firmware field of port 3: it is kept as bytes.
//!
//! Ports 1 to 3 renew the state: the maker gives each of them a state of its own.

use domain::{BayState, Decoder};
use serde_json::json;

use super::{Report, foreign_payload, foreign_port};
use crate::decode::Fault;

/// Decodes one payload.
///
/// # Errors
/// The length does not fit the port.
pub fn decode(f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    let state = |byte: u8| Some(if byte & 1 == 1 { BayState::Occupied } else { BayState::Vacant });
    match (f_port, payload) {
        (1 | 2, [flags] | [flags, _]) => Ok(Report {
            state: state(*flags),
            kind: if f_port == 1 { "state_change" } else { "heartbeat" },
            temperature_c: payload.get(1).map(|byte| f32::from(byte.cast_signed())),
            ..Report::default()
        }),
        (3, [_, .., cause, flags]) if payload.len() == 17 => {
            let mut report = Report { state: state(*flags), kind: "startup", ..Report::default() };
            let cause = match cause {
                1 => "watchdog",
                2 => "power_on",
                3 => "system_request",
                _ => "other",
            };
            report.note("reset_cause", json!(cause));
            Ok(report)
        }
        (4..=6, _) => Ok(Report { kind: "device_information", ..Report::default() }),
        (1..=3, _) => Err(foreign_payload(payload, f_port, Decoder::BoschTps110)),
        _ => Err(foreign_port(f_port, Decoder::BoschTps110)),
    }
}
