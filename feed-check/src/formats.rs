//! Which format a message has: by its topic, and by what stands in it. Also those that the product does not read.

use std::collections::BTreeSet;

use domain::FeedFormat;
use domain::feed_check::Recognised;
use ingest::decode::gtfs_rt;
use ingest::decode::json::{elements, entries, text};

/// What the message is.
pub fn recognise(topic: Option<&str>, payload: &[u8]) -> Recognised {
    let by_topic = topic.and_then(by_topic);
    match by_topic {
        Some(Recognised::Chirpstack) if of_payload(payload) == Recognised::ChirpstackV3 => {
            Recognised::ChirpstackV3
        }
        Some(by_topic) => by_topic,
        None => of_payload(payload),
    }
}

/// The LoRaWAN server's format whose topics look so.
pub fn lorawan_by_topic(topic: &str) -> Option<FeedFormat> {
    by_topic(topic)?.read_as().filter(|format| format.is_lorawan())
}

/// By the beginning of the topic. A slash too many is the fault of a message of that format
fn by_topic(topic: &str) -> Option<Recognised> {
    let levels: Vec<&str> = topic.trim_start_matches('/').splitn(5, '/').collect();
    match levels[..] {
        ["kv", "1", ..] => Some(Recognised::Native),
        ["application", _, "device", ..] => Some(Recognised::Chirpstack),
        ["v3", _, "devices", ..] => Some(Recognised::Tts),
        ["hfp", "v2", ..] => Some(Recognised::Hfp),
        _ => None,
    }
}

fn of_payload(payload: &[u8]) -> Recognised {
    let bytes = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload).trim_ascii();
    match bytes.first() {
        None => Recognised::Empty,
        Some(b'<') => of_xml(bytes),
        Some(b'{' | b'[') => text(bytes).map_or(Recognised::Binary, |text| of_json(&text)),
        Some(_) if is_gtfs_rt(payload) => Recognised::GtfsRt,
        Some(_) if text(payload).is_ok() => Recognised::Text,
        Some(_) => Recognised::Binary,
    }
}

/// Whether the outermost message is one of GTFS-Realtime: few other bytes have a header with a version.
fn is_gtfs_rt(payload: &[u8]) -> bool {
    text(payload).is_err() && gtfs_rt::decode(payload).faults.are_all_elements()
}

/// Bytes of a document in which its root stands.
const HEAD_BYTES: usize = 2_000;

fn of_xml(bytes: &[u8]) -> Recognised {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| head.contains(word));
    if has(&["d2logicalmodel", "datex2.eu", "datex2.de"]) {
        Recognised::Datex2
    } else if has(&["<siri", "siri.org.uk"]) {
        Recognised::Siri
    } else if has(&["<html", "<!doctype html"]) {
        Recognised::Html
    } else {
        Recognised::Xml
    }
}

fn of_json(text: &str) -> Recognised {
    let text = text.trim_ascii();
    if let Some(all) = entries(text) {
        return of_object(text, &all.iter().map(|(name, _)| name.as_ref()).collect());
    }
    // A list is of what its first element is.
    match elements(text).ok().and_then(|all| all.first().copied()) {
        Some(first) if first.starts_with('{') => of_json(first),
        // Broken JSON: by the names that stand in it.
        _ => of_object(text, &BTreeSet::new()),
    }
}

fn of_object(text: &str, names: &BTreeSet<&str>) -> Recognised {
    let has =
        |name: &str| names.contains(name) || (names.is_empty() && text.contains(&format!("\"{name}\"")));
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    if any(&["deviceInfo", "deduplicationId"]) {
        Recognised::Chirpstack
    } else if has("devEUI") || (has("applicationID") && has("applicationName")) {
        Recognised::ChirpstackV3
    } else if has("end_device_ids") {
        Recognised::Tts
    } else if has("app_id") && has("dev_id") {
        Recognised::TtnV2
    } else if is_hfp(text, names) {
        Recognised::Hfp
    } else if has("Siri") {
        Recognised::Siri
    } else if any(&["d2LogicalModel", "modelBaseVersion"]) || text.contains("parkingStatusPublication") {
        Recognised::Datex2
    } else if has("lots") || (has("coords") && has("lot_type")) {
        Recognised::Parkapi
    } else if is_parkapi_v3(text) && any(&["uid", "items"]) {
        Recognised::ParkapiV3
    } else if has("ttl") && has("last_updated") {
        Recognised::Gbfs
    } else if any(&["phenomenonTime", "@iot.id", "@iot.selfLink"]) {
        Recognised::Sensorthings
    } else if has("@context")
        || (has("id") && has("type") && text.contains("urn:ngsi-ld:"))
        || is_ngsi_v2(text)
    {
        Recognised::Ngsi
    } else if has("type") && any(&["features", "geometry"]) {
        Recognised::Geojson
    } else if has("at") || (has("topic") && text.contains("\"bay/")) || is_native_without_time(&has) {
        Recognised::Native
    } else {
        Recognised::Json
    }
}

