//! PNI PlacePod: a chain of channel, type and value, on any port.
//!
//! Source: ZennerIoT/element-parsers, `lib/pni_placepods.ex`; akenza-io/device-type-library,
//! `types/pnicorp/placePod`. `15 66` state, `37 66` state with the keep-alive (0 vacant, 1
//! occupied), `02 67` int16 x 0.1 degC, `03 02` int16 x 0.01 V, `21 00` and `37 00` vehicle count
//! (above 0x80: restarted or recalibrated), `01 01`, `1C 01`, `3F 01` answers to commands.
//!
//! Both state channels renew the state, wherever they stand; of two in one frame the report of a
//! change (`15 66`) holds. A value that is neither, as while it calibrates, means `unknown`. Garbage at the
//! end occurs: an unknown channel ends the reading, the values before it are kept.

use domain::{BayState, Decoder};
use serde_json::json;

use super::{Report, foreign_payload};
use crate::decode::Fault;

const COUNTER_RESTARTED: u8 = 0x80;

/// Decodes one payload.
///
/// # Errors
/// It does not begin with a channel of this device.
pub fn decode(f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    let mut report = Report { kind: "device_information", ..Report::default() };
    let (mut changed, mut kept_alive) = (None, None);
    let mut rest = payload;
    loop {
        rest = match *rest {
            [0x15, 0x66, value, ref tail @ ..] => {
                changed = Some(state(value, changed, &mut report));
                tail
            }
            [0x37, 0x66, value, ref tail @ ..] => {
                kept_alive = Some(state(value, kept_alive, &mut report));
                tail
            }
            [0x02, 0x67, high, low, ref tail @ ..] => {
                report.temperature_c = Some(f32::from(i16::from_be_bytes([high, low])) / 10.0);
                tail
            }
            [0x03, 0x02, high, low, ref tail @ ..] => {
                report.battery_v = Some(f32::from(i16::from_be_bytes([high, low])) / 100.0);
                tail
            }
            [0x21 | 0x37, 0x00, count, ref tail @ ..] => {
                if count > COUNTER_RESTARTED {
                    report.note("restarted", json!(true));
                } else {
                    report.note("vehicle_count", json!(count));
                }
                tail
            }
            [0x01, 0x01, answer, ref tail @ ..] => noted(&mut report, "recalibrate_response", answer, tail),
            [0x1c, 0x01, answer, ref tail @ ..] => noted(&mut report, "deactivate_response", answer, tail),
            [0x3f, 0x01, answer, ref tail @ ..] => noted(&mut report, "reboot_response", answer, tail),
            _ => break,
        };
    }
    if rest.len() == payload.len() {
        return Err(foreign_payload(payload, f_port, Decoder::Placepod));
    }
    if !rest.is_empty() {
        report.note("unread_bytes", json!(rest.len()));
    }
    report.state = changed.or(kept_alive);
    if report.state.is_some() {
        report.kind = if changed.is_some() { "status" } else { "keep_alive" };
    }
    Ok(report)
}

/// The state of `value`; an unknown one does not replace the state `before` it in the frame.
fn state(value: u8, before: Option<BayState>, report: &mut Report) -> BayState {
    match value {
        0 => BayState::Vacant,
        1 => BayState::Occupied,
        _ => {
            report.note("state_code", json!(value));
            before.unwrap_or(BayState::Unknown)
        }
    }
}

fn noted<'p>(report: &mut Report, name: &str, answer: u8, tail: &'p [u8]) -> &'p [u8] {
    report.note(name, json!(answer));
    tail
}
