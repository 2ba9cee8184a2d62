//! Every published payload, in the hands of every decoder.

use std::collections::{BTreeMap, BTreeSet};

use domain::{BothWays, Decoder, LatLon, Reason};
use serde_json::{Value, json};

use crate::decode::lorawan::{decode_device, redact};
use crate::decode::samples::{hex, shared};

/// Payloads that makers and others have published as examples, and three of our own where there is none (`false`): device, port
/// (2 where none is published), bytes. Sources: TheThingsNetwork/lorawan-devices (Apache-2.0), `vendor/*/*-codec.yaml`;
/// ZennerIoT/element-parsers (MIT); tago-io/decoders.
const PAYLOADS: [(Decoder, i32, &str, bool); 28] = [
    (Decoder::BoschTps110, 1, "01", true),
    (Decoder::BoschTps110, 3, "240300007503000000000000001d020301", true),
    (Decoder::BoschTps110, 1, "00", true),
    (Decoder::BoschTps110, 2, "00", true),
    (Decoder::BoschTps110, 2, "01", true),
    (Decoder::BoschTps110, 3, "d0000000ab0301f50c0000000017030301", true),
    (Decoder::BoschTps110, 3, "d0000000ab0301f50c0000000017030401", true),
    (Decoder::Libelium, 2, "006e000900390000000000", true),
    (Decoder::Libelium, 2, "805b0009001400de0a0801", true),
    (Decoder::Libelium, 2, "81c60014053300d90c80c8", true),
    (Decoder::Libelium, 2, "04001e0e7cf2d9f91e0ddf", true),
    (Decoder::Libelium, 2, "060a00001f00c60561ed91", true),
    (Decoder::Libelium, 2, "07ad0013001d00000000c8", true),
    (Decoder::Libelium, 2, "090a00001f00c60561ed91", true),
    (Decoder::Placepod, 2, "3f01013766002100201c01011566010302015e026700f0010101cafebabe", true),
    (Decoder::Placepod, 2, "376601", true),
    (Decoder::Placepod, 2, "156601", true),
    (Decoder::Placepod, 2, "376600", true),
    (Decoder::DingtekDo200, 3, "800002011500000000016f0079ffb0fff500000081", true),
    (Decoder::DingtekDo200, 3, "8000020311000b18020a05a0003c000081", true),
    (Decoder::DingtekDo202, 3, "800032021706b4000001610010fff6fff08b2d00010081", true),
    (Decoder::MilesightEm400Udl, 2, "01755c0367010104824408050001", true),
    (Decoder::TekziPark, 1, "a0fc03", false),
    (Decoder::TekziPark, 2, "050c0322eb0c05f8130200b4", false),
    (Decoder::ParametricPcr2, 14, "be01040001000200030004 1c20 0ce4 0139", true),
    (Decoder::ParametricPcr2, 190, PCR2_SETTINGS, true),
    (Decoder::ParametricPcr2, 14, "0a0003 160001 0100fa", false),
    (Decoder::Oyster, 1, "0030edec 00322445 00 00 de", true),
];
const PCR2_SETTINGS: &str =
    "be0105 01 030a00 00 02 00 01 000a 05a0 0000 0000 0078 01 28 0032 00c8 01 07 00 3c 040101";

#[test]
fn each_published_payload_is_read_by_its_own_decoder_and_by_those_that_the_documents_name() {
    let feeds = include_str!("../../../../../docs/FEEDS.md");
    let mut others: BTreeMap<Decoder, BTreeSet<&str>> = BTreeMap::new();
    for (own, port, text, _) in PAYLOADS {
        for decoder in Decoder::ALL {
            match decode_device(*decoder, port, &hex(text), Some(2_200)) {
                Ok(_) => drop(others.entry(own).or_default().insert(decoder.as_str())),
                Err(fault) => {
                    assert_ne!(own, *decoder, "{text}: {fault:?}");
                    assert_eq!(fault.reason, Reason::Malformed, "{text} to {decoder}");
                    let is_named = ["payload: ", "f_port: "]
                        .iter()
                        .any(|field| fault.detail.to_string().starts_with(field));
                    assert!(is_named, "{text} to {decoder}: {}", fault.detail);
                }
            }
        }
    }
    assert_eq!(others.keys().copied().collect::<Vec<_>>(), Decoder::ALL);
    let mut missing = Vec::new();
    for (own, accepting) in others {
        let others: Vec<String> = accepting
            .into_iter()
            .filter(|name| *name != own.as_str())
            .map(|name| format!("`{name}`"))
            .collect();
        let row =
            format!("| `{own}` | {} |", if others.is_empty() { "none".into() } else { others.join(", ") });
        if !feeds.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "docs/FEEDS.md lacks:\n{}", missing.join("\n"));
}

#[test]
fn each_decoder_reports_on_the_kind_of_place_that_its_device_is_bound_to() {
    for (decoder, port, text, _) in PAYLOADS {
        let report = decode_device(decoder, port, &hex(text), Some(2_200)).unwrap();
        let of = [
            ("bay", report.state.is_some()),
            ("site", report.passed.is_some()),
            ("vehicle", report.fix.is_some()),
        ];
        for (kind, is_so) in of {
            assert!(!is_so || decoder.reports_on() == kind, "{decoder}: {text}");
        }
    }
    for kind in ["bay", "site", "vehicle"] {
        assert!(!Decoder::choices_for(kind).is_empty(), "{kind}");
    }
}

