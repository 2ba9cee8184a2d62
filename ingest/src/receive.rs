//! The path of one message, from its bytes to rows of a batch.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use domain::mistake::{Mistake, Spot};
use domain::registry::Entry;
use domain::{Feed, FeedFormat, FeedId, Reason, Registry};
use store::writer::Batch;

use crate::check::MessageContext;
use crate::decode::json::text;
use crate::decode::{Decoded, Dropped, Fault, Faults, Subject, gtfs_rt, hfp, native, parkapi_v3};
use crate::frames;
use crate::message::{Message, Received};
use crate::rejected::rejection;
use crate::trips::TripMemory;

/// Decodes and checks `message` of `feed`; accepted statements become observations in `batch`, the
/// others a rejection. Of trips only changes against `memory` are added.
pub fn receive(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    memory: &TripMemory,
    batch: &mut Batch,
) -> Received {
    let context = MessageContext { registry, feed, received_at: message.received_at };
    let (first_trip, first_alerts) = (batch.trips.len(), batch.alerts.len());
    let (mut received, faults) = take_in(&context, message, batch);
    let trips = batch.trips.len();
    memory.keep_changes(feed.id, &mut batch.trips, first_trip);
    received.unchanged_trips = trips - batch.trips.len();
    received.unchanged_alerts = memory.keep_changed_alerts(feed.id, &mut batch.alerts, first_alerts);
    received.reasons = faults.counts().clone();
    batch.rejections.extend(rejection(&context, message, faults));
    received
}

/// What is wrong with `message`, for whoever looks at a feed without storing it; and the fields without which it would
/// be accepted.
pub fn examine(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
) -> (Faults, Vec<Dropped>) {
    let context = MessageContext { registry, feed, received_at: message.received_at };
    let (received, faults) = take_in(&context, message, &mut Batch::default());
    (faults, received.dropped)
}

/// Adds what is accepted of `message` to `batch`; returns what is not.
fn take_in(context: &MessageContext<'_>, message: Message<'_>, batch: &mut Batch) -> (Received, Faults) {
    let feed = context.feed;
    let mut received = Received::default();
    let is_batch = feed.def.format == FeedFormat::Native && native::is_batch(message.topic);
    let limit = feed.def.max_message_bytes(is_batch);
    let faults = if message.payload.len() > limit {
        // Of what is posted no more is read than shows that it is too much.
        let bytes = (!feed.def.push).then_some(message.payload.len());
        let fault = Fault::new(Reason::TooLarge, Spot::Payload, Mistake::TooLarge(bytes, limit));
        match feed.def.format.is_lorawan() {
            true => frames::refuse(context, message, fault, batch).into(),
            false => fault.into(),
        }
    } else {
        match feed.def.format {
            FeedFormat::Chirpstack | FeedFormat::Tts => {
                let read = frames::receive(context, message, batch, &mut received);
                read.err().map_or_else(Faults::default, Faults::from)
            }
            FeedFormat::GtfsRt => {
                let mut decoded = gtfs_rt::decode(message.payload);
                let alerts = decoded.alerts.take();
                let mut faults = admit(context, decoded, batch, &mut received);
                if let Some(mut alerts) = alerts {
                    received.dropped.append(&mut alerts.dropped);
                    // The fault of the message's clock is also that of its other statements.
                    let has_none = alerts.sets.iter().all(|set| set.alerts.is_empty());
                    match context.admit_alerts(message.topic, alerts, batch) {
                        Err(fault) if !has_none => faults.push(fault),
                        _ => {}
                    }
                }
                faults
            }
            FeedFormat::Gbfs => Fault::malformed(Spot::Message, Mistake::NotKept).into(),
            FeedFormat::History => Fault::new(Reason::UnknownTopic, "topic", Mistake::History).into(),
            FeedFormat::Native | FeedFormat::Hfp | FeedFormat::ParkapiV3 => match text(message.payload) {
                Ok(text) => {
                    let decoded = match feed.def.format {
                        FeedFormat::Hfp => hfp::decode(message.topic, &text),
                        FeedFormat::ParkapiV3 => parkapi_v3::decode(&text),
                        _ => native::decode(&feed.def.id, message.topic, &text),
                    };
                    admit(context, decoded, batch, &mut received)
                }
                Err(fault) => fault.into(),
            },
        }
    };
    (received, faults)
}

