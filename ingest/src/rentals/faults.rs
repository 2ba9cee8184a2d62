//! What is wrong with a feed of shared vehicles, as it is counted and kept. The files are not: they name single vehicles.

use std::sync::Arc;

use domain::feed::shown_address;
use domain::mistake::{Mistake, Spot};
use domain::{Reason, UtcMicros};
use gbfs::Effect;

use crate::accumulator::Accumulator;
use crate::check::MessageContext;
use crate::decode::{Dropped, Fault, Faults};
use crate::message::{Message, Received};
use crate::rejected::rejection;
use crate::routing::{Route, RoutingTable};

/// Counts what is wrong with the file at `url`, and keeps how it reads. What costs nothing is counted alone.
pub(super) fn note(
    accumulator: &Arc<Accumulator>,
    routing: &RoutingTable,
    route: &Route,
    url: &str,
    found: &gbfs::Faults,
    at: UtcMicros,
) {
    let mut received = Received::default();
    for ((file, effect, reason), count) in found.counts() {
        match effect {
            Effect::Taken | Effect::Field => {
                let field = format!("{file}:{}", effect.as_str());
                received.dropped.extend((0..count).map(|_| Dropped { field: field.clone(), reason }));
            }
            // One station is not a file that was rejected.
            Effect::Element => route.meter.rejected(reason, at, count),
            Effect::File => {
                received.reasons.insert(reason, count);
            }
        }
    }
    route.meter.received(&received, at);
    let mut faults = Faults::default();
    let mut left = found.counts();
    for fault in found.described().iter().filter(|fault| fault.effect != Effect::Taken) {
        let kept =
            Fault { detail: Box::new(fault.detail.clone()), remedy: fault.remedy, ..element(fault.reason) };
        faults.push(kept);
        if let Some(left) = left.get_mut(&(fault.file, fault.effect, fault.reason)) {
            *left -= 1;
        }
    }
    for ((_, effect, reason), left) in left {
        if effect != Effect::Taken {
            (0..left).for_each(|_| faults.push(element(reason)));
        }
    }
    keep(accumulator, routing, route, url, faults, at);
}

/// The same of a file that is larger than the feed's `limit`, and was not read to its end.
pub(super) fn note_too_large(
    accumulator: &Arc<Accumulator>,
    routing: &RoutingTable,
    route: &Route,
    url: &str,
    limit: usize,
    at: UtcMicros,
) {
    let fault = Fault::new(Reason::TooLarge, Spot::Payload, Mistake::TooLarge(None, limit));
    route.meter.received(&Received { reasons: [(Reason::TooLarge, 1)].into(), ..Received::default() }, at);
    keep(accumulator, routing, route, url, Fault { is_element: true, ..fault }.into(), at);
}

/// Repetitions within an hour are stored once, as those of elements are.
fn element(reason: Reason) -> Fault {
    Fault { is_element: true, ..Fault::new(reason, Spot::Message, Mistake::NotKept) }
}

fn keep(
    accumulator: &Arc<Accumulator>,
    routing: &RoutingTable,
    route: &Route,
    url: &str,
    faults: Faults,
    at: UtcMicros,
) {
    let context = MessageContext { registry: &routing.registry, feed: &route.feed, received_at: at };
    let topic = shown_address(url);
    let message = Message { topic: &topic, payload: &[], qos: 1, received_at: at };
    if let Some(kept) = rejection(&context, message, faults) {
        accumulator.push(accumulator.acks.owe(0), None, |batch| batch.rejections.push(kept));
    }
}
