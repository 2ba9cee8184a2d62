//! Layouts, traps and decisions of each device.

use domain::{BayState, Decoder, Reason};
use serde_json::json;

use crate::decode::lorawan::{Report, decode_device, redact};
use crate::decode::samples::hex;

const VACANT: Option<BayState> = Some(BayState::Vacant);
const OCCUPIED: Option<BayState> = Some(BayState::Occupied);

fn read(decoder: Decoder, f_port: i32, payload: &str) -> Report {
    decode_device(decoder, f_port, &hex(payload), Some(1_600)).unwrap_or_else(|e| panic!("{payload}: {e:?}"))
}

fn refuse(decoder: Decoder, f_port: i32, payload: &str) -> String {
    let fault = decode_device(decoder, f_port, &hex(payload), None).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed, "{payload}");
    fault.detail.to_string()
}

#[test]
fn bosch_heartbeats_have_a_temperature_or_none() {
    assert_eq!(read(Decoder::BoschTps110, 2, "00").temperature_c, None);
    assert_eq!(read(Decoder::BoschTps110, 2, "01 f6").temperature_c, Some(-10.0));
    assert_eq!(read(Decoder::BoschTps110, 1, "01 15").state, OCCUPIED);
    assert_eq!(read(Decoder::BoschTps110, 4, "0102030405").state, None);
    assert!(refuse(Decoder::BoschTps110, 1, "010000").contains("3 bytes on port 1"));
    assert!(refuse(Decoder::BoschTps110, 9, "01").contains("f_port: 9"));
}

#[test]
fn libelium_renews_the_state_with_three_kinds_of_frames_only() {
    for kind in 0..16 {
        let report = read(Decoder::Libelium, 3, &format!("8{kind:x} 5b 00 09 00 14 00 de 0a 08 01"));
        assert_eq!(report.state, (kind <= 2).then_some(BayState::Occupied), "{kind}");
        assert_eq!(report.temperature_c, (kind <= 1).then_some(9.0), "{kind}");
    }
    let flags = read(Decoder::Libelium, 3, "71 01 00 f6 00 14 00 de 0a 08 01");
    assert_eq!(flags.temperature_c, Some(-10.0));
    for name in ["battery_low", "configuration_refused", "recalibrated"] {
        assert_eq!(flags.fields[name], json!(true), "{name}");
    }
    assert!(refuse(Decoder::Libelium, 3, "80 5b 00 09").contains("4 bytes"));
    assert!(refuse(Decoder::Libelium, 3, "").contains("0 bytes"));
}

#[test]
fn placepod_keeps_what_it_understood() {
    let garbage = read(Decoder::Placepod, 2, "15 66 01 ca fe");
    assert_eq!((garbage.state, &garbage.fields["unread_bytes"]), (OCCUPIED, &json!(2)));
    let cut_off = read(Decoder::Placepod, 2, "37 66 00 02 67 00");
    assert_eq!((cut_off.state, cut_off.temperature_c, cut_off.kind), (VACANT, None, "keep_alive"));
    let both_ways = ["15 66 01 37 66 00", "37 66 00 15 66 01"].map(|p| read(Decoder::Placepod, 2, p).state);
    assert_eq!(both_ways, [OCCUPIED; 2]);
    let restarted = read(Decoder::Placepod, 2, "21 00 81");
    assert_eq!((restarted.state, &restarted.fields["restarted"]), (None, &json!(true)));
    let frost = read(Decoder::Placepod, 2, "02 67 ff 9c 03 02 01 5e");
    assert_eq!((frost.temperature_c, frost.battery_v), (Some(-10.0), Some(3.5)));
    // Neither vacant nor occupied, as while it calibrates: then nobody knows.
    assert_eq!(read(Decoder::Placepod, 2, "15 66 02").state, Some(BayState::Unknown));
    assert_eq!(read(Decoder::Placepod, 2, "15 66 01 15 66 07").state, Some(BayState::Occupied));
    assert!(refuse(Decoder::Placepod, 2, "ca fe ba be").contains("15 66"));
    refuse(Decoder::Placepod, 2, "");
}

#[test]
fn dingtek_reads_reports_and_never_takes_parameters_for_a_state() {
    let occupied = read(Decoder::DingtekDo200, 3, "80 00 02 02 15 00b4 10 11 016f 0079 ffb0 fff5 0102 00 81");
    assert_eq!((occupied.state, occupied.battery_v), (OCCUPIED, Some(3.67)));
    assert_eq!(occupied.fields["level_mm"], json!(180));
    assert_eq!(occupied.fields["magnet"], json!([121, -80, -11]));
    assert_eq!(occupied.fields["battery_low"], json!(true));
    assert_eq!(occupied.fields["frame_counter"], json!(258));
    // 17 bytes of the DO200, 16 of the DO202: published.
    let parameters = read(Decoder::DingtekDo202, 3, "80 00 32 03 10 01 01 18 1e 3c 00 3c 14 00 00 81");
    assert_eq!((parameters.state, parameters.kind), (None, "parameters"));
    assert_eq!(parameters.fields["firmware"], json!("1.1"));
}

