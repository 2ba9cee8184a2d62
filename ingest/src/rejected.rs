//! The stored form of a rejected message.

use std::cmp::Reverse;

use domain::rejection::{MAX_EXAMPLES, TOO_LARGE_HEAD_BYTES};
use domain::{FeedFormat, Lang, Reason, RejectedElement, Rejection};
use xxhash_rust::xxh3::Xxh3;

use crate::check::MessageContext;
use crate::decode::{Fault, Faults, hfp, lorawan, native};
use crate::message::Message;

/// Repeated rejections of a feed are stored once in so long, seconds.
const REPEATS_WITHIN_S: i64 = 3_600;

/// `message` as it goes to quarantine; `None`: nothing is wrong with it. One of many elements is kept once,
/// with some of the rejected elements: a feed of 8 MiB with a thousand unknown vehicles must not become
/// 8 GiB.
pub fn rejection(
    context: &MessageContext<'_>,
    message: Message<'_>,
    mut faults: Faults,
) -> Option<Rejection> {
    faults.first_is_about(|first| device_of(context, message.topic, first));
    let feed = context.feed;
    let (reason, _) = faults.counts().iter().max_by_key(|(reason, n)| (**n, Reverse(**reason)))?;
    let first = faults.described().iter().find(|f| f.reason == *reason)?;
    let is_polled = matches!(feed.def.format, FeedFormat::GtfsRt | FeedFormat::Gbfs);
    let is_repeated = is_polled && faults.are_all_elements();
    let repeats = is_repeated.then(|| repeats(context, message.topic, faults.counts().keys().copied()));
    let detail = match faults.count() {
        1 => first.detail.to_string(),
        count => format!("{count} elements, the first: {}", first.detail),
    };
    Some(Rejection {
        municipality: feed.municipality,
        feed: feed.id,
        reason: *reason,
        topic: message.topic.to_owned(),
        received_at: message.received_at,
        detail,
        remedy: first.remedy.map(|remedy| remedy.sentence(Lang::En)),
        devices: faults.devices().map(str::to_owned).collect(),
        count: u32::try_from(faults.count()).unwrap_or(u32::MAX),
        examples: examples(&faults),
        repeats,
        payload: stored_part(context, message, *reason),
        qos: message.qos,
    })
}

/// An unreadable message belongs to the device or place that its topic names.
fn device_of(context: &MessageContext<'_>, topic: &str, fault: &Fault) -> Option<String> {
    match context.feed.def.format {
        _ if fault.is_element => None,
        FeedFormat::Native => native::place_of(&context.feed.def.id, topic).map(str::to_owned),
        FeedFormat::Hfp => hfp::vehicle_of(topic),
        format if format.is_lorawan() => lorawan::topic(format, topic).ok().map(lorawan::device_of),
        _ => None,
    }
}

/// Identifies repetitions of a feed within an hour: the same kinds of faults.
fn repeats(context: &MessageContext<'_>, topic: &str, reasons: impl Iterator<Item = Reason>) -> i64 {
    let mut h = Xxh3::new();
    h.update(&context.feed.id.0.to_le_bytes());
    h.update(&context.received_at.0.div_euclid(REPEATS_WITHIN_S * 1_000_000).to_le_bytes());
    // A feed of several files has faults in each.
    h.update(topic.as_bytes());
    for reason in reasons {
        h.update(reason.as_str().as_bytes());
        h.update(b",");
    }
    h.digest() as i64
}

/// Some of several faults, of each reason at least one.
fn examples(faults: &Faults) -> Vec<RejectedElement> {
    if faults.count() < 2 {
        return Vec::new();
    }
    let all = faults.described();
    let is_first = |at: &usize| all[..*at].iter().all(|f| f.reason != all[*at].reason);
    let (firsts, others): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(is_first);
    let chosen = firsts.into_iter().chain(others).take(MAX_EXAMPLES).map(|at| &all[at]);
    let example = |fault: &Fault| RejectedElement {
        reason: fault.reason,
        device: fault.device.clone(),
        detail: fault.detail.to_string(),
    };
    chosen.map(example).collect()
}

/// The stored part of the message.
fn stored_part(context: &MessageContext<'_>, message: Message<'_>, reason: Reason) -> Vec<u8> {
    let format = context.feed.def.format;
    let head = match reason {
        Reason::TooLarge if format.is_lorawan() => lorawan::HEAD_BYTES,
        Reason::TooLarge => TOO_LARGE_HEAD_BYTES,
        _ => usize::MAX,
    };
    let raw = &message.payload[..message.payload.len().min(head)];
    if !format.is_lorawan() {
        return raw.to_vec();
    }
    let decoder_of = |device: &str| context.registry.sensor_by_key(device)?.decoder;
    lorawan::allowed(format, message.topic, raw, decoder_of)
}
