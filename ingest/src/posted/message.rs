//! From a request to the message that its body is: what it would have been over MQTT, with the topic and the bytes that the
//! decoders read. The topic is stored with what is rejected, so that it can be replayed.

use std::io::Read;

use bytes::Bytes;
use domain::place::DevEui;
use domain::posted::{PostedHead, Refusal};
use domain::{Feed, FeedFormat};

use crate::decode::json::{Fields, label, object, text, text_of};
use crate::decode::native;

/// What the topic says where the format needs none.
const NO_TOPIC: &str = "messages";

/// Longest event or topic of a request that is kept, characters.
const MAX_TOPIC_CHARS: usize = 256;

/// The kinds of The Things Stack's messages, and how its MQTT server names them.
const TTS_EVENTS: [(&str, &str); 11] = [
    ("uplink_message", "up"),
    ("uplink_normalized", "up/normalized"),
    ("join_accept", "join"),
    ("downlink_ack", "down/ack"),
    ("downlink_nack", "down/nack"),
    ("downlink_sent", "down/sent"),
    ("downlink_failed", "down/failed"),
    ("downlink_queued", "down/queued"),
    ("downlink_queue_invalidated", "down/invalidated"),
    ("location_solved", "location/solved"),
    ("service_data", "service/data"),
];

const TTS_MESSAGE: &[&str] = &[
    "end_device_ids",
    "uplink_message",
    "uplink_normalized",
    "join_accept",
    "downlink_ack",
    "downlink_nack",
    "downlink_sent",
    "downlink_failed",
    "downlink_queued",
    "downlink_queue_invalidated",
    "location_solved",
    "service_data",
];

/// A message for the decoders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// As over MQTT.
    pub topic: String,
    /// Unpacked.
    pub payload: Bytes,
}

/// The largest body, bytes, packed or not.
///
/// # Errors
/// The request does not say what the message is, or how it is packed.
pub fn limit(feed: &Feed, head: &PostedHead) -> Result<usize, Refusal> {
    is_gzip(head)?;
    let topic = topic(feed, head, b"")?;
    Ok(feed.max_message_bytes(feed.format == FeedFormat::Native && native::is_batch(&topic)))
}

/// Reads a request. Of a body that is too large a byte more than may be is kept; one that cannot be unpacked stays as it
/// came.
///
/// # Errors
/// As [`limit`].
pub fn read(feed: &Feed, head: &PostedHead, mut body: Vec<u8>) -> Result<Posted, Refusal> {
    let limit = limit(feed, head)?;
    body.truncate(limit + 1);
    let payload = if is_gzip(head)? && body.len() <= limit { unpacked(body, limit) } else { body };
    let topic = topic(feed, head, &payload)?;
    Ok(Posted { topic, payload: payload.into() })
}

fn is_gzip(head: &PostedHead) -> Result<bool, Refusal> {
    match head.encoding.as_deref().map(|encoding| encoding.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(other) => Err(Refusal::UnknownEncoding(other.to_owned())),
    }
}

fn unpacked(body: Vec<u8>, limit: usize) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let reader = flate2::read::MultiGzDecoder::new(&body[..]);
    match reader.take(limit as u64 + 1).read_to_end(&mut unpacked) {
        Ok(_) => unpacked,
        Err(_) => body,
    }
}

