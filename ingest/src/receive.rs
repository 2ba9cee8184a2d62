//! One message, from its bytes to rows of a batch: the whole way can be read here.

use domain::registry::Entry;
use domain::rejection::TOO_LARGE_HEAD_BYTES;
use domain::{Feed, FeedFormat, FeedId, Reason, Registry, Rejection, UtcMicros};
use store::writer::Batch;

use crate::check::Scene;
use crate::decode::{Decoded, Fault, gtfs_rt, hfp, lorawan, native};
use crate::frames;

/// A message as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: u8,
    pub received_at: UtcMicros,
}

/// Decodes and checks `message` of `feed`; what is believed becomes observations in `batch`, what
/// is not becomes rejections. Returns the reasons of the latter.
pub fn receive(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    batch: &mut Batch,
) -> Vec<Reason> {
    let scene = Scene { registry, feed, received_at: message.received_at };
    let mut faults = Vec::new();
    let is_batch = feed.def.format == FeedFormat::Native && native::is_batch(message.topic);
    let limit = feed.def.max_message_bytes(is_batch);
    if message.payload.len() > limit {
        let what = format!("payload: {} bytes; this feed may send {limit}", message.payload.len());
        faults.push(Fault::new(Reason::TooLarge, what));
    } else {
        let decoded = match feed.def.format {
            FeedFormat::Native => native::decode(&feed.def.id, message.topic, message.payload),
            FeedFormat::Hfp => hfp::decode(message.topic, message.payload),
            FeedFormat::GtfsRt => gtfs_rt::decode(message.payload),
            FeedFormat::Chirpstack => {
                frame(&scene, lorawan::chirpstack::decode(message.topic, message.payload), message, batch)
            }
            FeedFormat::Tts => {
                frame(&scene, lorawan::tts::decode(message.topic, message.payload), message, batch)
            }
        };
        faults.extend(decoded.faults);
        for statement in decoded.statements {
            if let Err(fault) = scene.admit(statement, batch) {
                faults.push(fault);
            }
        }
    }
    let reasons = faults.iter().map(|f| f.reason).collect();
    batch.rejections.extend(faults.into_iter().map(|f| rejection(feed, message, f)));
    reasons
}

fn frame<'a>(
    scene: &Scene<'_>,
    frame: Result<lorawan::Frame, Fault>,
    message: Message<'_>,
    batch: &mut Batch,
) -> Decoded<'a> {
    match frame.and_then(|f| frames::admit(scene, f, message.payload, message.qos, batch)) {
        Ok(()) => Decoded::default(),
        Err(fault) => fault.into(),
    }
}

fn rejection(feed: &Entry<FeedId, Feed>, message: Message<'_>, fault: Fault) -> Rejection {
    let head = if fault.reason == Reason::TooLarge { TOO_LARGE_HEAD_BYTES } else { usize::MAX };
    let payload =
        fault.element.unwrap_or_else(|| message.payload[..message.payload.len().min(head)].to_vec());
    Rejection {
        municipality: feed.municipality,
        feed: feed.id,
        reason: fault.reason,
        topic: message.topic.to_owned(),
        received_at: message.received_at,
        detail: fault.detail,
        payload,
        qos: message.qos,
    }
}
