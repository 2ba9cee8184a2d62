use std::fmt::Write;

use domain::Lang;
use prost::Message;

use super::super::decode;
use super::super::proto::{Alert as Sent, FeedEntity, FeedHeader, TimeRange, Translation};
use super::*;
use crate::decode::Decoded;
use crate::decode::samples::shared;

const NOW: u64 = 1_790_000_000;

#[derive(Clone, PartialEq, Message)]
struct FeedMessage {
    #[prost(message, optional, tag = "1")]
    header: Option<FeedHeader>,
    #[prost(message, repeated, tag = "2")]
    entity: Vec<FeedEntity>,
}

fn sent(incrementality: i32, entity: Vec<FeedEntity>) -> Decoded {
    let header = FeedHeader {
        gtfs_realtime_version: Some("2.0".into()),
        incrementality: Some(incrementality),
        timestamp: Some(NOW),
    };
    decode(&FeedMessage { header: Some(header), entity }.encode_to_vec())
}

fn entity(id: &str, alert: Sent) -> FeedEntity {
    FeedEntity { id: Some(id.into()), alert: Some(alert), ..FeedEntity::default() }
}

fn said(texts: &[(Option<&str>, &str)]) -> Option<TranslatedString> {
    let of = |(lang, text): &(Option<&str>, &str)| Translation {
        text: Some((*text).to_owned()),
        language: lang.map(str::to_owned),
    };
    Some(TranslatedString { translation: texts.iter().map(of).collect() })
}

fn at_stop(id: &str) -> EntitySelector {
    EntitySelector { stop_id: Some(id.into()), ..EntitySelector::default() }
}

/// A good alert.
fn closed() -> Sent {
    Sent { header_text: said(&[(None, "Gesperrt")]), informed_entity: vec![at_stop("s")], ..Sent::default() }
}

fn read(decoded: &Decoded) -> Vec<&Alert> {
    decoded.alerts.iter().flat_map(|stated| &stated.sets).flat_map(|set| &set.alerts).collect()
}

/// What was taken of a message, and what was not.
fn summary(decoded: &Decoded) -> String {
    let alerts = read(decoded);
    let mut text = format!(
        "{} alerts, {} selectors, {} periods; {} about nothing, {} with several periods, {} without an end\n",
        alerts.len(),
        alerts.iter().map(|a| a.about.len()).sum::<usize>(),
        alerts.iter().map(|a| a.periods.len()).sum::<usize>(),
        alerts.iter().filter(|a| a.about.is_empty()).count(),
        alerts.iter().filter(|a| a.periods.len() > 1).count(),
        alerts.iter().filter(|a| a.periods.iter().any(|p| p.until.is_none())).count(),
    );
    let mut effects: Vec<String> = alerts.iter().map(|a| format!("{} ({})", a.effect, a.cause)).collect();
    effects.sort();
    effects.dedup();
    let mut first: Vec<&&Alert> = alerts.iter().collect();
    first.sort_by_key(|a| &a.id);
    let _ = writeln!(text, "effects: {}", effects.join(", "));
    for alert in first.iter().take(2) {
        let about: Vec<String> = alert.about.iter().map(|about| format!("{about:?}")).collect();
        let bytes =
            |texts: &Texts| texts.0.iter().map(|(lang, text)| (lang.clone(), text.len())).collect::<Vec<_>>();
        let _ = writeln!(
            text,
            "{}: periods {:?}, header {:?}, text {:?}, about",
            alert.id,
            alert.periods,
            bytes(&alert.header),
            bytes(&alert.text)
        );
        about.iter().for_each(|about| {
            let _ = writeln!(text, "  {about}");
        });
    }
    let _ = writeln!(text, "statements of trips and vehicles: {}", decoded.statements.len());
    let dropped = decoded.alerts.iter().flat_map(|stated| &stated.dropped);
    let dropped: Vec<String> = dropped.map(|d| format!("{} ({})", d.field, d.reason)).collect();
    let _ = writeln!(text, "dropped: {}", dropped.join(", "));
    let _ = writeln!(text, "faults: {:?}", decoded.faults.counts());
    for fault in decoded.faults.described().iter().take(3) {
        let _ = writeln!(text, "{}; {}", fault.detail, fault.advice(Lang::En));
    }
    text
}

/// What SOURCES.md beside them says is wrong with them is found.
#[test]
fn published_alerts_are_read() {
    for file in [
        "mbta-alerts.pb",
        "mbta-tripupdates.pb",
        "mbta-tripupdates_with_tripproperties.pb",
        "irail-service_alerts.pb",
        "mbta-alerts.txtpb",
        "mbta-tripupdates_with_tripproperties.txtpb",
        "spec-alerts.asciipb",
        "spec-trip-updates-full.asciipb",
        "spec-migration-duplicated.md",
        "otp-siri-sx.xml",
        "otp-siri-fm.xml",
    ] {
        if let Some(bytes) = shared(&format!("data/alerts/{file}")) {
            insta::assert_snapshot!(file, summary(&decode(&bytes)));
        }
    }
}

