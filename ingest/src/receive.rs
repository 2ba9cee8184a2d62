//! One message, from its bytes to rows of a batch: the whole way can be read here.

use std::panic::AssertUnwindSafe;

use domain::registry::Entry;
use domain::rejection::TOO_LARGE_HEAD_BYTES;
use domain::{Feed, FeedFormat, FeedId, Reason, Registry, Rejection, UtcMicros};
use store::writer::Batch;

use crate::check::Scene;
use crate::decode::{Decoded, Fault, Subject, gtfs_rt, hfp, lorawan, native};
use crate::frames;
use crate::trips::TripMemory;

/// A message as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: u8,
    pub received_at: UtcMicros,
}

/// Decodes and checks `message` of `feed`; what is believed becomes observations in `batch`, what
/// is not becomes rejections. Of trips only what is news to `memory` is added. Returns the reasons
/// of the rejections.
pub fn receive(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    memory: &TripMemory,
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
            FeedFormat::History => {
                Fault::new(Reason::UnknownTopic, "a feed of history receives nothing").into()
            }
            FeedFormat::Chirpstack => {
                frame(&scene, lorawan::chirpstack::decode(message.topic, message.payload), message, batch)
            }
            FeedFormat::Tts => {
                frame(&scene, lorawan::tts::decode(message.topic, message.payload), message, batch)
            }
        };
        faults.extend(decoded.faults);
        let first_trip = batch.trips.len();
        for statement in decoded.statements {
            let is_trip = statement.subject == Subject::Trip;
            if let Err(fault) = scene.admit(statement, batch) {
                // The clock of a feed is one fault, not one for each of its thousand trips.
                if !(is_trip && faults.iter().any(|f| f.reason == fault.reason && f.element.is_none())) {
                    faults.push(fault);
                }
            }
        }
        memory.keep_news(feed.id, &mut batch.trips, first_trip);
    }
    let reasons = faults.iter().map(|f| f.reason).collect();
    // A message of many elements is kept once, with the first of them that was not believed: a feed
    // of 8 MiB with a thousand unknown vehicles must not become 8 GiB.
    let mut rest = message;
    for fault in faults {
        let is_whole = fault.element.is_none();
        batch.rejections.push(rejection(&scene, rest, fault));
        if is_whole {
            rest.payload = &[];
        }
    }
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

/// As [`receive`], and a fault in our own code that ends in a panic costs this message alone: it goes to
/// quarantine, and the stream goes on.
pub fn receive_guarded(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    memory: &TripMemory,
    batch: &mut Batch,
) -> Vec<Reason> {
    guarded(registry, feed, message, batch, |batch| receive(registry, feed, message, memory, batch))
}

fn guarded(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    batch: &mut Batch,
    take_in: impl FnOnce(&mut Batch) -> Vec<Reason>,
) -> Vec<Reason> {
    let before = batch.lens();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| take_in(batch)));
    outcome.unwrap_or_else(|_| {
        batch.split_off(before);
        tracing::error!("feed '{}': a message made the program panic; please report it", feed.def.id);
        let what =
            "the program failed at this message; please report it, and replay it with a version that holds";
        let fault = Fault::malformed(what);
        let scene = Scene { registry, feed, received_at: message.received_at };
        batch.rejections.push(rejection(&scene, message, fault));
        vec![Reason::Malformed]
    })
}

/// `message` as it goes to quarantine: of LoRaWAN only the fields that may be kept.
pub fn rejection(scene: &Scene<'_>, message: Message<'_>, fault: Fault) -> Rejection {
    let feed = scene.feed;
    let is_lorawan = matches!(feed.def.format, FeedFormat::Chirpstack | FeedFormat::Tts);
    let head = match fault.reason {
        Reason::TooLarge if is_lorawan => lorawan::HEAD_BYTES,
        Reason::TooLarge => TOO_LARGE_HEAD_BYTES,
        _ => usize::MAX,
    };
    let raw = &message.payload[..message.payload.len().min(head)];
    let payload = match fault.element {
        Some(element) => element,
        None if is_lorawan => {
            let decoder_of = |device: &str| scene.registry.sensor_by_key(device)?.decoder;
            lorawan::allowed(feed.def.format, message.topic, raw, decoder_of)
        }
        None => raw.to_vec(),
    };
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

#[cfg(test)]
mod tests {
    use domain::registry::Contents;
    use domain::{FeedFormat, Municipality, MunicipalityId};

    use super::*;

    fn town_with_a_feed() -> (Registry, Entry<FeedId, Feed>) {
        let id = MunicipalityId(1);
        let town = Municipality {
            slug: "town".into(),
            name: "Town".into(),
            ags: "05999001".into(),
            lat: None,
            lon: None,
            tz: "UTC".into(),
            public_planning: false,
        };
        let def: Feed = serde_json::from_value(serde_json::json!({
            "id": "f", "municipality": "town", "format": FeedFormat::Native, "topic": "kv/1/f/#", "qos": 1,
            "use_server_decoder": false,
        }))
        .unwrap();
        let feed = Entry { id: FeedId(1), municipality: id, def };
        let contents =
            Contents { municipalities: vec![(id, town)], feeds: vec![feed.clone()], ..Contents::default() };
        (Registry::new(contents), feed)
    }

    #[test]
    fn a_panic_costs_one_message_and_none_of_the_others() {
        let (registry, feed) = town_with_a_feed();
        let received_at = UtcMicros::parse("2026-11-22T12:00:01Z").unwrap();
        let bad = Message { topic: "kv/1/f/bay/a", payload: b"bytes", qos: 1, received_at };
        let mut batch = Batch::default();
        receive_guarded(&registry, &feed, bad, &TripMemory::default(), &mut batch);
        let kept = batch.rejections.clone();
        assert_eq!(kept.len(), 1);
        let reasons = guarded(&registry, &feed, bad, &mut batch, |batch| {
            batch.rejections.push(kept[0].clone());
            panic!("on purpose")
        });
        assert_eq!(reasons, [Reason::Malformed]);
        assert_eq!(batch.rejections.len(), 2);
        assert_eq!(batch.rejections[0], kept[0]);
        assert_eq!(batch.rejections[1].payload, b"bytes");
    }

    #[test]
    fn a_message_with_many_unknown_places_is_kept_once() {
        let (registry, feed) = town_with_a_feed();
        let payload = format!(
            "[{}]",
            vec![r#"{"topic":"bay/nowhere","at":"2026-11-22T12:00:00Z","state":"vacant"}"#; 100].join(",")
        );
        let received_at = UtcMicros::parse("2026-11-22T12:00:01Z").unwrap();
        let message = Message { topic: "kv/1/f/batch", payload: payload.as_bytes(), qos: 1, received_at };
        let mut batch = Batch::default();
        let reasons = receive(&registry, &feed, message, &TripMemory::default(), &mut batch);
        assert_eq!(reasons, vec![Reason::UnknownPlace; 100]);
        let kept: usize = batch.rejections.iter().map(|r| r.payload.len()).sum();
        assert_eq!(kept, payload.len());
        assert!(batch.rejections.iter().all(|r| r.detail.contains("nowhere")));
    }
}
