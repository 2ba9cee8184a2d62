//! Topics for payloads that come from files, which do not say on which one they were sent: made up from what stands in them, so that the
//! decoders, which know devices and places by their topics, can read them.

use std::borrow::Cow;

use ingest::decode::json::{JsonType, entries};

use domain::feed_check::Recognised;

/// A topic on which such a message would be sent.
pub fn made_up(format: Recognised, payload: &[u8]) -> String {
    let text = crate::json::of_payload(payload).unwrap_or(Cow::Borrowed(""));
    let all = entries(text.trim_ascii()).unwrap_or_default();
    let object = Object(&all);
    match format {
        Recognised::Chirpstack | Recognised::ChirpstackV3 => chirpstack(&object),
        Recognised::Tts => tts(&object),
        Recognised::Hfp => hfp(&object),
        Recognised::Native => native(&object, text.trim_ascii().starts_with('[')),
        _ => "file".to_owned(),
    }
}

struct Object<'a>(&'a [(Cow<'a, str>, &'a str)]);

impl<'a> Object<'a> {
    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, raw)| *raw)
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.raw(name).is_some())
    }

    /// A text or number in an object under `within`.
    fn inner(&self, within: &str, name: &str) -> Option<String> {
        scalar(Object(&entries(self.raw(within)?)?).raw(name)?)
    }
}

/// A text or number as one level of a topic.
fn scalar(raw: &str) -> Option<String> {
    let text = match JsonType::of(raw) {
        JsonType::Text(text) => text.into_owned(),
        JsonType::Number(digits) => digits.to_owned(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= 128 && !text.contains(['/', '+', '#'])).then_some(text)
}

fn chirpstack(o: &Object<'_>) -> String {
    let event = [
        ("join", &["joinEui"][..]),
        ("status", &["margin", "batteryLevel", "externalPowerSource"]),
        ("log", &["level", "code"]),
        ("ack", &["acknowledged", "queueItemId"]),
        ("txack", &["downlinkId", "gatewayId"]),
        ("location", &["location"]),
        ("integration", &["integrationName"]),
    ];
    let is_up = o.has(&["data", "fPort", "object", "rxInfo", "fCnt"]);
    // An ack and a txack have counters too.
    let special = event.iter().find(|(_, names)| o.has(names)).map(|(name, _)| *name);
    let event = match special {
        Some("ack" | "txack") => special.unwrap_or("up"),
        _ if is_up => "up",
        Some(event) => event,
        None if o.has(&["devAddr"]) => "join",
        None => "up",
    };
    let device = o.inner("deviceInfo", "devEui").or_else(|| scalar(o.raw("devEUI")?));
    format!(
        "application/file/device/{}/event/{event}",
        device.unwrap_or_else(|| "0000000000000000".to_owned())
    )
}

fn tts(o: &Object<'_>) -> String {
    let event = [
        ("join_accept", "join"),
        ("downlink_ack", "down/ack"),
        ("downlink_nack", "down/nack"),
        ("downlink_queued", "down/queued"),
        ("downlink_sent", "down/sent"),
        ("downlink_failed", "down/failed"),
        ("downlink_queue_invalidated", "down/invalidated"),
        ("location_solved", "location/solved"),
        ("service_data", "service/data"),
    ];
    let event = event.iter().find(|(name, _)| o.has(&[name])).map_or("up", |(_, event)| event);
    let device = o.inner("end_device_ids", "device_id").unwrap_or_else(|| "file".to_owned());
    format!("v3/file/devices/{device}/{event}")
}

fn hfp(o: &Object<'_>) -> String {
    let event = o.0.first().map_or("VP", |(name, _)| name.as_ref());
    let number = |name: &str, digits: usize| {
        let number =
            o.inner(event, name).filter(|n| n.len() <= digits && n.bytes().all(|b| b.is_ascii_digit()));
        format!("{:0>digits$}", number.unwrap_or_else(|| "0".to_owned()))
    };
    let event_in_topic = event.to_lowercase();
    format!("/hfp/v2/journey/ongoing/{event_in_topic}/bus/{}/{}", number("oper", 4), number("veh", 5))
}

fn native(o: &Object<'_>, is_list: bool) -> String {
    let kind = if is_list {
        return "kv/1/file/batch".to_owned();
    } else if o.has(&["state"]) {
        "bay"
    } else if o.has(&["doors", "on_board"]) {
        "passengers"
    } else if o.has(&["lat", "lon", "speed_mps", "bearing_deg", "delay_s", "trip_id"]) {
        "vehicle"
    } else {
        "site"
    };
    format!("kv/1/file/{kind}/file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::recognise;

    #[test]
    fn a_payload_names_its_device_and_event() {
        for (payload, topic) in [
            (
                r#"{"deviceInfo":{"devEui":"70b3d57ed0050036"},"fPort":1,"data":"AQ=="}"#,
                "application/file/device/70b3d57ed0050036/event/up",
            ),
            (
                r#"{"deviceInfo":{"devEui":"70b3d57ed0050036"},"margin":5}"#,
                "application/file/device/70b3d57ed0050036/event/status",
            ),
            (
                r#"{"deviceInfo":{"devEui":"70b3d57ed0050036"},"devAddr":"0"}"#,
                "application/file/device/70b3d57ed0050036/event/join",
            ),
            (r#"{"end_device_ids":{"device_id":"eui-1"},"join_accept":{}}"#, "v3/file/devices/eui-1/join"),
            (r#"{"VP":{"tst":"x","oper":18,"veh":1029}}"#, "/hfp/v2/journey/ongoing/vp/bus/0018/01029"),
            (r#"{"at":"x","state":"vacant"}"#, "kv/1/file/bay/file"),
            (r#"{"at":"x","vacant":5}"#, "kv/1/file/site/file"),
            (r#"[{"at":"x","topic":"bay/1"}]"#, "kv/1/file/batch"),
        ] {
            let format = recognise(None, payload.as_bytes());
            assert_eq!(made_up(format, payload.as_bytes()), topic, "{payload}");
        }
    }
}
