//! Every published device payload against what its publisher says it means.

use domain::{BayState, Decoder};
use serde_json::Value;

use crate::decode::lorawan::{Report, decode_device, redact};
use crate::decode::samples::shared;

fn decoder(sensor: &str) -> Decoder {
    match sensor {
        s if s.starts_with("TPS110") => Decoder::BoschTps110,
        s if s.starts_with("Smart Parking") => Decoder::Libelium,
        s if s.starts_with("PlacePod") => Decoder::Placepod,
        s if s.starts_with("DO200") => Decoder::DingtekDo200,
        s if s.starts_with("EM400-UDL") => Decoder::MilesightEm400Udl,
        other => panic!("no decoder for {other}"),
    }
}

/// The state that the publisher's fields say, whatever they are called.
fn stated(expected: &Value) -> Option<BayState> {
    let is_occupied =
        ["occupied", "map_state", "parking_slot_status", "parking_status", "occupancy", "alarmPark"]
            .iter()
            .find_map(|name| expected.get(*name))?;
    let is_occupied = is_occupied.as_bool().unwrap_or_else(|| is_occupied.as_u64() == Some(1));
    Some(if is_occupied { BayState::Occupied } else { BayState::Vacant })
}

fn assert_close(what: &str, ours: Option<f32>, theirs: Option<&Value>) {
    let theirs = theirs.and_then(Value::as_f64).map(|v| v as f32);
    let is_close = match (ours, theirs) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-4,
        (a, b) => a == b,
    };
    assert!(is_close, "{what}: {ours:?}, published {theirs:?}");
}

/// `ours` = the name under which we keep it; enumerations are compared elsewhere.
fn assert_fields(report: &Report, expected: &Value) {
    let pairs = [
        ("frame_counter", "frame_counter"),
        ("Frame_Counter", "frame_counter"),
        ("sensor_error", "sensor_error"),
        ("firmware_version", "firmware"),
        ("vehicle_count", "vehicle_count"),
        ("reboot_response", "reboot_response"),
        ("recalibrate_success", "recalibrate_response"),
        ("deactivate_response", "deactivate_response"),
        ("level", "level_mm"),
        ("alarmLevel", "level_alarm"),
        ("alarmMagnet", "magnet_alarm"),
        ("alarmBattery", "battery_low"),
        ("firmware", "firmware"),
        ("uploadInterval", "upload_interval_h"),
        ("distance", "distance_mm"),
    ];
    for (theirs, ours) in pairs {
        if let (Some(theirs), Some(ours)) = (expected.get(theirs), report.fields.get(ours)) {
            assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn published_payloads_mean_what_their_publishers_say() {
    let Some(file) = shared("formats/lorawan_parking_examples.json") else { return };
    let file: Value = serde_json::from_slice(&file).unwrap();
    let examples = file["examples"].as_array().unwrap();
    for example in examples {
        let id = &example["id"];
        let bytes: Vec<u8> =
            example["bytes"].as_array().unwrap().iter().map(|b| b.as_u64().unwrap() as u8).collect();
        let f_port = example["f_port"].as_i64().unwrap_or(2) as i32;
        let decoder = decoder(example["sensor"].as_str().unwrap());
        let expected = &example["expected"];
        let report =
            decode_device(decoder, f_port, &bytes, Some(2_200)).unwrap_or_else(|e| panic!("{id}: {e:?}"));

        match decoder {
            // These frames speak of the device, whatever their bit 7 says.
            Decoder::Libelium if expected["frame_type"].as_u64() > Some(2) => {
                assert_eq!(report.state, None, "{id}")
            }
            // 2116 mm is nearer than the threshold above.
            Decoder::MilesightEm400Udl => assert_eq!(report.state, Some(BayState::Occupied), "{id}"),
            _ => assert_eq!(report.state, stated(expected), "{id}"),
        }
        assert_close(&format!("{id} temperature"), report.temperature_c, expected.get("temperature"));
        let volts = expected.get("volt").or(expected.get("battery").filter(|_| decoder == Decoder::Placepod));
        assert_close(&format!("{id} battery"), report.battery_v, volts);
        let percent = expected.get("battery").filter(|_| decoder == Decoder::MilesightEm400Udl);
        assert_close(&format!("{id} battery"), report.battery_pct, percent);
        assert_fields(&report, expected);
        assert_eq!(redact(decoder, f_port, &bytes), bytes, "{id}");
    }
    assert_eq!(examples.len(), 22);
}
