//! Digital Matter Oyster: a battery-powered tracker.
//!
//! Source: TheThingsNetwork/lorawan-devices (Apache-2.0), `vendor/digital-matter/oyster-codec.yaml` and `oyster.js`. Port 1,
//! 11 bytes: int32 latitude and longitude x 1e-7 degrees, flags (bit 0 on a trip, bit 1 the fix has failed, bits 2 to 7
//! heading x 5.625 degrees), speed in km/h, battery x 0.025 V. Port 4, 9 bytes: int24 latitude and longitude x 256e-7
//! degrees, heading x 45 degrees in bits 0 to 2 and speed x 5 km/h above them, battery x 0.025 V, the same flags in bits 0
//! and 1. Port 2, 3 bytes: a downlink was understood. Port 3, 11 bytes: statistics. All numbers are little-endian.
//!
//! Every fix renews the vehicle's position. Where it has failed the last one is sent again: that is none. Port 4
//! has a bit for a person who carries the device and lies down: it is not read, and [`redact`] clears it.

use domain::mistake::{Mistake, Spot};
use domain::observation::VehicleFix;
use domain::{Decoder, LatLon};
use serde_json::json;

use super::{Report, foreign_payload, foreign_port};
use crate::decode::Fault;

const FIX_FAILED: u8 = 0b10;
const PERSON_DOWN: u8 = 0b100;

/// Decodes one payload.
///
/// # Errors
/// Another port, another length, or a position that is none.
pub fn decode(f_port: i32, payload: &[u8]) -> Result<Report, Fault> {
    match *payload {
        [a0, a1, a2, a3, o0, o1, o2, o3, flags, kmh, battery] if f_port == 1 => {
            let degrees = |bytes| f64::from(i32::from_le_bytes(bytes)) * 1e-7;
            let position = (degrees([a0, a1, a2, a3]), degrees([o0, o1, o2, o3]));
            let bearing_deg = f32::from(flags >> 2) * 5.625;
            position_of(flags, position, bearing_deg, f32::from(kmh), battery)
        }
        [a0, a1, a2, o0, o1, o2, motion, battery, flags] if f_port == 4 => {
            // The sign stands in the highest of three bytes.
            let degrees = |low, mid, high| f64::from(i32::from_le_bytes([0, low, mid, high]) >> 8) * 256e-7;
            let position = (degrees(a0, a1, a2), degrees(o0, o1, o2));
            let bearing_deg = f32::from(motion & 0b111) * 45.0;
            position_of(flags, position, bearing_deg, f32::from(motion >> 3) * 5.0, battery)
        }
        [answer, major, minor] if f_port == 2 => {
            let mut report = Report { kind: "downlink_answer", ..Report::default() };
            report.note("accepted", json!(answer & 0x80 != 0));
            report.note("firmware", json!(format!("{major}.{minor}")));
            Ok(report)
        }
        [..] if f_port == 3 && payload.len() == 11 => Ok(Report { kind: "statistics", ..Report::default() }),
        _ if (1..=4).contains(&f_port) => Err(foreign_payload(payload, f_port, Decoder::Oyster)),
        _ => Err(foreign_port(f_port, Decoder::Oyster)),
    }
}

/// The payload without what it says of a person.
pub fn redact(f_port: i32, payload: &[u8]) -> Vec<u8> {
    let mut kept = payload.to_vec();
    if let (4, [_, _, _, _, _, _, _, _, flags]) = (f_port, &mut kept[..]) {
        *flags &= !PERSON_DOWN;
    }
    kept
}

fn position_of(
    flags: u8,
    (lat, lon): (f64, f64),
    bearing_deg: f32,
    speed_kmh: f32,
    battery: u8,
) -> Result<Report, Fault> {
    let position = LatLon::new(lat, lon)
        .ok_or_else(|| Fault::malformed(Spot::Payload, Mistake::NoPosition(lat, lon)))?;
    let has_failed = flags & FIX_FAILED != 0;
    let fix = VehicleFix {
        position: Some(position),
        speed_mps: Some(speed_kmh / 3.6),
        // Of one that stands it says nothing.
        bearing_deg: (speed_kmh > 0.0).then_some(bearing_deg),
        ..VehicleFix::default()
    };
    let mut report = Report {
        fix: (!has_failed).then(|| Box::new(fix)),
        kind: if has_failed { "no_fix" } else { "position" },
        battery_v: Some(f32::from(battery) * 0.025),
        ..Report::default()
    };
    report.note("on_a_trip", json!(flags & 1 != 0));
    Ok(report)
}
