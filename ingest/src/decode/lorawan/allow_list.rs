//! What may be kept of a network server's JSON when a message is rejected: the fields that we read,
//! and nothing else. Owners' names, tags, keys and free text are dropped at the door; what is kept
//! decodes to the same [`Frame`](super::Frame) again, so that it can be replayed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::place::DevEui;
use domain::{Decoder, FeedFormat};
use serde_json::{Map, Value};

use super::{chirpstack, device, server_object, tts};

/// Bytes kept of a payload that is not JSON: enough to tell protobuf, XML or a cut message by. What
/// follows has no fields that could be allowed one by one.
pub const HEAD_BYTES: usize = 64;

/// A part of an allow-list.
pub(super) enum Keep {
    /// A text, a number, a flag.
    Value,
    Fields(&'static [(&'static str, Keep)]),
    Each(&'static Keep),
    /// The object of the server's own codec: see [`server_object::understood`].
    Codec,
}

/// A server's allow-list, and where in it the device, port and bytes stand.
pub(super) struct AllowList {
    pub fields: Keep,
    pub dev_eui: &'static str,
    pub f_port: &'static str,
    pub payload: &'static str,
    /// The device's id as the topic has it.
    pub device_of_topic: fn(&str) -> Option<&str>,
}

/// What may be kept of `raw`, a message of `format` on `topic`. `decoder_of` tells the decoder of a
/// device: bytes that name a person are cut out of its payload.
pub fn allowed(
    format: FeedFormat,
    topic: &str,
    raw: &[u8],
    decoder_of: impl Fn(&str) -> Option<Decoder>,
) -> Vec<u8> {
    let list = if format == FeedFormat::Tts { &tts::ALLOWED } else { &chirpstack::ALLOWED };
    let Ok(all) = serde_json::from_slice::<Value>(raw) else {
        return raw[..raw.len().min(HEAD_BYTES)].to_vec();
    };
    let mut kept = project(&list.fields, all);
    let device = kept.pointer(list.dev_eui).and_then(Value::as_str).or((list.device_of_topic)(topic));
    let device = device.and_then(|text| text.parse::<DevEui>().ok());
    if let Some(decoder) = device.and_then(|eui| decoder_of(&eui.to_string())) {
        let f_port = kept.pointer(list.f_port).and_then(Value::as_i64);
        let f_port = f_port.and_then(|port| i32::try_from(port).ok()).unwrap_or(0);
        if let Some(payload) = kept.pointer_mut(list.payload) {
            let bytes = payload.as_str().and_then(|text| STANDARD.decode(text).ok());
            *payload = redacted(decoder, f_port, bytes, payload.take());
        }
    }
    kept.to_string().into_bytes()
}

fn redacted(decoder: Decoder, f_port: i32, bytes: Option<Vec<u8>>, as_sent: Value) -> Value {
    match bytes {
        Some(bytes) => STANDARD.encode(device::redact(decoder, f_port, &bytes)).into(),
        // Not base64: nobody can tell what it holds. It stays for devices that say nothing personal.
        None if device::redact(decoder, f_port, &[0xff; 256]).len() == 256 => as_sent,
        None => Value::Null,
    }
}

fn project(keep: &Keep, value: Value) -> Value {
    match (keep, value) {
        (Keep::Fields(fields), Value::Object(mut all)) => {
            let kept = fields.iter().filter_map(|(name, keep)| {
                let value = all.remove(*name)?;
                Some(((*name).to_owned(), project(keep, value)))
            });
            Value::Object(kept.collect())
        }
        (Keep::Each(keep), Value::Array(all)) => all.into_iter().map(|v| project(keep, v)).collect(),
        (Keep::Codec, Value::Object(all)) => Value::Object(server_object::understood(all)),
        (Keep::Fields(_) | Keep::Each(_) | Keep::Codec, Value::String(_)) => Value::String(String::new()),
        // Of another type than it should be: that it is so is kept, not what it contains.
        (_, Value::Object(_)) => Value::Object(Map::new()),
        (_, Value::Array(_)) => Value::Array(Vec::new()),
        (_, value) => value,
    }
}
