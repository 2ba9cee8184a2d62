//! What may be kept of a network server's JSON when a message is rejected: the fields that we read,
//! and nothing else. Owners' names, tags, keys and free text are dropped at the receipt; what is kept
//! decodes to the same [`Frame`](super::Frame) again, so that it can be replayed.

use base64::Engine;
use domain::place::DevEui;
use domain::{Decoder, FeedFormat};

use super::{STANDARD, allow_list_of, bytes, device, server_object, topic};
use crate::decode::json::{JsonType, elements, entries, loose, text, whole};

/// Bytes kept of a payload that is not JSON: enough to recognise protobuf, XML or a truncated message. What
/// follows has no fields that could be allowed one by one.
pub const HEAD_BYTES: usize = 64;

/// A part of an allow-list.
pub(super) enum Keep {
    /// A text, a number, a flag.
    Value,
    /// The device's bytes.
    Payload,
    Fields(&'static [(&'static str, Keep)]),
    Each(&'static Keep),
    /// The object of the server's own codec: see [`server_object::understood`].
    Codec,
}

/// The names of fields that are kept: the same are read.
pub(super) const fn names<const N: usize>(fields: &[(&'static str, Keep); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = fields[at].0;
        at += 1;
    }
    names
}

/// A server's allow-list, and where in it the device and its port stand.
pub(super) struct AllowList {
    pub fields: Keep,
    pub dev_eui: &'static [&'static str],
    pub f_port: &'static [&'static str],
}

/// What may be kept of `raw`, a message of `format` on `on`. `decoder_of` gives the decoder of a
/// device: bytes that name a person are cut out of its payload.
pub fn allowed(
    format: FeedFormat,
    on: &str,
    raw: &[u8],
    decoder_of: impl Fn(&str) -> Option<Decoder>,
) -> Vec<u8> {
    let head = || raw[..raw.len().min(HEAD_BYTES)].to_vec();
    let Ok(text) = text(raw) else { return head() };
    if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_err() {
        return head();
    }
    let text = text.trim_ascii();
    let list = allow_list_of(format);
    let stated = at(text, list.dev_eui).and_then(|raw| match JsonType::of(raw) {
        JsonType::Text(text) => text.parse::<DevEui>().ok(),
        _ => None,
    });
    let of_topic = topic(format, on).ok().map(super::device_of).and_then(|id| id.parse::<DevEui>().ok());
    let decoder = [of_topic, stated].into_iter().flatten().find_map(|eui| decoder_of(&eui.to_string()));
    let f_port = at(text, list.f_port).and_then(|raw| loose(whole)(raw).ok());
    let redact = |payload: &[u8]| match decoder {
        Some(decoder) => {
            device::redact(decoder, f_port.and_then(|port| i32::try_from(port).ok()).unwrap_or(0), payload)
        }
        None => payload.to_vec(),
    };
    let mut kept = String::new();
    project(&list.fields, text, &redact, &mut kept);
    kept.into_bytes()
}

/// The value under a path of names.
fn at<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    path.iter().try_fold(text, |text, name| {
        entries(text)?.into_iter().rev().find(|(key, _)| key == name).map(|(_, raw)| raw)
    })
}

fn project(keep: &Keep, raw: &str, redact: &impl Fn(&[u8]) -> Vec<u8>, kept: &mut String) {
    match (keep, JsonType::of(raw)) {
        (Keep::Fields(fields), JsonType::Object) => {
            let all = entries(raw).unwrap_or_default();
            kept.push('{');
            let mut comma = "";
            for (name, keep) in *fields {
                for (_, raw) in all.iter().filter(|(key, _)| key == name) {
                    kept.extend([comma, "\"", *name, "\":"]);
                    project(keep, raw, redact, kept);
                    comma = ",";
                }
            }
            kept.push('}');
        }
        (Keep::Each(keep), JsonType::List) => {
            kept.push('[');
            for (nth, raw) in elements(raw).unwrap_or_default().into_iter().enumerate() {
                kept.push_str(if nth > 0 { "," } else { "" });
                project(keep, raw, redact, kept);
            }
            kept.push(']');
        }
        (Keep::Codec, JsonType::Object) => kept.push_str(&server_object::understood(raw)),
        (Keep::Payload, JsonType::Text(_)) => match bytes(raw) {
            Ok(bytes) => kept.extend(["\"", &STANDARD.encode(redact(&bytes)), "\""]),
            // Not base64: its content is unknown. It is kept for devices without personal data.
            Err(_) if redact(&[0xff; 256]).len() == 256 => kept.push_str(raw),
            Err(_) => kept.push_str("null"),
        },
        (Keep::Fields(_) | Keep::Each(_) | Keep::Codec, JsonType::Text(_)) => kept.push_str("\"\""),
        // Of a wrong type: the type is kept, not the content.
        (_, JsonType::Object) => kept.push_str("{}"),
        (_, JsonType::List) => kept.push_str("[]"),
        _ => kept.push_str(raw),
    }
}