#[test]
fn a_german_alert_is_read_with_its_translation() {
    let trip = super::super::proto::TripDescriptor {
        trip_id: Some("t1".into()),
        start_date: Some("20261124".into()),
        ..Default::default()
    };
    let selector = EntitySelector {
        agency_id: Some("RVM".into()),
        route_id: Some("S60".into()),
        route_type: Some(3),
        trip: Some(trip),
        direction_id: Some(1),
        ..at_stop("de:05515:41")
    };
    let alert = Sent {
        active_period: vec![
            TimeRange { start: Some(NOW + 86_400), end: Some(253_402_300_799) },
            TimeRange { start: None, end: Some(NOW) },
        ],
        informed_entity: vec![selector],
        cause: Some(10),
        effect: Some(4),
        severity_level: Some(3),
        url: said(&[(Some("de"), "https://rvm.example/s60")]),
        header_text: said(&[(Some("de"), "Stra&szlig;e <b>gesperrt</b>"), (Some("en"), "Road closed")]),
        description_text: said(&[(
            Some("de"),
            "<p>Die Linie S60 f&auml;hrt eine Umleitung.</p><p>Bis 3. Mai</p>",
        )]),
    };
    let decoded = sent(0, vec![entity("1", alert)]);
    insta::assert_snapshot!(format!("{}{:#?}", summary(&decoded), read(&decoded)));
}

#[test]
fn each_fault_has_its_reason_and_costs_no_more_than_it_must() {
    let good = || entity("good", closed());
    for (bad, reason, detail) in [
        (
            Sent { header_text: said(&[(None, " <br> ")]), ..closed() },
            Reason::Malformed,
            "neither header_text",
        ),
        (Sent { header_text: None, ..closed() }, Reason::Malformed, "neither header_text"),
        (
            Sent { active_period: vec![TimeRange { start: Some(NOW), end: Some(NOW - 1) }], ..closed() },
            Reason::Implausible,
            "no period can be right",
        ),
        (
            Sent { active_period: vec![TimeRange { start: Some(NOW * 1_000), end: None }], ..closed() },
            Reason::Implausible,
            "no period can be right",
        ),
        (
            Sent { informed_entity: vec![at_stop("s"); 20_001], ..closed() },
            Reason::TooLarge,
            "20001 of one alert; at most 20000",
        ),
        (
            Sent { header_text: said(&[(None, "x"); 51]), ..closed() },
            Reason::TooLarge,
            "51 of one alert; at most 50",
        ),
    ] {
        let decoded = sent(0, vec![entity("bad", bad), good()]);
        assert_eq!(read(&decoded).len(), 1, "{detail}");
        assert_eq!(decoded.faults.counts(), &[(reason, 1)].into(), "{detail}");
        let fault = &decoded.faults.described()[0];
        assert!(fault.detail.to_string().contains(detail), "{}", fault.detail);
    }
    let twice = sent(0, vec![entity("x", closed()), entity("x", closed()), good()]);
    assert_eq!((read(&twice).len(), twice.faults.count()), (2, 1));
    let nameless = sent(0, vec![FeedEntity { id: None, ..good() }]);
    assert_eq!((read(&nameless).len(), nameless.faults.count()), (0, 1));
}

#[test]
fn what_cannot_be_is_dropped_and_the_rest_of_the_alert_stays() {
    let alert = Sent {
        active_period: vec![
            TimeRange { start: Some(NOW), end: Some(5) },
            TimeRange { start: Some(0), end: Some(NOW) },
        ],
        informed_entity: vec![EntitySelector::default(), at_stop("a\u{7}b"), at_stop("s")],
        url: said(&[
            (None, "javascript:alert(1)"),
            (Some("de"), " https://x.example/ "),
            (Some("en"), "//x"),
        ]),
        header_text: said(&[(Some("<x>"), &"ü".repeat(400))]),
        ..closed()
    };
    let decoded = sent(0, vec![entity("x", alert)]);
    let [alert] = read(&decoded)[..] else { panic!() };
    assert_eq!(alert.periods, [Period { from: None, until: Some(NOW as i64) }]);
    assert_eq!(alert.about, [Selector { stop_id: Some("s".into()), ..Selector::default() }]);
    assert_eq!(alert.url.0, [(Some("de".to_owned()), "https://x.example/".to_owned())]);
    let (lang, header) = &alert.header.0[0];
    assert!(lang.is_none() && header.len() <= HEADER_BYTES && header.ends_with('…'));
    let dropped: Vec<&str> =
        decoded.alerts.as_ref().unwrap().dropped.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(dropped, ["header_text", "active_period", "informed_entity", "url"]);
    assert_eq!(decoded.faults.count(), 0);

    let about_nothing = sent(0, vec![entity("x", Sent { informed_entity: vec![], ..closed() })]);
    assert_eq!(read(&about_nothing).len(), 1);
    assert_eq!(about_nothing.alerts.unwrap().dropped[0].field, "informed_entity");
}

#[test]
fn a_full_message_states_all_parts_and_differences_state_their_own() {
    let full = sent(0, vec![entity("x", closed())]).alerts.unwrap();
    assert_eq!(full.sets.len(), usize::from(AlertSet::SHARES));
    let none = sent(0, Vec::new()).alerts.unwrap();
    assert!(none.sets.iter().all(|set| set.alerts.is_empty()));
    let gone = FeedEntity { id: Some("y".into()), is_deleted: Some(true), ..FeedEntity::default() };
    let differences = sent(1, vec![entity("x", closed()), gone]).alerts.unwrap();
    let parts: Vec<(&str, usize)> =
        differences.sets.iter().map(|set| (set.topic.as_str(), set.alerts.len())).collect();
    assert_eq!(parts, [("#x", 1), ("#y", 0)]);
    assert_eq!(sent(1, Vec::new()).alerts, None);
}