#[test]
fn all_published_payloads_are_among_them() {
    let Some(file) = shared("formats/lorawan_parking_examples.json") else { return };
    let file: Value = serde_json::from_slice(&file).unwrap();
    for example in file["examples"].as_array().unwrap() {
        let bytes = hex(example["hex"].as_str().unwrap());
        assert!(PAYLOADS.iter().any(|(_, _, text, _)| hex(text) == bytes), "{}", example["hex"]);
    }
}

#[test]
fn what_a_radar_publishes_is_what_it_counted() {
    let counts =
        decode_device(Decoder::ParametricPcr2, 14, &hex("be01040001000200030004 1c20 0ce4 0139"), None)
            .unwrap();
    assert_eq!(counts.passed, Some(BothWays { entries: 1, exits: 2 }));
    assert_eq!(counts.total, Some(BothWays { entries: 3, exits: 4 }));
    assert_eq!((counts.battery_v, counts.temperature_c), (Some(7.2), Some(31.3)));
    assert_eq!(counts.fields["solar_mw"], json!(3_300));
    let settings = decode_device(Decoder::ParametricPcr2, 190, &hex(PCR2_SETTINGS), None).unwrap();
    assert_eq!((settings.subject(), settings.kind), (None, "settings"));
    assert_eq!(settings.fields["firmware"], json!("3.10.0"));
}

#[test]
fn a_radar_has_three_layouts_and_refuses_parts_of_them() {
    let read = |port, text: &str| decode_device(Decoder::ParametricPcr2, port, &hex(text), None);
    let third = read(14, "be0103 0001 ffff 0003 fffe 63 0ce4 ff9c").unwrap();
    assert_eq!(third.passed, Some(BothWays { entries: 1, exits: 65_535 }));
    assert_eq!(third.total, Some(BothWays { entries: 3, exits: 65_534 }));
    assert_eq!((third.battery_v, third.temperature_c), (None, Some(-10.0)));
    let elsys = read(14, "0a0003 160001 0100fa").unwrap();
    assert_eq!((elsys.passed, elsys.total), (Some(BothWays { entries: 3, exits: 1 }), None));
    assert_eq!(elsys.temperature_c, Some(25.0));
    let without_charger = read(14, "be0104 0000 0000 0000 0000 0000 0000 0000").unwrap();
    assert_eq!((without_charger.battery_v, without_charger.passed), (None, Some(BothWays::default())));
    for (port, text) in [
        (14, "be0104 0001 0002 0003 0004 1c20 0ce4 01"),
        (14, "be0104 0001 0002 0003 0004 1c20 0ce4 0139 00"),
        (14, "be0105 0001 0002 0003 0004 1c20 0ce4 0139"),
        (14, "0a0003"),
        (14, "0a0003 1600"),
        (14, "0a0003 160001 77"),
        (14, ""),
        (190, "be0105"),
        (190, "00"),
        (1, "be0104 0001 0002 0003 0004 1c20 0ce4 0139"),
    ] {
        assert_eq!(read(port, text).unwrap_err().reason, Reason::Malformed, "{port}: {text}");
    }
}

#[test]
fn a_tracker_says_where_it_is_unless_its_fix_has_failed() {
    let read = |port, text: &str| decode_device(Decoder::Oyster, port, &hex(text), None).unwrap();
    let published = read(1, "0030edec 00322445 00 00 de");
    let fix = published.fix.unwrap();
    assert_eq!(fix.position, LatLon::new(-32.0, 116.0));
    assert_eq!((fix.speed_mps, fix.bearing_deg, published.battery_v), (Some(0.0), None, Some(5.55)));
    // 51.94, 7.17: on a trip, eastwards at 36 km/h.
    let moving = read(1, "406af51e 200e4604 41 24 c8");
    let moving = moving.fix.unwrap();
    assert_eq!(moving.position, LatLon::new(51.94, 7.17));
    assert_eq!((moving.speed_mps, moving.bearing_deg), (Some(10.0), Some(90.0)));
    assert_eq!(read(1, "0030edec 00322445 02 00 de").subject(), None, "the last fix, sent again");
    let short = read(4, "30edec 322445 51 c8 04");
    let fix = short.fix.unwrap();
    assert_eq!(fix.position, LatLon::new(-32.0, 116.0));
    assert_eq!(redact(Decoder::Oyster, 4, &hex("30edec 322445 51 c8 05")), hex("30edec 322445 51 c8 01"));
    assert_eq!((fix.speed_mps, fix.bearing_deg), (Some(50.0 / 3.6), Some(45.0)));
    assert_eq!(
        (read(2, "81 03 02").kind, read(3, "00112233445566778899aa").kind),
        ("downlink_answer", "statistics")
    );
    for (port, text) in
        [(1, "0030edec"), (4, "15b7ec"), (2, "81"), (3, "81"), (5, "81"), (1, "ffffff7f 00322445 00 00 de")]
    {
        let fault = decode_device(Decoder::Oyster, port, &hex(text), None).unwrap_err();
        assert_eq!(fault.reason, Reason::Malformed, "{port}: {text}");
    }
}
