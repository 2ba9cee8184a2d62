//! Captures: recorded messages in a file.
//!
//! A capture is a series of gzip members, the frames, one after the other. Each holds some lines of JSON, one a message:
//!
//! ```json
//! {"at":"2026-11-28T12:00:00.5Z","topic":"kv/1/f/bay/17","qos":1,"retain":false,"text":"{\"state\":...}"}
//! ```
//!
//! `at` is when the message was received; the payload stands under `text`, or under `base64` where it is no text. So
//! `zcat FILE` shows what is in it. Each frame is complete in itself and carries gzip's CRC-32: of a file that was cut or
//! damaged the frames at fault are lost, and no other. Appending to a file is writing frames behind it.
//!
//! The version stands in gzip's comment at the beginning of each frame: `kreisverkehr capture 1`. The bytes with which a frame
//! begins occur nowhere else: they are no UTF-8, so not even a payload of the same bytes, stored uncompressed, has them.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::UtcMicros;
use domain::feed_check::CAPTURE_VERSION;
use serde::{Deserialize, Serialize};

pub use domain::feed_check::DamageKind;
pub use read::{Damage, ReadError, Reader};
pub use write::Writer;

/// The version that is written, and the newest that is read.
pub const VERSION: u32 = CAPTURE_VERSION;

/// How a frame begins (RFC 1952): deflate, with a comment, without a time, of an unknown system; then the comment up to its
/// version.
const BEGINNING: &[u8] = b"\x1f\x8b\x08\x10\0\0\0\0\0\xffkreisverkehr capture ";

/// What stands at the beginning of the comment.
const COMMENT: &str = "kreisverkehr capture ";

/// The text of a frame, bytes: the largest payload (16 MiB) in base64, and as much again.
const MAX_TEXT_BYTES: u64 = 48 << 20;

/// A frame as it is stored, bytes: payloads that cannot be compressed need no more.
const MAX_FRAME_BYTES: usize = 32 << 20;

/// Whether a file that begins so is a capture.
pub fn is_capture(head: &[u8]) -> bool {
    head.starts_with(BEGINNING)
}

/// A recorded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was received.
    pub at: UtcMicros,
    /// Its topic.
    pub topic: String,
    /// Quality of service with which it was delivered.
    pub qos: u8,
    /// The broker had kept it from before the subscription.
    pub retain: bool,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl From<Record> for crate::Message {
    fn from(r: Record) -> Self {
        crate::Message {
            received_at: Some(r.at),
            topic: Some(r.topic),
            qos: Some(r.qos),
            retain: r.retain,
            payload: r.payload,
        }
    }
}

/// A record as it is written.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    at: UtcMicros,
    topic: Cow<'a, str>,
    qos: u8,
    retain: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<Cow<'a, str>>,
}

impl<'a> Line<'a> {
    fn of(record: &'a Record) -> Self {
        // Escapes would make other control characters six times as long.
        let is_plain =
            |text: &&str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        let text = std::str::from_utf8(&record.payload).ok().filter(is_plain);
        Line {
            at: record.at,
            topic: Cow::Borrowed(&record.topic),
            qos: record.qos,
            retain: record.retain,
            base64: text.is_none().then(|| Cow::Owned(STANDARD.encode(&record.payload))),
            text: text.map(Cow::Borrowed),
        }
    }

    /// `None`: it has no payload, or one that is no base64.
    fn record(self) -> Option<Record> {
        let payload = match (self.text, self.base64) {
            (Some(text), None) => text.into_owned().into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64.as_bytes()).ok()?,
            _ => return None,
        };
        let (topic, qos) = (self.topic.into_owned(), self.qos);
        Some(Record { at: self.at, topic, qos, retain: self.retain, payload })
    }
}
