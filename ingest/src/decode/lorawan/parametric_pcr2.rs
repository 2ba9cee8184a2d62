//! Parametric PCR2: a radar that counts who passes, from left to right and from right to left.
//!
//! Source: TheThingsNetwork/lorawan-devices (Apache-2.0), `vendor/parametric/pcr2-codec.yaml` and `pcr2-decoder.js`. Port
//! 14: `be 01 03` and `be 01 04`, then uint16 from left to right and from right to left since the last message, the same
//! since it was switched on, the battery of a solar charger (03: one byte without a unit, 04: uint16 mV), uint16 solar
//! power in mW, int16 x 0.1 degC of its processor. Or a chain in the format of Elsys: `0a` uint16 from left to right, `16`
//! uint16 from right to left, both since the last message, `01` int16 x 0.1 degC; a lost message of it is lost. Port 190: its
//! settings, with the firmware at 4 to 6, of the oldest version (14 bytes) at 1 to 3. All numbers are big-endian.
//!
//! Every count renews the site's, also where nobody passed.

use domain::{BothWays, Decoder};
use serde_json::json;

use super::{Report, foreign_payload, foreign_port};
use crate::decode::Fault;

const COUNTS: i32 = 14;
const SETTINGS: i32 = 190;
/// Of the settings' versions 3 to 6; that of the second has no head.
const SETTINGS_BYTES: [usize; 4] = [20, 31, 34, 35];

/// Decodes one payload.
///
/// # Errors
/// Another port, or none of the documented layouts.
pub fn decode(f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    let read = match (f_port, payload) {
        (COUNTS, [0xbe, 0x01, 0x03, counts @ .., _, p1, p0, t1, t0]) if counts.len() == 8 => {
            Some(counted(counts, None, [*p1, *p0], [*t1, *t0]))
        }
        (COUNTS, [0xbe, 0x01, 0x04, counts @ .., b1, b0, p1, p0, t1, t0]) if counts.len() == 8 => {
            Some(counted(counts, Some([*b1, *b0]), [*p1, *p0], [*t1, *t0]))
        }
        (COUNTS, [0x0a, ..]) => chain(payload),
        (SETTINGS, [0xbe, 0x01, 3..=6, _, major, minor, patch, ..])
            if SETTINGS_BYTES.contains(&payload.len()) =>
        {
            Some(settings([*major, *minor, *patch]))
        }
        (SETTINGS, [_, major, minor, patch, ..]) if payload.len() == 14 => {
            Some(settings([*major, *minor, *patch]))
        }
        (COUNTS | SETTINGS, _) => None,
        _ => return Err(foreign_port(f_port, Decoder::ParametricPcr2)),
    };
    read.ok_or_else(|| foreign_payload(payload, f_port, Decoder::ParametricPcr2))
}

fn number(bytes: &[u8]) -> i32 {
    bytes.iter().fold(0, |n, byte| n << 8 | i32::from(*byte))
}

fn celsius(bytes: [u8; 2]) -> f32 {
    f32::from(i16::from_be_bytes(bytes)) / 10.0
}

fn counted(counts: &[u8], battery_mv: Option<[u8; 2]>, solar_mw: [u8; 2], temperature: [u8; 2]) -> Report {
    let both = |from: usize| BothWays {
        entries: number(&counts[from..from + 2]),
        exits: number(&counts[from + 2..from + 4]),
    };
    let (passed, total) = (both(0), both(4));
    let mut report = Report {
        passed: Some(passed),
        total: Some(total),
        kind: "count",
        // Without a solar charger there is none.
        battery_v: battery_mv.map(|mv| number(&mv) as f32 / 1_000.0).filter(|v| *v > 0.0),
        temperature_c: Some(celsius(temperature)),
        ..Report::default()
    };
    note(&mut report, "passed", passed);
    note(&mut report, "total", total);
    report.note("solar_mw", json!(number(&solar_mw)));
    report
}

fn note(report: &mut Report, name: &str, counts: BothWays) {
    report.note(name, json!({ "left_to_right": counts.entries, "right_to_left": counts.exits }));
}

/// The format of Elsys: it has both counts, and ends where the payload does.
fn chain(payload: &[u8]) -> Option<Report> {
    let (mut to_right, mut to_left, mut temperature_c) = (None, None, None);
    let mut rest = payload;
    while let [kind, high, low, ref tail @ ..] = *rest {
        match kind {
            0x0a => to_right = Some(number(&[high, low])),
            0x16 => to_left = Some(number(&[high, low])),
            0x01 => temperature_c = Some(celsius([high, low])),
            _ => return None,
        }
        rest = tail;
    }
    let passed = BothWays { entries: to_right?, exits: to_left.filter(|_| rest.is_empty())? };
    let mut report = Report { passed: Some(passed), kind: "count", temperature_c, ..Report::default() };
    note(&mut report, "passed", passed);
    Some(report)
}

fn settings([major, minor, patch]: [u8; 3]) -> Report {
    let mut report = Report { kind: "settings", ..Report::default() };
    report.note("firmware", json!(format!("{major}.{minor}.{patch}")));
    report
}