/// Adds accepted statements to `batch`; returns the faults of the others.
fn admit(
    context: &MessageContext<'_>,
    decoded: Decoded,
    batch: &mut Batch,
    received: &mut Received,
) -> Faults {
    let mut faults = decoded.faults;
    received.ignored_fields = decoded.ignored_fields;
    // The clock of a feed is one fault, not one for each of its thousand trips.
    let mut of_trips: BTreeSet<Reason> = BTreeSet::new();
    // The fault of a single statement is the message's own.
    let is_element = context.feed.def.format == FeedFormat::GtfsRt || decoded.statements.len() > 1;
    for mut statement in decoded.statements {
        let is_trip = statement.subject == Subject::Trip;
        let mut dropped = std::mem::take(&mut statement.dropped);
        match context.admit(statement, &mut dropped, batch) {
            Ok(()) => received.dropped.append(&mut dropped),
            Err(fault) if is_trip && !of_trips.insert(fault.reason) => {}
            Err(fault) => faults.push(Fault { is_element, ..fault }),
        }
    }
    faults
}

/// As [`receive`], but a panic in our own code costs this message alone: it goes to
/// quarantine, and the stream continues.
pub fn receive_guarded(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    memory: &TripMemory,
    batch: &mut Batch,
) -> Received {
    guarded(registry, feed, message, batch, |batch| receive(registry, feed, message, memory, batch))
}

fn guarded(
    registry: &Registry,
    feed: &Entry<FeedId, Feed>,
    message: Message<'_>,
    batch: &mut Batch,
    take_in: impl FnOnce(&mut Batch) -> Received,
) -> Received {
    let before = batch.lens();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| take_in(batch)));
    outcome.unwrap_or_else(|_| {
        batch.split_off(before);
        tracing::error!("feed '{}': a message made the program panic; please report it", feed.def.id);
        let fault = Fault::malformed(Spot::Message, Mistake::Panicked);
        let context = MessageContext { registry, feed, received_at: message.received_at };
        batch.rejections.extend(rejection(&context, message, fault.into()));
        Received { reasons: [(Reason::Malformed, 1)].into(), ..Received::default() }
    })
}

#[cfg(test)]
mod tests {
    use domain::UtcMicros;
    use testing::World;

    use super::*;

    #[test]
    fn a_panic_costs_one_message_and_none_of_the_others() {
        let registry = World::town("town").feed("f").registry();
        let feed = registry.feeds().next().unwrap();
        let received_at = UtcMicros::parse("2026-11-22T12:00:01Z").unwrap();
        let bad = Message { topic: "kv/1/f/bay/a", payload: b"bytes", qos: 1, received_at };
        let mut batch = Batch::default();
        receive_guarded(&registry, feed, bad, &TripMemory::default(), &mut batch);
        let kept = batch.rejections.clone();
        assert_eq!(kept.len(), 1);
        let received = guarded(&registry, feed, bad, &mut batch, |batch| {
            batch.rejections.push(kept[0].clone());
            panic!("on purpose")
        });
        assert_eq!(received.reasons, [(Reason::Malformed, 1)].into());
        assert_eq!(batch.rejections.len(), 2);
        assert_eq!(batch.rejections[0], kept[0]);
        assert_eq!(batch.rejections[1].payload, b"bytes");
    }

    #[test]
    fn a_message_with_many_unknown_places_is_kept_once() {
        let registry = World::town("town").feed("f").registry();
        let feed = registry.feeds().next().unwrap();
        let payload = format!(
            "[{}]",
            vec![r#"{"topic":"bay/nowhere","at":"2026-11-22T12:00:00Z","state":"vacant"}"#; 100].join(",")
        );
        let received_at = UtcMicros::parse("2026-11-22T12:00:01Z").unwrap();
        let message = Message { topic: "kv/1/f/batch", payload: payload.as_bytes(), qos: 1, received_at };
        let mut batch = Batch::default();
        let received = receive(&registry, feed, message, &TripMemory::default(), &mut batch);
        assert_eq!(received.reasons, [(Reason::UnknownPlace, 100)].into());
        let [rejection] = &batch.rejections[..] else { panic!("{:?}", batch.rejections) };
        assert_eq!((rejection.count, rejection.examples.len()), (100, domain::rejection::MAX_EXAMPLES));
        assert_eq!(rejection.payload, payload.as_bytes());
        assert!(rejection.detail.contains("nowhere"));
        assert_eq!(rejection.devices, ["nowhere"]);
    }
}
