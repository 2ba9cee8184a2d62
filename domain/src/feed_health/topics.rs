//! What a topic says of the part of a feed that a message comes from, and of what kind it is. Devices and vehicles are no
//! parts: they have a health of their own, and what names them is not kept here.

use crate::feed::{Feed, FeedFormat};

/// Longer topics have no branch, bytes.
const MAX_TOPIC: usize = 200;

/// The part of the topic up to its level `level`, which counts from 0; `None`: it has no such level.
fn up_to(topic: &str, level: usize) -> Option<&str> {
    let mut ends = topic.match_indices('/').map(|(at, _)| at).chain([topic.len()]);
    ends.nth(level).map(|end| &topic[..end])
}

fn level(topic: &str, level: usize) -> &str {
    topic.split('/').nth(level).unwrap_or_default()
}

/// The branch of the topic tree that a message of `feed` comes from: of ChirpStack and The Things Stack the application,
/// of the native format the site or kind, of HFP the kind of event and the operator, of others the topic. `None`: it has
/// none.
pub fn branch<'t>(feed: &Feed, topic: &'t str) -> Option<&'t str> {
    if topic.len() > MAX_TOPIC || topic.contains(char::is_control) || feed.url.is_some() {
        return None;
    }
    match feed.format {
        FeedFormat::Chirpstack | FeedFormat::Tts => up_to(topic, 1),
        FeedFormat::Native => up_to(topic, if level(topic, 3) == "site" { 4 } else { 3 }),
        FeedFormat::Hfp => up_to(topic, 7),
        FeedFormat::GtfsRt | FeedFormat::ParkapiV3 => Some(topic),
        FeedFormat::History | FeedFormat::Gbfs => None,
    }
    .filter(|branch| !branch.is_empty())
}

/// What kind of message it is, of those that have fields in common; `None`: it is no JSON.
pub fn kind<'t>(feed: &Feed, topic: &'t str) -> Option<&'t str> {
    let kind = match feed.format {
        FeedFormat::Chirpstack => level(topic, 5),
        FeedFormat::Tts => {
            up_to(topic, 3).and_then(|device| topic.get(device.len() + 1..)).unwrap_or_default()
        }
        FeedFormat::Native => level(topic, 3),
        FeedFormat::Hfp => level(topic, 5),
        FeedFormat::ParkapiV3 => "sites",
        FeedFormat::GtfsRt | FeedFormat::History | FeedFormat::Gbfs => return None,
    };
    let is_word = kind.len() <= 40 && kind.chars().all(|c| c.is_ascii_alphanumeric() || "_-/".contains(c));
    (is_word && !kind.is_empty()).then_some(kind)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A feed of this format.
    pub fn feed(format: FeedFormat) -> Feed {
        let json = serde_json::json!({
            "id": "f", "municipality": "m", "format": format, "topic": "#", "qos": 1, "use_server_decoder": false,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_branch_names_no_device_and_no_vehicle() {
        for (format, topic, expected, of_kind) in [
            (
                FeedFormat::Chirpstack,
                "application/7/device/70b3d57ed0051a2b/event/up",
                Some("application/7"),
                Some("up"),
            ),
            (FeedFormat::Tts, "v3/app@ttn/devices/eui-70b3d57ed0051a2b/up", Some("v3/app@ttn"), Some("up")),
            (FeedFormat::Tts, "v3/app@ttn/devices/x/down/ack", Some("v3/app@ttn"), Some("down/ack")),
            (FeedFormat::Native, "kv/1/f/site/market", Some("kv/1/f/site/market"), Some("site")),
            (FeedFormat::Native, "kv/1/f/bay/17", Some("kv/1/f/bay"), Some("bay")),
            (FeedFormat::Native, "kv/1/f/vehicle/MS-AB-12", Some("kv/1/f/vehicle"), Some("vehicle")),
            (FeedFormat::Native, "kv/1/f/batch", Some("kv/1/f/batch"), Some("batch")),
            (FeedFormat::Native, "kv/1", None, None),
            (
                FeedFormat::Hfp,
                "/hfp/v2/journey/ongoing/vp/bus/0018/01029/2143/1/x/07:24/1130106/5/60;24/28/65/06",
                Some("/hfp/v2/journey/ongoing/vp/bus/0018"),
                Some("vp"),
            ),
            (FeedFormat::GtfsRt, "rt/positions", Some("rt/positions"), None),
            (FeedFormat::Chirpstack, "", None, None),
            (FeedFormat::Chirpstack, "application/\u{7}/device/x/event/up", None, Some("up")),
        ] {
            let feed = feed(format);
            assert_eq!((branch(&feed, topic), kind(&feed, topic)), (expected, of_kind), "{topic}");
        }
        assert_eq!(branch(&feed(FeedFormat::GtfsRt), &"x".repeat(201)), None);
    }
}