/// The topic that the message would have over MQTT. The device of a network server's message stands in its body; where it
/// does not, it is empty.
fn topic(feed: &Feed, head: &PostedHead, payload: &[u8]) -> Result<String, Refusal> {
    let missing = |parameter, remedy: &str| Refusal::Missing { parameter, remedy: remedy.to_owned() };
    match feed.format {
        FeedFormat::Chirpstack => {
            let event = head.event.as_deref().map(short).ok_or_else(|| {
                missing("event", "ChirpStack's HTTP integration adds it: ?event=up, join, status and so on.")
            })?;
            let (application, device) = chirpstack_ids(payload).unwrap_or_default();
            Ok(format!("application/{}/device/{device}/event/{event}", or_unknown(&application)))
        }
        FeedFormat::Tts => {
            let of_path = TTS_EVENTS.iter().map(|(_, event)| *event).find(|event| *event == head.path);
            Ok(tts_topic(payload, of_path.unwrap_or("up")))
        }
        FeedFormat::Native => {
            let suffix = head.topic.as_deref().map(short).ok_or_else(|| {
                missing(
                    "topic",
                    "Add ?topic=bay/ID, site/ID, vehicle/ID, passengers/ID, or batch for a list of these.",
                )
            })?;
            let suffix = suffix.trim_start_matches('/');
            Ok(if suffix.starts_with("kv/1/") {
                suffix.to_owned()
            } else {
                format!("kv/1/{}/{suffix}", feed.id)
            })
        }
        FeedFormat::Hfp => {
            let topic = head.topic.as_deref().map(short).ok_or_else(|| {
                missing("topic", "Add ?topic= with the message's topic, /hfp/v2/...: it names the vehicle.")
            })?;
            Ok(format!("/{}", topic.trim_start_matches('/')))
        }
        FeedFormat::GtfsRt | FeedFormat::ParkapiV3 | FeedFormat::History | FeedFormat::Gbfs => {
            Ok(NO_TOPIC.to_owned())
        }
    }
}

/// The topic of a message of The Things Stack, which is an `event` where it does not say so itself.
pub(crate) fn tts_topic(payload: &[u8], event: &str) -> String {
    let (application, device, of_body) = tts_ids(payload).unwrap_or_default();
    format!("v3/{}/devices/{device}/{}", or_unknown(&application), of_body.unwrap_or(event))
}

fn short(text: &str) -> &str {
    text.char_indices().nth(MAX_TOPIC_CHARS).map_or(text, |(end, _)| &text[..end])
}

fn or_unknown(application: &str) -> &str {
    if application.is_empty() { "-" } else { application }
}

/// A level of a topic, if it can be one.
fn level(name: Option<String>) -> String {
    name.filter(|name| !name.contains(['/', '+', '#'])).unwrap_or_default()
}

/// Application and DevEUI.
fn chirpstack_ids(payload: &[u8]) -> Option<(String, String)> {
    let text = text(payload).ok()?;
    let message = Fields::read("", &text, &["deviceInfo"]).ok()?;
    let info = message.given("deviceInfo", object("deviceInfo", &["applicationId", "devEui"])).ok()??;
    let device = info.given("devEui", text_of).ok()??;
    let device: DevEui = device.parse().ok()?;
    let application = info.given("applicationId", label).ok().flatten().flatten();
    Some((level(application), device.to_string()))
}

/// Application, device and kind of a message, as far as it names them.
fn tts_ids(payload: &[u8]) -> Option<(String, String, Option<&'static str>)> {
    let text = text(payload).ok()?;
    let message = Fields::read("", &text, TTS_MESSAGE).ok()?;
    let event = TTS_EVENTS.iter().find(|(name, _)| message.has(name)).map(|(_, event)| *event);
    const IDS: &[&str] = &["device_id", "dev_eui", "application_ids"];
    let ids = message.given("end_device_ids", object("end_device_ids", IDS)).ok().flatten();
    let Some(ids) = ids else { return Some((String::new(), String::new(), event)) };
    let named = |name| level(ids.given(name, label).ok().flatten().flatten());
    // As the console names a device without an id of its own.
    let device = match (named("device_id"), named("dev_eui")) {
        (id, _) if !id.is_empty() => id,
        (_, eui) if !eui.is_empty() => format!("eui-{}", eui.to_ascii_lowercase()),
        _ => String::new(),
    };
    let application =
        ids.given("application_ids", object("application_ids", &["application_id"])).ok().flatten();
    let application = application.and_then(|a| a.given("application_id", label).ok().flatten().flatten());
    Some((level(application), device, event))
}