#[test]
fn dingtek_do202_loses_its_impossible_temperature_not_its_state() {
    let published = "80 00 32 02 17 06b4 00 00 0161 0010 fff6 fff0 8b 2d 0001 00 81";
    let report = read(Decoder::DingtekDo202, 3, published);
    assert_eq!((report.state, report.temperature_c, report.battery_v), (VACANT, None, Some(3.53)));
    assert_eq!((&report.fields["humidity_pct"], &report.fields["frame_counter"]), (&json!(45), &json!(1)));
    let warm =
        read(Decoder::DingtekDo202, 3, "80 00 32 01 17 0000 10 00 0161 0010 fff6 fff0 16 2d 0001 00 81");
    assert_eq!((warm.state, warm.temperature_c), (OCCUPIED, Some(22.0)));
    assert!(refuse(Decoder::DingtekDo200, 3, published).contains("decoder in sensors.csv"));
    assert!(refuse(Decoder::DingtekDo202, 2, published).contains("f_port: 2"));
    refuse(Decoder::DingtekDo202, 3, "");
}

#[test]
fn milesight_is_occupied_below_its_threshold() {
    let at = |payload: &str, threshold_mm| {
        decode_device(Decoder::MilesightEm400Udl, 85, &hex(payload), threshold_mm).map(|r| r.state)
    };
    assert_eq!(at("04 82 3f 06", Some(1_600)), Ok(OCCUPIED));
    assert_eq!(at("04 82 40 06", Some(1_600)), Ok(VACANT));
    assert_eq!(at("84 82 00 00 01", Some(1_600)), Ok(OCCUPIED));
    assert_eq!(at("04 82 ff ff", Some(1_600)), Ok(Some(BayState::Unknown)));
    // Speaks of the device: needs no threshold.
    assert_eq!(at("01 75 5c 05 00 01", None), Ok(None));
    assert_eq!(at("ff 0b ff ff 01 01", None), Ok(None));
    let fault = at("04 82 40 06", None).unwrap_err();
    assert_eq!(fault.reason, Reason::UnsupportedDevice);
    assert!(fault.detail.to_string().contains("threshold_mm in sensors.csv"), "{}", fault.detail);
    let alarm = read(Decoder::MilesightEm400Udl, 85, "01 75 64 83 67 9c ff 01 84 82 34 03 01 05 00 00 77");
    assert_eq!((alarm.battery_pct, alarm.temperature_c, alarm.state), (Some(100.0), Some(-10.0), OCCUPIED));
    assert_eq!(alarm.fields["unread_bytes"], json!(1));
    refuse(Decoder::MilesightEm400Udl, 85, "99");
}

#[test]
fn tekzipark_forgets_whose_permit_it_heard() {
    let change = hex("a0 fc 03 ba 12 34 56 78");
    let report = decode_device(Decoder::TekziPark, 1, &change, None).unwrap();
    assert_eq!((report.state, report.temperature_c, report.kind), (OCCUPIED, Some(-4.0), "state_change"));
    assert_eq!(report.fields["battery_low"], json!(false));
    let kept = redact(Decoder::TekziPark, 1, &change);
    assert_eq!(kept, hex("a0 fc 03"));
    assert_eq!(decode_device(Decoder::TekziPark, 1, &kept, None), Ok(report.clone()));
    let text = format!("{report:?}");
    for id in [0x1234.to_string(), 0x5678.to_string(), "-70".into()] {
        assert!(!text.contains(&id), "{text}");
    }
    assert_eq!(redact(Decoder::TekziPark, 7, &change), hex(""));
}

#[test]
fn tekzipark_reports_its_health_on_port_2() {
    let payload = "05 0c 03 22 eb 0c 05 f8 13 02 00 b4";
    let report = read(Decoder::TekziPark, 2, payload);
    assert_eq!((report.state, report.kind), (VACANT, "keep_alive"));
    assert_eq!(report.fields["deflection"], json!([34, -21, 12]));
    assert_eq!((&report.fields["fault_code"], &report.fields["radar_reflection"]), (&json!(2), &json!(180)));
    assert_eq!(redact(Decoder::TekziPark, 2, &hex(payload)), hex(payload));
    assert!(refuse(Decoder::TekziPark, 2, "05 0c 03").contains("12 there"));
    assert!(refuse(Decoder::TekziPark, 1, "05").contains("3 or more"));
    assert!(refuse(Decoder::TekziPark, 3, "05 0c 03").contains("ports 1 and 2"));
}

#[test]
fn no_road_is_hotter_than_water_boils() {
    assert_eq!(read(Decoder::Placepod, 2, "02 67 03 e8 15 66 00").temperature_c, Some(100.0));
    let broken = read(Decoder::Placepod, 2, "02 67 7f ff 15 66 00");
    assert_eq!((broken.temperature_c, broken.state), (None, VACANT));
}
