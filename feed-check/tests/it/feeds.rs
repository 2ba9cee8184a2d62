//! Feeds that were broken on purpose, and what becomes of a check whatever arrives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::Lang;
use domain::feed_check::Verdict;
use domain::{FeedFormat, UtcMicros};
use feed_check::{Check, County, Message, Options, Report, render};
use serde_json::Value;

use crate::{assert_german, checked, root};

fn broken(name: &str) -> Report {
    checked(&root().join("feed-check/tests/broken").join(format!("{name}.txt")), Options::default())
}

fn codes(report: &Report) -> Vec<String> {
    let json: Value = serde_json::from_str(&render::json(report, Lang::En)).unwrap();
    json["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect()
}

fn reasons(report: &Report) -> Vec<(&'static str, &str, u64)> {
    report.faults.iter().map(|group| (group.reason.as_str(), group.field.as_str(), group.count)).collect()
}

#[test]
fn local_times_are_named_with_what_is_missing() {
    let report = broken("local-time");
    assert_eq!(report.verdict, Verdict::Faults);
    assert_eq!(reasons(&report), [("malformed", "at", 6)]);
    assert!(report.faults[0].remedy.contains("offset") && report.faults[0].excerpt.contains("12:59:58"));
}

#[test]
fn a_clock_that_is_ahead_is_measured() {
    let report = broken("clock-ahead");
    assert_eq!(reasons(&report), [("clock_ahead", "at", 6)]);
    assert_eq!((report.clocks.ahead, report.clocks.median_s), (6, Some(3_599.0)));
    assert_eq!(codes(&report), ["rejected", "clock_offset"]);
    assert_eq!((report.pace.per_hour, report.pace.longest_gap_s), (Some(60.0), Some(60.0)));
}

#[test]
fn personal_data_is_found_and_never_shown() {
    let report = broken("personal");
    assert_eq!((report.verdict, report.faults.len()), (Verdict::Faults, 0));
    let found: Vec<String> =
        report.fields.iter().filter(|f| !f.personal.is_empty()).map(|f| f.path.clone()).collect();
    assert_eq!(found, ["beacon_mac", "driver.name", "driver.phone", "plate"]);
    for shown in
        [render::json(&report, Lang::De), render::text(&report, Lang::De), render::page(&report, Lang::En)]
    {
        for secret in ["COE-XY", "Muster\"", "00000", "02:00:00"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
    }
}

#[test]
fn payloads_that_no_decoder_reads_and_old_servers_are_named() {
    let report = broken("wrong-port");
    assert_eq!(codes(&report), ["rejected", "no_decoder"]);
    let lorawan = report.lorawan.unwrap();
    assert_eq!((lorawan.uplinks, lorawan.unread, lorawan.missing_frames), (4, 2, 2));
    assert_eq!((lorawan.unread_examples[0].f_port, lorawan.unread_examples[0].hex.as_str()), (85, "01"));
    assert_eq!(
        (lorawan.decoders[0].decoder, lorawan.decoders[0].accepted, lorawan.decoders[0].of),
        ("bosch-tps110", 2, 4)
    );
    assert!(report.faults[0].detail.contains("ChirpStack v3"));
}

#[test]
fn each_mistake_has_a_group_of_its_own() {
    let report = broken("words");
    let found: BTreeMap<&str, u64> = report.faults.iter().map(|g| (g.field.as_str(), g.count)).collect();
    assert_eq!(found, [("state", 1), ("battery_v", 1), ("occupied", 1), ("topic", 1)].into());
    assert_eq!((report.duplicates, report.out_of_order), (1, 1));
    assert_eq!((report.dropped_fields[0].field.as_str(), report.dropped_fields[0].count), ("battery_v", 2));
}

fn message(topic: &str, payload: &[u8]) -> Message {
    let received_at = UtcMicros::parse("2026-11-28T12:00:00Z").ok();
    Message { received_at, topic: Some(topic.into()), qos: Some(1), retain: false, payload: payload.to_vec() }
}

#[test]
fn nothing_and_what_is_not_read_is_not_checked() {
    let report = Check::new(Options::default()).finish("nothing");
    assert_eq!((report.verdict, codes(&report)), (Verdict::NotChecked, vec!["nothing_arrived".into()]));
    let mut check = Check::new(Options::default());
    check.note(&message("d2", b"<d2LogicalModel/>"));
    let report = check.finish("datex");
    assert_eq!((report.verdict.exit_code(), codes(&report)), (2, vec!["unread".into()]));
    assert!(render::text(&report, Lang::De).contains("DATEX II"));
    let mut check = Check::new(Options { format: Some(FeedFormat::Native), county: None });
    check.note(&message("kv/1/f/bay/b", b"<d2LogicalModel/>"));
    assert_eq!(check.finish("asked").verdict, Verdict::Faults);
    let mut check = Check::new(Options::default());
    check.note(&message("kv/1/f/bay/b", br#"{"at":"2026-11-28T12:00:00Z","state":"vacant"}"#));
    check.failed("connection refused".into());
    let report = check.finish("failed");
    assert_eq!(report.verdict.exit_code(), 2);
    assert!(render::text(&report, Lang::En).contains("connection refused"));
}

#[test]
fn a_page_shows_what_was_sent_and_runs_nothing_of_it() {
    let evil = "<script>alert(1)</script>";
    let mut check = Check::new(Options::default());
    check.note(&message(
        &format!("kv/1/f/bay/{evil}"),
        format!("{{\"{evil}\":\"{evil}\",\"state\":\"{evil}\"}}").as_bytes(),
    ));
    let page = render::page(&check.finish(&format!("mqtt://h \u{202e}{evil}")), Lang::De);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;") && !page.contains('\u{202e}'));
    assert!(page.contains("default-src 'none'") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn whatever_arrives_tables_are_bounded() {
    let mut check = Check::new(Options::default());
    check.note(&message(
        &format!("kv/1/f/bay/{}", "b".repeat(60_000)),
        br#"{"at":"2026-11-28T12:00:00Z","state":"vacant"}"#,
    ));
    for n in 0..60_000 {
        let letters =
            (0..4).map(|digit| char::from(b'a' + (n >> (4 * digit) & 15) as u8)).collect::<String>();
        let body = format!(
            r#"{{"at":"2026-11-28T12:00:00Z","state":"vacant","{letters}{}":{n}}}"#,
            "x".repeat(n % 400)
        );
        check.note(&message(&format!("kv/1/f/bay/b{n}"), body.as_bytes()));
    }
    let report = check.finish("many");
    assert_eq!((report.messages, report.verdict), (60_001, Verdict::Good));
    assert_eq!((report.coverage.heard, report.topics.len(), report.fields.len()), (50_000, 50, 300));
    assert!(report.other_fields > 0 && render::json(&report, Lang::En).len() < 200_000);
}

/// A county of one town, in a folder that goes away.
fn county(folder: &std::path::Path) -> County {
    let write = |name: &str, content: &str| std::fs::write(folder.join(name), content).unwrap();
    write("municipalities.csv", "slug,name,ags,lat,lon\nmusterdorf,Musterdorf,05999010,51.738,7.527\n");
    let bay = |n: u32| {
        format!(
            r#"{{"type":"Feature","properties":{{"id":"markt-{n}","municipality":"musterdorf"}},"geometry":{{"type":"Point","coordinates":[7.526{n},51.738]}}}}"#
        )
    };
    let bays: Vec<String> = (1..=4).map(bay).collect();
    write("bays.geojson", &format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, bays.join(",")));
    write(
        "sensors.csv",
        "id,feed,decoder,bay,heartbeat_s\n70b3d57ed0051a01,lora,bosch-tps110,markt-1,86400\n70b3d57ed0051a02,lora,bosch-tps110,markt-2,86400\n",
    );
    write(
        "feeds.toml",
        "[[feed]]\nid = \"lora\"\nmunicipality = \"musterdorf\"\nformat = \"chirpstack\"\ntopic = \"application/1/device/+/event/+\"\n\n\
         [[feed]]\nid = \"musterdorf\"\nmunicipality = \"musterdorf\"\nformat = \"native\"\ntopic = \"kv/1/musterdorf/#\"\n",
    );
    County::read(&[PathBuf::from(folder)], UtcMicros::parse("2026-11-28T12:00:00Z").unwrap()).unwrap()
}

#[test]
fn with_places_it_says_what_the_product_would_and_who_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let mut check = Check::new(Options { format: None, county: Some(county(folder.path())) });
    let up = |device: &str, port: u32| {
        let body = format!(
            r#"{{"deviceInfo":{{"devEui":"{device}"}},"fPort":{port},"data":"AQ==","rxInfo":[{{"nsTime":"2026-11-28T11:59:59Z"}}]}}"#
        );
        message(&format!("application/1/device/{device}/event/up"), body.as_bytes())
    };
    check.note(&up("70b3d57ed0051a01", 1));
    check.note(&up("70b3d57ed0051a01", 85));
    check.note(&up("70b3d57ed00ffff1", 1));
    check.note(&message("kv/1/musterdorf/bay/markt-3", br#"{"at":"2026-11-28T12:00:00Z","state":"vacant"}"#));
    check.note(&message("kv/1/musterdorf/bay/markt-9", br#"{"at":"2026-11-28T12:00:00Z","state":"vacant"}"#));
    check.note(&message("kv/1/other/bay/markt-1", br#"{"at":"2026-11-28T12:00:00Z","state":"vacant"}"#));
    let report = check.finish("county");
    let found: BTreeMap<&str, u64> = report.faults.iter().map(|g| (g.reason.as_str(), g.count)).collect();
    assert_eq!(
        found,
        [("malformed", 1), ("unknown_sensor", 1), ("unknown_place", 1), ("unknown_topic", 1)].into()
    );
    // The bays of the other feed's sensors are not expected of the native one.
    assert_eq!(report.coverage.expected, Some(4));
    assert_eq!(report.coverage.silent_ids, ["70b3d57ed0051a02", "markt-4"]);
    assert!(County::read(&[folder.path().join("absent")], UtcMicros::EPOCH).is_err());
}

#[test]
fn sentences_are_there_in_both_languages() {
    for name in ["local-time", "clock-ahead", "personal", "wrong-port", "words"] {
        let report = broken(name);
        let (de, en) = (render::text(&report, Lang::De), render::text(&report, Lang::En));
        assert!(de.starts_with("feed-check") && de.contains("Nicht in Ordnung") && en.contains("Not good"));
        assert_eq!(de.lines().count(), en.lines().count(), "{name}");
        let (page, json) = (render::page(&report, Lang::De), render::json(&report, Lang::De));
        for group in &report.faults {
            assert_german(group, name);
            for shown in [&de, &page, &json] {
                assert!(!shown.contains(&group.detail) && !shown.contains(&group.remedy), "{name}: {shown}");
            }
            assert!(de.contains(group.reason.words(Lang::De)) && en.contains(&group.remedy), "{name}");
        }
    }
}