/// A state or count in our words, whose `at` was forgotten.
fn is_native_without_time(has: &impl Fn(&str) -> bool) -> bool {
    has("state") && ["seq", "battery_v", "rssi_dbm"].iter().any(|name| has(name))
}

/// One key, the event in capitals, and `tst` in its object.
fn is_hfp(text: &str, names: &BTreeSet<&str>) -> bool {
    let is_event =
        |name: &&str| (2..=5).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase());
    names.len() == 1 && names.iter().all(is_event) && text.contains("\"tst\"")
}

fn is_parkapi_v3(text: &str) -> bool {
    ["realtime_", "static_data_updated_at", "has_realtime_data", "restricted_to"]
        .iter()
        .any(|name| text.contains(name))
}

fn is_ngsi_v2(text: &str) -> bool {
    text.contains("\"metadata\"") && text.contains("\"type\"") && text.contains("\"value\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_what_only_they_have() {
        for (payload, expected) in [
            (r#"{"at":"2026-11-28T12:00:00Z","state":"vacant"}"#, Recognised::Native),
            (r#"[{"topic":"bay/17","state":"vacant"}]"#, Recognised::Native),
            (r#"{"at":"2026-11-28T12:00:00Z","state":"#, Recognised::Native),
            (r#"{"deduplicationId":"x","deviceInfo":{"devEui":"1"}}"#, Recognised::Chirpstack),
            (r#"{"applicationID":"1","applicationName":"a","devEUI":"AQ=="}"#, Recognised::ChirpstackV3),
            (r#"{"end_device_ids":{},"uplink_message":{}}"#, Recognised::Tts),
            (r#"{"app_id":"a","dev_id":"d","payload_raw":"AQ=="}"#, Recognised::TtnV2),
            (r#"{"VP":{"tst":"2026-11-28T12:00:00Z"}}"#, Recognised::Hfp),
            (r#"{"last_updated":"2026-11-28T12:00:00","lots":[]}"#, Recognised::Parkapi),
            (r#"{"items":[{"uid":"1","realtime_free_capacity":4}]}"#, Recognised::ParkapiV3),
            (r#"{"last_updated":1,"ttl":0,"version":"3.0","data":{}}"#, Recognised::Gbfs),
            (r#"{"phenomenonTime":"2026-11-28T12:00:00Z","result":1}"#, Recognised::Sensorthings),
            (r#"{"id":"urn:ngsi-ld:ParkingSpot:1","type":"ParkingSpot"}"#, Recognised::Ngsi),
            (r#"{"type":"FeatureCollection","features":[]}"#, Recognised::Geojson),
            ("<d2LogicalModel modelBaseVersion=\"2\">", Recognised::Datex2),
            (
                "<?xml version=\"1.0\"?><ns:messageContainer xmlns=\"http://datex2.eu/schema/3\">",
                Recognised::Datex2,
            ),
            ("<Siri version=\"2.1\">", Recognised::Siri),
            ("<!DOCTYPE html><html>", Recognised::Html),
            ("<a/>", Recognised::Xml),
            (r#"{"facilityId":990}"#, Recognised::Json),
            ("ON", Recognised::Text),
            (" ", Recognised::Empty),
        ] {
            assert_eq!(recognise(None, payload.as_bytes()), expected, "{payload}");
            let code = serde_json::to_value(expected).unwrap();
            assert_eq!(code, expected.as_str());
        }
        assert_eq!(recognise(None, b"\n\x05\n\x032.0"), Recognised::GtfsRt);
        assert_eq!(recognise(None, b"\n\x24\xff\xff"), Recognised::Binary);
    }

    #[test]
    fn a_topic_says_more_than_a_payload() {
        for (topic, expected) in [
            ("kv/1/f/bay/17", Recognised::Native),
            ("/kv/1/f/bay/17", Recognised::Native),
            ("application/1/device/70b3d57ed0050036/event/up", Recognised::Chirpstack),
            ("v3/app@ttn/devices/x/up", Recognised::Tts),
            ("/hfp/v2/journey/ongoing/vp/bus/0018/01029", Recognised::Hfp),
            ("other", Recognised::Json),
        ] {
            assert_eq!(recognise(Some(topic), br#"{"x":1}"#), expected, "{topic}");
        }
    }
}
